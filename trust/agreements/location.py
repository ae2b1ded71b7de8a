"""Location taint: what happens to the fields that reveal where a restricted person lives.

1. The fields that reveal a place (:mod:`trust.exchange.location_fields`) are cut together. An answer keeps its
   members: a neutral word, the number of a neutral desk or a day that is none stands in each. A message loses the
   fields, and a telling word becomes a plainer one.
2. A place is released only where the clause names the recipient in ``location_recipients``, and never to a recipient
   that is linked to the alleged perpetrator. Where no link is declared, a named person must also have released it.
3. A service whose own identity tells the place (a refuge, a school, a surgery) does not say that it knows the person.
4. Of several persons in a message, one restriction protects all but the alleged perpetrator: they may live together.
5. A text that has a restricted value is not sent, and its sender is told where the value stands.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from trust.agreements.clause import Clause
from trust.agreements.restricted_text import NO_VALUES, RestrictedValues
from trust.exchange.addresses import holds_postcode
from trust.exchange.details import DetailValue, TypedBody
from trust.exchange.errors import Fault
from trust.exchange.kind import QueuedBody
from trust.exchange.location_fields import ANSWERS, FIELDS, PLAINER_WORDS, Reveals, revealing
from trust.exchange.message import Message, PseudonymousPractitioner
from trust.exchange.person import Address, Subject
from trust.exchange.persons import SAFE_CONTACT, ConcernedPerson, Part
from trust.identifiers import KindName, ServiceRef
from trust.strict_json import JsonObject

NEUTRAL_TEXT: Final = "not stated"
NEUTRAL_DAY: Final = "1900-01-01"
"""The day that stands for one that is not stated, where a reader expects a day."""
_NUMBERS = frozenset({"phone", "duty_phone", "call_back"})
_DAYS = frozenset({"since"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedText:
    """A text of a message that has a restricted value: its field, the persons it is about, and where the value is."""

    field: str
    about: tuple[str, ...]
    path: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationRestriction:
    """What decides whether the place of a person, or of the persons of a message, may go to one recipient.

    ``is_linked`` says that the recipient is declared to be linked to the alleged perpetrator, or is involved with him.
    ``has_links`` says that links were declared at all; ``is_released`` that a named person released the place to this
    recipient. ``tells_by_itself`` says that the answering service is of a kind whose identity tells the place.
    ``texts`` are those of the message that have a restricted value.
    """

    is_linked: bool = False
    has_links: bool = False
    is_released: bool = False
    tells_by_itself: bool = False
    texts: tuple[RestrictedText, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedPlace:
    """What is restricted, and what stands instead: the telephone number of a neutral desk. No decision reads it."""

    desk: str | None = None
    values: RestrictedValues = field(default=NO_VALUES, repr=False)


NO_PLACE: Final = RestrictedPlace()


class LocationRuling(StrEnum):
    """Why a place is released or not, for this agency's own evidence."""

    RELEASED = "location:released"
    LINKED = "location:recipient_linked"
    NOT_AUTHORISED = "location:not_authorised"
    NO_LINKS_DECLARED = "location:no_links_declared"
    """The clause authorises the recipient; a named person must release the place."""

    @property
    def hides(self) -> bool:
        """Whether the place is cut."""
        return self is not LocationRuling.RELEASED


def rule_on_location(restriction: LocationRestriction, clause: Clause, recipient: ServiceRef) -> LocationRuling:
    """Decide whether a restricted place may go to a recipient under a clause.

    1. never to a recipient that is linked to the alleged perpetrator; 2. else only where the clause names it; 3. where
    no link is declared, only after a named person released it.
    """
    if restriction.is_linked:  # 1
        return LocationRuling.LINKED
    if recipient not in clause.location_recipients:  # 2
        return LocationRuling.NOT_AUTHORISED
    if not restriction.has_links and not restriction.is_released:  # 3
        return LocationRuling.NO_LINKS_DECLARED
    return LocationRuling.RELEASED


def merge_restrictions(restrictions: Iterable[LocationRestriction]) -> LocationRestriction | None:
    """Return one restriction that releases only what each of these releases; none for none."""
    every = tuple(restrictions)
    if not every:
        return None
    declared = all(each.has_links or each.is_released for each in every)
    return LocationRestriction(
        is_linked=any(each.is_linked for each in every),
        has_links=declared,
        is_released=declared,
        tells_by_itself=any(each.tells_by_itself for each in every),
        texts=tuple(text for each in every for text in each.texts),
    )


def silent_fields(clause: Clause) -> frozenset[str]:
    """Return the fields of a clause that are cut, or said in plainer words, for a restricted person."""
    every = frozenset(name for fields in clause.fields_by_role.values() for name in fields)
    return every & revealing(FIELDS.get(clause.kind, {}), Reveals.PLACE, Reveals.WORD)


def places_of(rows: Iterable[Mapping[str, str]], kind: KindName, place: RestrictedPlace) -> frozenset[str]:
    """Return the members of an answer's rows that reveal a place, or have a restricted value in any row."""
    return frozenset(name for row in rows for name, text in row.items() if _reveals(name, text, kind, place))


def neutralise_row(row: Mapping[str, str], kind: KindName, place: RestrictedPlace) -> dict[str, str]:
    """Return one row of an answer with the same members, each that reveals a place or has a restricted value replaced.

    The replacement depends on the member alone, so that neither it nor the size of the answer tells what was there.
    """
    return {
        name: _neutral(name, place.desk) if _reveals(name, text, kind, place) else text for name, text in row.items()
    }


def _reveals(name: str, text: str, kind: KindName, place: RestrictedPlace) -> bool:
    return FIELDS[kind].get(name, Reveals.PLACE) is Reveals.PLACE or bool(place.values.find(text))


def _neutral(name: str, desk: str | None) -> str:
    if name in _NUMBERS:
        return desk or NEUTRAL_TEXT
    return NEUTRAL_DAY if name in _DAYS else NEUTRAL_TEXT


def without_place(subject: Subject) -> Subject:
    """Return a description without the members that reveal a place."""
    return replace(subject, address=None, upn=None)


def protect_persons(persons: Iterable[ConcernedPerson], values: RestrictedValues) -> tuple[ConcernedPerson, ...]:
    """Return the persons of a message without their places; an alleged perpetrator keeps one that is not restricted."""
    return tuple(
        person
        if person.part is Part.ALLEGED_PERPETRATOR and not _has_value(person.subject.address, values)
        else replace(person, subject=without_place(person.subject))
        for person in persons
    )


def protect_practitioner(practitioner: PseudonymousPractitioner, place: RestrictedPlace) -> PseudonymousPractitioner:
    """Return the practitioner of a message without the team and its number, behind the neutral desk."""
    return replace(practitioner, org_unit=NEUTRAL_TEXT, call_back=place.desk)


def protect_body(body: QueuedBody, kind: KindName) -> QueuedBody:
    """Return the body of a queued message without the fields that reveal a place, and with plainer words."""
    table = FIELDS[kind]
    places = {name for name in body.fields or () if table.get(name, Reveals.PLACE) is Reveals.PLACE}
    rest = body.cut((body.fields or frozenset()) - places, body.refs)
    if not isinstance(rest, TypedBody):
        return rest
    details = {name: _plainer(name, value) for name, value in rest.details.items()}
    return replace(rest, details=details)


def _plainer(name: str, value: DetailValue) -> DetailValue:
    words = PLAINER_WORDS.get(name)
    return words.get(value, value) if words is not None and isinstance(value, str) else value


def restricted_texts(
    body: QueuedBody, persons: Iterable[ConcernedPerson], values: RestrictedValues
) -> tuple[RestrictedText, ...]:
    """Return the texts of a message that have a restricted value or a postcode, each without the value."""
    return tuple(
        RestrictedText(field=text.field, about=text.about, path=text.path, problem=fault.problem)
        for text, content in _texts(body, persons)
        for fault in find_in_text(text.path, content, values)
    ) + tuple(
        RestrictedText(field=name, about=(), path=f"details.{name}", problem="is a restricted value; take it out")
        for name, value in (body.details.items() if isinstance(body, TypedBody) else ())
        if isinstance(value, str) and values.find(value)
    )


def answer_faults(answer: JsonObject, kind: KindName, values: RestrictedValues) -> tuple[Fault, ...]:
    """Return where the texts of an answer to a queued message have a restricted value or a postcode."""
    table = ANSWERS[kind]
    return tuple(
        fault
        for name in sorted(answer)
        if table.get(name, Reveals.TEXT) is Reveals.TEXT
        for path, text in _strings(f"answer.{name}", answer[name])
        for fault in find_in_text(path, text, values)
    )


def _strings(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _strings(f"{path}.{name}", each)


def find_in_text(path: str, text: str, values: RestrictedValues) -> tuple[Fault, ...]:
    """Return where one text has a restricted value, or that it has a postcode."""
    faults = [
        Fault(path=path, problem=f"has a restricted value at characters {first} to {last}; take it out")
        for first, last in values.find(text)
    ]
    if not faults and holds_postcode(text):
        faults.append(Fault(path=path, problem="has a postcode, and a person's place is restricted; take it out"))
    return tuple(faults)


def _texts(body: QueuedBody, persons: Iterable[ConcernedPerson]) -> Iterator[tuple[RestrictedText, str]]:
    for number, statement in enumerate(body.statements if isinstance(body, TypedBody) else ()):
        for name, content in (("text", statement.text), ("source", statement.source)):
            path = f"statements[{number}].{name}"
            yield RestrictedText(field=statement.field, about=statement.about, path=path, problem=""), content
    for person in persons:
        if person.safe_contact is not None and person.safe_contact.times is not None:
            path = f"persons ({person.ref}).safe_contact.times"
            text = RestrictedText(field=SAFE_CONTACT, about=(person.ref,), path=path, problem="")
            yield text, person.safe_contact.times


def tells_place(message: Message, body: QueuedBody, rest: QueuedBody, place: RestrictedPlace) -> bool:
    """Say whether a signed message tells more than may be told now: ``rest`` is its body without restricted places."""
    return body.to_body() != rest.to_body() or protect_persons(message.persons, place.values) != message.persons


def _has_value(address: Address | None, values: RestrictedValues) -> bool:
    if address is None:
        return False
    return any(text and values.find(text) for text in (address.postcode, address.uprn))
