"""Write a new draft agreement: its parties from the federation, its answers from options, a file or a terminal."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.administration.agreement_templates import AgreementTemplate
from gateway.administration.chain_trace import trace_vouching
from gateway.administration.context import now
from gateway.administration.draft_check import inspect, read_draft
from gateway.administration.drafting import DraftParty, DraftService, compose
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.files import read_input, write_new
from gateway.administration.outcome import UseCaseResult
from gateway.ports import TransportError
from trust.agreements.agreement import Agreement, InForce, parse_agreement
from trust.agreements.legal_entry import UkNation
from trust.errors import TrustError
from trust.federation import node_metadata
from trust.federation.node_metadata import ServiceEntry
from trust.federation.opening_hours import Nation
from trust.identifiers import EntityId, parse_entity_id, parse_slug


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRequest:
    """What a draft is made from: its template, parties and answers, and the overarching agreement of a schedule."""

    template: AgreementTemplate
    parties: Sequence[DraftParty]
    answers: Mapping[str, str]
    under: Agreement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersFile:
    """Answers by name, and parties, of a TOML file."""

    answers: Mapping[str, str] = field(default_factory=dict)
    parties: tuple[DraftParty, ...] = ()


def write_draft(out: Path, request: DraftRequest) -> UseCaseResult:
    """Write the draft to a new file and check it. Raises :class:`OperationRefused`."""
    if len(request.parties) < 2:  # noqa: PLR2004 - an agreement is between two at least
        raise OperationRefused("An agreement is between two agencies at least: name the others with --party.")
    under = None if request.under is None else (request.under.id, request.under.ref.digest)
    draft = compose(request.template, request.parties, request.answers, file=out.name, under=under)
    if not request.template.clauses and under is not None:
        raise OperationRefused("An overarching agreement is under none; leave --under out.")
    write_new(out, draft.text.encode("utf-8"), "The draft")
    checked = inspect(out, [] if request.under is None else [InForce(agreement=request.under)])
    sound = not checked.faults
    return UseCaseResult(
        lines=[
            f"The draft is in {out}.",
            *draft.notes,
            *(f"Not answered yet: {question.text} ({question.name})." for question in draft.open_questions),
            *([] if sound else ["It is no draft to sign yet:", *(f"  - {fault}" for fault in checked.faults)]),
            *(
                ["It has no fault. Read it with the other parties, then propose it:"]
                if sound
                else ["Complete it, then:"]
            ),
            f"  hearthgate agreement {'propose' if sound else 'check'} {out}",
        ],
        data={
            "draft": str(out),
            "left_out": list(draft.notes),
            "unanswered": [question.name for question in draft.open_questions],
            "faults": list(checked.faults),
        },
        ok=sound,
    )


def read_overarching(path: Path) -> Agreement:
    """Read the overarching agreement of a schedule. Raises :class:`OperationRefused` and ``TrustError``."""
    agreement = parse_agreement(read_draft(path))
    if not agreement.overarching:
        raise OperationRefused(f"{path} is no overarching agreement; write one with --template overarching.")
    return agreement


def own_party(federation: FederationContext) -> DraftParty:
    """Return this agency as a party, from its configuration."""
    settings = federation.settings
    services = tuple(
        DraftService(
            slug=each.slug,
            kind=each.kind,
            name=each.name,
            duty_phone=each.duty_phone or "",
            asks_only=each.adapter is None,
        )
        for each in settings.services
    )
    nations = _nations_of([settings.calendar.nation])
    return DraftParty(entity=federation.own, name=settings.node.name, services=services, nations=nations)


def known_parties(federation: FederationContext) -> list[EntityId]:
    """Return the other nodes that this one knows, without asking any."""
    statuses = federation.directory.statuses(now=now())
    return [
        each.entity
        for each in statuses
        if each.entity != federation.own and each.trusted is not None and each.trusted.node is not None
    ]


def find_party(federation: FederationContext, entity: str) -> DraftParty:
    """Return an agency with its services, kinds and duty lines, as its node and its superior state them.

    A node that cannot be asked gives the services that its superior vouches for. Raises :class:`OperationRefused`.
    """
    at, party = now(), parse_entity_id(entity)
    with suppress(TrustError, TransportError):
        node = federation.directory.resolve(party, now=at).node
        if node is not None:
            services = tuple(_published(each) for each in node.services)
            nations = _nations_of([each.area.nation for each in node.services if each.area is not None])
            return DraftParty(entity=party, name=node.name, services=services, nations=nations)
    trace = trace_vouching(federation, party, now=at)
    if trace.vouched is None:
        names = ", ".join(known_parties(federation)) or "none"
        raise OperationRefused(
            f"{party} could not be found in the federation. Check the identifier, or `hearthgate trust check {party}`. "
            f"Known here: {names}."
        )
    kinds = trace.vouched.metadata.get(node_metadata.ENTITY_TYPE, {}).get("service_kinds")
    services = (
        tuple(DraftService(slug=slug, kind=str(kind)) for slug, kind in kinds.items())
        if isinstance(kinds, dict)
        else ()
    )
    return DraftParty(entity=party, name=party.removeprefix("https://"), services=services)


def read_answers(path: Path) -> AnswersFile:
    """Read answers, and parties that no federation knows yet. Raises :class:`OperationRefused` with every fault."""
    try:
        document = tomllib.loads(read_input(path, "The answers").decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as malformed:
        raise OperationRefused(f"{path} is not TOML: {malformed}") from malformed
    faults: list[str] = []
    tables = document.pop("parties", [])
    parties = tuple(
        party
        for place, table in enumerate(tables if isinstance(tables, list) else [tables])
        if (party := _read_party(table, f"parties[{place}]", faults)) is not None
    )
    answers = {name: _answer(name, value, faults) for name, value in document.items()}
    if faults:
        raise OperationRefused(f"{path} cannot be used:", faults)
    return AnswersFile(answers=answers, parties=parties)


def merge_parties(parties: Iterable[DraftParty]) -> tuple[DraftParty, ...]:
    """Return each agency once, as it was given first."""
    once: dict[str, DraftParty] = {}
    for party in parties:
        once.setdefault(party.entity, party)
    return tuple(once.values())


def with_nations(party: DraftParty, nations: Iterable[str]) -> DraftParty:
    """Return a party that acts in these nations. Raises :class:`OperationRefused`."""
    try:
        return replace(party, nations=frozenset(UkNation(nation.strip()) for nation in nations))
    except ValueError:
        raise OperationRefused(f"A nation is one of: {', '.join(UkNation)}.") from None


def _published(service: ServiceEntry) -> DraftService:
    return DraftService(
        slug=service.slug,
        kind=service.kind,
        name=service.name,
        duty_phone=service.duty_phone or "",
        asks_only=service.asks_only,
    )


def _nations_of(calendars: Iterable[Nation]) -> frozenset[UkNation]:
    """Return the nations that bank holidays tell apart; of England and Wales, England, which is to be confirmed."""
    nations = {Nation.ENGLAND_AND_WALES: UkNation.ENGLAND}
    nations |= {Nation.SCOTLAND: UkNation.SCOTLAND, Nation.NORTHERN_IRELAND: UkNation.NORTHERN_IRELAND}
    return frozenset(nations[calendar] for calendar in calendars)


def _answer(name: str, value: object, faults: list[str]) -> str:
    if isinstance(value, dict | list):
        faults.append(f"{name}: must be one text")
        return ""
    return str(value)


def _read_party(table: object, place: str, faults: list[str]) -> DraftParty | None:
    if not isinstance(table, dict):
        faults.append(f"{place}: must be a table with entity, name, nations and services")
        return None
    before = len(faults)
    unknown = sorted(set(table) - {"entity", "name", "nations", "services"})
    faults += [f"{place}: has no member {name}" for name in unknown]
    services = table.get("services", [])
    party = DraftParty(
        entity=_parsed(parse_entity_id, table.get("entity"), f"{place}.entity", faults),
        name=str(table.get("name", "")),
        services=tuple(
            _read_service(each, f"{place}.services[{number}]", faults)
            for number, each in enumerate(services if isinstance(services, list) else [services])
        ),
    )
    nations = table.get("nations", [])
    if isinstance(nations, list) and all(nation in tuple(UkNation) for nation in nations):
        party = replace(party, nations=frozenset(UkNation(nation) for nation in nations))
    else:
        faults.append(f"{place}.nations: must be a list of {', '.join(UkNation)}")
    return party if len(faults) == before else None


def _read_service(table: object, place: str, faults: list[str]) -> DraftService:
    facts: dict[str, Any] = table if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        faults.append(f"{place}: must be a table with slug, kind, name and duty_phone")
    unknown = sorted(set(facts) - {"slug", "kind", "name", "duty_phone"})
    faults += [f"{place}: has no member {name}" for name in unknown]
    return DraftService(
        slug=_parsed(parse_slug, facts.get("slug"), f"{place}.slug", faults),
        kind=str(facts.get("kind", "")),
        name=str(facts.get("name", "")),
        duty_phone=str(facts.get("duty_phone", "")),
    )


def _parsed(parse: Any, value: object, place: str, faults: list[str]) -> str:  # noqa: ANN401 - a parser of identifiers
    try:
        return str(parse(value if isinstance(value, str) else ""))
    except TrustError as refused:
        faults.append(f"{place}: {refused.detail}")
        return ""
