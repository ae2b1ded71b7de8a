"""The lookups that the manager of a vouching case system has to justify: list them, and record a finding."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from config.settings import NodeSettings
from gateway.accountability.access_record import open_account
from gateway.accountability.rate_limits import UNJUSTIFIED
from gateway.administration.administrators import current, persons
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.exchange.query_log import own_name
from gateway.keys.sealed import open_own
from gateway.keys.vault import FileKeyVault
from gateway.ports import Store, Transaction
from gateway.store.tables import clients, flags, justifications, lookups
from gateway.store.tables.justifications import SampledLookup
from trust import strict_json
from trust.sealing import seal

_MAX_FINDING = 2_048
_MAX_REASON = 500


def list_samples(settings: NodeSettings, *, settled: bool, overdue: bool) -> UseCaseResult:
    """List sampled lookups, earliest due date first, with practitioner and case; never with the person asked about."""
    at, vault = now(), node_vault(settings)
    with opened_store(settings) as store:
        samples = [
            _sample_json(store, vault, each, at)
            for each in store.read(lambda tx: justifications.list(tx, is_settled=settled))
            if not overdue or _is_overdue(each, at)
        ]
    return UseCaseResult(
        lines=[line for each in samples for line in _lines(each)] or ["No lookup waits for a justification."],
        data={"samples": samples},
    )


def plan_justification(
    settings: NodeSettings, lookup_id: str, *, manager: str, reason: str, justified: bool
) -> ChangePlan:
    """Plan to record a finding; one against the practitioner raises a flag. Raises :class:`OperationRefused`."""
    if not 0 < len(reason.strip()) <= _MAX_REASON:
        raise OperationRefused(f"--reason: write 1 to {_MAX_REASON} characters.")
    vault = node_vault(settings)
    with opened_store(settings) as store:
        sample = _open_sample(settings, store, vault, lookup_id, manager)
    name = own_name(vault.evidence_hmac_key(), sample["client"], _practitioner(sample))

    def apply() -> UseCaseResult:
        facts = {"id": lookup_id, "manager": manager, "justified": "yes" if justified else "no"}
        with opened_store(settings) as store:
            _open_sample(settings, store, vault, lookup_id, manager)
            by, at = record(settings, "client sample justify", **facts), now()
            document = strict_json.dumps({"manager": manager, "reason": reason, "recorded_by": by})
            sealed = seal(vault.seal_key(), document, _place(lookup_id))

            def settle(tx: Transaction) -> None:
                if not justifications.settle(
                    tx, lookup_id=lookup_id, justified=justified, sealed_finding=sealed, at=at
                ):
                    raise OperationRefused(f"{lookup_id} was settled meanwhile; nothing was changed.")
                if not justified:
                    flags.raise_flag(tx, code=UNJUSTIFIED, asker=f"{sample['client']} {name}", at=at)

            store.write(settle)
        outcome = "is justified" if justified else "is not justified, and a flag is raised: hearthgate flag list"
        return UseCaseResult(lines=[f"{lookup_id} {outcome}."], data={"id": lookup_id, "justified": justified})

    question = "Record that it was justified?" if justified else "Record that it was not justified?"
    return ChangePlan(effect=_lines(sample), question=question, apply=apply)


def _open_sample(
    settings: NodeSettings, store: Store, vault: FileKeyVault, lookup_id: str, manager: str
) -> dict[str, Any]:
    """Return the sample that this manager may settle. Raises :class:`OperationRefused`."""
    sample = store.read(lambda tx: justifications.get(tx, lookup_id=lookup_id))
    if sample is None:
        raise OperationRefused("No such lookup was sampled; `hearthgate client sample list` shows those that were.")
    client_id, settled_at = sample.client_id, sample.settled_at
    client = store.read(lambda tx: clients.get(tx, client_id=client_id))
    json = _sample_json(store, vault, sample, now())
    if settled_at is not None:
        raise OperationRefused(f"{lookup_id} was settled on {settled_at:%Y-%m-%d} already; nothing was changed.")
    if client is None:
        raise OperationRefused("The case system that it came from is not registered here any more.")
    if manager != client.manager:
        raise OperationRefused(
            f"{client.client_id} names another manager ({client.manager}); replace an absent one with "
            f"`hearthgate client manager {client.client_id}`."
        )
    settlers = (manager, *persons(current(settings).name))
    if _practitioner(json).casefold() in {each.casefold() for each in settlers}:
        raise OperationRefused("The practitioner who asked cannot settle this; another manager or administrator does.")
    return json


def _practitioner(sample: Mapping[str, Any]) -> str:
    return str(sample["practitioner"].get("id"))


def _sample_json(store: Store, vault: FileKeyVault, sample: SampledLookup, at: datetime) -> dict[str, Any]:
    client = store.read(lambda tx: clients.get(tx, client_id=sample.client_id))
    row = store.read(lambda tx: lookups.get(tx, lookup_id=sample.lookup_id, client_id=sample.client_id))
    account: Mapping[str, Any] = {}
    if row is not None and row.lookup.sealed_request is not None:
        account = open_account(vault.seal_key(), sample.lookup_id, row.lookup.sealed_request)
    return {
        "id": sample.lookup_id,
        "client": sample.client_id,
        "manager": client.manager if client else None,
        "asked_at": sample.taken_at.isoformat(),
        "due_at": sample.due_at.isoformat(),
        "overdue": _is_overdue(sample, at),
        "practitioner": account.get("practitioner", {}),
        "purpose": account.get("purpose"),
        "case_ref": account.get("case_ref"),
        "reason": account.get("reason"),
        "justified": sample.justified,
        "finding": None if sample.sealed_finding is None else _finding(vault, sample.lookup_id, sample.sealed_finding),
    }


def _finding(vault: FileKeyVault, lookup_id: str, sealed: bytes) -> dict[str, Any]:
    return strict_json.loads(open_own(vault.seal_key(), sealed, _place(lookup_id)), max_bytes=_MAX_FINDING * 4)


def _is_overdue(sample: SampledLookup, at: datetime) -> bool:
    return sample.settled_at is None and sample.due_at <= at


def _lines(sample: Mapping[str, Any]) -> list[str]:
    who, finding, state = sample["practitioner"], sample["finding"], "waits"
    if sample["justified"] is not None:
        state = "justified" if sample["justified"] else "NOT JUSTIFIED"
    elif sample["overdue"]:
        state = "OVERDUE"
    origin = f"{sample['client']}, {sample['asked_at'][:16]} UTC"
    return [
        f"{sample['id']}: {state}, due {sample['due_at'][:10]}, for {sample['manager'] or 'no manager yet'}",
        f"  {who.get('id')} ({who.get('role')}, {who.get('org_unit')}), {origin}",
        f"  for {sample['purpose']}, case {sample['case_ref']}: {sample['reason']}",
        *([f"  {finding['manager']}: {finding['reason']}"] if finding else []),
    ]


def _place(lookup_id: str) -> bytes:
    return f"sample {lookup_id} finding".encode()
