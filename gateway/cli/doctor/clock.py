"""The clock of this machine, by the clocks of the others and by what the store has seen."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from adapters.contract import CheckLine
from gateway.assembly import SystemClock
from gateway.clock_watch import MOST_ASKED, WRONG_BEYOND, Reading, judged, read_clock
from gateway.ports import Transport
from trust.identifiers import EntityId

CLOCK_TOLERANCE = timedelta(seconds=10)
"""What the profile accepts of a message dated ahead (section 2)."""
_REMEDY = "Set the clock, and let it follow a time service (timedatectl set-ntp true)."


def not_behind(newest_seen: datetime | None, now: datetime) -> CheckLine:
    """Say whether the clock is where the newest statement that was accepted was made, or later."""
    return CheckLine(
        name="the clock is not behind what was seen before",
        ok=newest_seen is None or newest_seen <= now + CLOCK_TOLERANCE,
        detail=f"{now:%Y-%m-%d %H:%M:%S} UTC",
        remedy=_REMEDY,
    )


def against_others(transport: Transport, parties: Iterable[EntityId]) -> Iterator[CheckLine]:
    """Ask the most trusted parties for something signed and dated; more than half of them decide who is wrong."""
    asked = list(dict.fromkeys(parties))[:MOST_ASKED]
    clock = SystemClock()
    readings = [found for entity in asked if (found := read_clock(transport, entity, clock)) is not None]
    wrong = bool(judged(readings))
    yield from (_line(reading, wrong=wrong) for reading in readings)
    if asked and not readings:
        yield CheckLine(
            name="the clock agrees with the others'",
            ok=True,
            warning=True,
            detail="nobody answered who could be asked for the time",
            remedy="See below why nobody answers. Until then compare it yourself: timedatectl.",
        )


def _line(reading: Reading, *, wrong: bool) -> CheckLine:
    apart = abs(reading.off)
    seconds = int(reading.off.total_seconds())
    way = "behind it" if seconds > 0 else "ahead of it"
    theirs = apart > WRONG_BEYOND and not wrong
    return CheckLine(
        name=f"the clock agrees with {reading.entity}",
        ok=apart <= WRONG_BEYOND or theirs,
        warning=apart > CLOCK_TOLERANCE,
        detail=f"{abs(seconds)} s {way}" if seconds else "less than a second apart",
        remedy="The others disagree with it: tell its administrators that its clock is wrong." if theirs else _REMEDY,
    )
