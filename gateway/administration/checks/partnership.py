"""A node among others: its clock, its chain, its peers and its agreements."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from adapters.contract import CheckLine
from config.settings import NodeSettings
from gateway.administration.checks import agreements, clock, peers
from gateway.administration.checks.lines import Section, refused_line
from gateway.administration.context import superiors
from gateway.administration.errors import CORRECTABLE
from gateway.administration.federation_context import FederationContext
from gateway.federation.fetch import CONFIGURATION_PATH, fetch_document
from gateway.health.clock_skew import ClockSources
from gateway.ports import TransportError
from gateway.store.tables import disowned_keys
from trust.errors import TrustError
from trust.federation.chain import TrustedEntity
from trust.federation.entity_statement import parse_entity_configuration

OpenFederation = Callable[[NodeSettings], AbstractContextManager[FederationContext]]
_OK = 200


def check_partnership(settings: NodeSettings, open_federation: OpenFederation, now: datetime) -> Iterator[Section]:
    """Check the clock, this node's own chain, every peer that an agreement names, and the agreements."""
    try:
        with open_federation(settings) as federation:
            standings = federation.agreements.standings(now=now)
            # Before any request, so that it is the state of the running node.
            statuses = federation.directory.statuses(now=now)
            newest = max((each.trusted.refreshed_at for each in statuses if each.trusted), default=None)
            anchors, own = tuple(federation.anchors), federation.own
            others = tuple(each.entity for each in statuses if each.entity not in (own, *anchors))
            yield (
                "Trust",
                [
                    clock.check_not_behind(newest, now),
                    *clock.check_against_others(federation.transport, ClockSources(anchors=anchors, members=others)),
                    _own_name(federation, now),
                    _own_keys(federation),
                    *_own_chains(federation, now),
                ],
            )
            yield "Peers", list(peers.check_peers(federation, standings, now))
            yield "Freshness", [peers.check_freshness(each, own=federation.own, now=now) for each in statuses]
            lines = agreements.check_agreements(federation, standings, now)
            lines += agreements.check_restrictions(settings, standings)
            lines += agreements.check_plays(settings, standings)
            lines += agreements.check_holders(settings, standings)
            lines += agreements.check_usefulness(federation, standings, now)
            yield "Agreements", lines
    except CORRECTABLE as refused:
        yield "Trust", [refused_line("the parts that it needs can be opened", refused)]


def _own_name(federation: FederationContext, now: datetime) -> CheckLine:
    """Fetch this node's configuration from its own name, as a peer does."""
    name = f"{federation.own} leads to this node"
    ours = parse_entity_configuration(federation.own_configuration(now), now=now).keys.kids
    try:
        answer = fetch_document(federation.transport, federation.own + CONFIGURATION_PATH)
        theirs = parse_entity_configuration(answer.body, now=now).keys.kids if answer.status == _OK else None
    except TransportError as failed:
        return CheckLine(
            name=name,
            ok=True,
            warning=True,
            detail=f"not from here: {failed}",
            remedy="Start the node, then look after its name in the DNS, the proxy and the firewall. Where a machine "
            "cannot reach its own public name, let a peer run `hearthgate trust check` for it.",
        )
    except TrustError as refused:
        detail = f"what answers there makes no statement of this profile: {refused.detail}"
        return CheckLine(name=name, ok=False, detail=detail, remedy="Lead the name and the proxy to this node.")
    if theirs is None:
        detail = f"what answers there says {answer.status}"
        return CheckLine(name=name, ok=False, detail=detail, remedy="See the node's log, and the proxy's.")
    remedy = "Lead the name and the proxy to this node; a restored or copied node must run only once."
    detail = "it answers with these keys" if theirs == ours else "what answers there has other federation keys"
    return CheckLine(name=name, ok=theirs == ours, detail=detail, remedy=remedy)


def _own_keys(federation: FederationContext) -> CheckLine:
    """Report keys in this node's own chain that it never had, as the running node found them."""
    foreign = federation.store.read(disowned_keys.kids).get(federation.own, frozenset())
    return CheckLine(
        name="superiors vouch for this node's own keys only",
        ok=not foreign,
        detail=f"keys that this node never had: {', '.join(sorted(foreign))}" if foreign else "",
        remedy="Ring the administrators of your superior by a number that you know. If they did not add the key, their "
        "own keys may be stolen: tell your peers, and stop the exchange. This node disowns the key meanwhile.",
    )


def _own_chains(federation: FederationContext, now: datetime) -> Iterator[CheckLine]:
    """Check the chain under each anchor that this node names as its superior, else under any."""
    own_superiors = superiors(federation.settings)
    direct = [anchor for anchor in federation.anchors if anchor in own_superiors]
    entity: TrustedEntity | None = None
    if len(direct) < 2:  # noqa: PLR2004 - one, or none where an intermediate vouches
        entity, line = peers.check_chain(federation, federation.own, now)
        yield line
    else:
        for anchor in direct:
            under = replace(federation, anchors={anchor: federation.anchors[anchor]})
            trusted, line = peers.check_chain(under, federation.own, now)
            yield replace(line, name=f"{line.name} by {anchor}")
            entity = entity or trusted
    if entity is not None:
        yield from agreements.check_own_marks(federation, entity, now)
