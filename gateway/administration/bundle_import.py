"""Import signed statements from a file: each is checked as if it had been fetched, and nothing is fetched."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.administration.context import now
from gateway.administration.federation_context import FederationContext
from gateway.administration.federation_overview import FRESHNESS_WORDS, rough
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.federation.bundle_import import ImportDecision, ImportPlan, ImportResult, StatementType
from gateway.federation.freshness import freshness_of
from trust.federation.bundle import MAX_BYTES, parse_bundle

_WHAT = {StatementType.ANCHOR_KEYS: "Keys of", StatementType.CHAIN: "Chain of", StatementType.SUSPENSION: "Entry about"}
_RESULTS = {ImportResult.TAKEN: "new", ImportResult.HELD: "held already", ImportResult.REFUSED: "refused"}


def plan_import(federation: FederationContext, file: Path) -> ChangePlan:
    """Plan to take in the statements of a file, as if each had been fetched; it asks nothing where none is new.

    It is no refresh: a chain counts from when its statements were made. Raises :class:`OperationRefused` and
    ``TrustError``.
    """
    at, raw = now(), read_input(file, "The bundle", most=MAX_BYTES)
    importer = federation.directory.importer()
    plan = importer.plan(parse_bundle(raw), now=at)

    def apply() -> UseCaseResult:
        late: list[ImportDecision] = []
        if plan.changes:
            accepted = [decision.kind for decision in plan.decisions if decision.result is ImportResult.TAKEN]
            counts = {str(kind): accepted.count(kind) for kind in StatementType}
            record(federation.settings, "trust bundle import", file_sha256=sha256(raw).hexdigest(), **counts)
            late = importer.apply(plan, now=now())
        return _result(plan, late)

    question = "Take in what is new?" if plan.changes else ""
    return ChangePlan(effect=_effect(plan, at), question=question, apply=apply)


def _effect(plan: ImportPlan, at: datetime) -> list[str]:
    if not plan.decisions:
        return ["The bundle is empty."]
    return [text for decision in plan.decisions for text in _lines(decision, at)]


def _lines(decision: ImportDecision, at: datetime) -> list[str]:
    about = decision.about or f"(number {decision.place} in the file)"
    detail = f", {decision.detail}" if decision.detail and decision.result is not ImportResult.REFUSED else ""
    first = f"{_WHAT[decision.kind]} {about}: {_RESULTS[decision.result]}{detail}"
    if decision.result is ImportResult.REFUSED:
        return [first, f"    {decision.detail}"]
    if decision.kind is not StatementType.CHAIN or decision.made_at is None or decision.expires_at is None:
        return [first]
    age, rest = rough(at - decision.made_at), rough(decision.expires_at - at)
    stage = FRESHNESS_WORDS[freshness_of(decision.made_at, bounds=decision.bounds, now=at)]
    return [first, f"    vouched for {age} ago, expires in {rest}: {stage}"]


def _result(plan: ImportPlan, late: Sequence[ImportDecision]) -> UseCaseResult:
    again = {(decision.kind, decision.place): decision for decision in late}
    decisions = [again.get((decision.kind, decision.place), decision) for decision in plan.decisions]
    counts = {result: sum(decision.result is result for decision in decisions) for result in ImportResult}
    lines = [f"{_WHAT[decision.kind]} {decision.about}: {decision.detail}" for decision in late]
    lines.append(
        f"Taken in: {counts[ImportResult.TAKEN]}. Held already: {counts[ImportResult.HELD]}. "
        f"Refused: {counts[ImportResult.REFUSED]}."
    )
    return UseCaseResult(
        lines=lines,
        data={
            **{str(result): count for result, count in counts.items()},
            "statements": [_to_json(decision) for decision in decisions],
        },
        ok=not counts[ImportResult.REFUSED],
    )


def _to_json(decision: ImportDecision) -> dict[str, Any]:
    return {
        "kind": decision.kind,
        "place": decision.place,
        "about": decision.about,
        "fate": decision.result,
        "detail": decision.detail,
        "made_at": decision.made_at and decision.made_at.isoformat(),
        "expires_at": decision.expires_at and decision.expires_at.isoformat(),
    }
