"""``hearthgate agreement end``: the end of an agreement, here and at every other party's node."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import now
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.signature_exchange import DeliveryStatus, OfferResult
from gateway.app.commands import federation_of
from gateway.cli.agreement.exchanging import exchanged, exchanged_json, exchanged_lines, others
from gateway.cli.agreement.signatures import countersigning_of
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from trust.agreements.agreement import Agreement, Closure, InForce, NotInForce

_TOLD = {
    DeliveryStatus.DELIVERED: "has our notice",
    DeliveryStatus.NOT_HELD: "does not hold this agreement",
    DeliveryStatus.REFUSED: "did not take our notice; this node goes on telling it",
    DeliveryStatus.SILENT: "did not answer; this node goes on telling it",
}


@click.command()
@click.argument("agreement_id", metavar="ID")
@click.argument("version", type=int, required=False)
@config_option
@yes_option
@command_output
def end(*, agreement_id: str, version: int | None, config: Path | None, yes: bool) -> UseCaseResult:
    """End the agreement ID at once and for good, here and at the other parties' nodes.

    That is the version in force, and every lower one. Name a VERSION to withdraw one that has not begun yet.
    """
    with federation_of(load_node(config)) as federation:
        at = now()
        book = federation.agreements
        held = versions_of(book, agreement_id, at)
        ended = _to_end(held, version, book, at)
        effect = _effect(ended, book, at)
        show_plan(f"{ended.title}.", *effect, *_still_in_force(book, ended, at))
        confirm("End it?", yes=yes)
        facts = {"agreement": str(ended.id), "digest": ended.ref.digest}
        record(federation.settings, "agreement end", version=ended.version, **facts)
        countersigning = countersigning_of(federation)
        if not countersigning.endings.end(ended, now=at):
            raise OperationRefused(f"{ended.id} version {ended.version} has ended already; nothing was changed.")
        told = exchanged(countersigning, ended, others(federation, ended), at)
        return _outcome(federation, ended, effect, told, at)


def versions_of(book: AgreementRegistry, agreement_id: str, at: datetime) -> list[InForce | NotInForce]:
    """Return how each version of an agreement stands, lowest first. Raises ``OperationRefused`` where none is held."""
    found = [standing for standing in book.standings(now=at) if standing.agreement.id == agreement_id]
    if not found:
        raise OperationRefused(f"No agreement {agreement_id} is held here; see `hearthgate agreement list`.")
    return found


def _to_end(
    held: Sequence[InForce | NotInForce], version: int | None, book: AgreementRegistry, at: datetime
) -> Agreement:
    """Return the version to end: the one named, else the one that took effect, else the highest."""
    still = [each for each in held if isinstance(each, InForce) or each.closure is None]
    named = held[0].agreement.id
    if version is None:
        if not still:
            raise OperationRefused(f"Every version of {named} that is held here has ended or was replaced.")
        effective = [each.agreement for each in still if book.took_effect(each.agreement.ref, now=at)]
        return (effective or [each.agreement for each in still])[-1]
    found = next((each for each in held if each.agreement.version == version), None)
    if found is None:
        raise OperationRefused(f"{named} version {version} is not held here; see `hearthgate agreement list`.")
    if isinstance(found, NotInForce) and found.closure is not None:
        more = f" To end the agreement: hearthgate agreement end {named}" if still else ""
        raise OperationRefused(f"{named} version {version} never comes into force again: {found.reason}{more}")
    return found.agreement


def _effect(ended: Agreement, book: AgreementRegistry, at: datetime) -> list[str]:
    if book.took_effect(ended.ref, now=at):
        return [
            f"{ended.id} version {ended.version} and every lower version end for good.",
            "This node neither asks nor answers under them any more, and tells the other parties' nodes to stop too.",
            "To share again, the parties sign a new version.",
        ]
    return [
        f"{ended.id} version {ended.version}, which has not taken effect, is withdrawn for good.",
        "This node tells the other parties' nodes. Other versions stay as they are.",
    ]


def _still_in_force(book: AgreementRegistry, ended: Agreement, at: datetime) -> list[str]:
    """Say what goes on between the same parties, and which version of this agreement may still come into force."""
    lower_ends = book.took_effect(ended.ref, now=at)
    lines = []
    for standing in book.standings(now=at):
        agreement = standing.agreement
        same = agreement.id == ended.id
        if agreement.ref == ended.ref or (same and lower_ends and agreement.version < ended.version):
            continue
        named = f"  {agreement.id} version {agreement.version}: {agreement.title}"
        shared = [party.name for party in agreement.parties if ended.party(party.entity) is not None]
        if isinstance(standing, InForce):
            if len(shared) > 1:
                lines.append(f"{named}, in force until {agreement.valid_until}, between {', '.join(shared)}")
        elif same and standing.closure is None:
            lines.append(f"{named}, may still come into force: {standing.reason}")
    if not lines:
        return ["No other agreement is in force between these parties."]
    return ["These go on; end them too where that is meant:", *lines]


def _outcome(
    federation: FederationContext, ended: Agreement, effect: Sequence[str], told: Sequence[OfferResult], at: datetime
) -> UseCaseResult:
    standing = federation.agreements.find(ended.ref, now=at)
    closure = standing.closure if isinstance(standing, NotInForce) else None
    still = _still_in_force(federation.agreements, ended, at)
    lines = [*effect, *exchanged_lines(ended, told, _TOLD), *still]
    return UseCaseResult(
        lines=lines,
        data={
            "id": ended.id,
            "version": ended.version,
            "ended": True,
            "closed": closure or Closure.ENDED,
            "in_force": [_ref(each) for each in federation.agreements.in_force(now=at)],
            "parties": [exchanged_json(each) for each in told],
        },
    )


def _ref(standing: InForce) -> dict[str, Any]:
    return {"id": standing.agreement.id, "version": standing.agreement.version}
