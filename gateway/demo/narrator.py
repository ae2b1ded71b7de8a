"""Output of the demo: progress, sentences, tables, and counted expectations."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import wrap
from time import monotonic
from typing import Final

_WIDTH: Final = 110


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Narrator:
    """Write the story line by line to ``write``, and record the expectations that fail."""

    def __init__(self, write: Callable[[str], None] = _print) -> None:
        self._write = write
        self.met_count = 0
        self.failed: list[str] = []

    def section(self, title: str) -> None:
        """Begin a part of the story."""
        self._write(f"\n{title}\n{'=' * len(title)}")

    def say(self, text: str, *, indent: int = 0) -> None:
        """Write sentences, wrapped."""
        margin = " " * indent
        for line in wrap(
            text,
            _WIDTH,
            initial_indent=margin,
            subsequent_indent=margin,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            self._write(line)

    def show(self, *lines: str) -> None:
        """Write lines unwrapped and indented."""
        for line in lines:
            self._write(f"    {line}")

    def gap(self) -> None:
        """Write an empty line."""
        self._write("")

    @contextmanager
    def step(self, action: str) -> Iterator[None]:
        """Write the action that the block performs, and its duration."""
        began = monotonic()
        yield
        self._write(f"  {action:<92} {monotonic() - began:5.1f} s")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows under headings, with columns as wide as their longest cells."""
        widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
        for row in (headings, ["-" * width for width in widths], *rows):
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self._write(("    " + "  ".join(cells)).rstrip())

    def expect(self, statement: str, *, holds: bool, instead: object = "") -> bool:
        """Write an expectation and whether it holds; return the latter."""
        if holds:
            self.met_count += 1
            self._write(f"  ✓ {statement}")
        else:
            self.failed.append(statement)
            self._write(f"  ✗ {statement}" + (f"\n      instead: {instead}" if instead else ""))
        return holds

    def expect_each(self, statement: str, faults: Mapping[str, Sequence[str]]) -> None:
        """Write an expectation of several items; count each, and name those that have faults."""
        wrong = {name: item_faults for name, item_faults in faults.items() if item_faults}
        self.met_count += len(faults) - len(wrong)
        if not wrong:
            self._write(f"  ✓ {statement}")
            return
        self.failed += [f"{statement}: {name}" for name in wrong]
        self._write(f"  ✗ {statement}")
        for name, item_faults in wrong.items():
            self._write(f"      {name}: {'; '.join(item_faults)}")
