"""How the demo speaks: progress, plain English, tables, and expectations that are counted."""

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
    """Tell the story to ``write``, one line at a time, and remember what did not turn out as expected."""

    def __init__(self, write: Callable[[str], None] = _print) -> None:
        self._write = write
        self.met = 0
        self.failed: list[str] = []

    def section(self, title: str) -> None:
        """Begin a part of the story."""
        self._write(f"\n{title}\n{'=' * len(title)}")

    def say(self, text: str, *, indent: int = 0) -> None:
        """Say something in sentences, wrapped."""
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
        """Show lines as they are, indented."""
        for line in lines:
            self._write(f"    {line}")

    def gap(self) -> None:
        """Leave a line free."""
        self._write("")

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show what is being done, and how long it took."""
        began = monotonic()
        yield
        self._write(f"  {doing:<92} {monotonic() - began:5.1f} s")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows under headings, each column as wide as it must be."""
        widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
        for row in (headings, ["-" * width for width in widths], *rows):
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self._write(("    " + "  ".join(cells)).rstrip())

    def expect(self, statement: str, *, holds: bool, instead: object = "") -> bool:
        """State what should be so and whether it is; return the latter."""
        if holds:
            self.met += 1
            self._write(f"  ✓ {statement}")
        else:
            self.failed.append(statement)
            self._write(f"  ✗ {statement}" + (f"\n      instead: {instead}" if instead else ""))
        return holds

    def expect_each(self, statement: str, faults: Mapping[str, Sequence[str]]) -> None:
        """State what should be so of each of several things; each counts, and those that are not so are named."""
        wrong = {name: found for name, found in faults.items() if found}
        self.met += len(faults) - len(wrong)
        if not wrong:
            self._write(f"  ✓ {statement}")
            return
        self.failed += [f"{statement}: {name}" for name in wrong]
        self._write(f"  ✗ {statement}")
        for name, found in wrong.items():
            self._write(f"      {name}: {'; '.join(found)}")
