"""Typed details of alerts, referrals and notices: codes, days, numbers and flags, and never a narrative.

A topic, service type or notice type is one :class:`BodyForm`: its details, and the fields that its statements may have.
One reader serves all of them. A value that a form does not know is dropped and recorded; a statement of a field that
it does not know is a fault, since a narrative must not be lost in silence.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Self

from trust.exchange.addresses import holds_postcode
from trust.exchange.consent import ConsentRole
from trust.exchange.errors import Fault
from trust.exchange.persons import ConcernedPerson, Part
from trust.exchange.reader import Reader
from trust.exchange.statements import (
    PersonStatement,
    cut_statements,
    read_statements,
    statements_to_json,
    unknown_members,
    without_text,
)
from trust.identifiers import EntityId, ServiceRef, parse_code, parse_entity_id, parse_service_ref
from trust.strict_json import JsonObject

WORKS_AT = "perpetrator_works_at"
"""The services at which an alleged perpetrator works: none of them may receive the message."""
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~/-]{0,63}")
"""A case system's own identifier: no spaces, so that it holds no sentence and no full name."""
MAX_LIST = 16
_STATEMENTS = "body.statements"
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")

DetailValue = str | int | bool | tuple[str, ...]
Details = Mapping[str, DetailValue]
ReadDetail = Callable[[Reader, str], DetailValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One typed value of a form, by its name in ``details``, which is also the field that a clause grants.

    A value about persons of one ``part`` goes only with such a person.
    """

    name: str
    parse: ReadDetail
    required: bool = False
    part: Part | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyForm:
    """One topic, service type or notice type.

    ``statements`` are the fields that statements may have; of each field in ``narratives`` there must be one at least.
    ``recipient_kinds`` are the kinds of service that may receive it; ``None`` for any. ``consent_roles`` are those that
    each person's signed consent must have, also where the clause rests on no consent.
    """

    details: tuple[Detail, ...] = ()
    statements: frozenset[str] = frozenset()
    narratives: frozenset[str] = frozenset()
    recipient_kinds: frozenset[str] | None = None
    consent_roles: frozenset[ConsentRole] = frozenset()

    @property
    def fields(self) -> frozenset[str]:
        """The fields that a clause may grant of it."""
        return self.statements | {detail.name for detail in self.details}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedBody:
    """The body of a message of a queued kind; ``dropped`` names the members that this version does not know."""

    details: Details = field(default_factory=dict)
    statements: tuple[PersonStatement, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def form(self) -> BodyForm:
        """The topic, service type or notice type."""
        raise NotImplementedError

    @property
    def fields(self) -> frozenset[str]:
        """The names of the details and of the statements' fields that it brings."""
        return frozenset({*self.details, *(each.field for each in self.statements)})

    @property
    def refs(self) -> frozenset[str]:
        """The persons of the message that its statements are about."""
        return frozenset(ref for each in self.statements for ref in each.about)

    @property
    def parts(self) -> Mapping[str, Part]:
        """The details that are about persons of one part, each with the part."""
        return {each.name: each.part for each in self.form.details if each.part is not None}

    @property
    def recipient_kinds(self) -> frozenset[str] | None:
        """The kinds of service that may receive it; ``None`` for any."""
        return self.form.recipient_kinds

    @property
    def conflicts(self) -> frozenset[ServiceRef]:
        """The services at which an alleged perpetrator works."""
        refs = self.details.get(WORKS_AT)
        return frozenset(map(parse_service_ref, refs)) if isinstance(refs, tuple) else frozenset()

    @property
    def address_field(self) -> str | None:
        """The field without which no person's address is sent; ``None`` where it follows the clause's own rule."""
        return None

    @property
    def chosen_recipient(self) -> EntityId | None:
        """The only agency that may receive it: none was chosen."""
        return None

    @property
    def consent_roles(self) -> frozenset[ConsentRole]:
        """The roles that each person's signed consent must have, also where the clause rests on no consent."""
        return self.form.consent_roles

    def faults(self, persons: Iterable[ConcernedPerson], on: date) -> Iterable[Fault]:
        """Return what is wrong between the body, the persons of its message and the day on which it was made."""
        everyone = tuple(persons)
        for ref in sorted(self.refs - {person.ref for person in everyone}):
            yield Fault(path=_STATEMENTS, problem=f"are about {ref}, and no person of the message has that ref")
        if any(each.on > on for each in self.statements):
            yield Fault(path=_STATEMENTS, problem="must not be dated after the message")
        hidden = any(person.subject.address_restricted for person in everyone)
        if hidden and any(holds_postcode(f"{each.text} {each.source}") for each in self.statements):
            yield Fault(path=_STATEMENTS, problem="have a postcode, and a person's address is restricted; leave it out")

    def cut(self, fields: frozenset[str], refs: frozenset[str]) -> Self:
        """Return the body with only these fields, and without statements about any person but these."""
        return replace(
            self,
            details={name: value for name, value in self.details.items() if name in fields},
            statements=cut_statements(self.statements, fields, refs),
        )

    def without_narrative(self) -> Self:
        """Return the body without what its statements say, which no decision reads."""
        return replace(self, statements=tuple(map(without_text, self.statements)))

    def content_to_json(self) -> JsonObject:
        """Return the members ``details`` and ``statements``."""
        details = {name: list(value) if isinstance(value, tuple) else value for name, value in self.details.items()}
        return {"details": details, "statements": statements_to_json(self.statements)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What :func:`read_content` read: the members that every form has."""

    details: Details
    statements: tuple[PersonStatement, ...]
    dropped: tuple[str, ...]


def read_content(reader: Reader, form: BodyForm) -> Content:
    """Read ``details`` and ``statements`` by their form; faults go into the reader."""
    needed = any(detail.required for detail in form.details)
    nested = reader.child("details", required=needed)
    details: dict[str, DetailValue] = {}
    for detail in form.details if nested is not None else ():
        if nested is not None and (detail.required or nested.has(detail.name)):
            details[detail.name] = detail.parse(nested, detail.name)
    statements = read_statements(reader, form.statements)
    for name in sorted(form.narratives - {each.field for each in statements}):
        reader.fault("statements", f"must have one whose field is {name}")
    unknown = nested.unknown([detail.name for detail in form.details]) if nested is not None else ()
    dropped = (*(f"details.{name}" for name in unknown), *unknown_members(reader))
    return Content(details=details, statements=statements, dropped=dropped)


def flag(reader: Reader, name: str) -> bool:
    """Read true or false, which must be stated."""
    if not reader.has(name):
        reader.fault(name, "is missing")
    return reader.flag(name)


def day(reader: Reader, name: str) -> str:
    """Read a day, written YYYY-MM-DD."""
    return reader.day(name).isoformat()


def moment(reader: Reader, name: str) -> str:
    """Read a time to the second with its zone (RFC 3339); return it in UTC."""
    text = reader.text(name, max_len=25)
    if not text:
        return ""
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text).astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        reader.fault(name, "must be a time that exists, with its zone, written 2026-11-27T21:30:00Z")
        return ""


def code(reader: Reader, name: str) -> str:
    """Read a code, such as ``universal-credit``."""
    return reader.parsed(name, parse_code)


def reference(reader: Reader, name: str) -> str:
    """Read an identifier of a case system."""
    return reader.text(name, pattern=REFERENCE)


def entity(reader: Reader, name: str) -> str:
    """Read an entity identifier."""
    return reader.parsed(name, parse_entity_id)


def service_refs(reader: Reader, name: str) -> tuple[str, ...]:
    """Read a list of services, each written as entity identifier, ``#`` and slug."""
    refs = tuple(str(ref) for ref in reader.parsed_list(name, parse_service_ref))
    return _few(reader, name, refs)


def whole(least: int, most: int) -> ReadDetail:
    """Return the reader of a whole number from ``least`` to ``most``."""
    return lambda reader, name: reader.whole(name, least=least, most=most)


def word(*words: str) -> ReadDetail:
    """Return the reader of one word of a closed list."""

    def read(reader: Reader, name: str) -> str:
        text = reader.text(name)
        if text and text not in words:
            reader.fault(name, f"must be one of {', '.join(words)}")
        return text

    return read


def matching(pattern: re.Pattern[str]) -> ReadDetail:
    """Return the reader of a text of this form."""
    return lambda reader, name: reader.text(name, pattern=pattern)


def several(pattern: re.Pattern[str], problem: str) -> ReadDetail:
    """Return the reader of a list of texts of this form; ``problem`` says what another is not."""

    def read(reader: Reader, name: str) -> tuple[str, ...]:
        texts = _few(reader, name, reader.texts(name))
        if not all(pattern.fullmatch(text) for text in texts):
            reader.fault(name, problem)
        return texts

    return read


def _few(reader: Reader, name: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    if len(texts) > MAX_LIST:
        reader.fault(name, f"must have 1 to {MAX_LIST} items")
        return texts[:MAX_LIST]
    return texts


def all_fields(forms: Collection[BodyForm]) -> frozenset[str]:
    """Return the fields of all these forms."""
    return frozenset(name for form in forms for name in form.fields)
