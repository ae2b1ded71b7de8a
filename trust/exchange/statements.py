"""The statements of a message of a queued kind: every narrative text, with its standing, source and date.

1. A statement has one field, and a clause grants fields.
2. It names the persons that it is about, at least one. Where one of them is cut, the whole statement is.
3. All other members of a message are typed values, so that no narrative escapes the cut.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from trust.claims import strip_ignorable
from trust.exchange.addresses import holds_postcode
from trust.exchange.persons import MAX_PERSONS, REF
from trust.exchange.reader import MAX_TEXT, Reader
from trust.strict_json import JsonObject

MAX_STATEMENTS = 64
MAX_STATEMENT = 4000
"""Characters of a statement's text."""
_MEMBERS = ("field", "text", "about", "standing", "source", "on")
_LEFT_OUT = "-"
_POSTCODE_LEFT_OUT = "- ZE3 9ZZ"


class Standing(StrEnum):
    """What a statement is: seen or on record, a professional's judgement, or what another person alleges."""

    FACT = "fact"
    JUDGEMENT = "judgement"
    ALLEGATION = "allegation"
    NOT_STATED = "not_stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonStatement:
    """One statement. ``source`` is who or what it comes from, ``on`` the day it was made."""

    field: str
    text: str
    about: tuple[str, ...]
    standing: Standing
    source: str
    on: date

    def __repr__(self) -> str:
        """Show what the statement is and nothing of what it says."""
        return f"<PersonStatement {self.field} about {', '.join(self.about)}, {self.standing}>"


def read_statements(reader: Reader, fields: Collection[str]) -> tuple[PersonStatement, ...]:
    """Read the member ``statements``, which may be absent; each of a field in ``fields``. Faults go into the reader."""
    nested = reader.children("statements", required=False, max_items=MAX_STATEMENTS)
    return tuple(_read_statement(each, fields) for each in nested)


def unknown_members(reader: Reader) -> tuple[str, ...]:
    """Return the names of members of statements that this version does not know, made safe to show."""
    nested = reader.children("statements", required=False, max_items=MAX_STATEMENTS)
    names = {name for each in nested for name in each.unknown(_MEMBERS)}
    return tuple(f"statements[].{name}" for name in sorted(names))


def statements_to_json(statements: Iterable[PersonStatement]) -> list[JsonObject]:
    """Return the wire form."""
    return [
        {
            "field": each.field,
            "text": each.text,
            "about": list(each.about),
            "standing": str(each.standing),
            "source": each.source,
            "on": each.on.isoformat(),
        }
        for each in statements
    ]


def cut_statements(
    statements: Iterable[PersonStatement], fields: Collection[str], refs: Collection[str]
) -> tuple[PersonStatement, ...]:
    """Return the statements of these fields that are about these persons and no other."""
    return tuple(each for each in statements if each.field in fields and set(each.about) <= set(refs))


def without_text(statement: PersonStatement) -> PersonStatement:
    """Return a statement of which only what a decision reads is left: whether its text holds a postcode."""
    has_postcode = holds_postcode(f"{statement.text} {statement.source}")
    return replace(statement, text=_POSTCODE_LEFT_OUT if has_postcode else _LEFT_OUT, source=_LEFT_OUT)


def _read_statement(reader: Reader, fields: Collection[str]) -> PersonStatement:
    field = reader.text("field")
    if field and field not in fields:
        words = ", ".join(sorted(fields))
        reader.fault("field", f"must be one of {words}" if words else "has no place here: this body has no statements")
    about = reader.texts("about", max_items=MAX_PERSONS)
    if not all(REF.fullmatch(ref) for ref in about):
        reader.fault("about", "must name persons of the message by their refs, such as p1")
    return PersonStatement(
        field=field,
        text=_text(reader, "text", MAX_STATEMENT),
        about=about,
        standing=reader.choice("standing", Standing) or Standing.NOT_STATED,
        source=_text(reader, "source"),
        on=reader.day("on"),
    )


def _text(reader: Reader, name: str, max_len: int = MAX_TEXT) -> str:
    text = reader.text(name, max_len=max_len)
    visible = strip_ignorable(text)
    if text and not visible.strip():
        reader.fault(name, "must have a character that is not a space")
    return visible
