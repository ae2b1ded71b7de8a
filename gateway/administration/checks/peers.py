"""Peers: the route to each, its chain, what it says of this node, and how fresh its chain is.

No request concerns a person. The token that a peer grants is discarded; only a ping sends a message, about no one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic

from cryptography import x509

from adapters.contract import CheckLine
from gateway.administration.chain_trace import trace_chain
from gateway.administration.checks.certificates import check_period, host_of
from gateway.administration.checks.decision import check_decision
from gateway.administration.checks.lines import format_duration
from gateway.administration.context import node_vault
from gateway.administration.federation_context import FederationContext
from gateway.agreements.registry import detail_for
from gateway.federation.freshness import SERVED, Freshness, coming_changes
from gateway.federation.resolver import EntityStatus
from gateway.peers.token_client import Grant, TokenRequester
from gateway.ports import PeerRefused, TransportError
from gateway.runtime.machine_clock import SystemClock
from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.federation.chain import TrustedEntity
from trust.federation.node_metadata import services_left_out
from trust.federation.trust_mark import name_mark
from trust.identifiers import EntityId
from trust.oauth.authorization_details import AuthorizationDetail

Standings = tuple[InForce | NotInForce, ...]
_ASK_S = 5.0
_THEIR_ADMINISTRATORS = "Ask that agency's administrators to run `hearthgate doctor` there."
_STAGES: Mapping[Freshness, str] = {
    Freshness.NORMAL: "up to date",
    Freshness.ALARM: "overdue: known peers are served in full, new ones refused",
    Freshness.URGENT_ONLY: "long overdue: only what is urgent is exchanged",
    Freshness.CLOSED: "nothing is exchanged",
}
_COMING: Mapping[Freshness, str] = {
    Freshness.ALARM: "an alarm is raised and new peers are refused",
    Freshness.URGENT_ONLY: "only what is urgent is exchanged",
    Freshness.CLOSED: "nothing is exchanged",
}
_ROUTE = "Check the name, the route and the firewall, the certificate, and [trust] ca and [hosts] in the configuration."


def ping(federation: FederationContext, peer: EntityId, standings: Standings, now: datetime) -> Iterator[CheckLine]:
    """Check the route to one peer, its chain, that it grants this node a token, and its decision about a message."""
    yield from check_route(federation, peer, now)
    trusted, line = check_chain(federation, peer, now)
    yield line
    if trusted is not None:
        started = monotonic()
        token = check_token(federation, trusted, standings)
        yield replace(token, detail=f"{token.detail} ({(monotonic() - started) * 1000:.0f} ms)")
        if token.ok:
            yield check_decision(federation, trusted, standings, now)


def check_peers(federation: FederationContext, standings: Standings, now: datetime) -> Iterator[CheckLine]:
    """Check every peer that an agreement names."""
    parties = {party.entity for standing in standings for party in standing.agreement.parties}
    entities = sorted(parties - {federation.own})
    if not entities:
        yield CheckLine(name="peers", ok=True, detail="no agreement names one yet")
    for peer in entities:
        yield from check_route(federation, peer, now)
        trusted, line = check_chain(federation, peer, now)
        yield line
        if trusted is not None:
            yield from _marks(trusted, standings)
            yield from _announced(trusted)
            yield check_token(federation, trusted, standings)


def check_route(federation: FederationContext, entity: EntityId, now: datetime) -> Iterator[CheckLine]:
    """Resolve an entity's name, connect, complete the TLS handshake, and check its certificate's period."""
    name = f"the way to {entity}"
    try:
        session = federation.transport.handshake(host_of(entity), timeout_s=_ASK_S)
    except TransportError as failed:
        yield CheckLine(name=name, ok=False, detail=str(failed), remedy=_ROUTE)
        return
    yield CheckLine(name=name, ok=True, detail=f"{session.protocol}, {session.cipher}")
    leaf = x509.load_der_x509_certificate(session.certificate)
    remedy = "Remind that agency's administrators to renew it; from that day it cannot be reached."
    yield check_period(f"the certificate of {entity}", leaf, now, remedy=remedy)


def check_chain(
    federation: FederationContext, entity: EntityId, now: datetime
) -> tuple[TrustedEntity | None, CheckLine]:
    """Fetch and verify the whole chain of an entity, from itself and from its superiors."""
    trace = trace_chain(federation, entity, now=now)
    what = "this node is vouched for" if entity == federation.own else f"{entity} is trusted and can be reached"
    trusted = trace.entity
    if trusted is None:
        failed = next(line for line in trace.lines if not line.ok)
        return None, CheckLine(name=what, ok=False, detail=f"{failed.name}? {failed.detail}", remedy=failed.remedy)
    left_out = services_left_out(trusted.metadata)
    if left_out:
        detail = f"its anchor does not vouch for these services as they are, so none is asked: {', '.join(left_out)}"
        remedy = "Have it admitted again as it is now: `hearthgate trust join` there, `trust admit` at the anchor."
        return trusted, CheckLine(name=what, ok=False, detail=detail, remedy=remedy)
    through = f", through {' and '.join(trusted.superiors[:-1])}" if len(trusted.superiors) > 1 else ""
    detail = f"by {trusted.anchor}{through}, until {trusted.expires_at:%Y-%m-%d %H:%M} UTC"
    return trusted, CheckLine(name=what, ok=True, detail=detail)


def check_freshness(status: EntityStatus, *, own: EntityId, now: datetime) -> CheckLine:
    """Report the freshness of a chain by the profile's section 6, and when each later stage begins."""
    name = "how fresh this node's own standing is" if status.entity == own else f"how fresh {status.entity} is"
    remedy = "See above why its superior cannot be asked; the stages end by themselves once it can."
    trusted, stage = status.trusted, status.freshness
    if status.suspended_by is not None:
        detail = f"suspended by {status.suspended_by}: nothing is exchanged with it"
        return CheckLine(name=name, ok=True, warning=True, detail=detail, remedy="Ask that authority's administrators.")
    if trusted is None or stage is None:
        why = "its superior vouches for it no longer" if status.ended else "no statement about it stands any more"
        return CheckLine(name=name, ok=True, warning=True, detail=f"{why}: nothing is exchanged with it", remedy=remedy)
    coming = [
        f"in {format_duration(min(begins, trusted.expires_at) - now)} {_COMING[each]}"
        for each, begins in coming_changes(trusted.refreshed_at, bounds=trusted.bounds, now=now)
    ]
    detail = f"confirmed {format_duration(now - trusted.refreshed_at)} ago; {_STAGES[stage]}"
    if coming:
        detail += f". Without another answer, {'; '.join(coming)}"
    return CheckLine(name=name, ok=stage in SERVED, warning=stage is not Freshness.NORMAL, detail=detail, remedy=remedy)


def _marks(peer: TrustedEntity, standings: Standings) -> Iterator[CheckLine]:
    mark_types = {mark.mark_type for mark in peer.marks}
    for agreement in _between(standings, peer.entity_id):
        for missing in (mark for mark in agreement.marks_of(peer.entity_id) if mark not in mark_types):
            yield CheckLine(
                name=f"{peer.entity_id} has what {agreement.id} demands",
                ok=False,
                detail=f"it lacks {name_mark(missing)}, so nothing is exchanged under that agreement",
                remedy="Ask its administrators to have that mark issued and to publish it.",
            )


def _announced(peer: TrustedEntity) -> Iterator[CheckLine]:
    """Report a peer with one administrator, and the changes that it announces."""
    announced = None if peer.federation_entity is None else peer.federation_entity.announced
    if announced is None:
        return
    changes = [f"{each.act} ({each.id}, told {each.announced_at:%Y-%m-%d %H:%M} UTC)" for each in announced]
    yield CheckLine(
        name=f"one person administers {peer.entity_id}",
        ok=True,
        warning=bool(changes),
        detail=f"it announces: {', '.join(changes)}" if changes else "it announces no change",
        remedy="Ring that agency where a change looks wrong: it is made 24 hours after it was told.",
    )


def _between(standings: Standings, peer: EntityId) -> Iterator[Agreement]:
    for standing in standings:
        if isinstance(standing, InForce) and standing.agreement.party(peer) is not None:
            yield standing.agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """The content of a token request; ``ours`` says that an agreement in force allows this node that."""

    agreement: Agreement
    detail: AuthorizationDetail
    ours: bool


def _question(standings: Standings, own: EntityId, peer: EntityId) -> _Question | None:
    """Return what this node may ask a peer under an agreement in force, else any clause that names both."""
    question = None
    for standing in standings:
        agreement = standing.agreement
        if agreement.party(own) is None or agreement.party(peer) is None:
            continue
        for clause in agreement.clauses:
            asks = any(each.entity == own for each in clause.askers)
            holds = any(each.entity == peer for each in clause.holders)
            ours = asks and holds and isinstance(standing, InForce)
            if question is None or ours:
                detail = detail_for(agreement.ref, clause.purpose, clause.kind)
                question = _Question(agreement=agreement, detail=detail, ours=ours)
            if ours:
                return question
    return question


def check_token(federation: FederationContext, peer: TrustedEntity, standings: Standings) -> CheckLine:
    """Request a token: the peer then looks up this node's chain and the agreement."""
    name = f"what {peer.entity_id} says of this node"
    question = _question(standings, federation.own, peer.entity_id)
    if question is None or peer.authorization_server is None:
        return CheckLine(name=name, ok=True, detail="no agreement names both, so there is nothing to ask it for")
    requester = TokenRequester(
        own=federation.own,
        vault=node_vault(federation.settings),
        transport=federation.transport,
        clock=SystemClock(),
    )
    grant = Grant(server=peer.authorization_server, detail=question.detail)
    try:
        requester.request(grant, deadline=monotonic() + _ASK_S)
    except PeerRefused as refused:
        return _refused(name, refused, question)
    except TransportError as failed:
        return CheckLine(name=name, ok=False, detail=str(failed), remedy=_THEIR_ADMINISTRATORS)
    detail = f"it trusts this node, and lets it ask under {question.agreement.id} version {question.agreement.version}"
    return CheckLine(name=name, ok=True, detail=detail)


_REFUSALS: Mapping[str, tuple[str, str]] = {
    "invalid_client": (
        "it does not trust this node: it cannot follow its chain, or does not know its key",
        f"Have its administrators run `hearthgate trust check` for this node. {_THEIR_ADMINISTRATORS}",
    ),
    "invalid_dpop_proof": (
        "it does not accept this node's proof",
        "Compare the clocks of both machines; a proof is good for a minute.",
    ),
    "clock-wrong": ("its own clock is wrong, so it answers no request", _THEIR_ADMINISTRATORS),
    "not-reconciled": ("it was restored and answers no request yet", _THEIR_ADMINISTRATORS),
}


def _refused(name: str, refused: PeerRefused, question: _Question) -> CheckLine:
    agreement_name = f"{question.agreement.id} version {question.agreement.version}"
    if refused.code == "invalid_authorization_details" and not question.ours:
        return CheckLine(name=name, ok=True, detail="it trusts this node, which no agreement lets ask it anything")
    if refused.code == "invalid_authorization_details":
        detail = f"it trusts this node, and holds no such agreement in force: {agreement_name}"
        remedy = f"Have its administrators add {agreement_name} with every signature: hearthgate agreement add."
        return CheckLine(name=name, ok=False, detail=detail, remedy=remedy)
    detail, remedy = _REFUSALS.get(refused.code, (str(refused), _THEIR_ADMINISTRATORS))
    return CheckLine(name=name, ok=False, detail=detail, remedy=remedy)
