"""Every process that the demo starts, each in a group of its own, and the end of all of them whatever happens."""

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
"""How long a process may take to end after each of SIGTERM and a second SIGTERM, before it is killed."""
_POLL_S: Final = 0.05
_OK: Final = 200
_PORTS: Final = range(20_000, 32_000)
_given: Final[list[socket.socket]] = []
"""The reservations of the ports that were given; they end with this process."""


class DemoFailed(Exception):
    """The demo cannot go on; the text says what failed and where to look."""


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nothing listens on, all different and none of them given before.

    They lie below those that the kernel gives to outgoing connections, one of which could otherwise take a port before
    its server listens. Another demo on this machine takes none of them, also while their server is stopped.
    """
    found: list[int] = []
    for port in SystemRandom().sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            break
        if _reserve(port):
            found.append(port)
    return found


def _reserve(port: int) -> bool:
    """Reserve a free port by an abstract socket of its number, of which a network namespace has one, as of the port."""
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0hearthgate-demo-port-{port}")
    except OSError:
        reservation.close()
        return False
    _given.append(reservation)  # also where the port turns out to be taken, so that it is tried once
    return _is_free(port)


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def own_environment() -> Mapping[str, str]:
    """Return the environment without settings for some other node."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HEARTHGATE_")}


class Processes:
    """The servers of the demo by name; whoever starts one sees to it that :meth:`stop_all` is called."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, Sequence[str]] = {}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a server in a process group of its own, its output in a log file of its name.

        Where ``setpriv`` is there, the kernel ends the server when the demo is killed. (So it must be started by the
        main thread: the kernel watches the thread that starts it.)
        """
        self._commands[name] = command
        guard = shutil.which("setpriv")
        words = [guard, "--pdeathsig", "TERM", "--", *command] if guard else list(command)
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own commands
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=own_environment(),
                start_new_session=True,
            )

    def start_again(self, name: str) -> None:
        """Start a server that was stopped or ended, with the command of its first start."""
        self.start(name, self._commands[name])

    def log(self, name: str) -> Path:
        """Return where a server's output goes."""
        return self._logs / f"{name}.log"

    def stop(self, *names: str) -> None:
        """End servers with everything they forked: asked twice, then killed."""
        stopping = {name: self._running[name] for name in names}
        for last_word in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            for process in stopping.values():
                if process.poll() is None:
                    process.send_signal(last_word)
            _wait_for_all(list(stopping.values()))
        for name, process in stopping.items():
            with suppress(ProcessLookupError):  # whatever is left of its group
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            del self._running[name]

    def stop_all(self) -> None:
        """End every server that still runs."""
        self.stop(*self._running)

    def pid(self, name: str) -> int:
        """Return the process id of a server that was started."""
        return self._running[name].pid

    def forget_ended(self) -> list[str]:
        """Return the servers that ended without :meth:`stop`, each once, and end what they forked."""
        ended = [name for name, process in self._running.items() if process.poll() is not None]
        self.stop(*ended)
        return ended

    def require_alive(self) -> None:
        """Raise :class:`DemoFailed` where a server has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise DemoFailed(f"{name} ended by itself with code {process.returncode}; see {self.log(name)}.")

    def wait_until_ready(self, operations: Mapping[str, int], *, within_s: float = START_WITHIN_S) -> None:
        """Wait for nodes by their operations ports; raise :class:`DemoFailed` when the time is up."""
        self._wait(operations, _is_ready, within_s)

    def wait_until_listening(self, ports: Mapping[str, int], *, within_s: float = START_WITHIN_S) -> None:
        """Wait for other servers by their own ports; raise :class:`DemoFailed` when the time is up."""
        self._wait(ports, _listens, within_s)

    def _wait(self, ports: Mapping[str, int], is_up: Callable[[int], bool], within_s: float) -> None:
        deadline = monotonic() + within_s
        waiting = dict(ports)
        while waiting:
            self.require_alive()
            waiting = {name: port for name, port in waiting.items() if not is_up(port)}
            if waiting and monotonic() > deadline:
                names = ", ".join(f"{name} (see {self.log(name)})" for name in waiting)
                raise DemoFailed(f"Not ready within {within_s:g} seconds: {names}.")
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
