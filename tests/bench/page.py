"""The tables of ``docs/benchmarks.md``, written from one run's figures between two marks and never by hand."""

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.report import MEANINGS, Figures, Meaning, number

FROM, TO = "<!-- tables: from here -->", "<!-- tables: to here -->"


class NoPlace(Exception):
    """The page has not both marks, in their order, so nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run measured, where and when; ``load`` is the machine's load average before it began."""

    figures: Figures
    shares: Mapping[str, float]
    aside: str
    on: str
    machine: str
    load: float

    def to_json(self) -> str:
        """Return it as JSON, which :func:`read` reads again."""
        return json.dumps(asdict(self), indent=1)


def measured(figures: Figures, shares: Mapping[str, float], *, aside: str, load: float) -> Measured:
    """Put a run's figures together with this machine and day; ``aside`` is the share that costs no CPU."""
    return Measured(
        figures={name: round(value, 4) for name, value in figures.items()},
        shares={part: round(time_us, 1) for part, time_us in shares.items()},
        aside=aside,
        on=datetime.now(UTC).date().isoformat(),
        machine=f"{os.cpu_count()} CPUs, {platform.system()} {platform.release().partition('-')[0]}, "
        f"{platform.python_implementation()} {platform.python_version()}",
        load=round(load, 2),
    )


def read(path: Path) -> Measured:
    """Read what an earlier run wrote."""
    return Measured(**json.loads(path.read_text()))


def update(page: Path, run: Measured) -> None:
    """Write the tables into the page. Raises :class:`NoPlace`."""
    text = page.read_text()
    before, begin, rest = text.partition(FROM)
    _, end, after = rest.partition(TO)
    if not begin or not end:
        raise NoPlace(f"{page} needs the lines '{FROM}' and '{TO}', for the tables to stand between")
    page.write_text(f"{before}{FROM}\n\n{tables(run)}\n\n{TO}{after}")


def tables(run: Measured) -> str:
    """Return the tables in Markdown: against the targets, every figure, and where the time of an exchange goes."""
    known = [(name, meaning) for name, meaning in MEANINGS.items() if name in run.figures]
    targets = [row for row in known if row[1].least is not None or row[1].most is not None]
    used = {part: time_us for part, time_us in run.shares.items() if part != run.aside}
    total = sum(used.values())
    return "\n\n".join(
        [
            f"Measured on {run.on}: {run.machine}; load average before the run {run.load:.2f}.",
            "## Against the targets",
            _table(
                ("figure", "what it is", "measured", "target"),
                (
                    (f"`{name}`", _text(known, name), _value(run, name, it), _verdict(run, name, it))
                    for name, it in targets
                ),
            ),
            "## The figures",
            _table(
                ("figure", "value", "what it is"),
                ((f"`{name}`", _value(run, name, meaning), meaning.text) for name, meaning in known),
            ),
            "## Where the time of an exchange goes",
            "CPU of the median exchange, one after another over one connection, measured in the same run:",
            _table(
                ("part", "CPU", "share"),
                (
                    (part, f"{time_us:.0f} us", f"{time_us / total:.0%}")
                    for part, time_us in sorted(used.items(), key=lambda row: -row[1])
                ),
            ),
            f"All of one exchange: {total:.0f} us; besides, {run.aside}: {run.shares.get(run.aside, 0):.0f} us.",
        ]
    )


def _text(known: Sequence[tuple[str, Meaning]], name: str) -> str:
    """Return what a figure is; one that goes on from those above it, with what they begin with."""
    begun = ""
    for other, meaning in known:
        begun = meaning.text if not meaning.text.startswith("...") else begun
        if other == name:
            return begun if meaning.text == begun else f"{begun} {meaning.text}"
    raise KeyError(name)


def _value(run: Measured, name: str, meaning: Meaning) -> str:
    return f"{number(run.figures[name])} {meaning.unit}".rstrip()


def _verdict(run: Measured, name: str, meaning: Meaning) -> str:
    return meaning.verdict(run.figures[name]).replace("MISSED", "**missed**")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
