"""Lifecycle of each key, computed from a few recorded dates and the time.

The life of a key, in this order:

1. next: it is published and does not sign yet, until every peer has asked for the chain again;
2. signs: from ``signs_from`` on; a federation key that ``awaits_superior`` signs once its superior is known to vouch
   for it, and peers have had as long again to hear of that;
3. retired: another has begun to sign; it stays published until what it signed last has expired (:data:`KEY_OVERLAPS`);
4. gone: a key of the past, kept for the record.

A revoked key is none of these from that moment on. Of the two dates that are recorded the others follow, so no process
has to be there when one key takes over from another.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from trust import claims, strict_json
from trust.errors import MalformedClaims
from trust.federation.historical_keys import (
    MAX_KEYS,
    MAX_REVOCATIONS,
    HistoricalKey,
    Revocation,
    RevocationReason,
    past_key,
)
from trust.federation.key_revocation import RevokedKey
from trust.keys import KeySet, KeyUse, PublicKey, parse_key
from trust.strict_json import JsonObject

MAX_BYTES = 1_048_576
HEARD_WITHIN = timedelta(minutes=15)
"""How long a new key is published before it signs: peers ask for a chain every 5 minutes, and an answer of a minute ago
may be repeated to them."""
_VERSION = 1
_MAX_RECORDS = 1_000
_NEVER = datetime.max.replace(tzinfo=UTC)
_FILE = re.compile(r"[a-z]+(?:-[A-Za-z0-9_-]{1,64})?\.pem")
WordT = TypeVar("WordT", bound=StrEnum)


class Stage(StrEnum):
    """Where a key is in its life."""

    NEXT = "next"
    SIGNS = "signs"
    RETIRED = "retired"
    GONE = "gone"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOverlap:
    """How long two keys of one use are needed side by side.

    ``before``: a new key is published for so long before it signs. ``after``: a retired one is needed for so long.
    ``together``: both are published meanwhile; else only the one that is in use is.
    """

    before: timedelta
    after: timedelta
    together: bool


KEY_OVERLAPS: Mapping[KeyUse, KeyOverlap] = {
    # what the entity says of itself is good for 120 h, and who held it then may still have to verify it
    KeyUse.FEDERATION: KeyOverlap(before=HEARD_WITHIN, after=timedelta(hours=121), together=True),
    # a queued message is good for 15 days
    KeyUse.MESSAGE: KeyOverlap(before=HEARD_WITHIN, after=timedelta(days=15, hours=1), together=True),
    # a case system's token is good for 10 minutes, a peer's for 5, an assertion for one
    KeyUse.OAUTH: KeyOverlap(before=HEARD_WITHIN, after=timedelta(minutes=15), together=True),
    # no peer needs it beforehand: each token names the key that its proofs are made with
    KeyUse.DPOP: KeyOverlap(before=timedelta(), after=timedelta(), together=False),
    # an entity publishes exactly one
    KeyUse.EVIDENCE: KeyOverlap(before=timedelta(), after=timedelta(), together=False),
    # who holds the chain of before, 120 h at most, encrypts to the earlier one, and that may rest for 15 days
    KeyUse.ENCRYPTION: KeyOverlap(before=timedelta(), after=timedelta(days=20, hours=1), together=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What is recorded of one key. ``file`` holds its private half, until that is obsolete."""

    public: PublicKey
    file: str | None
    created_at: datetime
    signs_from: datetime
    awaits_superior: bool = False
    revoked_at: datetime | None = None
    reason: RevocationReason | None = None

    @property
    def use(self) -> KeyUse:
        """What the key is for."""
        return self.public.use

    @property
    def kid(self) -> str:
        """The thumbprint of the key."""
        return self.public.kid


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLifecycle:
    """A key and the moments of its life; a moment that is not known yet is ``None``."""

    record: KeyRecord
    begins: datetime | None
    retires: datetime | None
    ends: datetime | None

    def stage(self, now: datetime) -> Stage:
        """Return where the key is now."""
        if _passed(self.record.revoked_at, now):
            return Stage.REVOKED
        if _passed(self.ends, now):
            return Stage.GONE
        if _passed(self.retires, now):
            return Stage.RETIRED
        return Stage.SIGNS if _passed(self.begins, now) else Stage.NEXT


def lifecycles(records: Sequence[KeyRecord], *, vouched_since: Mapping[str, datetime]) -> tuple[KeyLifecycle, ...]:
    """Return the life of each key.

    ``records`` stand in the order in which the keys were made. ``vouched_since`` says since when the superior is
    known to vouch for a federation key.
    """
    result = []
    for index, record in enumerate(records):
        later = [each for each in records[index + 1 :] if each.use is record.use]
        starts = [begins for each in later if (begins := _start(each, vouched_since)) is not None]
        retires = min(starts, default=None)
        result.append(
            KeyLifecycle(
                record=record,
                begins=_begins(record, vouched_since),
                retires=retires,
                ends=None if retires is None else retires + KEY_OVERLAPS[record.use].after,
            )
        )
    return tuple(result)


def signing_key(lives: Iterable[KeyLifecycle], use: KeyUse, *, now: datetime) -> KeyRecord:
    """Return the key of a use that signs now.

    A clock that was put back to before all of them lets the oldest sign. Raises ``LookupError`` where none is left.
    """
    standing = [life for life in lives if life.record.use is use and life.stage(now) in _USABLE]
    if not standing:
        raise LookupError(use)
    return min(standing, key=lambda life: (life.stage(now) is not Stage.SIGNS, life.record.signs_from)).record


def published_keys(lives: Iterable[KeyLifecycle], use: KeyUse, *, now: datetime) -> KeySet:
    """Return the keys of a use that others may need now: the one that signs, the next, the retired ones."""
    every = tuple(lives)
    current = signing_key(every, use, now=now)
    if not KEY_OVERLAPS[use].together:
        return KeySet.of(use, [current.public])
    others = [life for life in every if life.record.use is use and life.record.kid != current.kid]
    coming = [life.record.public for life in others if life.stage(now) is Stage.NEXT]
    retired = [_retired(life) for life in others if life.stage(now) is Stage.RETIRED]
    return KeySet.of(use, [current.public, *coming, *reversed(retired)])


def historical_keys(lives: Iterable[KeyLifecycle], *, now: datetime) -> tuple[HistoricalKey, ...]:
    """Return the federation keys of the past, the newest where they are too many.

    Those of other uses are left out: who stole one could else pass it off as one that signed statements. That they
    were revoked is said without them (:func:`revoked`).
    """
    past = [
        _past(life)
        for life in lives
        if life.record.use is KeyUse.FEDERATION and life.stage(now) in {Stage.GONE, Stage.REVOKED}
    ]
    return tuple(past[-MAX_KEYS:])


def revoked_keys(lives: Iterable[KeyLifecycle], *, now: datetime) -> tuple[RevokedKey, ...]:
    """Return the keys of every use that were revoked, the newest where they are too many."""
    revocations = [
        RevokedKey(
            kid=life.record.kid,
            use=life.record.use,
            revoked_at=life.record.revoked_at,
            reason=life.record.reason,
        )
        for life in lives
        if life.record.revoked_at is not None and life.stage(now) is Stage.REVOKED
    ]
    return tuple(sorted(revocations, key=lambda key: key.revoked_at)[-MAX_REVOCATIONS:])


def next_event(lives: Iterable[KeyLifecycle], *, now: datetime) -> datetime:
    """Return the next moment at which any answer here changes by itself."""
    moments = (
        moment
        for life in lives
        for moment in (life.begins, life.retires, life.ends, life.record.revoked_at)
        if moment is not None and moment > now
    )
    return min(moments, default=_NEVER)


def from_bytes(raw: bytes) -> tuple[KeyRecord, ...]:
    """Read what :func:`to_bytes` wrote. Raises ``TrustError``."""
    document = strict_json.loads(raw, max_bytes=MAX_BYTES)
    if document.get("version") != _VERSION:
        raise MalformedClaims("The dates of the keys were written by another version of this program.")
    items = claims.require_list(document, "keys", max_items=_MAX_RECORDS)
    return tuple(_parse(item) for item in items)


def to_bytes(records: Iterable[KeyRecord]) -> bytes:
    """Write the records down."""
    return strict_json.dumps({"version": _VERSION, "keys": [_to_json(record) for record in records]})


_USABLE = (Stage.SIGNS, Stage.NEXT)


def _passed(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


def _begins(record: KeyRecord, vouched_since: Mapping[str, datetime]) -> datetime | None:
    if not record.awaits_superior:
        return record.signs_from
    since = vouched_since.get(record.kid)
    return None if since is None else max(record.signs_from, since + HEARD_WITHIN)


def _start(record: KeyRecord, vouched_since: Mapping[str, datetime]) -> datetime | None:
    """Return when a key begins to sign, or nothing for one that is revoked before that."""
    begins = _begins(record, vouched_since)
    return None if begins is None or _passed(record.revoked_at, begins) else begins


def _retired(life: KeyLifecycle) -> PublicKey:
    if life.record.use is not KeyUse.MESSAGE or life.retires is None:
        return life.record.public
    return parse_key({**life.record.public.jwk, "retired_at": claims.to_seconds(life.retires)}, KeyUse.MESSAGE)


def _past(life: KeyLifecycle) -> HistoricalKey:
    record = life.record
    revoked = None if record.revoked_at is None else Revocation(at=record.revoked_at, reason=record.reason)
    ended = min(life.retires or _NEVER, record.revoked_at or _NEVER)
    return past_key(record.public, expires_at=ended, issued_at=record.created_at, revoked=revoked)


def _to_json(record: KeyRecord) -> JsonObject:
    members: JsonObject = {
        "use": record.use.value,
        "jwk": dict(record.public.jwk),
        "created_at": claims.to_seconds(record.created_at),
        "signs_from": claims.to_seconds(record.signs_from),
    }
    if record.file is not None:
        members["file"] = record.file
    if record.awaits_superior:
        members["waits"] = True
    if record.revoked_at is not None and record.reason is not None:
        members |= {"revoked_at": claims.to_seconds(record.revoked_at), "reason": record.reason.value}
    return members


def _parse(item: object) -> KeyRecord:
    if type(item) is not dict:
        raise MalformedClaims("Each of 'keys' must be an object.")
    revoked = "revoked_at" in item
    return KeyRecord(
        public=parse_key(claims.require_object(item, "jwk"), _member(item, "use", KeyUse)),
        file=_file(item),
        created_at=_moment(item, "created_at"),
        signs_from=_moment(item, "signs_from"),
        awaits_superior=item.get("waits") is True,
        revoked_at=_moment(item, "revoked_at") if revoked else None,
        reason=_member(item, "reason", RevocationReason) if revoked else None,
    )


def _moment(item: JsonObject, name: str) -> datetime:
    return claims.from_seconds(claims.require_int(item, name, maximum=claims.LATEST_SECONDS))


def _member(item: JsonObject, name: str, kind: type[WordT]) -> WordT:
    try:
        return kind(claims.require_str(item, name))
    except ValueError as unknown:
        raise MalformedClaims(f"'{name}' is not a word that is known here.") from unknown


def _file(item: JsonObject) -> str | None:
    name = claims.optional_str(item, "file")
    if name is not None and not _FILE.fullmatch(name):
        raise MalformedClaims("'file' must be the name of a key file in the same folder.")
    return name
