"""Processes that a benchmark starts, waits for and stops, and nothing of them afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import create_connection

from tests.bench import machine
from tests.bench.machine import Cpu, Memory

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0
_PAUSE_S = 0.005
COMMAND_LINE = (sys.executable, "-c", "from gateway.cli import main; main()")
"""The command ``hearthgate``, also where it is not installed."""


@dataclass(slots=True, kw_only=True)
class Running:
    """A process with its descendants; ``began`` is when it was started, on the monotonic clock."""

    process: subprocess.Popen[bytes]
    log: Path
    began: float

    def cpu(self) -> Cpu:
        """Return the CPU that the whole tree has used so far."""
        return machine.cpu(machine.tree(self.process.pid))

    def memory(self) -> Memory:
        """Return what the whole tree holds now."""
        return machine.memory(machine.tree(self.process.pid))

    def wait_for(self, port: int, *, path: str | None = None) -> float:
        """Wait until a port takes connections, or an address answers 200; return the seconds since the start."""
        while time.monotonic() < self.began + START_WITHIN_S:
            if self.process.poll() is not None:
                raise RuntimeError(f"it ended at once: {self.log.read_text()[-2000:]}")
            if _answers(port, path):
                return time.monotonic() - self.began
            time.sleep(_PAUSE_S)
        raise RuntimeError(f"it did not start in time: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(arguments: Sequence[str], *, log: Path) -> Running:
    """Start a process whose output goes to a file."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("ab") as output:
        began = time.monotonic()
        process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=output, stderr=output)
    return Running(process=process, log=log, began=began)


def serve(configuration: Path, *, refresh_after_s: float | None = None, held: bool = True) -> Running:
    """Start a node or an anchor as an administrator does, or one that refreshes trust after so many seconds.

    One that is not ``held`` answers at once what it does not tell.
    """
    program = COMMAND_LINE if refresh_after_s is None else _refreshing_after(refresh_after_s)
    if not held:
        program = (sys.executable, "-c", _AT_ONCE)
    arguments = [*program, "serve", "--config", str(configuration)]
    return start(arguments, log=configuration.with_name("output.log"))


def _refreshing_after(seconds: float) -> tuple[str, ...]:
    """Return the command with another interval: the profile's is no setting, so it is changed before it is read."""
    changed = (
        "from datetime import timedelta; from gateway.federation import freshness; "
        f"freshness.REFRESH_AFTER = timedelta(seconds={seconds}); from gateway.cli import main; main()"
    )
    return (sys.executable, "-c", changed)


_AT_ONCE = (
    "from gateway.exchange.response_timing import ResponseTimer; ResponseTimer.wait_for_step = lambda *_, **__: None; "
    "from gateway.cli import main; main()"
)
"""The command without the steps of time, which are no setting either."""


def _answers(port: int, path: str | None) -> bool:
    try:
        if path is None:
            create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        ready = connection.getresponse().status == HTTPStatus.OK
        connection.close()
    except (OSError, HTTPException):
        return False
    return ready
