"""Run ``hearthgate`` commands, each in a process of its own.

They are the commands of the command line with the words that an administrator would type. Forty are run, and each would
spend a second on reading the code; so they are forked from this process, which has read it. The servers are not: each
is started by itself, as ``hearthgate serve``.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import IO, Final, NoReturn

from gateway.cli.main import main
from gateway.demo.processes import DemoFailed, own_environment

Command = list[str]
_WITHIN_S: Final = 60.0
_FORK: Final = get_context("fork")
_READ_BEFORE: Final = (
    "gateway.cli.setup.init",
    "gateway.cli.trust.join",
    "gateway.cli.trust.members",
    "gateway.cli.adapter",
    "gateway.cli.client.registry",
    "gateway.cli.client.token",
    "gateway.cli.agreement",
    "lxml.etree",
)


def hearthgate(*words: str | Path) -> Command:
    """Return the command line of one ``hearthgate`` command, as it is installed beside this Python."""
    return [str(Path(sys.executable).with_name("hearthgate")), *map(str, words)]


def read_before() -> None:
    """Read the code of the commands once, for all of them."""
    for name in _READ_BEFORE:
        import_module(name)


def run_together(commands: Sequence[Command]) -> list[str]:
    """Run several commands at once and return what each wrote on standard output.

    Raises :class:`DemoFailed` with what the first failing one said; the others are ended with it.
    """
    with ExitStack() as files:
        running = [_Running(command, files) for command in commands]
        try:
            return [each.finish() for each in running]
        finally:
            for each in running:
                each.end()


class _Running:
    """One command under way; it writes to files that have no name."""

    def __init__(self, command: Command, files: ExitStack) -> None:
        self._command = command
        self._out: IO[bytes] = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        self._err: IO[bytes] = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - as above
        self._process: ForkProcess = _FORK.Process(target=_be, args=(command[1:], self._out, self._err))
        self._process.start()

    def finish(self) -> str:
        """Wait for its end and return its answer."""
        self._process.join(_WITHIN_S)
        shown = " ".join(["hearthgate", *self._command[1:]])
        if self._process.exitcode is None:
            raise DemoFailed(f"{shown} did not end within {_WITHIN_S:g} seconds.")
        if self._process.exitcode != 0:
            raise DemoFailed(f"{shown} was refused:\n{_text(self._err) or _text(self._out)}")
        return _text(self._out)

    def end(self) -> None:
        """End it if it still runs."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _be(words: Sequence[str], out: IO[bytes], err: IO[bytes]) -> NoReturn:
    """Be the command, in the child."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    os.dup2(out.fileno(), sys.stdout.fileno())
    os.dup2(err.fileno(), sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(own_environment())
    main(args=list(words), prog_name="hearthgate")
    raise SystemExit


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8")
