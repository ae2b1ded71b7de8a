"""Open what a restored store holds back, once an administrator has compared it with the journal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.administration import journal
from gateway.administration.context import Settings, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.ports import Store, Transaction
from gateway.store.tables import agreements, clients, pending_changes, restore_holds, store_epoch
from gateway.store.tables.restore_holds import HoldKind, RestoreHold
from gateway.store.tables.store_epoch import StoreEpoch
from trust.agreements.agreement import parse_agreement
from trust.errors import TrustError

_NOT_SHOWN = frozenset({"at", "by", "act", "known_by", "previous", "signature"})
_Restored = tuple[StoreEpoch, Sequence[RestoreHold], Mapping[tuple[HoldKind, str], str]]
MOST_ENTRIES = 40
"""Entries of the journal that are shown, the last ones."""
_WAYS: Mapping[HoldKind, str] = {
    HoldKind.CLIENT: "case system {name}; revoked since? hearthgate client revoke {id}",
    HoldKind.CHANGE: "change {name}; declined since? hearthgate trust decline {id}",
    HoldKind.AGREEMENT: "agreement {name}; not every party has answered whether it ended",
    HoldKind.MEMBER: "member {name}; suspended or removed since? hearthgate trust suspend {id}",
    HoldKind.MARK: "trust mark {name}; revoked since? hearthgate trust mark revoke",
}


def plan_confirmation(settings: Settings) -> ChangePlan:
    """Plan to open all that the restored store holds back. Raises :class:`OperationRefused`."""
    with opened_store(settings) as store:
        epoch, holds, names = _unconfirmed(store)

    def apply() -> UseCaseResult:
        with opened_store(settings) as store:
            epoch, holds, _ = _unconfirmed(store)
            by = journal.record(settings, "restore confirmed", epoch=epoch.number, opened=len(holds))
            store.write(store_epoch.confirm)
        items = [{"kind": hold.kind.value, "name": hold.name} for hold in holds]
        return UseCaseResult(
            lines=[f"Confirmed by {by}: {len(holds)} opened.", *_next_steps(epoch)],
            data={"epoch": epoch.number, "opened": items},
        )

    effect = [*_explanation(epoch, [_line(hold, names) for hold in holds]), *_journal(settings)]
    return ChangePlan(effect=effect, question="Open all that is listed?", apply=apply)


def _unconfirmed(store: Store) -> _Restored:
    restored = store.read(_read)
    if restored[0].confirmed:
        raise OperationRefused("Nothing waits: this store was never restored, or its restore is confirmed.")
    return restored


def _read(tx: Transaction) -> _Restored:
    """Return the epoch, the holds that are still open, and a name of each."""
    names: dict[tuple[HoldKind, str], str] = {}
    for client in clients.list(tx):
        if client.revoked_at is None:
            names[HoldKind.CLIENT, client.client_id] = f"{client.client_id} ({client.name})"
    for change in pending_changes.list(tx):
        if change.state is pending_changes.ChangeState.PENDING:
            names[HoldKind.CHANGE, change.id] = f"{change.id} ({change.act}, asked for by {change.requested_by})"
    for stored in agreements.load_all(tx):
        if stored.ended_at is None:
            names |= _agreement(stored.raw)
    closable = (HoldKind.CLIENT, HoldKind.CHANGE, HoldKind.AGREEMENT)
    holds = [hold for hold in restore_holds.list(tx) if hold.kind not in closable or (hold.kind, hold.name) in names]
    return store_epoch.read(tx), holds, names


def _agreement(raw: bytes) -> Mapping[tuple[HoldKind, str], str]:
    try:
        ref = parse_agreement(raw).ref
    except TrustError:
        return {}
    return {(HoldKind.AGREEMENT, ref.digest): f"{ref.id}/{ref.version}"}


def _line(hold: RestoreHold, names: Mapping[tuple[HoldKind, str], str]) -> str:
    name = names.get((hold.kind, hold.name), hold.name)
    return "  - " + _WAYS[hold.kind].format(name=name, id=hold.name)


def _explanation(epoch: StoreEpoch, lines: Sequence[str]) -> list[str]:
    began = "" if epoch.not_before is None else f" on {epoch.not_before:%Y-%m-%d at %H:%M} UTC"
    text = [f"This store was restored{began}. It does not know what was closed between the backup and that moment."]
    if not epoch.reconciled:
        text.append("No peer has told yet what it missed. Once confirmed, it is served without their answer.")
    text.append("The configuration is as old as the backup too: compare its administrators' keys and its exceptions.")
    return [*text, "These wait:" if lines else "Nothing else waits.", *lines]


def _journal(settings: Settings) -> list[str]:
    path = settings.base_dir / journal.FILE
    try:
        entries = path.read_text(encoding="ascii").splitlines()[-MOST_ENTRIES:]
    except (OSError, UnicodeDecodeError):
        return [f"The journal {path} cannot be read; compare with the machine's system log."]
    return [
        f"The journal, its last {len(entries)} entries. This copy is as old as the backup: what came after it",
        "stands in the system log of the lost machine, and where that log is collected.",
        *(f"  {_summary(entry)}" for entry in entries),
    ]


def _summary(entry: str) -> str:
    try:
        fields: dict[str, Any] = json.loads(entry)
    except ValueError:
        return entry[:200]
    rest = ", ".join(f"{name} {value}" for name, value in fields.items() if name not in _NOT_SHOWN)
    return f"{fields.get('at')} {fields.get('by')}: {fields.get('act')} ({rest})"[:200]


def _next_steps(epoch: StoreEpoch) -> list[str]:
    if epoch.reconciled:
        return ["A running node takes it up within a second."]
    return ["A running node goes on within a minute. Run `hearthgate doctor`."]
