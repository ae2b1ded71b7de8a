"""The pin of a trust anchor, and the recovery of its federation keys after they were lost or stolen."""

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from config.settings import AnchorSettings
from gateway.administration import thumbprints
from gateway.administration.context import now, own_entity
from gateway.administration.dual_control import change_of, to_json
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.key_announcement import (
    AnnouncementOptions,
    announce_and_apply,
    announcement_for,
    public_recovery,
)
from gateway.administration.keys import EntityKeys, keys_changed, opened_keys, vault_of
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.keys.files import ANCHOR_KEYS, KeyFile
from gateway.keys.rotation import Draft, draft_replacement, draft_revocation
from gateway.keys.schedule import KeyRecord, Stage, lifecycles
from gateway.store.tables import pending_changes
from gateway.store.tables.pending_changes import Change
from trust.federation.anchor_keys import Pin, build_pin
from trust.federation.historical_keys import RevocationReason
from trust.keys import KeyUse

_ACT = "trust anchor recover"


def write_pin(settings: AnchorSettings, out: Path) -> UseCaseResult:
    """Write the anchor's public keys and its public recovery key, for members to pin.

    Raises :class:`OperationRefused`, ``KeyFilesRefused`` and ``TrustError``.
    """
    if settings.anchor.superiors:
        raise OperationRefused("An intermediate is not pinned: members pin the trust anchor above it.")
    vault = vault_of(settings)
    pin = Pin(entity=own_entity(settings), keys=vault.published(KeyUse.FEDERATION), recovery=public_recovery(settings))
    write_new(out, build_pin(pin), "The pin")
    kids = thumbprints.kids_of(pin)
    return UseCaseResult(
        lines=[
            f"What members pin of {pin.entity} is in {out}.",
            "They compare these thumbprints with you by another channel before they pin them:",
            *thumbprints.lines(kids),
        ],
        data={"entity_id": pin.entity, "pin": str(out), "key_ids": kids},
    )


def plan_recovery(settings: AnchorSettings, options: AnnouncementOptions, *, reason: str, emergency: str) -> ChangePlan:
    """Plan to revoke every federation key of a trust anchor and to make a new one, as an emergency to be reviewed.

    Where the key files are gone from the folder, new ones are made. Raises :class:`OperationRefused`,
    ``KeyFilesRefused`` and ``TrustError``.
    """
    if settings.anchor.superiors:
        raise OperationRefused("An intermediate has no recovery key; its superior's administrators admit its new key.")
    with opened_keys(settings, needed=_remaining_files(settings)) as keys:
        announcement_for(keys, options)
        draft = _draft(keys, RevocationReason(reason), now())
        kids = sorted(keys.federation_keys(now(), draft.records).kids)
        records_before = keys.records
    return ChangePlan(
        effect=[
            f"Every federation key of {own_entity(settings)} is revoked, and this new one signs at once:",
            *thumbprints.lines(kids),
            "Members that pinned the recovery key take it over within 5 minutes; others have to pin it by hand.",
            "Trust marks that an old key signed verify no longer.",
        ],
        question="Replace the keys?",
        apply=lambda: _recover(
            settings,
            records_before,
            draft,
            options,
            change_of(settings, _ACT, {"reason": reason, "key_ids": kids}, reason=reason, emergency=emergency),
        ),
    )


def _recover(
    settings: AnchorSettings,
    records_before: tuple[KeyRecord, ...],
    draft: Draft,
    options: AnnouncementOptions,
    change: Change,
) -> UseCaseResult:
    at, kids = now(), change.arguments["key_ids"]
    with opened_keys(settings, needed=_remaining_files(settings)) as keys:
        if keys.records != records_before:
            raise keys_changed()
        announcement = announcement_for(keys, options)
        record(settings, _ACT, key_ids=kids, why=change.reason, change=change.id, emergency=change.emergency)
        lines = announce_and_apply(keys, draft, announcement, at)
        keys.store.write(lambda tx: pending_changes.put(tx, change))
    lines.append(f"Another administrator looks at it with: hearthgate trust review {change.id}")
    return UseCaseResult(lines=lines, data=to_json(change, now()) | {"key_ids": kids})


def _draft(keys: EntityKeys, reason: RevocationReason, at: datetime) -> Draft:
    """Draft the end of every federation key that a member might still take for the anchor's."""
    draft = Draft(records=keys.records, new_key=None)
    for life in lifecycles(keys.records, vouched_since={}):
        if life.record.use is not KeyUse.FEDERATION or life.stage(at) in {Stage.GONE, Stage.REVOKED}:
            continue
        after = draft_revocation(draft.records, life.record.kid, reason, at=at)
        draft = replace(after, new_key=after.new_key or draft.new_key, files={**draft.files, **after.files})
    return draft if draft.new_key is not None else draft_replacement(draft.records, KeyUse.FEDERATION, at=at)


def _remaining_files(settings: AnchorSettings) -> tuple[KeyFile, ...]:
    """Return the first key files that are still there: none needs to be, where they were lost."""
    directory = settings.base_dir / settings.keys.directory
    return tuple(name for name in ANCHOR_KEYS if os.path.lexists(directory / name))
