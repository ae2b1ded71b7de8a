"""Simulation of a draft agreement over every recorded decision of a span of time."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from config.settings import NodeSettings
from gateway.administration import draft_check
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.decision_tally import CountedDecision, DecisionTally, Progress
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from trust.agreements.agreement import Agreement, parse_agreement
from trust.agreements.simulation import Difference, Effect, Simulation
from trust.errors import MalformedClaims, TrustError

_UNTOUCHED, _UNREADABLE = "untouched", "unreadable"
_SHOWN = 200
"""Differences in the text; all of them are in the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationResult:
    """How many decisions there were, by what the draft changes."""

    counts: Counter[Difference | str]
    sorts: int

    @property
    def decisions(self) -> int:
        """How many recorded decisions were decided again."""
        return self.counts.total()

    def of(self, effect: Effect) -> int:
        """Return how many decisions a draft changes in one way."""
        return sum(count for each, count in self.counts.items() if not isinstance(each, str) and each.effect is effect)

    def changes(self) -> list[tuple[Difference, int]]:
        """Return what changes, the most frequent first."""
        changed = [
            (each, count)
            for each, count in self.counts.items()
            if not isinstance(each, str) and each.effect is not Effect.NONE
        ]
        return sorted(changed, key=lambda pair: (-pair[1], str(pair[0])))


def simulate(settings: NodeSettings, file: Path, *, days: int, progress: Progress) -> UseCaseResult:
    """Say what a draft would change for the decisions of the last ``days``, by clause, agency and role, and why.

    Raises :class:`OperationRefused` for a draft that cannot be read.
    """
    draft = read_draft(file)
    until = now() + timedelta(seconds=1)
    with opened_store(settings) as store:
        tally = DecisionTally(
            store=store, seal_key=node_vault(settings).seal_key(), since=until - timedelta(days=days), until=until
        )
        result = run(tally, draft, progress)
    return UseCaseResult(lines=list(_lines(result, draft, days)), data=_data(result))


def run(tally: DecisionTally, draft: Agreement, progress: Progress) -> SimulationResult:
    """Decide every recorded decision again under the draft; equal ones once."""
    simulation, sorts = Simulation(draft=draft), 0

    def key(decision: CountedDecision) -> Difference | str:
        nonlocal sorts
        sorts += 1
        if decision.content is None:
            return _UNREADABLE
        try:
            return simulation.difference(decision.content.inputs, decision.content.outcome) or _UNTOUCHED
        except MalformedClaims:  # recorded by another release
            return _UNREADABLE

    counts = tally.count(key, progress)
    return SimulationResult(counts=counts, sorts=sorts)


def read_draft(file: Path) -> Agreement:
    """Read a draft. Raises :class:`OperationRefused` with every fault."""
    try:
        return parse_agreement(draft_check.read_draft(file))
    except TrustError as refused:
        raise OperationRefused(f"The draft is none: {refused.detail}. Run `hearthgate agreement check`.") from refused


def _lines(result: SimulationResult, draft: Agreement, days: int) -> Iterable[str]:
    yield (
        f"Decided {result.decisions} recorded decisions of the last {days} days again under the draft "
        f"{draft.id} version {draft.version} ({result.sorts} sorts of request)."
    )
    for effect in Effect:
        yield f"  {result.of(effect):>9} {effect}"
    yield f"  {result.counts[_UNTOUCHED]:>9} under another agreement, and untouched"
    if result.counts[_UNREADABLE]:
        yield f"  {result.counts[_UNREADABLE]:>9} recorded by another release, or erased; they are not simulated"
    changes = result.changes()
    for difference, count in changes[:_SHOWN]:
        yield (
            f"{count} x {difference.effect}: {difference.asker} to {difference.holder}, as {difference.role}, "
            f"{difference.kind} for {difference.purpose}, clause {difference.clause}"
        )
        yield from (f"    {reason}" for reason in difference.reasons)
    if len(changes) > _SHOWN:
        yield f"{len(changes) - _SHOWN} more sorts of change are in the output of --json."


def _data(result: SimulationResult) -> dict[str, object]:
    return {
        "decisions": result.decisions,
        "sorts": result.sorts,
        "untouched": result.counts[_UNTOUCHED],
        "unreadable": result.counts[_UNREADABLE],
        "effects": {str(effect): result.of(effect) for effect in Effect},
        "changes": [{**asdict(each), "count": count} for each, count in result.changes()],
    }
