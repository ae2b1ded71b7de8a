"""Reading systemd units as they are shipped, and starting what one says without a manager.

No manager is started: one that boots, even in namespaces of its own, sets up and cleans the machine around it.
"""

import ctypes
import os
import resource
import shlex
import shutil
import socket
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

UNITS = Path(__file__).resolve().parents[2] / "config" / "systemd"
INSTALLED = "/opt/hearthgate"
"""Where the shipped units expect the clone."""
_PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE, _PR_CAPBSET_DROP = 38, 65, 24
_MDWE_REFUSE_EXEC_GAIN = 1
_LAST_CAPABILITY = 63

Settings = Mapping[str, list[str]]


def installed_at(clone: Path, into: Path) -> Path:
    """Copy the units, drop-ins included, with the clone's place in them, and return their folder."""
    made = shutil.copytree(UNITS, into, ignore=shutil.ignore_patterns("README.md"))
    for unit in made.rglob("*.*"):
        if unit.is_file():
            unit.write_text(unit.read_text().replace(INSTALLED, str(clone)))
    return made


def analyze(*words: str, units: Path) -> "subprocess.CompletedProcess[str]":
    """Run systemd-analyze over a folder of units; it only reads."""
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:", "SYSTEMD_LOG_TARGET": "console"}
    return subprocess.run(
        ["systemd-analyze", *words], env=environment, check=False, capture_output=True, text=True, timeout=60
    )


def service(units: Path, name: str, instance: str) -> Settings:
    """Return the [Service] settings of a unit and of the drop-ins of its prefix, specifiers filled in."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in (units / name, *sorted((units / f"{name.partition('-')[0]}-.service.d").glob("*.conf"))):
        section = ""
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line
            elif "=" in line and not line.startswith("#") and section == "[Service]":
                key, _, value = line.partition("=")
                found[key].append(value.replace("%i", instance))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """The manager's end of the notification socket."""

    path: Path
    end: socket.socket

    def next(self, timeout_s: float) -> str:
        """Return the next message."""
        self.end.settimeout(timeout_s)
        return self.end.recv(4096).decode()


@contextmanager
def notifications(path: Path) -> Iterator[Notifications]:
    """Listen as a manager does for Type=notify."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(path))
        yield Notifications(path=path, end=end)


def start(settings: Settings, folder: Path, notify: Notifications, output: Path) -> "subprocess.Popen[bytes]":
    """Start ExecStart in ``folder``, confined by what of the settings a process can take on by itself."""
    (command,) = settings["ExecStart"]
    environment = {"PATH": "/usr/bin:/bin", "NOTIFY_SOCKET": str(notify.path), "HOME": "/"}
    environment |= dict(each.split("=", 1) for line in settings.get("Environment", []) for each in shlex.split(line))
    with output.open("wb") as log:
        return subprocess.Popen(
            shlex.split(command),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_confinement(settings),  # noqa: PLW1509 - no other thread runs in these tests
        )


def _confinement(settings: Settings) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def confine() -> None:
        os.umask(int(settings["UMask"][-1], 8))
        resource.setrlimit(resource.RLIMIT_CORE, (int(settings["LimitCORE"][-1]),) * 2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(settings["LimitNOFILE"][-1]),) * 2)
        if settings["CapabilityBoundingSet"] == [""] and os.geteuid() == 0:
            for capability in range(_LAST_CAPABILITY + 1):
                libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        if settings["NoNewPrivileges"] == ["yes"]:
            libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if settings["MemoryDenyWriteExecute"] == ["yes"]:
            libc.prctl(_PR_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)  # kernels before 6.3 do not know it

    return confine
