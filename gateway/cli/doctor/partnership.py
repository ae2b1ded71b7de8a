"""What must hold between the parties: the clock, who vouches for us and for our peers, which agreements bind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from adapters.contract import CheckLine
from config.settings import AnchorSettings, NodeSettings
from gateway.cli.context import now as clock
from gateway.cli.context import opened_store
from gateway.cli.faults import expected, read_faults
from gateway.cli.federation import Federation, federation_of
from gateway.cli.trust.tracing import fetch_statement, trace_chain
from gateway.directory.fetching import CONFIGURATION_PATH
from gateway.http.anchor import MemberState
from gateway.ports import TransportError
from gateway.store import agreements, members
from trust.agreements.agreement import InForce, NotInForce
from trust.claims import digest
from trust.federation.node_metadata import services_left_out
from trust.identifiers import EntityId

Section = tuple[str, list[CheckLine]]
CLOCK_TOLERANCE = timedelta(seconds=10)
"""What the profile accepts of a message dated ahead (section 2)."""
REVIEW_WITHIN = timedelta(days=30)


def members_of(settings: AnchorSettings) -> list[CheckLine]:
    """Say for whom the anchor vouches."""
    try:
        with opened_store(settings) as store:
            every = store.read(members.list)
    except expected() as refused:
        return [_refused("the members can be read", refused)]
    suspended = [member.entity for member in every if member.state == MemberState.SUSPENDED]
    detail = f"{len(every)} admitted" + (f"; suspended: {', '.join(suspended)}" if suspended else "")
    return [CheckLine(name="the members can be read", ok=True, detail=detail)]


def checks(settings: NodeSettings, now: datetime) -> Iterator[Section]:
    """Check the clock, this node's standing, every peer that an agreement names, and the agreements."""
    try:
        with federation_of(settings) as federation:
            standings = federation.agreements.standings(now=now)
            yield "Trust", [*_clock(federation, now), _chain(federation, federation.own, now)]
            yield "Peers", _peers(federation, standings, now)
            agreed = _agreements(federation, standings, now)
            yield "Agreements", [*agreed, *_restrictions(settings, standings)]
    except expected() as refused:
        yield "Trust", [_refused("the parts that it needs can be opened", refused)]


def _clock(federation: Federation, now: datetime) -> Iterator[CheckLine]:
    """Compare this machine's clock with what the store has seen, and with the anchors' clocks."""
    newest = max(
        (held.trusted.refreshed_at for held in federation.directory.known(now=now) if held.trusted), default=now
    )
    remedy = "Set the clock, and let it follow a time service (timedatectl set-ntp true)."
    name = "the clock is not behind what was seen before"
    yield CheckLine(name=name, ok=newest <= now + CLOCK_TOLERANCE, detail=f"{now:%Y-%m-%d %H:%M:%S} UTC", remedy=remedy)
    for anchor in federation.anchors:
        try:
            answer = fetch_statement(federation.transport, anchor + CONFIGURATION_PATH)
        except TransportError:
            continue  # that it cannot be reached is the next line's to say
        theirs = _date(answer.headers.get("date", ""))
        if theirs is None:
            continue
        apart = abs(clock() - theirs)
        detail = f"{int(apart.total_seconds())} s apart"
        yield CheckLine(
            name=f"the clock agrees with {anchor}", ok=apart <= CLOCK_TOLERANCE, detail=detail, remedy=remedy
        )


def _chain(federation: Federation, entity: EntityId, now: datetime) -> CheckLine:
    """Fetch and verify the whole chain of an entity; of a peer, that is an exchange with it and with its anchor."""
    trace = trace_chain(federation, entity, now=now)
    what = "this node is vouched for" if entity == federation.own else f"{entity} is trusted and can be reached"
    if trace.entity is not None:
        left_out = services_left_out(trace.entity.metadata)
        if left_out:
            detail = (
                f"its anchor does not vouch for these services as they are, so nobody asks them: {', '.join(left_out)}"
            )
            remedy = "Have it admitted again as it is now: `hearthgate trust join` there, `trust admit` at the anchor."
            return CheckLine(name=what, ok=False, detail=detail, remedy=remedy)
        detail = f"by {trace.entity.anchor}, until {trace.entity.expires_at:%Y-%m-%d %H:%M} UTC"
        return CheckLine(name=what, ok=True, detail=detail)
    failed = next(line for line in trace.lines if not line.ok)
    return CheckLine(name=what, ok=False, detail=f"{failed.name}? {failed.detail}", remedy=failed.remedy)


def _peers(federation: Federation, standings: tuple[InForce | NotInForce, ...], now: datetime) -> list[CheckLine]:
    named = {party.entity for standing in standings for party in standing.agreement.parties}
    peers = sorted(named - {federation.own})
    if not peers:
        return [CheckLine(name="peers", ok=True, detail="no agreement names one yet")]
    return [_chain(federation, peer, now) for peer in peers]


def _agreements(federation: Federation, standings: tuple[InForce | NotInForce, ...], now: datetime) -> list[CheckLine]:
    held = federation.store.read(agreements.load_all)
    if not held:
        return [CheckLine(name="agreements", ok=True, detail="none is held, so nothing flows")]
    lines = []
    if len(held) > len(standings):
        detail = f"{len(held) - len(standings)} cannot be read by this version, and binds nobody"
        remedy = "Have the parties sign a new version of it; the journal names what was added here."
        lines.append(CheckLine(name="every agreement that is held can be read", ok=False, detail=detail, remedy=remedy))
    ended = {digest(stored.raw) for stored in held if stored.ended_at is not None}
    return lines + [_agreement(each, ended=each.agreement.ref.digest in ended, now=now) for each in standings]


def _restrictions(settings: NodeSettings, standings: tuple[InForce | NotInForce, ...]) -> Iterator[CheckLine]:
    """Say which local restrictions withdraw nothing, because no agreement that is held has what they name."""
    for service in settings.services:
        for rule in service.restrictions:
            clauses = [
                clause
                for standing in standings
                if standing.agreement.id == rule.agreement
                for clause in standing.agreement.clauses
                if clause.id == rule.clause
            ]
            if not any(rule.role is None or rule.role in clause.fields_by_role for clause in clauses):
                named = f"{rule.agreement}, clause {rule.clause}" + (f", role {rule.role}" if rule.role else "")
                yield CheckLine(
                    name=f"a restriction of {service.slug}",
                    ok=False,
                    detail=f"it withdraws nothing: no agreement that is held here has {named}",
                    remedy="Correct the names in [[services.restrictions]], or remove it; `hearthgate agreement show`.",
                )


def _agreement(standing: InForce | NotInForce, *, ended: bool, now: datetime) -> CheckLine:
    held = standing.agreement
    name = f"{held.id} version {held.version}"
    if ended:
        return CheckLine(name=name, ok=True, detail="ended; nothing flows under it")
    if isinstance(standing, NotInForce):
        signing = "Get the missing signatures and add them: hearthgate agreement add FILE SIGNATURE..."
        remedy = signing if standing.missing else "Sign a new version, or end this one with `hearthgate agreement end`."
        begins_later = not standing.missing and held.valid_from > now.date()
        return CheckLine(name=name, ok=begins_later, detail=f"not in force: {standing.reason}", remedy=remedy)
    detail = f"in force until {held.valid_until}, to be reviewed on {held.review_date}"
    soon = held.valid_until < (now + REVIEW_WITHIN).date()
    return CheckLine(name=name, ok=not soon, detail=detail, remedy="It runs out soon: have a new version signed.")


def _refused(name: str, refused: BaseException) -> CheckLine:
    sentence, faults = read_faults(refused)
    remedy = "Correct what stands above under this machine, then run this again."
    return CheckLine(name=name, ok=False, detail=" ".join((sentence, *faults)), remedy=remedy)


def _date(header: str) -> datetime | None:
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except ValueError:
        return None
