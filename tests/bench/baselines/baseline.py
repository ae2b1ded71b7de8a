"""Other people's ways to deliver a message, each in an environment of its own, asked for rounds in turn with ours.

An environment is made once from its lock into ``build/``, with hashes and from wheels only.
"""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from uv import find_uv_bin

from tests.bench.serving import ROOT
from tests.support.case_systems import free_port

_HERE = Path(__file__).resolve().parent
_INSTALL_WITHIN_S = 240
_STOP_WITHIN_S = 60


class BaselineMissing(Exception):
    """An environment could not be made; ``str()`` says why, for the benchmark to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A driver that runs; its process ends with its standard input."""

    name: str
    process: subprocess.Popen[str]

    def rate(self, count: int) -> float:
        """Have ``count`` messages delivered, and return how many a second it were.

        Raises ``RuntimeError`` unless every one arrived, told apart by id.
        """
        requests, results = self.process.stdin, self.process.stdout
        if requests is None or results is None:
            raise TypeError("the driver was started without pipes")
        requests.write(f"{count}\n")
        requests.flush()
        line = results.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended in the middle of a round; standard error says why")
        result = json.loads(line)
        if result["messages"] != count:
            raise RuntimeError(f"{self.name} delivered {result['messages']} of {count} messages")
        return float(count / result["elapsed_s"])


Driver = AbstractContextManager[Baseline]


@contextmanager
def as4(payload: Path) -> Iterator[Baseline]:
    """Run the cycle of PyPI ``as4`` with the bytes of a file. Raises :class:`BaselineMissing`."""
    with _driver("as4", str(payload)) as driver:
        yield driver


@contextmanager
def mesh(payload: Path, folder: Path, *, clients: int) -> Iterator[Baseline]:
    """Run the cycle of ``mesh-sandbox`` with as many clients at once. Raises :class:`BaselineMissing`."""
    folder.mkdir()
    with _driver("mesh", str(payload), str(folder), str(free_port()), str(clients)) as driver:
        yield driver


@contextmanager
def _driver(name: str, *arguments: str) -> Iterator[Baseline]:
    script = _HERE / f"{name}_cycle.py"
    command = [str(_environment(name)), "-I", str(script), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Baseline(name=name, process=process)
    finally:
        try:
            process.communicate(timeout=_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(name: str) -> Path:
    """Return the Python of an environment, which is made at the first use."""
    lock = _HERE / "requirements" / f"{name}.txt"
    folder = ROOT / "build" / "baselines" / f"{name}-{sha256(lock.read_bytes()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            _install(name, lock, folder / "environment")
            (folder / "installed").touch()
    return folder / "environment" / "bin" / "python"


def _install(name: str, lock: Path, environment: Path) -> None:
    python = environment / "bin" / "python"
    uv = find_uv_bin()
    make = [uv, "venv", "-q", "--clear", "--python", sys.executable, str(environment)]
    install = [uv, "pip", "install", "-q", "--python", str(python), "--require-hashes", "--only-binary", ":all:"]
    try:
        for command in (make, [*install, "-r", str(lock)]):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_WITHIN_S)
    except subprocess.CalledProcessError as failed:
        raise BaselineMissing(f"the packages of {name} could not be installed: {failed.stderr.strip()}") from None
    except subprocess.TimeoutExpired:
        raise BaselineMissing(f"the packages of {name} could not be installed in {_INSTALL_WITHIN_S} s") from None
