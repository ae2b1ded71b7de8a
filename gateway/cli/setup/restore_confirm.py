"""``hearthgate restore confirm``: open what a restored store holds back, once an administrator has compared it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from config.settings import AnchorSettings, NodeSettings
from gateway.administration import journal
from gateway.administration.context import opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.ports import Transaction
from gateway.store.tables import agreements, clients, pending_changes, restore_holds, store_epoch
from gateway.store.tables.restore_holds import HoldKind, RestoreHold
from gateway.store.tables.store_epoch import StoreEpoch
from trust.agreements.agreement import parse_agreement
from trust.errors import TrustError

_NOT_SHOWN = frozenset({"at", "by", "act", "known_by", "previous", "signature"})
MOST_ENTRIES = 40
"""Entries of the journal that are shown, the last ones."""
_WAYS: Mapping[HoldKind, str] = {
    HoldKind.CLIENT: "case system {name}; revoked since? hearthgate client revoke {id}",
    HoldKind.CHANGE: "change {name}; declined since? hearthgate trust decline {id}",
    HoldKind.AGREEMENT: "agreement {name}; not every party has answered whether it ended",
    HoldKind.MEMBER: "member {name}; suspended or removed since? hearthgate trust suspend {id}",
    HoldKind.MARK: "trust mark {name}; revoked since? hearthgate trust mark revoke",
}


@click.command()
@config_option
@yes_option
@command_output
def restore_confirm(*, config: Path | None, yes: bool) -> UseCaseResult:
    """Open what a restored node holds back, after you have compared the list with the journal.

    Close first what was closed since the backup: what is still open then is opened.
    """
    settings = load_settings(config)
    with opened_store(settings) as store:
        epoch, held, names = store.read(_read)
    if epoch.confirmed:
        raise OperationRefused("Nothing waits: this store was never restored, or its restore is confirmed.")
    lines = [_line(hold, names) for hold in held]
    show_plan(*_explained(epoch, lines), *_journal(settings))
    confirm("Open all that is listed?", yes=yes)
    by = journal.record(settings, "restore confirmed", epoch=epoch.number, opened=len(held))
    with opened_store(settings) as store:
        store.write(store_epoch.confirm)
    opened = [{"kind": hold.kind.value, "name": hold.name} for hold in held]
    return UseCaseResult(
        lines=[f"Confirmed by {by}: {len(held)} opened.", *_what_follows(epoch)],
        data={"epoch": epoch.number, "opened": opened},
    )


def _read(tx: Transaction) -> tuple[StoreEpoch, Sequence[RestoreHold], Mapping[tuple[HoldKind, str], str]]:
    """Return the epoch, what is held and still open, and how each is called."""
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
    held = [hold for hold in restore_holds.list(tx) if hold.kind not in closable or (hold.kind, hold.name) in names]
    return store_epoch.read(tx), held, names


def _agreement(raw: bytes) -> Mapping[tuple[HoldKind, str], str]:
    try:
        ref = parse_agreement(raw).ref
    except TrustError:
        return {}
    return {(HoldKind.AGREEMENT, ref.digest): f"{ref.id}/{ref.version}"}


def _line(hold: RestoreHold, names: Mapping[tuple[HoldKind, str], str]) -> str:
    name = names.get((hold.kind, hold.name), hold.name)
    return "  - " + _WAYS[hold.kind].format(name=name, id=hold.name)


def _explained(epoch: StoreEpoch, lines: Sequence[str]) -> list[str]:
    began = "" if epoch.not_before is None else f" on {epoch.not_before:%Y-%m-%d at %H:%M} UTC"
    said = [f"This store was restored{began}. It does not know what was closed between the backup and that moment."]
    if not epoch.reconciled:
        said.append("No peer has told yet what it missed. Once confirmed, it is served without their answer.")
    said.append("The configuration is as old as the backup too: compare its administrators' keys and its exceptions.")
    return [*said, "These wait:" if lines else "Nothing else waits.", *lines]


def _journal(settings: NodeSettings | AnchorSettings) -> list[str]:
    path = settings.base_dir / journal.FILE
    try:
        entries = path.read_text(encoding="ascii").splitlines()[-MOST_ENTRIES:]
    except (OSError, UnicodeDecodeError):
        return [f"The journal {path} cannot be read; compare with the machine's system log."]
    return [
        f"The journal, its last {len(entries)} entries. This copy is as old as the backup: what came after it",
        "stands in the system log of the lost machine, and where that log is collected.",
        *(f"  {_shown(entry)}" for entry in entries),
    ]


def _shown(entry: str) -> str:
    try:
        found: dict[str, Any] = json.loads(entry)
    except ValueError:
        return entry[:200]
    rest = ", ".join(f"{name} {value}" for name, value in found.items() if name not in _NOT_SHOWN)
    return f"{found.get('at')} {found.get('by')}: {found.get('act')} ({rest})"[:200]


def _what_follows(epoch: StoreEpoch) -> list[str]:
    if epoch.reconciled:
        return ["A running node takes it up within a second."]
    return ["A running node goes on within a minute. Run `hearthgate doctor`."]
