"""Conversion of a case system's row to the types of an exchange.

Case systems have their own forms of dates, genders and blanks. An unreadable value is left out of its row and counted
(:class:`FieldFault`); no reason repeats a value.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

from adapters.contract import AdapterContext, current_month
from adapters.sources.days import (
    DayForms,
    Forms,
    read_birth_date,
    read_optional_day,
    today,
)
from adapters.sources.full_names import read_full_name
from adapters.sources.spellings import with_its_zero
from adapters.sources.text import Unreadable, read_text
from trust.claims import strip_ignorable
from trust.exchange.addresses import home_postcode, normal_uprn
from trust.exchange.involvement import Involvement
from trust.exchange.person import Address, Gender, Name, Subject
from trust.exchange.person_identifiers import IDENTIFIERS, identifier_evidence, is_stand_in, read_identifier
from trust.exchange.person_names import normal_name

T = TypeVar("T")

PERSON_FIELDS: Final = (
    "nhs_number",
    "upn",
    "nino",
    "pnc_id",
    "family_name",
    "given_names",
    "full_name",
    "birth_date",
    "gender",
    "postcode",
    "uprn",
    "address_restricted",
)
"""The fields of a person, as configurations name them."""

INVOLVEMENT_FIELDS: Final = (
    "organisation",
    "service_type",
    "plan",
    "role",
    "worker",
    "phone",
    "duty_phone",
    "since",
    "last_contact",
)
"""The fields of an involvement. ``last_contact`` is a day here and becomes a month."""

_GENDERS: Final = {
    "f": Gender.FEMALE,
    "female": Gender.FEMALE,
    "2": Gender.FEMALE,
    "m": Gender.MALE,
    "male": Gender.MALE,
    "1": Gender.MALE,
    "other": Gender.OTHER,
    "indeterminate": Gender.OTHER,
    "9": Gender.OTHER,
}
"""Common words, and the codes 1, 2 and 9 of the NHS Data Dictionary and the Department for Education."""

_NOT_RESTRICTED: Final = frozenset(
    {"", "0", "f", "false", "n", "no", "none", "normal", "not restricted", "null", "u", "unrestricted"}
)
"""The values that mean no restriction; any other value restricts the address."""
_NATIONAL: Final = (9, 10)
"""Digits of a United Kingdom telephone number after its zero; others are short codes or international."""
_DECIMALS: Final = re.compile(r"\.0+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """The values of an involvement from the service's own configuration, if the source has none."""

    organisation: str
    service_type: str
    duty_phone: str


def service_defaults(context: AdapterContext) -> Defaults:
    """Return the values of every involvement from the service's own configuration."""
    return Defaults(organisation=context.organisation, service_type=context.service_kind, duty_phone=context.duty_phone)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFault:
    """An unreadable field of one row, with the cause and without the value."""

    field: str
    cause: str

    def __str__(self) -> str:
        """Return a sentence without its full stop."""
        return f"{self.field} {self.cause}"


class RowReader:
    """One row, read field by field; an unreadable value is left out and added to ``faults``."""

    def __init__(self, row: Mapping[str, object], forms: DayForms) -> None:
        self._row = row
        self._forms = forms
        self.faults: list[FieldFault] = []

    def text(self, field: str) -> str | None:
        """Return a field as one line of text."""
        return self.read(field, read_text)

    def day(self, field: str, reader: Callable[[object, Forms], date | None]) -> date | None:
        """Return a field as a day, by one of the readers of :mod:`adapters.sources.days`."""
        return self.read(field, lambda value: reader(value, self._forms.for_field(field)))

    def read(self, field: str, parse: Callable[[object], T]) -> T | None:
        """Return a field as ``parse`` returns it, or ``None`` with a fault."""
        value = self._row.get(field)
        if value is None:
            return None
        try:
            return parse(value)
        except Unreadable as fault:
            self.faults.append(FieldFault(field=field, cause=str(fault)))
            return None


def read_person_row(row: Mapping[str, object], forms: DayForms) -> tuple[Subject, tuple[FieldFault, ...]]:
    """Return the person that a row describes, and its unreadable fields.

    A stand-in for an identifier is left out, and a restricted address is not read: neither is used in matching.
    """
    reader = RowReader(row, forms)
    family_name, given_names = reader.read("family_name", _read_name), reader.read("given_names", _read_name)
    full_name = reader.read("full_name", lambda value: _read_full_name(value, str(row.get("full_name_order"))))
    if full_name is not None:
        family_name, given_names = family_name or full_name.family_name, given_names or full_name.given_names
    restricted = read_restriction(row.get("address_restricted"))
    person = Subject(
        nhs_number=_identifier(reader, "nhs_number"),
        upn=_identifier(reader, "upn"),
        nino=_identifier(reader, "nino"),
        pnc_id=_identifier(reader, "pnc_id"),
        family_name=family_name,
        given_names=given_names,
        birth_date=reader.day("birth_date", read_birth_date),
        gender=_gender(reader.text("gender")),
        address=None if restricted else _address(reader.text("postcode"), reader.text("uprn")),
        address_restricted=restricted,
    )
    return person, tuple(reader.faults)


def read_person(row: Mapping[str, object]) -> Subject:
    """Return the person that a row describes, under the names of :data:`PERSON_FIELDS`. Raises :class:`Unreadable`."""
    person, faults = read_person_row(row, DayForms())
    if faults:
        raise Unreadable(str(faults[0]))
    return person


def identifier_forms(person: Subject) -> frozenset[tuple[str, str]]:
    """Return each identifier of a person as it is written and as it is compared.

    Two people with one in common have the same identifier, a National Insurance number with any suffix or none.
    """
    numbers = ((field, getattr(person, field)) for field in IDENTIFIERS)
    return frozenset(
        (field, form)
        for field, number in numbers
        if number is not None
        for form in (number, identifier_evidence(field, number))
        if form is not None
    )


def read_restriction(value: object) -> bool:
    """Return whether an address is restricted: by every value but a blank and a plain no."""
    if value is None or isinstance(value, bool | int | float | Decimal):
        return bool(value)
    try:
        text = read_text(value) or ""
    except Unreadable:
        return True
    if not text and isinstance(value, bytes):  # a bit
        return any(value)
    return text.lower() not in _NOT_RESTRICTED


def read_involvement_row(
    row: Mapping[str, object], defaults: Defaults, forms: DayForms
) -> tuple[Involvement, tuple[FieldFault, ...]]:
    """Return the involvement that a row describes, completed from ``defaults``, and its unreadable fields."""
    reader = RowReader(row, forms)
    last_contact = reader.day("last_contact", read_optional_day)
    involvement = Involvement(
        organisation=reader.text("organisation") or defaults.organisation,
        service_type=reader.text("service_type") or defaults.service_type,
        plan=reader.text("plan"),
        role=reader.text("role"),
        worker=reader.text("worker"),
        phone=reader.read("phone", _read_phone),
        duty_phone=reader.read("duty_phone", _read_phone) or defaults.duty_phone or None,
        since=reader.day("since", read_optional_day),
        last_contact_month=current_month(last_contact) if last_contact else None,
    )
    return involvement, tuple(reader.faults)


def most_recent_first(involvements: Sequence[Involvement]) -> tuple[Involvement, ...]:
    """Order by last contact, then by start; those without either are last, in the order of the source."""
    return tuple(
        sorted(
            dict.fromkeys(involvements),
            key=lambda involvement: (involvement.last_contact_month or "", involvement.since or date.min),
            reverse=True,
        )
    )


def merge_people(people: Sequence[Subject]) -> tuple[Subject, ...]:
    """Merge the rows about one person; further names become aliases.

    Rows with a different identifier or birth date stay apart, for a human to check.
    """
    merged: list[Subject] = []
    for person in people:
        for place, earlier in enumerate(merged):
            if _agree(earlier, person):
                merged[place] = _merge(earlier, person)
                break
        else:
            merged.append(person)
    return tuple(merged)


_DECISIVE: Final = (*IDENTIFIERS, "birth_date")


def _agree(one: Subject, other: Subject) -> bool:
    pairs = ((getattr(one, field), getattr(other, field)) for field in _DECISIVE)
    return all(ours is None or theirs is None or ours == theirs for ours, theirs in pairs)


def _merge(one: Subject, other: Subject) -> Subject:
    names = (one.family_name, one.given_names), (other.family_name, other.given_names)
    values = {
        field: getattr(one, field) if getattr(one, field) is not None else getattr(other, field)
        for field in (*_DECISIVE, "family_name", "given_names", "gender", "address")
    }
    if one.address_restricted or other.address_restricted:  # in one row is enough
        values |= {"address": None, "address_restricted": True}
    further = Name(family_name=other.family_name, given_names=other.given_names)
    says_more = any(theirs is not None and theirs != ours for ours, theirs in zip(*names, strict=True))
    new = (further,) if says_more and names[0] != (None, None) and further not in one.aliases else ()
    return replace(one, **values, aliases=(*one.aliases, *new))


def _identifier(reader: RowReader, field: str) -> str | None:
    text = reader.text(field)
    if text is None:
        return None
    if field == "nhs_number":
        text = _DECIMALS.sub("", text)  # 9434765919.0, as a spreadsheet writes it
    number = read_identifier(field, text, this_year=today().year)
    if field == "nhs_number":
        number = with_its_zero(number)
    return None if is_stand_in(field, number) else number


def _read_name(value: object) -> str | None:
    """Read a name without invisible characters, some of which would split it."""
    visible = strip_ignorable(value) if isinstance(value, str) else value
    text = read_text(visible)
    return (normal_name(text) or None) if text else None


def _read_full_name(value: object, order: str) -> Name | None:
    return read_full_name(_read_name(value), order)


def _read_phone(value: object) -> str | None:
    """Read a telephone number; one that is stored as a number gets its leading zero back."""
    text = read_text(value)
    return f"0{text}" if text and not isinstance(value, str | bytes) and len(text) in _NATIONAL else text


def _gender(text: str | None) -> Gender | None:
    return _GENDERS.get(text.lower(), Gender.UNKNOWN) if text else None


def _address(postcode: str | None, uprn: str | None) -> Address | None:
    home = Address(postcode=home_postcode(postcode) if postcode else None, uprn=normal_uprn(uprn) if uprn else None)
    return home if home.postcode or home.uprn else None
