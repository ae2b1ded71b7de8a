"""Watch over this machine's clock (assertion A66).

1. A clock that a time service keeps is right (:mod:`gateway.runtime.machine_clock`); that others disagree is noticed.
2. Any other clock is compared with the dates of signed answers: a few parties are drawn each time and asked.
3. One party's clock decides nothing. An anchor and a member, or three members, must agree, and be more than half of
   those that answered. While only anchors are known, one of them decides.
4. Where no such group agrees, what was known before stays.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from random import SystemRandom
from time import monotonic

from gateway.federation.fetch import CONFIGURATION_PATH, STATEMENT_TYPE
from gateway.ports import Clock, PeerRequest, Store, Transport, TransportError
from gateway.runtime.background import Attempt
from gateway.store import condition
from trust.claims import LATEST_SECONDS, from_seconds, require_int
from trust.errors import TrustError
from trust.federation.entity_statement import MAX_BYTES, TYP
from trust.identifiers import EntityId
from trust.jose import open_self_signed
from trust.keys import KeyUse

WRONG_BEYOND = timedelta(seconds=60)
"""The profile accepts 10 s and FAPI 2.0 forbids to accept more than 60 s."""
ASK_AGAIN_S = 300.0
JUMP_S = 5.0
"""By how much the clock may leave the machine's steady one before the others are asked at once."""
MOST_ASKED = 10
"""Parties that are asked in one round, until :data:`MOST_READ` have answered."""
MOST_READ = 5
ANCHORS_ASKED = 2
MEMBERS_DECIDE = 3
_FETCH_S = 3.0
_OK = 200
_IMF_FIXDATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSources:
    """The anchors and the other parties whose clocks can be asked."""

    anchors: tuple[EntityId, ...] = ()
    members: tuple[EntityId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """How far this machine is behind one party, negative where it is ahead."""

    entity: EntityId
    off: timedelta


def read_clock(transport: Transport, entity: EntityId, clock: Clock) -> ClockReading | None:
    """Ask one party; none where no signed answer came, or where it proves nothing about the time."""
    sent_at = clock.now()
    request = PeerRequest(
        method="GET",
        url=entity + CONFIGURATION_PATH,
        headers={},
        body=b"",
        accept=STATEMENT_TYPE,
        max_bytes=MAX_BYTES,
        timeout_s=_FETCH_S,
    )
    try:
        answer = transport.send(request)
        if answer.status != _OK:
            return None
        claims = open_self_signed(answer.body, typ=TYP, use=KeyUse.FEDERATION, max_bytes=MAX_BYTES).claims
        signed = from_seconds(require_int(claims, "iat", maximum=LATEST_SECONDS))
    except (TransportError, TrustError):
        return None
    if claims.get("iss") != entity:
        return None
    ours = sent_at + (clock.now() - sent_at) / 2
    dated = _date(answer.headers.get("date", ""))
    if dated is None and signed <= ours:
        return None  # it may have been signed a while ago
    return ClockReading(entity=entity, off=max(moment for moment in (signed, dated) if moment is not None) - ours)


def estimate_skew(readings: Sequence[ClockReading], parties: ClockSources) -> timedelta | None:
    """Return how far the clock is off, zero where it is right, and ``None`` where not enough parties agree."""
    right = [reading for reading in readings if abs(reading.off) <= WRONG_BEYOND]
    if _decide(right, readings, parties):
        return timedelta()
    for side in (1, -1):
        beyond = sorted(
            (reading for reading in readings if reading.off * side > WRONG_BEYOND), key=lambda reading: reading.off
        )
        middle = beyond[len(beyond) // 2].off if beyond else timedelta()
        agreeing = [reading for reading in beyond if abs(reading.off - middle) <= WRONG_BEYOND]
        if _decide(agreeing, readings, parties):
            return middle
    return None


def _decide(agreeing: Sequence[ClockReading], readings: Sequence[ClockReading], parties: ClockSources) -> bool:
    """Say whether those that agree are enough, by number and by kind."""
    if 2 * len(agreeing) <= len(readings):
        return False
    anchors = sum(reading.entity in parties.anchors for reading in agreeing)
    members = len(agreeing) - anchors
    if not parties.members:
        return anchors > 0
    if anchors:
        return members > 0
    # An anchor has members only, and in a small federation no third one.
    fewest = MEMBERS_DECIDE if parties.anchors else max(2, min(MEMBERS_DECIDE, len(parties.members)))
    return members >= fewest


def read_clocks(transport: Transport, parties: ClockSources, clock: Clock, attempt: Attempt) -> list[ClockReading]:
    """Draw a few parties and ask them; one whose answer is a fault of ours costs no other reading."""
    anchors = _shuffle(parties.anchors)[:ANCHORS_ASKED]
    readings: list[ClockReading] = []
    for entity in (*anchors, *_shuffle(parties.members))[:MOST_ASKED]:
        reading = attempt("clock", partial(read_clock, transport, entity, clock))
        readings += [reading] if reading is not None else []
        if len(readings) == MOST_READ:
            break
    return readings


def _shuffle(entities: Sequence[EntityId]) -> list[EntityId]:
    return SystemRandom().sample(entities, len(entities))


@dataclass(slots=True, kw_only=True)
class ClockMonitor:
    """The watch of one machine. ``host`` is its name; ``kept`` says whether a time service keeps its clock."""

    store: Store
    transport: Transport
    clock: Clock
    sources: Callable[[], ClockSources]
    host: str
    has_time_service: Callable[[], bool]
    notice: Callable[[str], None]
    attempt: Attempt
    seconds: Callable[[], float] = monotonic
    _last: tuple[float, datetime] | None = field(default=None, init=False)
    _wrong: bool = field(default=True, init=False)  # until it was found right once

    def round(self) -> None:
        """Look, where it is time to, and note what came of it for every worker of this machine."""
        if not self._due():
            return
        parties = self.sources()
        readings = read_clocks(self.transport, parties, self.clock, self.attempt)
        off, synchronised = estimate_skew(readings, parties), bool(self.attempt("time_service", self.has_time_service))
        if synchronised and off:
            self.notice("clock_disputed")
        off = timedelta() if synchronised else off
        if off is None:
            return
        self.store.write(lambda tx: condition.record_clock(tx, host=self.host, off=off))
        self._last = (self.seconds(), self.clock.now())
        self._wrong = bool(off)
        if off:
            self.notice("clock_wrong")

    def _due(self) -> bool:
        """Ask every five minutes, every time while it is wrong, and at once after it has jumped."""
        if self._wrong or self._last is None:
            return True
        passed = self.seconds() - self._last[0]
        jumped = abs((self.clock.now() - self._last[1]).total_seconds() - passed)
        return passed >= ASK_AGAIN_S or jumped > JUMP_S


def _date(header: str) -> datetime | None:
    """Return the moment of a date in the form that every server writes (RFC 9110 section 5.6.7)."""
    match = _IMF_FIXDATE.match(header)  # a proxy may have added a second one
    if match is None:
        return None
    try:
        return parsedate_to_datetime(match[0]).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day
        return None
