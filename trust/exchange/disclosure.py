"""The exchange ``disclosure``: a queued message without an agreement, on a ground that a named person decided on.

1. ``urgent`` is for a person at risk; ``owed`` for what a statute obliges the sender to share.
2. It names every field that it brings. What it does not name it does not bring.
3. The recipient passes nothing on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from trust.exchange import details
from trust.exchange.alert import INCIDENT, RISK, parse_answer
from trust.exchange.details import BodyForm, TypedBody, read_content
from trust.exchange.errors import Fault, MalformedBody
from trust.exchange.kind import QUEUED_LIFE, ClauseWords, ExchangeKind
from trust.exchange.persons import PERSON_FIELDS, ConcernedPerson
from trust.exchange.reader import Reader
from trust.identifiers import KindName
from trust.strict_json import JsonObject

DISCLOSURE = KindName("disclosure")
VERSION = 1
FORM = BodyForm(
    details=(*INCIDENT, *RISK),
    statements=frozenset({"circumstances", "child_voice", "views", "risk", "history"}),
)
_MEMBERS = ("type", "fields", "details", "statements")


class DisclosureType(StrEnum):
    """Why it is made without an agreement."""

    URGENT = "urgent"
    OWED = "owed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureBody(TypedBody):
    """What a disclosure says; ``named_fields`` are those that the person who decided has named."""

    type: DisclosureType
    named_fields: frozenset[str]

    @property
    def form(self) -> BodyForm:
        """The one form that there is."""
        return FORM

    @property
    def clause_words(self) -> ClauseWords:
        """None: no clause grants it."""
        return _NO_WORDS

    @property
    def unnamed_fields(self) -> frozenset[str]:
        """The fields that it brings and does not name."""
        return self.fields - self.named_fields

    def faults(self, persons: Iterable[ConcernedPerson], on: date) -> Iterable[Fault]:
        """Return what every body's are, and the fields that it brings without naming them."""
        yield from TypedBody.faults(self, persons, on)
        if not self.fields:
            yield Fault(path="body.statements", problem="must have one, or details must have a value: it says nothing")
        if self.unnamed_fields:
            yield Fault(path="body.fields", problem=f"must name {', '.join(sorted(self.unnamed_fields))}, too")

    def to_body(self) -> JsonObject:
        """Return the body that says this."""
        return {"type": str(self.type), "fields": sorted(self.named_fields), **self.content_to_json()}


_NO_WORDS: Mapping[str, frozenset[str]] = {}


def parse_body(body: JsonObject) -> DisclosureBody:
    """Read the body of a disclosure. Raises :class:`MalformedBody` with every fault."""
    reader = Reader(body, path="body.")
    kind, named_fields = reader.choice("type", DisclosureType), frozenset(reader.texts("fields"))
    content = read_content(reader, FORM)
    if not named_fields <= FORM.fields:
        reader.fault("fields", f"must be some of {', '.join(sorted(FORM.fields))}")
    if reader.faults or kind is None:
        raise MalformedBody(reader.faults)
    return DisclosureBody(
        type=kind,
        named_fields=named_fields,
        details=content.details,
        statements=content.statements,
        dropped=(*reader.unknown(_MEMBERS), *content.dropped),
    )


DISCLOSURE_KIND = ExchangeKind(
    name=DISCLOSURE,
    description="a disclosure without an agreement",
    parsers={VERSION: parse_body},
    fields=PERSON_FIELDS | details.all_fields((FORM,)),
    reveals=lambda _lists: frozenset(),
    max_life=QUEUED_LIFE,
    queued=True,
    without_agreement=True,
    parse_answer=parse_answer,
)
