"""Compare messages on demand: this node with its case systems, and with the recipients of its messages."""

from datetime import datetime
from functools import partial

from gateway.administration.outcome import UseCaseResult
from gateway.delivery.receiving_rounds import ReceivingRounds
from gateway.delivery.reconciliation import Reconciler
from gateway.store.tables.reconciliations import Reconciliation
from trust.identifiers import EntityId


def compare_messages(rounds: ReceivingRounds, reconciler: Reconciler, *, now: datetime) -> UseCaseResult:
    """Compare now. ``ok`` is false where a message is missing, or a party did not answer."""
    lost_count = reconciler.attempt("verify", partial(rounds.verify, now))
    results = reconciler.compare(now)
    lines = [_case_systems_line(lost_count), *(_line(peer, result) for peer, result in results.items())]
    answers = [result for result in results.values() if result is not None]
    is_whole = lost_count == 0 and len(answers) == len(results) and not any(each.holes for each in answers)
    data = {
        "lost_in_case_systems": lost_count,
        "recipients": [
            {"recipient": peer, "answered": result is not None, **({} if result is None else _counts(result))}
            for peer, result in results.items()
        ],
    }
    return UseCaseResult(lines=lines, data=data, ok=is_whole)


def _case_systems_line(lost_count: int | None) -> str:
    if lost_count is None:
        return "own case systems: the comparison failed; the log says where"
    return f"own case systems: {lost_count} lost"


def _line(peer: EntityId, result: Reconciliation | None) -> str:
    if result is None:
        return f"{peer}: no answer; it is asked again within the hour"
    counts = f"{result.sent_count} sent, {result.accepted_count} accepted, {result.held_count} held by a case system"
    return f"{peer}: {counts}, {result.holes} missing"


def _counts(result: Reconciliation) -> dict[str, int]:
    return {
        "sent": result.sent_count,
        "accepted": result.accepted_count,
        "held": result.held_count,
        "missing": result.holes,
    }
