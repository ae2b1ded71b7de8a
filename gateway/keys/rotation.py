"""Changes to the keys of a folder: rotate one, revoke one.

A change is drafted first, so that its effect can be shown; then it is made: the new private keys are written, and after
them, in one step, the dates. Where anything fails before that step, nothing has changed. Obsolete private keys
are erased last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from gateway.keys import schedule
from gateway.keys.files import STATE_FILE, new_pem, public_half, replace_file, write_all
from gateway.keys.schedule import KEY_OVERLAPS, KeyRecord, Stage
from trust.federation.historical_keys import RevocationReason
from trust.keys import MAX_KEYS, KeyUse

_ERASED_AFTER = timedelta(minutes=10)
"""How long a private key that signs no more is kept, for a host whose clock is slow."""
_KID_IN_NAME = 16


class ChangeRefused(Exception):
    """The keys will not be changed like that; ``str()`` says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A change of a folder's keys: what will be recorded, and the private halves that are to be written for it.

    ``made`` is the new key, where the change needs one.
    """

    records: tuple[KeyRecord, ...]
    new_key: KeyRecord | None
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def draft_rotation(
    records: Sequence[KeyRecord],
    use: KeyUse,
    *,
    at: datetime,
    sign_after: timedelta | None = None,
    awaits_superior: bool = False,
) -> Draft:
    """Draft a new key for one use, published at once; it signs after ``sign_after``, or what its use needs.

    ``awaits_superior``: it signs only once the superior is known to vouch for it. Raises :class:`ChangeRefused`.
    """
    at = at.replace(microsecond=0)
    lives = schedule.lifecycles(records, vouched_since={})
    coming = [life for life in lives if life.record.use is use and life.stage(at) is Stage.NEXT]
    if coming:
        raise ChangeRefused(
            f"A {use} key is being rotated already: {coming[0].record.kid} is published and takes over by itself. "
            "Rotate again after that, or revoke one of the two keys."
        )
    if len(schedule.published_keys(lives, use, now=at).keys) >= MAX_KEYS:
        raise ChangeRefused(f"{MAX_KEYS} {use} keys are published, and peers take no more; wait until one is gone.")
    overlap = KEY_OVERLAPS[use]
    if sign_after is not None and not overlap.together:
        raise ChangeRefused(f"A new {use} key is used at once; leave --sign-after out.")
    after = overlap.before if sign_after is None else sign_after
    return _with_new_key(records, use, at=at, signs_from=at + after, awaits_superior=awaits_superior)


def draft_replacement(records: Sequence[KeyRecord], use: KeyUse, *, at: datetime) -> Draft:
    """Draft a new key that signs at once, for a use whose every key is gone."""
    at = at.replace(microsecond=0)
    return _with_new_key(records, use, at=at, signs_from=at, awaits_superior=False)


def postpone(draft: Draft, *, to: datetime) -> Draft:
    """Return a rotation that is made later than it was drafted: its new key is published no shorter for that."""
    if draft.new_key is None:
        return draft
    by = max(to.replace(microsecond=0) - draft.new_key.created_at, timedelta())
    new_key = replace(draft.new_key, created_at=draft.new_key.created_at + by, signs_from=draft.new_key.signs_from + by)
    return replace(
        draft, records=tuple(new_key if each is draft.new_key else each for each in draft.records), new_key=new_key
    )


def draft_revocation(records: Sequence[KeyRecord], kid: str, reason: RevocationReason, *, at: datetime) -> Draft:
    """Draft the end of one key, in any stage; where it is the one that signs, another signs at once.

    That is the next one, which peers may know already, else a new one. Raises :class:`ChangeRefused`.
    """
    at = at.replace(microsecond=0)
    record_to_revoke = next((record for record in records if record.kid == kid), None)
    if record_to_revoke is None:
        raise ChangeRefused(f"There is no key {kid} here; `hearthgate trust key list` shows the key ids.")
    if record_to_revoke.revoked_at is not None:
        raise ChangeRefused(f"The key {kid} is revoked already.")
    revoked = replace(record_to_revoke, revoked_at=at, reason=reason)
    remaining = [revoked if record is record_to_revoke else record for record in records]
    stages = {life.record.kid: life.stage(at) for life in schedule.lifecycles(remaining, vouched_since={})}
    usable = [
        record
        for record in remaining
        if record.use is record_to_revoke.use and stages[record.kid] in (Stage.SIGNS, Stage.NEXT)
    ]
    if any(stages[record.kid] is Stage.SIGNS for record in usable):
        return Draft(records=tuple(remaining), new_key=None)
    if not usable:
        return _with_new_key(remaining, record_to_revoke.use, at=at, signs_from=at, awaits_superior=False)
    heir = usable[0]
    now_signing = [replace(each, signs_from=at, awaits_superior=False) if each is heir else each for each in remaining]
    return Draft(records=tuple(now_signing), new_key=None)


def record_starts(records: Sequence[KeyRecord], *, vouched_since: Mapping[str, datetime]) -> tuple[KeyRecord, ...]:
    """Write down when each key that waited for its superior began to sign; what the store knew may be lost with it."""
    begins = {life.record.kid: life.begins for life in schedule.lifecycles(records, vouched_since=vouched_since)}
    return tuple(
        replace(record, signs_from=start, awaits_superior=False)
        if record.awaits_superior and (start := begins[record.kid]) is not None
        else record
        for record in records
    )


def apply(directory: Path, draft: Draft, *, at: datetime) -> None:
    """Make a drafted change. Raises :class:`gateway.keys.files.KeyFilesRefused`; nothing has changed then."""
    obsolete_files = {each.kid: each.file for each in draft.records if each.file and _dispensable(draft, each, at)}
    remaining = [replace(each, file=None) if each.kid in obsolete_files else each for each in draft.records]
    write_all(directory, draft.files)
    try:
        replace_file(directory / STATE_FILE, schedule.to_bytes(remaining))
    except BaseException:
        for name in draft.files:
            (directory / name).unlink()
        raise
    for name in obsolete_files.values():
        (directory / name).unlink(missing_ok=True)


def _with_new_key(
    records: Sequence[KeyRecord], use: KeyUse, *, at: datetime, signs_from: datetime, awaits_superior: bool
) -> Draft:
    pem = new_pem(use)
    public = public_half(pem, use)
    name = f"{use}-{public.kid[:_KID_IN_NAME]}.pem"
    record = KeyRecord(public=public, file=name, created_at=at, signs_from=signs_from, awaits_superior=awaits_superior)
    return Draft(records=(*records, record), new_key=record, files={name: pem})


def _dispensable(draft: Draft, record: KeyRecord, at: datetime) -> bool:
    """Tell whether a private key is obsolete: it signs no more, and nothing is left to decrypt with it."""
    life = next(life for life in schedule.lifecycles(draft.records, vouched_since={}) if life.record.kid == record.kid)
    if record.use is KeyUse.ENCRYPTION:
        return life.ends is not None and life.ends <= at
    stopped = record.revoked_at or (life.retires and life.retires + _ERASED_AFTER)
    return stopped is not None and stopped <= at
