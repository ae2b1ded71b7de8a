"""``hearthgate trust bundle import``: take in statements that came in a file, each on its own merits."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import now
from gateway.administration.federation_overview import FRESHNESS_WORDS, rough
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.federation.bundle_import import ImportDecision, ImportPlan, ImportResult, StatementType
from gateway.federation.freshness import freshness_of
from trust.federation.bundle import MAX_BYTES, parse_bundle

_WHAT = {StatementType.ANCHOR_KEYS: "Keys of", StatementType.CHAIN: "Chain of", StatementType.SUSPENSION: "Entry about"}
_FATES = {ImportResult.TAKEN: "new", ImportResult.HELD: "held already", ImportResult.REFUSED: "refused"}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@yes_option
@command_output
def import_bundle(*, file: Path, config: Path | None, yes: bool) -> UseCaseResult:
    """Take in the statements in FILE, as if each had been fetched. Nothing is fetched.

    It is no refresh: a chain counts from when its statements were made. What is older than what is known here is
    refused, and so is a chain of somebody unknown that is more than 15 minutes old.
    """
    settings, at = load_node(config), now()
    raw = read_input(file, "The bundle", most=MAX_BYTES)
    with federation_of(settings) as federation:
        importer = federation.directory.importer()
        plan = importer.plan(parse_bundle(raw), now=at)
        show_plan(*_shown(plan, at))
        late: list[ImportDecision] = []
        if plan.changes:
            confirm("Take in what is new?", yes=yes)
            taken = [decision.kind for decision in plan.decisions if decision.result is ImportResult.TAKEN]
            counts = {str(kind): taken.count(kind) for kind in StatementType}
            record(settings, "trust bundle import", file_sha256=sha256(raw).hexdigest(), **counts)
            late = importer.apply(plan, now=now())
    return _outcome(plan, late)


def _shown(plan: ImportPlan, at: datetime) -> list[str]:
    if not plan.decisions:
        return ["The bundle is empty."]
    return [text for decision in plan.decisions for text in _lines(decision, at)]


def _lines(decision: ImportDecision, at: datetime) -> list[str]:
    about = decision.about or f"(number {decision.place} in the file)"
    detail = f", {decision.detail}" if decision.detail and decision.result is not ImportResult.REFUSED else ""
    first = f"{_WHAT[decision.kind]} {about}: {_FATES[decision.result]}{detail}"
    if decision.result is ImportResult.REFUSED:
        return [first, f"    {decision.detail}"]
    if decision.kind is not StatementType.CHAIN or decision.made_at is None or decision.expires_at is None:
        return [first]
    age, left = rough(at - decision.made_at), rough(decision.expires_at - at)
    stage = FRESHNESS_WORDS[freshness_of(decision.made_at, bounds=decision.bounds, now=at)]
    return [first, f"    vouched for {age} ago, expires in {left}: {stage}"]


def _outcome(plan: ImportPlan, late: Sequence[ImportDecision]) -> UseCaseResult:
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
