"""Start the demo's case systems as the processes that they are, with TLS, and stop them again."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.demo.processes import free_ports
from tests.support.tls import Authority

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN_S = 20.0
NAME = "case-system.example"
"""A host name that every case system's certificate also holds."""


def free_port() -> int:
    """Return a port of the loopback address that nothing listens on, and no outgoing connection takes."""
    return free_ports(1)[0]


@contextmanager
def running(system: str, db: Path, authority: Authority, *options: str) -> Iterator[str]:
    """Run one case system; give its base URL."""
    port = free_port()
    certificate, key = authority.issue("127.0.0.1", "localhost", NAME)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gateway.demo.case_systems.server"),
            *("--system", system, "--db", str(db), "--bind", f"127.0.0.1:{port}"),
            *("--cert", str(certificate), "--key", str(key), *options),
        ],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    try:
        _wait_for(process, port)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_WITHIN_S
    while time.monotonic() < end:
        if process.poll() is not None:
            said = process.stderr.read().decode() if process.stderr else ""
            raise RuntimeError(f"the case system ended at once: {said}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the case system did not start in time")
