"""Rotate a key: a new one is published at once and takes over by itself, so that no request fails meanwhile."""

from datetime import datetime, timedelta

from gateway.administration import thumbprints
from gateway.administration.context import Settings, now, superiors
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.key_announcement import (
    AnnouncementOptions,
    KeyAnnouncement,
    announce_and_apply,
    announcement_for,
)
from gateway.administration.keys import EntityKeys, keys_changed, opened_keys, status_message, to_json
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.keys import rotation
from gateway.keys.rotation import Draft, draft_rotation, postpone
from gateway.keys.schedule import HEARD_WITHIN, KEY_OVERLAPS, KeyRecord, Stage
from trust.keys import KeyUse

DEFAULT_MINUTES = HEARD_WITHIN // timedelta(minutes=1)
LONGEST_MINUTES = 7 * 24 * 60
ROTATED_USES = tuple(str(use) for use in KEY_OVERLAPS)


def plan_rotation(
    settings: Settings, use: KeyUse, options: AnnouncementOptions, *, sign_after: timedelta | None = None
) -> ChangePlan:
    """Plan a new key for one use, which signs after ``sign_after``, or after what its use needs.

    A new federation key is announced to those that vouch for it. Raises :class:`OperationRefused`, ``ChangeRefused``,
    ``KeyFilesRefused`` and ``TrustError``.
    """
    at = now()
    with opened_keys(settings) as keys:
        announcement = _announcement(keys, use, options)
        waits = use is KeyUse.FEDERATION and bool(superiors(settings))
        draft = draft_rotation(keys.records, use, at=at, sign_after=sign_after, awaits_superior=waits)
        effect = [
            *_effects(keys, draft, use, at),
            *(announcement.effect() if announcement else ()),
            *_warnings(keys, sign_after),
        ]
        records_before = keys.records
    return ChangePlan(
        effect=effect,
        question=f"Rotate the {use} key?",
        apply=lambda: _rotate(settings, records_before, draft, options),
    )


def _rotate(
    settings: Settings, records_before: tuple[KeyRecord, ...], draft: Draft, options: AnnouncementOptions
) -> UseCaseResult:
    at = now()
    draft = postpone(draft, to=at)
    with opened_keys(settings) as keys:
        if keys.records != records_before:
            raise keys_changed()
        (lifecycle,) = (life for life in keys.lifecycles(draft.records) if life.record is draft.new_key)
        use = lifecycle.record.use
        announcement = _announcement(keys, use, options)
        record(settings, "key rotate", use=use, key_id=lifecycle.record.kid)
        lines = _effects(keys, draft, use, at)
        if announcement is not None:
            lines += announce_and_apply(keys, draft, announcement, at)
        else:
            rotation.apply(keys.directory, draft, at=at)
        return UseCaseResult(lines=lines, data={"made": to_json(keys, lifecycle, at)})


def _announcement(keys: EntityKeys, use: KeyUse, options: AnnouncementOptions) -> KeyAnnouncement | None:
    if all(each.use is not use for each in keys.records):
        raise OperationRefused(f"There is no {use} key here; `hearthgate trust key list` shows which there are.")
    if use is KeyUse.FEDERATION:
        return announcement_for(keys, options)
    if options.out or options.recovery_key:
        raise OperationRefused(
            "--out and --recovery-key belong to the federation key; peers take others from its statement."
        )
    return None


def _effects(keys: EntityKeys, draft: Draft, use: KeyUse, at: datetime) -> list[str]:
    past = {Stage.GONE, Stage.REVOKED}
    lives = [life for life in keys.lifecycles(draft.records) if life.record.use is use and life.stage(at) not in past]
    lines = [
        f"  {life.record.kid}  {'new; ' if life.record is draft.new_key else ''}{status_message(life, at)}"
        for life in (*lives[-1:], *lives[:-1])
    ]
    if use is KeyUse.FEDERATION and draft.new_key is not None:
        lines += ["The thumbprint of the new one:", *thumbprints.lines([draft.new_key.kid])]
    return lines


def _warnings(keys: EntityKeys, after: timedelta | None) -> list[str]:
    if after is None or after >= HEARD_WITHIN:
        return []
    return [f"Peers that have not heard of the key by then refuse what {keys.own} signs: they ask every 5 minutes."]
