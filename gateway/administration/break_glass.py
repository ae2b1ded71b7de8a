"""Uses of break-glass: list and show them, record a second person's review, and end a suspension (assertion A52)."""

from collections.abc import Mapping
from typing import Any

from config.break_glass import BreakGlassSettings, same_person
from config.settings import NodeSettings
from gateway.accountability.access_record import open_account
from gateway.accountability.rate_limits import UNJUSTIFIED
from gateway.administration.administrators import current, persons
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.keys.sealed import open_own
from gateway.keys.vault import FileKeyVault
from gateway.ports import Store, Transaction
from gateway.store.tables import break_glass, flags, lookups
from gateway.store.tables.break_glass import BreakGlassUse
from trust import strict_json
from trust.sealing import seal

_MAX_REASON = 500
_MAX_FINDING = 8_192


def list_uses(settings: NodeSettings, *, with_reviewed: bool) -> UseCaseResult:
    """List uses, the oldest first, with the practitioner; never with the person asked about."""
    at, vault = now(), node_vault(settings)
    with opened_store(settings) as store:
        uses = store.read(lambda tx: break_glass.list(tx, with_reviewed=with_reviewed, now=at))
        documents = [_to_json(store, vault, each) for each in uses]
    lines = [line for each in documents for line in _lines(each)[:2]]
    return UseCaseResult(lines=lines or ["No use of break-glass waits."], data={"uses": documents})


def show(settings: NodeSettings, lookup_id: str) -> UseCaseResult:
    """Show one use with its reason. Raises :class:`OperationRefused` where there is none."""
    with opened_store(settings) as store:
        document = _to_json(store, node_vault(settings), _require(store, lookup_id))
    return UseCaseResult(lines=_lines(document), data=document)


def plan_review(settings: NodeSettings, lookup_id: str, *, reviewer: str, reason: str, justified: bool) -> ChangePlan:
    """Plan to record a review; one against the practitioner raises a flag and suspends their break-glass.

    Raises :class:`OperationRefused` for a person who may not review it, the one who asked among them.
    """
    if not 0 < len(reason.strip()) <= _MAX_REASON:
        raise OperationRefused(f"--reason: write 1 to {_MAX_REASON} characters.")
    vault = node_vault(settings)
    with opened_store(settings) as store:
        document = _reviewable(settings, store, vault, lookup_id, reviewer)

    def apply() -> UseCaseResult:
        with opened_store(settings) as store:
            _reviewable(settings, store, vault, lookup_id, reviewer)
            use = _require(store, lookup_id)
            facts = {"id": lookup_id, "reviewer": reviewer, "justified": "yes" if justified else "no"}
            by, at = record(settings, "break-glass review", **facts), now()
            finding = strict_json.dumps({"reviewer": reviewer, "reason": reason, "recorded_by": by})
            sealed = seal(vault.seal_key(), finding, _place(lookup_id))

            def effect(tx: Transaction) -> None:
                if not break_glass.review(tx, lookup_id, justified=justified, sealed_finding=sealed, at=at):
                    raise OperationRefused(f"{lookup_id} was reviewed meanwhile; nothing was changed.")
                if not justified:
                    flags.raise_flag(tx, code=UNJUSTIFIED, asker=f"{use.client_id} {use.practitioner}", at=at)

            store.write(effect)
        outcome = "was justified" if justified else "was not justified; this person's break-glass is suspended"
        return UseCaseResult(lines=[f"{lookup_id} {outcome}."], data={"id": lookup_id, "justified": justified})

    return ChangePlan(effect=_lines(document), question="Record this review?", apply=apply)


def plan_lift(settings: NodeSettings, lookup_id: str, *, manager: str, reason: str) -> ChangePlan:
    """Plan to end the suspension for a use that was not justified. Raises :class:`OperationRefused`."""
    if not 0 < len(reason.strip()) <= _MAX_REASON:
        raise OperationRefused(f"--reason: write 1 to {_MAX_REASON} characters.")
    if manager != _reviewers(settings).manager:
        raise OperationRefused(f"Only the reviewer's manager, {_reviewers(settings).manager}, lifts a suspension.")
    vault = node_vault(settings)
    with opened_store(settings) as store:
        document = _to_json(store, vault, _require(store, lookup_id))
    _refuse_own(settings, document, manager)

    def apply() -> UseCaseResult:
        record(settings, "break-glass lift", id=lookup_id, manager=manager, reason=reason)
        with opened_store(settings) as store:
            is_lifted = store.write(lambda tx: break_glass.lift(tx, lookup_id, at=now()))
        if not is_lifted:
            raise OperationRefused(f"{lookup_id} suspends no one; nothing was changed.")
        return UseCaseResult(lines=[f"{lookup_id} suspends this person no more."], data={"id": lookup_id})

    return ChangePlan(effect=_lines(document), question="End the suspension?", apply=apply)


def _reviewers(settings: NodeSettings) -> BreakGlassSettings:
    if settings.break_glass is None:
        raise OperationRefused("The configuration names no reviewer ([break_glass]).")
    return settings.break_glass


def _reviewable(
    settings: NodeSettings, store: Store, vault: FileKeyVault, lookup_id: str, reviewer: str
) -> dict[str, Any]:
    reviewers, use = _reviewers(settings), _require(store, lookup_id)
    if use.reviewed_at is not None:
        raise OperationRefused(f"{lookup_id} was reviewed on {use.reviewed_at:%Y-%m-%d} already; nothing was changed.")
    if reviewer not in {reviewers.reviewer, reviewers.manager}:
        raise OperationRefused(
            f"[break_glass] names {reviewers.reviewer} and {reviewers.manager}; one of them reviews it."
        )
    document = _to_json(store, vault, use)
    _refuse_own(settings, document, reviewer)
    return document


def _refuse_own(settings: NodeSettings, document: Mapping[str, Any], reviewer: str) -> None:
    """Refuse a review by the person who asked: as reviewer, by the sign-in id of that name, or at the keyboard."""
    reviewers, name = _reviewers(settings), str(document["practitioner"].get("id", ""))
    sign_in = reviewers.reviewer_id if reviewer == reviewers.reviewer else reviewers.manager_id
    if any(same_person(name, each) for each in (reviewer, sign_in, *persons(current(settings).name))):
        raise OperationRefused("The person who asked cannot review this; another named person does.")


def _require(store: Store, lookup_id: str) -> BreakGlassUse:
    use = store.read(lambda tx: break_glass.get(tx, lookup_id))
    if use is None:
        raise OperationRefused("No such use of break-glass; `hearthgate break-glass list --all` shows those that are.")
    return use


def _to_json(store: Store, vault: FileKeyVault, use: BreakGlassUse) -> dict[str, Any]:
    row = store.read(lambda tx: lookups.get(tx, lookup_id=use.lookup_id, client_id=use.client_id))
    account: Mapping[str, Any] = {}
    if row is not None and row.lookup.sealed_request is not None:
        account = open_account(vault.seal_key(), use.lookup_id, row.lookup.sealed_request)
    return {
        "id": use.lookup_id,
        "client": use.client_id,
        "code": use.code,
        "used_at": use.used_at.isoformat(),
        "due_at": use.due_at.isoformat(),
        "overdue": use.is_overdue(now()),
        "practitioner": account.get("practitioner", {}),
        "purpose": account.get("purpose"),
        "case_ref": account.get("case_ref"),
        "reason": account.get("break_glass", {}).get("reason"),
        "justified": use.justified,
        "finding": None if use.sealed_finding is None else _finding(vault, use.lookup_id, use.sealed_finding),
        "lifted_at": None if use.lifted_at is None else use.lifted_at.isoformat(),
    }


def _finding(vault: FileKeyVault, lookup_id: str, sealed: bytes) -> dict[str, Any]:
    return strict_json.loads(open_own(vault.seal_key(), sealed, _place(lookup_id)), max_bytes=_MAX_FINDING)


def _place(lookup_id: str) -> bytes:
    return f"break-glass {lookup_id} finding".encode()


def _lines(document: Mapping[str, Any]) -> list[str]:
    who, state = document["practitioner"], "waits"
    if document["justified"] is not None:
        state = (
            "justified" if document["justified"] else "NOT JUSTIFIED" + (", lifted" if document["lifted_at"] else "")
        )
    elif document["overdue"]:
        state = "OVERDUE, and suspends this person's break-glass"
    lines = [
        f"{document['id']}: {document['code']}, {state}, due {document['due_at'][:16]} UTC",
        f"  {who.get('id')} ({who.get('role')}, {who.get('org_unit')}), {document['used_at'][:16]} UTC",
        f"  for {document['purpose']}, case {document['case_ref']}: {document['reason']}",
    ]
    finding = document["finding"]
    return [*lines, f"  {finding['reviewer']}: {finding['reason']}"] if finding else lines
