"""Decisions on sharing as an officer sees them: list and show, without the person.

Deciding and reviewing are acts of a person on duty, on the case API.
"""

from config.settings import NodeSettings
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.sharing.decisions import SharingDecisions, SharingView
from gateway.store.tables import sharing_decisions
from gateway.store.tables.sharing_decisions import SharingRow

MAX_LISTED = 500


def list_decisions(settings: NodeSettings, *, overdue: bool) -> UseCaseResult:
    """List decisions, the newest first; with ``overdue`` those whose review is late, the latest of all first."""
    at = now()
    with opened_store(settings) as store:
        rows = store.read(
            lambda tx: (
                sharing_decisions.list_due(tx, by=at, limit=MAX_LISTED)
                if overdue
                else sharing_decisions.list_all(tx, limit=MAX_LISTED)
            )
        )
    return UseCaseResult(
        lines=[_line(row, is_overdue=row.is_overdue(at)) for row in rows] or ["There is no such decision."],
        data={"decisions": [_row_json(row, is_overdue=row.is_overdue(at)) for row in rows]},
    )


def show(settings: NodeSettings, decision: str) -> UseCaseResult:
    """Show one decision. Raises :class:`OperationRefused` where there is none."""
    with opened_store(settings) as store:
        decisions = SharingDecisions(store=store, vault=node_vault(settings), services={})
        row = decisions.get(decision)
        if row is None:
            raise OperationRefused("There is no such decision; `hearthgate sharing list` shows those that are.")
        view = decisions.show(row, now=now())
    return UseCaseResult(
        lines=[_line(row, is_overdue=view.is_overdue), *_details(view)],
        data={
            **_row_json(row, is_overdue=view.is_overdue),
            "law": view.law,
            "case_ref": view.case_ref,
            "request": view.request,
            "reason": view.reason,
            "role": view.decided_by_role,
            "previous": view.previous,
        },
    )


def _details(view: SharingView) -> list[str]:
    """Return what a list does not show."""
    lines = [
        f"  ground: {view.law} ({view.ground})",
        f"  reason: {view.reason}",
        f"  decided by: {view.decided_by_role}; case: {view.case_ref}",
    ]
    lines += [f"  about: {view.request}"] if view.request else []
    lines += [f"  made by the review of {view.previous}"] if view.previous else []
    lines += [f"  reviewed on {view.reviewed_at:%Y-%m-%d}: {view.next}"] if view.reviewed_at else []
    return lines


def _line(row: SharingRow, *, is_overdue: bool) -> str:
    recipient = "" if row.recipient is None else f" with {row.recipient}"
    review = ""
    if row.review_at is not None and row.reviewed_at is None:
        review = f", review by {row.review_at:%Y-%m-%d %H:%M} UTC" + (" (OVERDUE)" if is_overdue else "")
    return f"{row.id}  {row.decided_at:%Y-%m-%d}  {row.service}: {row.outcome}{recipient}, {row.ground}{review}"


def _row_json(row: SharingRow, *, is_overdue: bool) -> dict[str, object]:
    return {
        "id": row.id,
        "service": row.service,
        "outcome": str(row.outcome),
        "ground": row.ground,
        "recipient": row.recipient,
        "decided_at": row.decided_at.isoformat(),
        "review_by": None if row.review_at is None else row.review_at.isoformat(),
        "reviewed_at": None if row.reviewed_at is None else row.reviewed_at.isoformat(),
        "next": row.next_decision,
        "overdue": is_overdue,
    }
