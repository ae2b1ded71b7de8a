"""What must hold between the parties: the clock, who vouches for us and for our peers, which agreements bind."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from adapters.contract import CheckLine
from config.settings import AnchorSettings, NodeSettings
from gateway.administration.chain_trace import fetch_statement
from gateway.administration.context import opened_store, superiors
from gateway.administration.errors import CORRECTABLE, describe_error
from gateway.administration.federation_context import FederationContext
from gateway.app.commands import federation_of
from gateway.app.wiring import peer_transport
from gateway.cli.doctor import agreements, clock, peers
from gateway.federation.fetch import CONFIGURATION_PATH
from gateway.health.clock_skew import ClockSources
from gateway.ports import Transport, TransportError
from gateway.store.tables import disowned_keys, members
from gateway.store.tables.members import Member
from trust.errors import TrustError
from trust.federation.chain import TrustedEntity
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

Section = tuple[str, list[CheckLine]]
MOST_MEMBERS = 20
_OK = 200


def members_of(settings: AnchorSettings, now: datetime) -> Iterator[Section]:
    """Say for whom the anchor vouches, and ask some of them whether they still sign with those keys."""
    try:
        with opened_store(settings) as store:
            every = store.read(members.list)
        transport = peer_transport(settings)
    except CORRECTABLE as refused:
        yield "Members", [_refused("the members can be read", refused)]
        return
    suspended = [member.entity for member in every if member.state == SuspensionState.SUSPENDED]
    detail = f"{len(every)} admitted" + (f"; suspended: {', '.join(suspended)}" if suspended else "")
    shown = [CheckLine(name="the members can be read", ok=True, detail=detail)]
    standing = [member for member in every if member.state != SuspensionState.SUSPENDED][:MOST_MEMBERS]
    parties = ClockSources(members=tuple(EntityId(each.entity) for each in standing))
    yield "Clock", list(clock.against_others(transport, parties))
    yield "Members", shown + [_member(transport, each, now) for each in standing]


def checks(settings: NodeSettings, now: datetime) -> Iterator[Section]:
    """Check the clock, this node's standing, every peer that an agreement names, and the agreements."""
    try:
        with federation_of(settings) as federation:
            standings = federation.agreements.standings(now=now)
            known = federation.directory.statuses(now=now)  # before anybody is asked, so that it is the running node's
            newest = max((each.trusted.refreshed_at for each in known if each.trusted), default=None)
            anchors, own = tuple(federation.anchors), federation.own
            others = tuple(each.entity for each in known if each.entity not in (own, *anchors))
            yield (
                "Trust",
                [
                    clock.not_behind(newest, now),
                    *clock.against_others(federation.transport, ClockSources(anchors=anchors, members=others)),
                    _own_name(federation, now),
                    _own_keys(federation),
                    *_own_chains(federation, now),
                ],
            )
            yield "Peers", list(peers.checks(federation, standings, now))
            yield "Freshness", [peers.countdown(each, own=federation.own, now=now) for each in known]
            agreed = agreements.checks(federation, standings, now)
            agreed += [*agreements.restrictions(settings, standings), *agreements.unanswered(settings, standings)]
            yield "Agreements", agreed
    except CORRECTABLE as refused:
        yield "Trust", [_refused("the parts that it needs can be opened", refused)]


def _own_name(federation: FederationContext, now: datetime) -> CheckLine:
    """Ask this node's own name, by the way that its peers take, for what it says of itself."""
    name = f"{federation.own} leads to this node"
    ours = parse_entity_configuration(federation.own_configuration(now), now=now).keys.kids
    try:
        answer = fetch_statement(federation.transport, federation.own + CONFIGURATION_PATH)
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
    """Say whether the running node found a key in its own chain that it never had."""
    foreign = federation.store.read(disowned_keys.kids).get(federation.own, frozenset())
    return CheckLine(
        name="superiors vouch for this node's own keys only",
        ok=not foreign,
        detail=f"keys that this node never had: {', '.join(sorted(foreign))}" if foreign else "",
        remedy="Ring the administrators of your superior by a number that you know. If they did not add the key, their "
        "own keys may be stolen: tell your peers, and stop the exchange. This node disowns the key meanwhile.",
    )


def _own_chains(federation: FederationContext, now: datetime) -> Iterator[CheckLine]:
    """Check the chain under every anchor that is to vouch for this node; under which others it stands is told."""
    named = superiors(federation.settings)
    direct = [anchor for anchor in federation.anchors if anchor in named]
    found: TrustedEntity | None = None
    if len(direct) < 2:  # noqa: PLR2004 - one, or none where an intermediate vouches
        found, line = peers.chain(federation, federation.own, now)
        yield line
    else:
        for anchor in direct:
            under = replace(federation, anchors={anchor: federation.anchors[anchor]})
            trusted, line = peers.chain(under, federation.own, now)
            yield replace(line, name=f"{line.name} by {anchor}")
            found = found or trusted
    if found is not None:
        yield from agreements.own_marks(federation, found, now)


def _member(transport: Transport, member: Member, now: datetime) -> CheckLine:
    name = f"{member.entity} signs with the keys that are vouched for"
    vouched = KeySet.from_jwks(dict(member.jwks), KeyUse.FEDERATION).kids
    try:
        answer = fetch_statement(transport, member.entity + CONFIGURATION_PATH)
        if answer.status != _OK:
            raise TransportError(f"it answered {answer.status}")
        stated = parse_entity_configuration(answer.body, now=now).keys.kids
    except TransportError as failed:
        remedy = "Ask its administrators whether it runs; until it answers, nobody can follow its chain anew."
        return CheckLine(name=name, ok=True, warning=True, detail=str(failed), remedy=remedy)
    except TrustError as refused:
        return CheckLine(name=name, ok=False, detail=refused.detail, remedy="Ask its administrators what changed.")
    detail = f"{len(stated & vouched)} of its {len(stated)}"
    remedy = "Compare its new thumbprint by telephone, and admit it again; or suspend it."
    return CheckLine(name=name, ok=bool(stated & vouched), detail=detail, remedy=remedy)


def _refused(name: str, refused: BaseException) -> CheckLine:
    sentence, faults = describe_error(refused)
    remedy = "Correct what stands above under this machine, then run this again."
    return CheckLine(name=name, ok=False, detail=" ".join((sentence, *faults)), remedy=remedy)
