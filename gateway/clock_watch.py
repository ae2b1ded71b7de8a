"""Find out whether this machine's clock is right, by those of the parties that it knows (assertion A66).

Each is asked for its own statement, which it signs at least every few minutes: its clock is not behind the date that it
signed, and is at the date of its answer. One party that is wrong, or lies, decides nothing where others can be
asked: the clock counts as wrong where more than half of those that answered put it more than a minute off, on the
same side. Where nobody answers nothing new is known, and what was known stays.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Protocol

from gateway.ports import Clock, PeerRequest, Store, Transport, TransportError
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
MOST_ASKED = 5
_FETCH_S = 3.0
_OK = 200
_PATH = "/.well-known/openid-federation"
_TYPE = "application/entity-statement+jwt"


class Notice(Protocol):
    """Hear that the clock is wrong."""

    def __call__(self, code: str) -> None:
        """Note it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How far this machine is behind one party, negative where it is ahead."""

    entity: EntityId
    off: timedelta


def read_clock(transport: Transport, entity: EntityId, clock: Clock) -> Reading | None:
    """Ask one party; none where no signed answer came, or where it proves nothing about the time."""
    asked = clock.now()
    request = PeerRequest(
        method="GET", url=entity + _PATH, headers={}, body=b"", accept=_TYPE, max_bytes=MAX_BYTES, timeout_s=_FETCH_S
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
    ours = asked + (clock.now() - asked) / 2
    dated = _date(answer.headers.get("date", ""))
    if dated is None and signed <= ours:
        return None  # it may have been signed a while ago
    return Reading(entity=entity, off=max(moment for moment in (signed, dated) if moment is not None) - ours)


def judged(readings: Sequence[Reading]) -> timedelta:
    """Return how far the clock is off, nothing where it is not by more than half of the readings."""
    for side in (1, -1):
        beyond = sorted(reading.off for reading in readings if reading.off * side > WRONG_BEYOND)
        if 2 * len(beyond) > len(readings):
            return beyond[len(beyond) // 2]
    return timedelta()


@dataclass(slots=True, kw_only=True)
class ClockWatch:
    """The watch of one machine. ``known`` returns whom to ask, the most trusted first; ``host`` is its name."""

    store: Store
    transport: Transport
    clock: Clock
    known: Callable[[], Iterable[EntityId]]
    host: str
    notice: Notice
    seconds: Callable[[], float] = monotonic
    _last: tuple[float, datetime] | None = field(default=None, init=False)
    _wrong: bool = field(default=True, init=False)  # until it was found right once

    def round(self) -> None:
        """Ask, where it is time to, and note what came of it for every worker of this machine."""
        if not self._due():
            return
        readings = [
            reading
            for entity in list(self.known())[:MOST_ASKED]
            if (reading := read_clock(self.transport, entity, self.clock)) is not None
        ]
        if not readings:
            return
        off = judged(readings)
        self.store.write(lambda tx: condition.note_clock(tx, host=self.host, off=off))
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
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except ValueError:
        return None
