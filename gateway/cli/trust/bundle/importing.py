"""``hearthgate trust bundle import``: take in statements that came in a file, each on its own merits."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import now
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.cli.trust.show import STAGES, rough
from gateway.federation.bundle_import import Fate, Kind, Plan, Verdict
from gateway.federation.freshness import stage_of
from trust.federation.bundle import MAX_BYTES, parse_bundle

_WHAT = {Kind.ANCHOR_KEYS: "Keys of", Kind.CHAIN: "Chain of", Kind.SUSPENSION: "Entry about"}
_FATES = {Fate.TAKEN: "new", Fate.HELD: "held already", Fate.REFUSED: "refused"}


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
        carrier = federation.directory.carrier()
        plan = carrier.judge(parse_bundle(raw), now=at)
        show_plan(*_shown(plan, at))
        late: list[Verdict] = []
        if plan.changes:
            confirm("Take in what is new?", yes=yes)
            taken = [verdict.kind for verdict in plan.verdicts if verdict.fate is Fate.TAKEN]
            counts = {str(kind): taken.count(kind) for kind in Kind}
            record(settings, "trust bundle import", file_sha256=sha256(raw).hexdigest(), **counts)
            late = carrier.take(plan, now=now())
    return _outcome(plan, late)


def _shown(plan: Plan, at: datetime) -> list[str]:
    if not plan.verdicts:
        return ["The bundle is empty."]
    return [text for verdict in plan.verdicts for text in _lines(verdict, at)]


def _lines(verdict: Verdict, at: datetime) -> list[str]:
    about = verdict.about or f"(number {verdict.place} in the file)"
    detail = f", {verdict.detail}" if verdict.detail and verdict.fate is not Fate.REFUSED else ""
    first = f"{_WHAT[verdict.kind]} {about}: {_FATES[verdict.fate]}{detail}"
    if verdict.fate is Fate.REFUSED:
        return [first, f"    {verdict.detail}"]
    if verdict.kind is not Kind.CHAIN or verdict.made_at is None or verdict.expires_at is None:
        return [first]
    age, left = rough(at - verdict.made_at), rough(verdict.expires_at - at)
    stage = STAGES[stage_of(verdict.made_at, bounds=verdict.bounds, now=at)]
    return [first, f"    vouched for {age} ago, expires in {left}: {stage}"]


def _outcome(plan: Plan, late: Sequence[Verdict]) -> UseCaseResult:
    again = {(verdict.kind, verdict.place): verdict for verdict in late}
    verdicts = [again.get((verdict.kind, verdict.place), verdict) for verdict in plan.verdicts]
    counts = {fate: sum(verdict.fate is fate for verdict in verdicts) for fate in Fate}
    lines = [f"{_WHAT[verdict.kind]} {verdict.about}: {verdict.detail}" for verdict in late]
    lines.append(f"Taken in: {counts[Fate.TAKEN]}. Held already: {counts[Fate.HELD]}. Refused: {counts[Fate.REFUSED]}.")
    return UseCaseResult(
        lines=lines,
        data={
            **{str(fate): count for fate, count in counts.items()},
            "statements": [_to_json(verdict) for verdict in verdicts],
        },
        ok=not counts[Fate.REFUSED],
    )


def _to_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "kind": verdict.kind,
        "place": verdict.place,
        "about": verdict.about,
        "fate": verdict.fate,
        "detail": verdict.detail,
        "made_at": verdict.made_at and verdict.made_at.isoformat(),
        "expires_at": verdict.expires_at and verdict.expires_at.isoformat(),
    }
