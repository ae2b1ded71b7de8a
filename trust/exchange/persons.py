"""The persons that a message of a queued kind is about: a description each, and a part in what happened.

1. A clause grants parts as it grants fields: ``persons.victim``, ``persons.child`` and so on. A person whose part is
   not granted is cut, and every statement about that person with them.
2. Views, telling, safe contact and consent belong to one person, never to a household.
3. Reasons are words of a closed list, so that no narrative escapes the cut; what a person said is a statement.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from trust.claims import strip_ignorable
from trust.exchange.consent import ConsentRecord, consent_to_json, read_consent
from trust.exchange.errors import MalformedSubject
from trust.exchange.person import Subject, for_holder, parse_subject, subject_to_json
from trust.exchange.reader import Reader
from trust.strict_json import JsonObject

MAX_PERSONS = 32
MAX_TIMES = 100
"""Characters of the times at which contact is safe."""
REF = re.compile(r"p(?:[1-9]|[12][0-9]|3[0-2])")
"""A person's name within one message; it stays when others are cut."""
VIEWS, TOLD, SAFE_CONTACT = "persons.views", "persons.told", "persons.safe_contact"
CONSENT = "persons.consent"
"""The record of a person's consent. No clause grants it: it goes where the clause or the body needs consent."""
_MEMBERS = ("ref", "part", "subject", "views", "told", "safe_contact", "consent")


class Part(StrEnum):
    """A person's part in what happened."""

    VICTIM = "victim"
    CHILD = "child"
    ALLEGED_PERPETRATOR = "alleged_perpetrator"
    OTHER = "other"

    @property
    def field(self) -> str:
        """The field by which a clause grants persons of this part."""
        return f"persons.{self}"


PERSON_FIELDS = frozenset({*(part.field for part in Part), VIEWS, TOLD, SAFE_CONTACT})
"""What a clause of a queued kind may grant of persons."""


class WhyNot(StrEnum):
    """Why a person was not asked for their views, or not told."""

    UNSAFE = "unsafe"
    PREJUDICES_ENQUIRY = "prejudices-enquiry"
    NO_TIME = "no-time"
    NOT_REACHED = "not-reached"
    TOO_YOUNG = "too-young"
    LACKS_CAPACITY = "lacks-capacity"
    DECLINED = "declined"
    OTHER = "other"


class ContactMethod(StrEnum):
    """How a person can be contacted without putting them at risk; ``none`` for not at all."""

    TELEPHONE = "telephone"
    TEXT = "text"
    EMAIL = "email"
    LETTER = "letter"
    IN_PERSON = "in-person"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Whether the person was asked for their views; ``why`` is there if they were not."""

    is_sought: bool
    why: WhyNot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Whether the person was told of this message; ``why`` is there if they were not."""

    is_told: bool
    why: WhyNot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeContact:
    """How and when a person can be contacted safely."""

    method: ContactMethod
    times: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernedPerson:
    """One person of a message. An alleged perpetrator may be unknown: then the subject is empty."""

    ref: str
    part: Part
    subject: Subject
    views: Views | None = None
    told: Told | None = None
    safe_contact: SafeContact | None = None
    consent: ConsentRecord | None = None

    def __repr__(self) -> str:
        """Show the reference and the part, and nothing of who it is."""
        return f"<ConcernedPerson {self.ref}, {self.part}>"


def read_persons(reader: Reader, *, this_year: int) -> tuple[ConcernedPerson, ...]:
    """Read the member ``persons``: 1 to 32 persons, each under a reference of its own. Faults go into the reader."""
    persons = tuple(_read_person(nested, this_year) for nested in reader.children("persons", max_items=MAX_PERSONS))
    refs = [person.ref for person in persons if person.ref]
    if len(set(refs)) < len(refs):
        reader.fault("persons", "has two persons of one ref")
    return persons


def persons_to_json(persons: Iterable[ConcernedPerson]) -> list[JsonObject]:
    """Return the wire form."""
    return [_person_to_json(person) for person in persons]


def person_fields(persons: Iterable[ConcernedPerson]) -> frozenset[str]:
    """Return the fields that a clause must grant for these persons to be sent whole."""
    fields: set[str] = set()
    for person in persons:
        beside = {VIEWS: person.views, TOLD: person.told, SAFE_CONTACT: person.safe_contact}
        fields |= {person.part.field, *(name for name, value in beside.items() if value is not None)}
    return frozenset(fields)


def cut_persons(persons: Iterable[ConcernedPerson], fields: Collection[str]) -> tuple[ConcernedPerson, ...]:
    """Return the persons whose part is among ``fields``, each with what else of them is."""
    return tuple(
        replace(
            person,
            views=person.views if VIEWS in fields else None,
            told=person.told if TOLD in fields else None,
            safe_contact=person.safe_contact if SAFE_CONTACT in fields else None,
            consent=person.consent if CONSENT in fields else None,
        )
        for person in persons
        if person.part.field in fields
    )


def persons_for_holder(
    persons: Iterable[ConcernedPerson],
    service_kind: str,
    listed: Collection[str] | None = None,
    *,
    with_restricted: bool = False,
) -> tuple[ConcernedPerson, ...]:
    """Return the persons as a service of this kind may be told of them (:func:`trust.exchange.person.for_holder`)."""
    return tuple(
        replace(person, subject=for_holder(person.subject, service_kind, listed, with_restricted=with_restricted))
        for person in persons
    )


def without_address(person: ConcernedPerson) -> ConcernedPerson:
    """Return the person without an address."""
    return replace(person, subject=replace(person.subject, address=None))


def _person_to_json(person: ConcernedPerson) -> JsonObject:
    members: JsonObject = {"ref": person.ref, "part": str(person.part), "subject": subject_to_json(person.subject)}
    if person.views is not None:
        members["views"] = _with_reason({"sought": person.views.is_sought}, person.views.why)
    if person.told is not None:
        members["told"] = _with_reason({"told": person.told.is_told}, person.told.why)
    if person.safe_contact is not None:
        members["safe_contact"] = {"method": str(person.safe_contact.method)}
        if person.safe_contact.times is not None:
            members["safe_contact"]["times"] = person.safe_contact.times
    if person.consent is not None:
        members["consent"] = consent_to_json(person.consent)
    return members


def _with_reason(members: JsonObject, why: WhyNot | None) -> JsonObject:
    return members if why is None else {**members, "why": str(why)}


def _read_person(reader: Reader, this_year: int) -> ConcernedPerson:
    reader.refuse_unknown(_MEMBERS)
    consent = reader.child("consent", required=False)
    return ConcernedPerson(
        ref=reader.text("ref", pattern=REF),
        part=reader.choice("part", Part) or Part.OTHER,
        subject=_read_subject(reader, this_year),
        views=_read_views(reader),
        told=_read_told(reader),
        safe_contact=_read_safe_contact(reader),
        consent=None if consent is None else read_consent(consent),
    )


def _read_subject(reader: Reader, this_year: int) -> Subject:
    raw = reader.raw_child("subject")
    try:
        return parse_subject(raw or {}, this_year=this_year)
    except MalformedSubject as malformed:
        for fault in malformed.faults:
            reader.fault(fault.path, fault.problem)
        return Subject()


def _read_views(reader: Reader) -> Views | None:
    nested = reader.child("views", required=False)
    if nested is None:
        return None
    is_sought, why = _read_reason(nested, "sought")
    return Views(is_sought=is_sought, why=why)


def _read_told(reader: Reader) -> Told | None:
    nested = reader.child("told", required=False)
    if nested is None:
        return None
    is_told, why = _read_reason(nested, "told")
    return Told(is_told=is_told, why=why)


def _read_reason(reader: Reader, name: str) -> tuple[bool, WhyNot | None]:
    """Read yes, or no and why. The reason is required with no, and has no place beside yes."""
    reader.refuse_unknown((name, "why"))
    if not reader.has(name):
        reader.fault(name, "is missing")
    is_so = reader.flag(name)
    if is_so and reader.has("why"):
        reader.fault("why", f"says why not, where {name} is true; remove it")
    return is_so, None if is_so else reader.choice("why", WhyNot)


def _read_safe_contact(reader: Reader) -> SafeContact | None:
    nested = reader.child("safe_contact", required=False)
    if nested is None:
        return None
    nested.refuse_unknown(("method", "times"))
    method = nested.choice("method", ContactMethod) or ContactMethod.NONE
    times = nested.optional_text("times", max_len=MAX_TIMES)
    return SafeContact(method=method, times=strip_ignorable(times) or None if times else None)
