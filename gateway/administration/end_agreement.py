"""End an agreement for good, here and at every other party's node, or leave it to the others."""

from collections.abc import Sequence
from datetime import datetime

from gateway.administration.agreement_exchange import (
    exchange_of,
    journal_facts,
    offer_json,
    offer_lines,
    offer_to_all,
    other_parties,
)
from gateway.administration.agreement_preview import EndPreview, preview_end
from gateway.administration.agreements import versions_of
from gateway.administration.context import node_vault, now
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.signature_exchange import DeliveryStatus
from trust.agreements.agreement import Agreement, Closure, InForce, NotInForce

_PAIR = 2
_OUTCOMES = {
    DeliveryStatus.DELIVERED: "has our notice",
    DeliveryStatus.NOT_HELD: "does not hold this agreement",
    DeliveryStatus.REFUSED: "did not take our notice; this node goes on telling it",
    DeliveryStatus.SILENT: "did not answer; this node goes on telling it",
}


def plan_ending(federation: FederationContext, agreement_id: str, version: int | None) -> ChangePlan:
    """Plan to end the version in force and every lower one, or to withdraw a version that has not begun.

    Raises :class:`OperationRefused` where there is nothing to end.
    """
    registry, at = federation.agreements, now()
    agreement = _version_to_end(versions_of(registry, agreement_id), version, registry, at)
    _require_may_end(federation, agreement, at)
    effect = _effect(agreement, registry, at)
    remaining = _remaining(registry, agreement, at)
    preview = preview_here(federation, agreement, at)
    return ChangePlan(
        effect=[f"{agreement.title}.", *effect, *remaining, *preview.lines()],
        question="End it?",
        apply=lambda: _end(federation, agreement, effect, preview),
    )


def plan_leaving(federation: FederationContext, agreement_id: str) -> ChangePlan:
    """Plan to leave the version in force, which goes on between the other parties.

    Raises :class:`OperationRefused` where there is nothing to leave.
    """
    registry, at = federation.agreements, now()
    agreement = _version_to_leave(versions_of(registry, agreement_id))
    remaining = _remaining(registry, agreement, at)
    preview = preview_here(federation, agreement, at)
    others = ", ".join(party.name for party in agreement.parties if party.entity != federation.own)
    effect = [
        f"{agreement.title}.",
        f"This agency leaves {agreement.id} version {agreement.version} for good.",
        f"It goes on between {others}." if len(agreement.parties) > _PAIR else f"Only {others} is left; nothing flows.",
        "This node neither asks nor answers under it any more, and tells the other parties' nodes to stop too.",
        "To take part again, the parties sign a new version.",
    ]
    return ChangePlan(
        effect=[*effect, *remaining, *preview.lines()],
        question="Leave it?",
        apply=lambda: _leave(federation, agreement, preview),
    )


def preview_here(federation: FederationContext, agreement: Agreement, at: datetime) -> EndPreview:
    """Return what the end of an agreement would stop at this node."""
    key = node_vault(federation.settings).seal_key()
    return preview_end(federation.store, key, agreement, federation.own, at)


def preview_of(federation: FederationContext, agreement_id: str) -> UseCaseResult:
    """Show the preview alone. Raises :class:`OperationRefused` for an agreement that is not held."""
    standing = versions_of(federation.agreements, agreement_id)[-1]
    preview = preview_here(federation, standing.agreement, now())
    return UseCaseResult(lines=list(preview.lines()), data={"preview": preview.to_json()})


def _leave(federation: FederationContext, agreement: Agreement, preview: EndPreview) -> UseCaseResult:
    at, ref = now(), agreement.ref
    _version_to_leave(versions_of(federation.agreements, ref.id))
    record(federation.settings, "agreement leave", **journal_facts(ref))
    exchange = exchange_of(federation)
    if not exchange.endings.leave(agreement, now=at):
        raise OperationRefused(f"This agency has left {ref.id} version {ref.version} already; nothing was changed.")
    offers = offer_to_all(exchange, agreement, other_parties(federation, agreement), at)
    return UseCaseResult(
        lines=[
            f"This agency has left {ref.id} version {ref.version}.",
            *offer_lines(agreement, offers, _OUTCOMES),
            *_remaining(federation.agreements, agreement, at),
        ],
        data={
            "id": ref.id,
            "version": ref.version,
            "left": True,
            "preview": preview.to_json(),
            "parties": [offer_json(each) for each in offers],
        },
    )


def _version_to_leave(versions: Sequence[InForce | NotInForce]) -> Agreement:
    """Return the version in force."""
    name = versions[0].agreement.id
    for standing in versions:
        if isinstance(standing, InForce):
            return standing.agreement
    departure = next((each for each in versions if isinstance(each, NotInForce) and each.closure is Closure.LEFT), None)
    if departure is not None:
        raise OperationRefused(f"This agency has left {name} version {departure.agreement.version}: {departure.reason}")
    raise OperationRefused(
        f"No version of {name} is in force. To withdraw one that has not begun: hearthgate agreement end {name}"
    )


def _require_may_end(federation: FederationContext, agreement: Agreement, at: datetime) -> None:
    """Refuse to end for all what only others may end; what has not taken effect any party may withdraw."""
    if not federation.agreements.took_effect(agreement.ref, now=at) or agreement.may_end(federation.own):
        return
    names = " and ".join(party.name for party in agreement.parties if party.entity in agreement.ended_by)
    raise OperationRefused(
        f"Only {names or 'a party of the document'} may end {agreement.id} for all parties. "
        f"To leave it: hearthgate agreement leave {agreement.id}"
    )


def _end(
    federation: FederationContext, agreement: Agreement, effect: Sequence[str], preview: EndPreview
) -> UseCaseResult:
    at, ref = now(), agreement.ref
    _version_to_end(versions_of(federation.agreements, ref.id), ref.version, federation.agreements, at)
    record(federation.settings, "agreement end", **journal_facts(ref))
    exchange = exchange_of(federation)
    if not exchange.endings.end(agreement, now=at):
        raise OperationRefused(f"{ref.id} version {ref.version} has ended already; nothing was changed.")
    offers = offer_to_all(exchange, agreement, other_parties(federation, agreement), at)
    standing = federation.agreements.find(ref, now=at)
    closure = standing.closure if isinstance(standing, NotInForce) else None
    in_force = [each.agreement for each in federation.agreements.in_force(now=at)]
    return UseCaseResult(
        lines=[
            *effect,
            *offer_lines(agreement, offers, _OUTCOMES),
            *_remaining(federation.agreements, agreement, at),
        ],
        data={
            "id": ref.id,
            "version": ref.version,
            "ended": True,
            "closed": closure or Closure.ENDED,
            "preview": preview.to_json(),
            "in_force": [{"id": each.id, "version": each.version} for each in in_force],
            "parties": [offer_json(each) for each in offers],
        },
    )


def _version_to_end(
    versions: Sequence[InForce | NotInForce], version: int | None, registry: AgreementRegistry, at: datetime
) -> Agreement:
    """Return the version to end: the one named, else the one that took effect, else the highest."""
    open_versions = [each for each in versions if isinstance(each, InForce) or each.closure is None]
    name = versions[0].agreement.id
    if version is None:
        if not open_versions:
            raise OperationRefused(f"Every version of {name} that is held here has ended, was replaced or was left.")
        effective = [each.agreement for each in open_versions if registry.took_effect(each.agreement.ref, now=at)]
        return (effective or [each.agreement for each in open_versions])[-1]
    standing = next((each for each in versions if each.agreement.version == version), None)
    if standing is None:
        raise OperationRefused(f"{name} version {version} is not held here; see `hearthgate agreement list`.")
    if isinstance(standing, NotInForce) and standing.closure is not None:
        more = f" To end the agreement: hearthgate agreement end {name}" if open_versions else ""
        raise OperationRefused(f"{name} version {version} never comes into force again: {standing.reason}{more}")
    return standing.agreement


def _effect(agreement: Agreement, registry: AgreementRegistry, at: datetime) -> list[str]:
    if registry.took_effect(agreement.ref, now=at):
        return [
            f"{agreement.id} version {agreement.version} and every lower version end for good.",
            "This node neither asks nor answers under them any more, and tells the other parties' nodes to stop too.",
            "To share again, the parties sign a new version.",
        ]
    return [
        f"{agreement.id} version {agreement.version}, which has not taken effect, is withdrawn for good.",
        "This node tells the other parties' nodes. Other versions stay as they are.",
    ]


def _remaining(registry: AgreementRegistry, ended: Agreement, at: datetime) -> list[str]:
    """Say what goes on between the same parties, and which version of this agreement may still come into force."""
    lower_ends = registry.took_effect(ended.ref, now=at)
    lines = []
    for standing in registry.standings(now=at):
        agreement = standing.agreement
        same = agreement.id == ended.id
        if agreement.ref == ended.ref or (same and lower_ends and agreement.version < ended.version):
            continue
        title = f"  {agreement.id} version {agreement.version}: {agreement.title}"
        common = [party.name for party in agreement.parties if ended.party(party.entity) is not None]
        if isinstance(standing, InForce):
            if len(common) > 1:
                lines.append(f"{title}, in force until {agreement.valid_until}, between {', '.join(common)}")
        elif same and standing.closure is None:
            lines.append(f"{title}, may still come into force: {standing.reason}")
    if not lines:
        return ["No other agreement is in force between these parties."]
    return ["These go on; end them too where that is meant:", *lines]
