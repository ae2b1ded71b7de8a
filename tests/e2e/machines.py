"""Bare machines on one network: each with its own namespaces, files and trusted authorities, and nothing installed.

A machine is a process in a network, mount, process and host-name namespace of its own, joined by a pair of virtual
interfaces to a bridge in another. The system's files are read-only in it, `/srv`, `/tmp` and `/dev/shm` are its alone,
and the clone that the tests run in is not there. What machines share is the network: names, and a package index.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.simulator.processes import ROOT

CLONE, HOME, ROOTS = "/srv/hearthgate", "/srv/home", "/srv/tls/roots.pem"
"""Where each machine has its copy of this folder, its administrator's home, and the authorities it trusts."""
WITHIN_S = 300.0
_PREFIX = "11.22.33."
"""Addresses that a node takes for public ones. Nothing leads out of the bridge, so no other machine has them."""
_INDEX = "packages.example"
_PROGRAMS = ("unshare", "nsenter", "ip", "mount", "bash")
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache", "*.egg-info", ".hypothesis")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_END_OF_INPUT = b"\x04"
_APART = ("unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child")
_BOOT = """
set -e
hostname "$1"
mount --bind "$2/srv" /srv
mount --bind "$2/hosts" /etc/hosts
mount --bind "$2/resolv.conf" /etc/resolv.conf
mount -t tmpfs none /tmp
mount -t tmpfs none /dev/shm
[ ! -d "$3" ] || mount -t tmpfs none "$3" # a clone in /tmp is out of sight already
mount -o remount,bind,ro /
ip link set lo up
echo up
exec sleep infinity
"""


def what_is_missing() -> str | None:
    """Return why machines cannot be made here, if so."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    missing = [name for name in _PROGRAMS if shutil.which(name, path=_SYSTEM_PATH) is None]
    if missing:
        return f"{', '.join(missing)} not found (on Debian: apt-get install iproute2 util-linux)"
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], check=False, capture_output=True)
    return None if tried.returncode == 0 else "namespaces cannot be made on this machine"


class NoPackages(Exception):
    """This machine cannot get the packages that a node is installed from."""


@dataclass(slots=True, kw_only=True)
class Running:
    """One line that an administrator entered at a terminal, and what it said so far."""

    line: str
    process: subprocess.Popen[bytes]
    log: Path
    keyboard: int

    def said(self) -> str:
        """Return its standard output and error so far."""
        return self.log.read_text(errors="replace")

    def wait(self) -> None:
        """Wait until it has done what was asked. Raises where it was refused."""
        code = self.process.wait(WITHIN_S)
        assert code == 0, f"{self.line}\n{self.said()}"

    def wait_until(self, *words: str) -> None:
        """Wait until it says one of these, or has ended well."""
        end = time.monotonic() + WITHIN_S
        while not any(each in self.said() for each in words):
            if self.process.poll() is not None:
                self.wait()
                return
            assert time.monotonic() < end, f"{self.line}\n{self.said()}"
            time.sleep(0.05)

    @property
    def ended(self) -> bool:
        """Whether it has come to an end."""
        return self.process.poll() is not None


@dataclass(slots=True, kw_only=True)
class Machine:
    """One of them. ``folder`` is where this test keeps what belongs to it."""

    name: str
    address: str
    folder: Path
    unshare: subprocess.Popen[bytes]
    entered: list[Running] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The process id of its first process, as the test sees it."""
        return int(Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children").read_text())

    @property
    def srv(self) -> Path:
        """Its `/srv`, as this test reaches it."""
        return self.folder / "srv"

    def enter(self, line: str, *, typed: Sequence[str] = ()) -> Running:
        """Enter a line in the clone, as its administrator; ``typed`` answers what it asks, in this order."""
        log = self.folder / f"{len(self.entered)}.log"
        words = ["sh", "-c", f'cd {CLONE} && exec bash -c "$0"', line]
        keyboard, terminal = os.openpty()
        os.write(keyboard, "".join(f"{each}\n" for each in typed).encode() + _END_OF_INPUT)
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["nsenter", "--target", str(self.pid), "--net", "--mount", "--uts", "--pid", *words],
                stdin=terminal,
                stdout=out,
                stderr=out,
                env=_environment(),
            )
        os.close(terminal)
        running = Running(line=line, process=process, log=log, keyboard=keyboard)
        self.entered.append(running)
        return running

    def namespace(self, kind: str) -> int:
        """Return the number of one of its namespaces."""
        return Path(f"/proc/{self.pid}/ns/{kind}").stat().st_ino

    def stop(self) -> None:
        """End everything in it: nothing outlives a process namespace's first process."""
        self.unshare.kill()
        self.unshare.wait()
        for each in self.entered:
            each.process.wait(WITHIN_S)
            os.close(each.keyboard)


@contextmanager
def network(folder: Path, parties: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Machine]]:
    """Make a bare machine for each party, which is reached under the names that it is given here.

    Raises :class:`NoPackages`.
    """
    addresses = {name: f"{_PREFIX}{place}" for place, name in enumerate(parties, start=2)}
    names = {name: addresses[party] for party, held in parties.items() for name in held} | {_INDEX: f"{_PREFIX}1"}
    hosts = "".join(f"{address} {name}\n" for name, address in names.items())
    with ExitStack() as stack:
        middle = _boot(stack, folder / "network", "network", names[_INDEX], hosts)
        _wire(middle, "link", "add", "bridge", "type", "bridge")
        _wire(middle, "link", "set", "bridge", "up")
        _wire(middle, "address", "add", f"{middle.address}/24", "dev", "bridge")
        _download(folder / "fetching", middle.folder / "srv" / "index" / "simple")
        middle.enter(f"exec {_python()} -m http.server --directory /srv/index --bind {middle.address} 80")
        machines = {}
        for name, address in addresses.items():
            machines[name] = _boot(stack, folder / name, name, address, hosts)
            _plug(middle, machines[name])
        yield machines


def _boot(stack: ExitStack, folder: Path, name: str, address: str, hosts: str) -> Machine:
    for own in ("hearthgate", "home", "tls"):
        (folder / "srv" / own).mkdir(parents=True)
    (folder / "hosts").write_text("127.0.0.1 localhost\n" + hosts)
    (folder / "resolv.conf").write_text("")
    if name != "network":
        shutil.copytree(ROOT, folder / "srv" / "hearthgate", ignore=_NOT_COPIED, dirs_exist_ok=True)
    unshare = subprocess.Popen(
        [*_APART, "sh", "-c", _BOOT, "boot", name, str(folder), str(ROOT)],
        stdout=subprocess.PIPE,
    )
    machine = Machine(name=name, address=address, folder=folder, unshare=unshare)
    stack.callback(machine.stop)
    assert unshare.stdout is not None
    with unshare.stdout as said:
        assert said.readline() == b"up\n"
    return machine


def _plug(middle: Machine, machine: Machine) -> None:
    """Lay a cable from a machine to the bridge."""
    there, here = ("netns", str(middle.pid)), ("netns", str(machine.pid))
    subprocess.run(
        ["ip", "link", "add", machine.name, *there, "type", "veth", "peer", "name", "eth0", *here], check=True
    )
    _wire(middle, "link", "set", machine.name, "master", "bridge", "up")
    _wire(machine, "address", "add", f"{machine.address}/24", "dev", "eth0")
    _wire(machine, "link", "set", "eth0", "up")


def _wire(machine: Machine, *words: str) -> None:
    subprocess.run(["nsenter", "--target", str(machine.pid), "--net", "ip", *words], check=True)


def _download(folder: Path, simple: Path) -> None:
    """Fill a package index with what a node is installed from, got as this machine gets packages."""
    locks = [word for name in ("build", "runtime") for word in ("-r", str(ROOT / "requirements" / f"{name}.txt"))]
    getting = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", *locks]
    command = [_python_with_pip(folder / "pip"), "-m", "pip", *getting, "-d", str(folder / "got")]
    got = subprocess.run(command, check=False, capture_output=True)
    if got.returncode != 0:
        raise NoPackages(got.stderr.decode(errors="replace")[-500:])
    for file in (folder / "got").iterdir():
        project = simple / file.name.partition("-")[0].lower().replace("_", "-").replace(".", "-")
        project.mkdir(parents=True, exist_ok=True)
        file.rename(project / file.name)


def _python_with_pip(folder: Path) -> str:
    """Return a Python that has pip; an environment that uv made has none."""
    if find_spec("pip") is not None:
        return sys.executable
    subprocess.run([_python(), "-m", "venv", str(folder)], check=True, capture_output=True)
    return str(folder / "bin" / "python")


def _python() -> str:
    """Return the Python below this one's virtual environment, which the machines do not have."""
    return str(Path(sys.base_prefix) / "bin" / "python3")


def _environment() -> dict[str, str]:
    """Return what a bare machine's shell has: nothing of this test's own environment."""
    return {
        "PATH": f"{sys.base_prefix}/bin:{_SYSTEM_PATH}",
        "HOME": HOME,
        "LANG": "C.UTF-8",
        "SSL_CERT_FILE": ROOTS,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://{_INDEX}/simple/",
        "PIP_TRUSTED_HOST": _INDEX,
    }
