"""Run ``hearthgate`` commands, each in a process of its own.

They are the commands and options that an administrator would type. To save a second of imports for each of forty
commands, this process imports the code once and forks. Servers are not forked: each starts as ``hearthgate serve``.
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
from gateway.demo.processes import DemoError, own_environment

Command = list[str]
_WITHIN_S: Final = 60.0
_FORK: Final = get_context("fork")
_COMMAND_MODULES: Final = (
    "gateway.cli.init",
    "gateway.cli.trust.join",
    "gateway.cli.trust.members",
    "gateway.cli.adapter",
    "gateway.cli.client",
    "gateway.cli.case_system.api",
    "gateway.cli.agreement",
    "gateway.cli.delivery",
    "lxml.etree",
)


def hearthgate(*words: str | Path) -> Command:
    """Return the command line of one ``hearthgate`` command of this Python's environment."""
    return [str(Path(sys.executable).with_name("hearthgate")), *map(str, words)]


def preload_commands() -> None:
    """Import the code of the commands once, for all of them."""
    for name in _COMMAND_MODULES:
        import_module(name)


def run_together(commands: Sequence[Command], *, exit_code: int = 0) -> list[str]:
    """Run several commands at once and return the standard output of each.

    Raises :class:`DemoError` with the output of the first that ends with another exit code, and ends the others.
    """
    with ExitStack() as files:
        processes = [_CommandProcess(command, files) for command in commands]
        try:
            return [process.finish(exit_code) for process in processes]
        finally:
            for process in processes:
                process.end()


class _CommandProcess:
    """One running command; it writes to unnamed temporary files."""

    def __init__(self, command: Command, files: ExitStack) -> None:
        self._command = command
        self._out: IO[bytes] = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        self._err: IO[bytes] = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - as above
        self._process: ForkProcess = _FORK.Process(target=_run_command, args=(command[1:], self._out, self._err))
        self._process.start()

    def finish(self, exit_code: int) -> str:
        """Wait for its end and return its standard output."""
        self._process.join(_WITHIN_S)
        command = " ".join(["hearthgate", *self._command[1:]])
        if self._process.exitcode is None:
            raise DemoError(f"{command} did not end within {_WITHIN_S:g} seconds.")
        if self._process.exitcode != exit_code:
            raise DemoError(f"{command} failed:\n{_text(self._err) or _text(self._out)}")
        return _text(self._out)

    def end(self) -> None:
        """Kill it if it still runs."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _run_command(words: Sequence[str], out: IO[bytes], err: IO[bytes]) -> NoReturn:
    """Run the command in the forked process, then exit."""
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
