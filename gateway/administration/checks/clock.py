"""The clock of this machine, compared with other parties and with the newest statement in the store."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from adapters.contract import CheckLine
from gateway.health.clock_skew import WRONG_BEYOND, ClockReading, ClockSources, estimate_skew, read_clocks
from gateway.ports import Transport
from gateway.runtime.background import AtOnce
from gateway.runtime.machine_clock import SystemClock, synchronised

CLOCK_TOLERANCE = timedelta(seconds=10)
"""What the profile accepts of a message dated ahead (section 2)."""
_REMEDY = "Set the clock, and let it follow a time service (timedatectl set-ntp true)."


def check_not_behind(newest_seen: datetime | None, now: datetime) -> CheckLine:
    """Check that the clock is not behind the newest statement that was accepted."""
    return CheckLine(
        name="the clock is not behind what was seen before",
        ok=newest_seen is None or newest_seen <= now + CLOCK_TOLERANCE,
        detail=f"{now:%Y-%m-%d %H:%M:%S} UTC",
        remedy=_REMEDY,
    )


def check_against_others(transport: Transport, parties: ClockSources) -> Iterator[CheckLine]:
    """Check that a time service keeps the clock, and compare it with the dates of other parties."""
    clock = SystemClock()
    synchronised_clock = synchronised(clock)
    yield CheckLine(
        name="a time service keeps the clock",
        ok=True,
        warning=not synchronised_clock,
        detail="yes" if synchronised_clock else "no, so the clocks of other parties decide whether it is right",
        remedy="Let it follow a time service: timedatectl set-ntp true.",
    )
    readings = read_clocks(transport, parties, clock, AtOnce().attempt)
    wrong = bool(estimate_skew(readings, parties)) and not synchronised_clock
    yield from (_line(reading, wrong=wrong) for reading in readings)
    if (parties.anchors or parties.members) and not readings:
        yield CheckLine(
            name="the clock agrees with the others'",
            ok=True,
            warning=True,
            detail="no party returned a time",
            remedy="See below why no party answers. Until then compare it yourself: timedatectl.",
        )


def _line(reading: ClockReading, *, wrong: bool) -> CheckLine:
    apart = abs(reading.off)
    seconds = int(reading.off.total_seconds())
    way = "behind it" if seconds > 0 else "ahead of it"
    theirs = apart > WRONG_BEYOND and not wrong
    return CheckLine(
        name=f"the clock agrees with {reading.entity}",
        ok=apart <= WRONG_BEYOND or theirs,
        warning=apart > CLOCK_TOLERANCE,
        detail=f"{abs(seconds)} s {way}" if seconds else "less than a second apart",
        remedy="Too few parties agree with it: tell its administrators that its clock is wrong." if theirs else _REMEDY,
    )
