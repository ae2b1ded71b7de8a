"""The clause: askers, holders, fields, purpose, legal basis and conditions of one permission.

A clause is the unit of decision. It grants one kind of exchange, for one purpose, to named services of named agencies,
and to each role only the fields that role needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import TypedDict

from trust.agreements.consent import consent_roles
from trust.agreements.lawful_basis import LegalEntry, LegalPart, law_sentence, lookup
from trust.agreements.review_trigger import ReviewTrigger, read_review_trigger
from trust.agreements.time_terms import TimeTerm, parse_time_term
from trust.errors import MalformedClaims
from trust.exchange.consent import ConsentRole
from trust.exchange.kind import ClauseList, ClauseWords, ExchangeKind, Kinds, join_words
from trust.exchange.persons import Part
from trust.exchange.reader import Reader
from trust.exchange.subject_members import MEMBERS, enough_members
from trust.identifiers import (
    ClauseId,
    KindName,
    PurposeCode,
    RoleCode,
    ServiceRef,
    parse_code,
    parse_service_ref,
    service_set,
)

MOST_DAYS = 3653
"""Ten years: no answer may be kept longer."""
MOST_ROLES = 100
_VALUES_SHARED = 1024
_MEMBERS = (
    "id",
    "kind",
    "version",
    "purpose",
    "askers",
    "holders",
    "fields_by_role",
    "subject_by_holder",
    "basis",
    "existence",
    "keep_days",
    "onward",
    "urgent",
    "respond_within",
    "location_recipients",
    "review_when",
    "joining_askers",
    "joining_holders",
    "joining_confirmed",
)


class Existence(StrEnum):
    """Whether a holder may say under this clause that it does *not* know a person.

    Under a conditional clause (services resting on consent, and sensitive ones) silence, refusal and absence must all
    look alike.
    """

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"


class Onward(StrEnum):
    """How far an answer may be passed on."""

    NONE = "none"
    WITHIN_AGENCY = "within-agency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One permission. ``fields_by_role`` maps each role that may ask to the fields it may have.

    ``subject_by_holder`` lists the members of the subject that may be sent to a holder; a holder that is not in it is
    sent the default of its kind (:mod:`trust.exchange.subject_members`).

    ``law`` is the legal footing as one plain sentence, made from ``basis``. ``consent_roles`` are those that a record
    of the person's consent must have; there are none where the basis rests on no consent. ``lists`` are the words of
    the lists that its kind adds (:class:`trust.exchange.kind.ClauseList`). ``urgent`` says that waiting may cost a
    person's safety: such a question goes on for longer while the centre is away, and is answered, and flagged, where
    another would be refused for its number. ``respond_within`` is the time in which the recipient of a queued message
    decides; :data:`trust.agreements.time_terms.DEFAULT_TERM` where it is ``None``. ``location_recipients`` are the
    services that may learn where a person lives whose place is restricted (:mod:`trust.agreements.location`).
    ``review_when`` says when too few of its alerts were useful for it to stay as it is.

    ``joining_askers`` and ``joining_holders`` are the classes of joining agencies whose services ask or hold, too;
    ``joining_confirmed`` keeps every joiner out until the other party confirms it.
    """

    id: ClauseId
    kind: KindName
    version: int
    purpose: PurposeCode
    askers: frozenset[ServiceRef]
    holders: frozenset[ServiceRef]
    fields_by_role: Mapping[RoleCode, frozenset[str]]
    basis: tuple[str, ...]
    law: str
    existence: Existence
    keep_days: int
    onward: Onward
    subject_by_holder: Mapping[ServiceRef, frozenset[str]] = field(default_factory=dict)
    consent_roles: frozenset[ConsentRole] = frozenset()
    lists: ClauseWords = field(default_factory=dict)
    urgent: bool = False
    respond_within: TimeTerm | None = None
    location_recipients: frozenset[ServiceRef] = frozenset()
    review_when: ReviewTrigger | None = None
    joining_askers: frozenset[str] = frozenset()
    joining_holders: frozenset[str] = frozenset()
    joining_confirmed: bool = False

    @property
    def lets_join(self) -> bool:
        """Say whether services of agencies that join may take part."""
        return bool(self.joining_askers or self.joining_holders)


def read_clause(
    reader: Reader,
    *,
    services: frozenset[ServiceRef],
    purposes: frozenset[str],
    classes: frozenset[str],
    on: date,
    kinds: Kinds,
) -> Clause:
    """Read one clause of an agreement whose parties offer ``services`` and which starts on the day ``on``.

    ``classes`` are the ids of those that may join.

    Faults go into the reader: an unknown kind or field, a service that is no party's, a purpose the agreement does not
    state, a legal code that is not law on that day, or a basis in consent with unconditional existence.
    """
    reader.refuse_unknown((*_MEMBERS, *(each.name for kind in kinds.values() for each in kind.clause_lists)))
    name = KindName(reader.parsed("kind", parse_code))
    kind = kinds.get(name)
    entries = _read_basis(reader, on)
    existence = _read_existence(reader, entries)
    basis = _one_basis(tuple(entry.code for entry in entries))
    holders = _read_services(reader, "holders", services)
    askers = _read_services(reader, "askers", services)
    return Clause(
        id=ClauseId(reader.parsed("id", parse_code)),
        kind=name,
        version=_read_version(reader, kind),
        purpose=_read_purpose(reader, purposes),
        askers=askers,
        holders=holders,
        fields_by_role=_read_roles(reader, kind, rests_on_consent=bool(consent_roles(entries))),
        subject_by_holder=_read_subjects(reader, holders),
        basis=basis,
        law=_one_sentence(law_sentence(basis, on)) if entries else "",
        consent_roles=_one_set_of_roles(consent_roles(entries)),
        existence=existence,
        keep_days=reader.whole("keep_days", least=0, most=MOST_DAYS),
        onward=reader.choice("onward", Onward) or Onward.NONE,
        lists=_read_lists(reader, name, kinds),
        urgent=reader.flag("urgent"),
        respond_within=_read_term(reader, kind),
        location_recipients=_read_location_recipients(reader, askers | holders),
        review_when=_read_trigger(reader, kind),
        **_read_joining(reader, classes),
    )


def _read_existence(reader: Reader, entries: tuple[LegalEntry, ...]) -> Existence:
    existence = reader.choice("existence", Existence)
    if existence is Existence.UNCONDITIONAL and any(entry.consent_needed for entry in entries):
        reader.fault("existence", "must be conditional, because the clause rests on the person's consent")
    return existence or Existence.CONDITIONAL


def _read_purpose(reader: Reader, purposes: frozenset[str]) -> PurposeCode:
    purpose = PurposeCode(reader.parsed("purpose", parse_code))
    if purpose and purpose not in purposes and all(purposes):  # a faulty code is one fault, not one for each clause
        reader.fault("purpose", "is not one of the agreement's purposes")
    return purpose


def _read_version(reader: Reader, kind: ExchangeKind | None) -> int:
    version = reader.whole("version", least=1, most=1000)
    if kind is None:
        reader.fault("kind", "is not a kind of exchange that this software speaks")
    elif kind.without_agreement:
        reader.fault("kind", f"needs no clause: a {kind.name} rests on its own ground")
    elif version not in kind.versions:
        reader.fault("version", f"is not spoken here; {kind.name} is spoken in " + ", ".join(map(str, kind.versions)))
    return version


def _read_term(reader: Reader, kind: ExchangeKind | None) -> TimeTerm | None:
    text = reader.optional_text("respond_within")
    if text is not None and kind is not None and not kind.queued:
        reader.fault("respond_within", "belongs only in a clause of a kind whose messages are queued")
        return None
    return None if text is None else reader.parse_item("respond_within", text, parse_time_term)


def _read_trigger(reader: Reader, kind: ExchangeKind | None) -> ReviewTrigger | None:
    if reader.has("review_when") and kind is not None and not kind.has_rating:
        reader.fault("review_when", "belongs only in a clause of a kind that recipients close as useful or not")
        return None
    return read_review_trigger(reader)


def _read_basis(reader: Reader, on: date) -> tuple[LegalEntry, ...]:
    entries = reader.parsed_list("basis", lambda code: lookup(code, on))
    if entries and not any(entry.part is LegalPart.LAWFUL_BASIS for entry in entries):
        reader.fault("basis", "must name a lawful basis (UK GDPR Article 6, or Part 3 of the Data Protection Act)")
    return entries


def _read_services(reader: Reader, name: str, services: frozenset[ServiceRef]) -> frozenset[ServiceRef]:
    whole = all(service.entity for service in services)  # a faulty party is one fault, not one for each clause

    def of_a_party(text: str) -> ServiceRef:
        ref = parse_service_ref(text)
        if ref not in services and whole:
            raise MalformedClaims("It is not a service of a party to this agreement.")
        return ref

    required = not reader.has(f"joining_{name}")
    return service_set(frozenset(reader.parsed_list(name, of_a_party, required=required)))


class _Joining(TypedDict):
    joining_askers: frozenset[str]
    joining_holders: frozenset[str]
    joining_confirmed: bool


def _read_joining(reader: Reader, classes: frozenset[str]) -> _Joining:
    return {
        "joining_askers": _read_classes(reader, "joining_askers", classes),
        "joining_holders": _read_classes(reader, "joining_holders", classes),
        "joining_confirmed": _read_confirmed(reader),
    }


def _read_classes(reader: Reader, name: str, classes: frozenset[str]) -> frozenset[str]:
    named_classes = frozenset(reader.parsed_list(name, parse_code, required=False))
    if not named_classes <= classes and all(classes):
        reader.fault(name, "must name classes of the agreement's member joining")
    return named_classes


def _read_confirmed(reader: Reader) -> bool:
    confirmed = reader.flag("joining_confirmed")
    if confirmed and not (reader.has("joining_askers") or reader.has("joining_holders")):
        reader.fault("joining_confirmed", "belongs only in a clause with joining_askers or joining_holders")
    return confirmed


def _read_location_recipients(reader: Reader, services: frozenset[ServiceRef]) -> frozenset[ServiceRef]:
    recipients = frozenset(reader.parsed_list("location_recipients", parse_service_ref, required=False))
    if not recipients <= services:
        reader.fault("location_recipients", "must be some of the clause's askers and holders")
    return recipients


def _read_roles(
    reader: Reader, kind: ExchangeKind | None, *, rests_on_consent: bool
) -> Mapping[RoleCode, frozenset[str]]:
    nested = reader.child("fields_by_role")
    if nested is None:
        return MappingProxyType({})
    names = nested.names()
    if not 0 < len(names) <= MOST_ROLES:
        reader.fault("fields_by_role", f"must name 1 to {MOST_ROLES} roles")
        return MappingProxyType({})
    vocabulary = kind.fields if kind else frozenset()
    roles: dict[RoleCode, frozenset[str]] = {}
    for position, name in enumerate(names):
        role = reader.parse_item(f"fields_by_role (role {position + 1})", name, parse_code)
        if role is None:
            continue
        fields = frozenset(nested.texts(name))
        if not fields <= vocabulary:
            nested.fault(name, "names a field that this kind of exchange does not have")
        elif kind and kind.indivisible and fields != vocabulary:
            nested.fault(name, f"must name {join_words(sorted(vocabulary))}: a reply always has all of them")
        elif rests_on_consent and Part.ALLEGED_PERPETRATOR.field in fields:
            nested.fault(name, "must not name an alleged perpetrator, because the clause rests on consent")
        roles[RoleCode(role)] = fields
    return _one_mapping(tuple(roles.items()))


def _read_subjects(reader: Reader, holders: frozenset[ServiceRef]) -> Mapping[ServiceRef, frozenset[str]]:
    nested = reader.child("subject_by_holder", required=False)
    if nested is None:
        return MappingProxyType({})
    subjects: dict[ServiceRef, frozenset[str]] = {}
    for position, name in enumerate(nested.names()):
        holder = reader.parse_item(f"subject_by_holder (holder {position + 1})", name, parse_service_ref)
        if holder is None:
            continue
        if holder not in holders:
            reader.fault(f"subject_by_holder (holder {position + 1})", "is not one of the clause's holders")
        members = frozenset(nested.texts(name))
        if not members <= MEMBERS:
            nested.fault(name, "must be some of " + ", ".join(sorted(MEMBERS)))
        elif members and not enough_members(members):
            nested.fault(name, "describes too many people: list an identifier, or more beside name and birth date")
        subjects[holder] = members
    return MappingProxyType(subjects)


def _read_lists(reader: Reader, kind: KindName, kinds: Kinds) -> ClauseWords:
    lists: dict[str, frozenset[str]] = {}
    for each in kinds.values():
        for clause_list in each.clause_lists:
            if each.name == kind:
                lists[clause_list.name] = _read_list(reader, clause_list)
            elif reader.has(clause_list.name):
                reader.fault(clause_list.name, f"belongs only in a clause of {each.name}")
    return _one_set_of_lists(tuple(lists.items()))


def _read_list(reader: Reader, clause_list: ClauseList) -> frozenset[str]:
    if clause_list.words is None:
        return frozenset(reader.parsed_list(clause_list.name, parse_code, required=clause_list.required))
    words = reader.texts(clause_list.name, required=clause_list.required)
    if not set(words) <= set(clause_list.words):
        reader.fault(clause_list.name, "must be some of " + ", ".join(clause_list.words))
        return frozenset()
    return frozenset(words)


# A thousand agreements say much the same. One value for equal ones keeps what a decision reads in the processor's
# caches.


@lru_cache(maxsize=_VALUES_SHARED)
def _one_mapping(roles: tuple[tuple[RoleCode, frozenset[str]], ...]) -> Mapping[RoleCode, frozenset[str]]:
    return MappingProxyType(dict(roles))


@lru_cache(maxsize=_VALUES_SHARED)
def _one_set_of_lists(lists: tuple[tuple[str, frozenset[str]], ...]) -> ClauseWords:
    return MappingProxyType(dict(lists))


@lru_cache(maxsize=_VALUES_SHARED)
def _one_basis(codes: tuple[str, ...]) -> tuple[str, ...]:
    return codes


@lru_cache(maxsize=_VALUES_SHARED)
def _one_sentence(law: str) -> str:
    return law


@lru_cache(maxsize=_VALUES_SHARED)
def _one_set_of_roles(roles: frozenset[ConsentRole]) -> frozenset[ConsentRole]:
    return roles
