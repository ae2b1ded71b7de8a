"""The cost of a tree of processes, read from the kernel: CPU time and memory."""

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_USER_TIME, _SYSTEM_TIME = 11, 12  # places in /proc/PID/stat after the command's name (proc_pid_stat(5))
_PARENT = 1
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ (\d+) +(.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """Seconds of CPU that processes have used, in their own code and in the kernel's on their behalf."""

    user_s: float
    system_s: float

    @property
    def all_s(self) -> float:
        """Both together."""
        return self.user_s + self.system_s

    def since(self, earlier: "Cpu") -> "Cpu":
        """Return what was used after an earlier reading."""
        return Cpu(user_s=self.user_s - earlier.user_s, system_s=self.system_s - earlier.system_s)

    def plus(self, other: "Cpu") -> "Cpu":
        """Return the sum of two uses."""
        return Cpu(user_s=self.user_s + other.user_s, system_s=self.system_s + other.system_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a tree of processes holds, in MB of 10^6 bytes.

    ``pss_mb`` is the kernel's own sum, in which a page shared with processes outside the tree counts in part.
    ``alone_mb`` counts each mapped file once and as large as it is in the process that has most of it: no less than
    the tree would hold without other processes to share with.
    """

    pss_mb: float
    alone_mb: float
    processes: int


def tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children[int(fields[_PARENT])].append(int(entry.name))
    found = [root]
    for pid in found:
        found += children[pid]
    return found


def cpu(pids: list[int]) -> Cpu:
    """Return the CPU that living processes have used."""
    user = system = 0
    for pid in pids:
        fields = _stat(pid)
        if fields:
            user += int(fields[_USER_TIME])
            system += int(fields[_SYSTEM_TIME])
    return Cpu(user_s=user * _TICK_S, system_s=system * _TICK_S)


def memory(pids: list[int]) -> Memory:
    """Return what processes hold together."""
    pss = anonymous = 0
    files: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for pid in pids:
        for name, sizes in _mappings(pid):
            pss += sizes["Pss"]
            own = sizes.get("Pss_Dirty", 0) if name else sizes["Pss"]
            anonymous += own
            if name:
                files[name][pid] += sizes["Rss"] - sizes.get("Private_Dirty", 0) - sizes.get("Shared_Dirty", 0)
    mapped = sum(max(by_process.values()) for by_process in files.values())
    return Memory(pss_mb=_mb(pss), alone_mb=_mb(anonymous + mapped), processes=len(pids))


def _mb(kib: int) -> float:
    return kib * 1024 / 1e6


def _stat(pid: int) -> list[str]:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:  # it ended meanwhile
        return []
    return text.rpartition(")")[2].split()


def _mappings(pid: int) -> list[tuple[str, dict[str, int]]]:
    """Return each mapping's file, empty for memory that no file backs, and its sizes in KiB."""
    found: list[tuple[str, dict[str, int]]] = []
    for line in (_PROC / str(pid) / "smaps").read_text().splitlines():
        mapping = _MAPPING.match(line)
        if mapping:
            inode, name = mapping.groups()
            found.append((name if inode != "0" else "", {}))
        elif line.endswith(" kB"):
            member, _, size = line.partition(":")
            found[-1][1][member] = int(size.split()[0])
    return found
