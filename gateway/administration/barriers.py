"""Report of what agreements, local rules and missing consent blocked, and what would unblock it."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta

from config.settings import NodeSettings
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.decision_tally import CountedDecision, DecisionTally, Progress
from gateway.administration.outcome import UseCaseResult
from trust.agreements.barriers import Barrier, barrier

_SHOWN = 200
"""Barriers in the text; all of them are in the data."""


def report(settings: NodeSettings, *, days: int, progress: Progress) -> UseCaseResult:
    """List what was refused in the last ``days``, the most frequent first, with the reason and what would permit it."""
    until = now() + timedelta(seconds=1)
    with opened_store(settings) as store:
        tally = DecisionTally(
            store=store, seal_key=node_vault(settings).seal_key(), since=until - timedelta(days=days), until=until
        )
        counts = tally.count(_barrier, progress)
    barriers = [(each, count) for each, count in counts.most_common() if each is not None]
    blocked = sum(count for _, count in barriers)
    return UseCaseResult(
        lines=list(_lines(barriers, blocked, counts.total(), days)),
        data={
            "decisions": counts.total(),
            "blocked": blocked,
            "barriers": [{**asdict(each), "count": count} for each, count in barriers],
        },
    )


def _barrier(decision: CountedDecision) -> Barrier | None:
    return None if decision.content is None else barrier(decision.content.inputs, decision.content.outcome)


def _lines(barriers: list[tuple[Barrier, int]], blocked: int, decisions: int, days: int) -> Iterable[str]:
    yield f"{blocked} of {decisions} requests of the last {days} days were blocked."
    for each, count in barriers[:_SHOWN]:
        yield f"{count} x {each.asker} to {each.holder}, as {each.role}, {each.kind} for {each.purpose}"
        yield f"    why: {each.reason} ({each.code}; agreement {each.agreement}, clause {each.clause})"
        yield f"    what would unblock it: {each.unblocked_by}"
    if len(barriers) > _SHOWN:
        yield f"{len(barriers) - _SHOWN} more are in the output of --json."
