"""``hearthgate client sample``: the lookups that the manager of a vouching case system has to justify."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.accountability.access_record import open_account
from gateway.accountability.rate_limits import UNJUSTIFIED
from gateway.administration.administrators import current, persons
from gateway.administration.context import Settings, node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.exchange.query_log import own_name
from gateway.keys.sealed import open_own
from gateway.keys.vault import FileKeyVault
from gateway.ports import LocalClient, Store, Transaction
from gateway.store.tables import clients, flags, justifications, lookups
from gateway.store.tables.justifications import Sample
from trust import strict_json
from trust.sealing import seal

_MAX_FINDING = 2_048
_MAX_REASON = 500


@click.command("list")
@config_option
@click.option("--all", "settled", is_flag=True, help="Also those that are settled.")
@click.option("--overdue", is_flag=True, help="Only those past their time.")
@command_output
def list_samples(*, config: Path | None, settled: bool, overdue: bool) -> UseCaseResult:
    """Show the lookups that were chosen, the one that is due first first: who asked, for what, for which case.

    It names the practitioner and the case, for the manager's eyes: the person who was asked about is not shown.
    """
    settings, at = load_node(config), now()
    vault = node_vault(settings)
    with opened_store(settings) as store:
        found = store.read(lambda tx: justifications.list(tx, settled=settled))
        shown = [_told(store, vault, each, at) for each in found if not overdue or _is_overdue(each, at)]
    return UseCaseResult(
        lines=[line for each in shown for line in _lines(each)] or ["No lookup waits for a justification."],
        data={"samples": shown},
    )


@click.command(context_settings=dict(TAKES_ID))
@click.argument("lookup_id", metavar="ID")
@config_option
@click.option(
    "--by", "manager", required=True, help="The manager who found it, as the case system's registration names them."
)
@click.option("--reason", required=True, help="Why it was right, or what was not; it is kept sealed.")
@click.option("--not-justified", is_flag=True, help="It was not right: a flag goes up for the practitioner.")
@yes_option
@command_output
def justify(
    *, lookup_id: str, config: Path | None, manager: str, reason: str, not_justified: bool, yes: bool
) -> UseCaseResult:
    """Commit the chosen lookup ID, as its manager found."""
    settings, at = load_node(config), now()
    vault, right = node_vault(settings), not not_justified
    if not 0 < len(reason.strip()) <= _MAX_REASON:
        raise OperationRefused(f"--reason: write 1 to {_MAX_REASON} characters.")
    with opened_store(settings) as store:
        found, client = _waiting(store, lookup_id, manager)
        told = _told(store, vault, found, at)
        _refuse_asker(settings, manager, str(told["practitioner"].get("id")))
        show_plan(*_lines(told))
        confirm("Note that it was justified?" if right else "Note that it was not justified?", yes=yes)
        by = record(
            settings, "client sample justify", id=lookup_id, manager=manager, justified="yes" if right else "no"
        )
        finding = strict_json.dumps({"manager": manager, "reason": reason, "recorded_by": by})
        sealed = seal(vault.seal_key(), finding, _place(lookup_id))
        name = own_name(vault.evidence_hmac_key(), client.client_id, str(told["practitioner"].get("id")))

        def settle(tx: Transaction) -> None:
            if not justifications.settle(tx, lookup_id=lookup_id, justified=right, sealed_finding=sealed, at=at):
                raise OperationRefused(f"Somebody else settled {lookup_id} meanwhile; nothing was changed.")
            if not right:
                flags.raise_flag(tx, code=UNJUSTIFIED, asker=f"{client.client_id} {name}", at=at)

        store.write(settle)
    said = "is not justified, and a flag is up: hearthgate flag list" if not_justified else "is justified"
    return UseCaseResult(lines=[f"{lookup_id} {said}."], data={"id": lookup_id, "justified": right})


def _refuse_asker(settings: Settings, manager: str, asker: str) -> None:
    """Raise OperationRefused where the practitioner whose lookup it was would settle it."""
    if asker.casefold() in {manager.casefold(), *(each.casefold() for each in persons(current(settings).name))}:
        raise OperationRefused("The practitioner who asked cannot settle this; another manager or administrator does.")


def _waiting(store: Store, lookup_id: str, manager: str) -> tuple[Sample, LocalClient]:
    found = store.read(lambda tx: justifications.get(tx, lookup_id=lookup_id))
    if found is None:
        raise OperationRefused("No such lookup was chosen; `hearthgate client sample list` shows those that were.")
    if found.settled_at is not None:
        raise OperationRefused(f"{lookup_id} was settled on {found.settled_at:%Y-%m-%d} already; nothing was changed.")
    client = store.read(lambda tx: clients.get(tx, client_id=found.client_id))
    if client is None:
        raise OperationRefused("The case system that it came from is not registered here any more.")
    if manager != client.manager:
        raise OperationRefused(
            f"{client.client_id} names another manager ({client.manager}); who is absent is replaced with "
            f"`hearthgate client manager {client.client_id}`. Nothing was changed."
        )
    return found, client


def _told(store: Store, vault: FileKeyVault, found: Sample, at: datetime) -> dict[str, Any]:
    client = store.read(lambda tx: clients.get(tx, client_id=found.client_id))
    held = store.read(lambda tx: lookups.get(tx, lookup_id=found.lookup_id, client_id=found.client_id))
    account: Mapping[str, Any] = {}
    if held is not None and held.lookup.sealed_request is not None:
        account = open_account(vault.seal_key(), found.lookup_id, held.lookup.sealed_request)
    return {
        "id": found.lookup_id,
        "client": found.client_id,
        "manager": client.manager if client else None,
        "asked_at": found.taken_at.isoformat(),
        "due_at": found.due_at.isoformat(),
        "overdue": _is_overdue(found, at),
        "practitioner": account.get("practitioner", {}),
        "purpose": account.get("purpose"),
        "case_ref": account.get("case_ref"),
        "reason": account.get("reason"),
        "justified": found.justified,
        "finding": None if found.sealed_finding is None else _finding(vault, found.lookup_id, found.sealed_finding),
    }


def _finding(vault: FileKeyVault, lookup_id: str, sealed: bytes) -> dict[str, Any]:
    return strict_json.loads(open_own(vault.seal_key(), sealed, _place(lookup_id)), max_bytes=_MAX_FINDING * 4)


def _is_overdue(found: Sample, at: datetime) -> bool:
    return found.settled_at is None and found.due_at <= at


def _lines(told: Mapping[str, Any]) -> list[str]:
    who, state = told["practitioner"], "waits"
    if told["justified"] is not None:
        state = "justified" if told["justified"] else "NOT JUSTIFIED"
    elif told["overdue"]:
        state = "OVERDUE"
    return [
        f"{told['id']}: {state}, due {told['due_at'][:10]}, for {told['manager'] or 'nobody yet'}",
        f"  {who.get('id')} ({who.get('role')}, {who.get('org_unit')}), {told['client']}, {told['asked_at'][:16]} UTC",
        f"  for {told['purpose']}, case {told['case_ref']}: {told['reason']}",
        *([f"  {told['finding']['manager']}: {told['finding']['reason']}"] if told["finding"] else []),
    ]


def _place(lookup_id: str) -> bytes:
    return f"sample {lookup_id} finding".encode()
