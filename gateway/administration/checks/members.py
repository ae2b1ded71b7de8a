"""Members of an authority: whether they sign with the keys that it vouches for."""

from collections.abc import Callable, Iterator
from datetime import datetime

from adapters.contract import CheckLine
from config.settings import AnchorSettings
from gateway.administration.checks import clock
from gateway.administration.checks.lines import Section, refused_line
from gateway.administration.context import Settings, opened_store
from gateway.administration.errors import CORRECTABLE
from gateway.federation.fetch import CONFIGURATION_PATH, fetch_document
from gateway.health.clock_skew import ClockSources
from gateway.ports import Transport, TransportError
from gateway.store.tables import members
from gateway.store.tables.members import Member
from trust.errors import TrustError
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

MOST_MEMBERS = 20
_OK = 200


def check_members(
    settings: AnchorSettings, peer_transport: Callable[[Settings], Transport], now: datetime
) -> Iterator[Section]:
    """Check the clock and the members' store, and whether some members still sign with their registered keys."""
    try:
        with opened_store(settings) as store:
            all_members = store.read(members.list)
        transport = peer_transport(settings)
    except CORRECTABLE as refused:
        yield "Members", [refused_line("the members can be read", refused)]
        return
    suspended = [member.entity for member in all_members if member.state == SuspensionState.SUSPENDED]
    detail = f"{len(all_members)} admitted" + (f"; suspended: {', '.join(suspended)}" if suspended else "")
    lines = [CheckLine(name="the members can be read", ok=True, detail=detail)]
    active = [member for member in all_members if member.state != SuspensionState.SUSPENDED][:MOST_MEMBERS]
    parties = ClockSources(members=tuple(EntityId(each.entity) for each in active))
    yield "Clock", list(clock.check_against_others(transport, parties))
    yield "Members", lines + [_member(transport, each, now) for each in active]


def _member(transport: Transport, member: Member, now: datetime) -> CheckLine:
    name = f"{member.entity} signs with the keys that are vouched for"
    registered = KeySet.from_jwks(dict(member.jwks), KeyUse.FEDERATION).kids
    try:
        answer = fetch_document(transport, member.entity + CONFIGURATION_PATH)
        if answer.status != _OK:
            raise TransportError(f"it answered {answer.status}")
        published = parse_entity_configuration(answer.body, now=now).keys.kids
    except TransportError as failed:
        remedy = "Ask its administrators whether it runs; until it answers, its chain cannot be refreshed."
        return CheckLine(name=name, ok=True, warning=True, detail=str(failed), remedy=remedy)
    except TrustError as refused:
        return CheckLine(name=name, ok=False, detail=refused.detail, remedy="Ask its administrators what changed.")
    detail = f"{len(published & registered)} of its {len(published)}"
    remedy = "Compare its new thumbprint by telephone, and admit it again; or suspend it."
    return CheckLine(name=name, ok=bool(published & registered), detail=detail, remedy=remedy)
