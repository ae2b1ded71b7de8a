"""The processes of the demo, each in its own process group, and their end."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import SystemRandom
from time import monotonic, sleep
from typing import Final

START_WITHIN_S: Final = 60.0
_PATIENCE_S: Final = 4.0
"""The time to wait after each of two SIGTERM signals before SIGKILL."""
_POLL_S: Final = 0.05
_OK: Final = 200
_PORTS: Final = range(20_000, 32_000)
_reservations: Final[list[socket.socket]] = []
"""The reservations of the ports; they end with this process."""


class DemoError(Exception):
    """A failure that ends the demo; the text says what failed and where to look."""


def free_ports(count: int) -> list[int]:
    """Return free ports of the loopback address, all different and reserved for this process.

    They are below the kernel's range for outgoing connections, one of which could otherwise take a port before its
    server listens. Another demo on this machine takes none of them, even while their server is stopped.
    """
    ports: list[int] = []
    for port in SystemRandom().sample(_PORTS, len(_PORTS)):
        if len(ports) == count:
            break
        if _reserve(port):
            ports.append(port)
    return ports


def _reserve(port: int) -> bool:
    """Reserve a free port by an abstract socket named for it, unique in the network namespace as the port is."""
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0hearthgate-demo-port-{port}")
    except OSError:
        reservation.close()
        return False
    _reservations.append(reservation)  # also when the port is in use, so that it is tried once
    return _is_free(port)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def own_environment() -> Mapping[str, str]:
    """Return the environment without settings for another node."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HEARTHGATE_")}


class Processes:
    """The servers of the demo by name. The caller of :meth:`start` must also call :meth:`stop_all`."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, Sequence[str]] = {}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a server in its own process group, with its output in a log file of its name.

        Where ``setpriv`` is installed, the kernel ends the server when the demo is killed. Start it on the main thread:
        the kernel ends the server with the thread that started it.
        """
        self._commands[name] = command
        guard = shutil.which("setpriv")
        words = [guard, "--pdeathsig", "TERM", "--", *command] if guard else list(command)
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603 - our own commands
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=own_environment(),
                start_new_session=True,
            )

    def start_again(self, name: str) -> None:
        """Start a stopped server again, with the command of its first start."""
        self.start(name, self._commands[name])

    def log(self, name: str) -> Path:
        """Return the path of a server's log."""
        return self._logs / f"{name}.log"

    def stop(self, *names: str) -> None:
        """End servers and all their children: send SIGTERM twice, then SIGKILL."""
        processes = {name: self._processes[name] for name in names}
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            for process in processes.values():
                if process.poll() is None:
                    process.send_signal(number)
            _wait_for_all(list(processes.values()))
        for name, process in processes.items():
            with suppress(ProcessLookupError):  # the rest of its group
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            del self._processes[name]

    def stop_all(self) -> None:
        """End every running server."""
        self.stop(*self._processes)

    def pid(self, name: str) -> int:
        """Return the process id of a server."""
        return self._processes[name].pid

    def remove_ended(self) -> list[str]:
        """Remove the servers that ended without :meth:`stop`, end their children, and return their names."""
        ended = [name for name, process in self._processes.items() if process.poll() is not None]
        self.stop(*ended)
        return ended

    def require_alive(self) -> None:
        """Raise :class:`DemoError` if a server ended without :meth:`stop`."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise DemoError(f"{name} ended by itself with code {process.returncode}; see {self.log(name)}.")

    def wait_until_ready(self, operations: Mapping[str, int], *, within_s: float = START_WITHIN_S) -> None:
        """Wait until the nodes with these operations ports are ready. Raises :class:`DemoError` on timeout."""
        self._wait(operations, _is_ready, within_s)

    def wait_until_listening(self, ports: Mapping[str, int], *, within_s: float = START_WITHIN_S) -> None:
        """Wait until other servers listen on these ports. Raises :class:`DemoError` on timeout."""
        self._wait(ports, _listens, within_s)

    def _wait(self, ports: Mapping[str, int], is_up: Callable[[int], bool], within_s: float) -> None:
        deadline = monotonic() + within_s
        not_ready = dict(ports)
        while not_ready:
            self.require_alive()
            not_ready = {name: port for name, port in not_ready.items() if not is_up(port)}
            if not_ready and monotonic() > deadline:
                names = ", ".join(f"{name} (see {self.log(name)})" for name in not_ready)
                raise DemoError(f"Not ready within {within_s:g} seconds: {names}.")
            sleep(_POLL_S)


def _wait_for_all(processes: "Collection[subprocess.Popen[bytes]]") -> None:
    deadline = monotonic() + _PATIENCE_S
    while monotonic() < deadline and any(process.poll() is None for process in processes):
        sleep(_POLL_S)


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == _OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
