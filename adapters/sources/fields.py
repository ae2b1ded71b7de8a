"""Turn what a case system holds in a row into the types of an exchange.

Case systems write dates, genders and blanks in their own ways. What cannot be read makes the row unreadable
(:class:`Unreadable`); the source leaves that row out and counts it. No reason given here repeats a value.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from adapters.contract import AdapterContext, current_month
from trust.exchange.involvement import Involvement
from trust.exchange.person import (
    Address,
    Gender,
    Name,
    Subject,
    normal_identifier,
    normal_pnc_id,
    normal_postcode,
)

PERSON_FIELDS: Final = (
    "nhs_number",
    "upn",
    "nino",
    "pnc_id",
    "family_name",
    "given_names",
    "birth_date",
    "gender",
    "postcode",
    "uprn",
)
"""What a source may know of a person, by the names that configurations use."""

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
"""What a source may know of one involvement. ``last_contact`` is a day here and becomes a month."""

ISO_DATE: Final = "%Y-%m-%d"
MAX_TEXT: Final = 200
"""Characters of a field: what the exchange carries; more is not a name or a telephone number."""

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
"""The words in use, and the codes 1, 2 and 9 of the NHS Data Dictionary and of the Department for Education."""

_CONTROLS: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Unreadable(ValueError):
    """A row holds something that cannot be what its column says; the text names the field and the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What is said of an involvement where the source holds nothing: the service's own configuration."""

    organisation: str
    service_type: str
    duty_phone: str


def defaults_of(context: AdapterContext) -> Defaults:
    """Return what the service's own configuration says of every involvement."""
    return Defaults(organisation=context.organisation, service_type=context.service_kind, duty_phone=context.duty_phone)


def read_text(value: object) -> str | None:
    """Return one line of text, or ``None`` for a blank. Control and direction characters become spaces."""
    if value is None or value == "":
        return None
    if type(value) is str and value.isascii() and value.isprintable():  # as nearly every text is
        tidy = " ".join(value.split())
    else:
        tidy = " ".join(_safe(value).split())
    if len(tidy) > MAX_TEXT:
        raise Unreadable(f"has more than {MAX_TEXT} characters")
    return tidy or None


def _safe(value: object) -> str:
    if isinstance(value, bool | float | bytes) or not isinstance(value, str | int):
        raise Unreadable("is not text")
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    safe = (" " if unicodedata.category(char) in _CONTROLS else char for char in text)
    return unicodedata.normalize("NFC", "".join(safe))


def read_day(value: object, date_format: str = ISO_DATE) -> date | None:
    """Return a day, or ``None`` for a blank. A moment (``2024-05-01 10:30``) counts as its day."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = read_text(value)
    if text is None:
        return None
    try:
        if date_format == ISO_DATE:
            day = text[:10]
            if not _ISO_DAY.fullmatch(day) or text[10:11] not in {"", "T", " "}:
                raise ValueError
            return date.fromisoformat(day)
        return datetime.strptime(text, date_format).date()  # noqa: DTZ007 - a day has no time zone
    except ValueError:
        raise Unreadable(f"is not a date in the form {date_format}") from None


def write_day(day: date, date_format: str = ISO_DATE) -> str:
    """Return a day as the case system writes it."""
    return day.isoformat() if date_format == ISO_DATE else day.strftime(date_format)


def read_person(row: Mapping[str, object], *, date_format: str = ISO_DATE) -> Subject:
    """Return the person that a row describes, under the names of :data:`PERSON_FIELDS`. Raises :class:`Unreadable`."""
    return Subject(
        nhs_number=_identifier(row, "nhs_number"),
        upn=_identifier(row, "upn"),
        nino=_identifier(row, "nino"),
        pnc_id=_identifier(row, "pnc_id"),
        family_name=_text(row, "family_name"),
        given_names=_text(row, "given_names"),
        birth_date=_day(row, "birth_date", date_format),
        gender=_gender(_text(row, "gender")),
        address=_address(_text(row, "postcode"), _text(row, "uprn")),
    )


def read_involvement(row: Mapping[str, object], defaults: Defaults, *, date_format: str = ISO_DATE) -> Involvement:
    """Return the involvement that a row describes, completed from ``defaults``. Raises :class:`Unreadable`."""
    last_contact = _day(row, "last_contact", date_format)
    return Involvement(
        organisation=_text(row, "organisation") or defaults.organisation,
        service_type=_text(row, "service_type") or defaults.service_type,
        plan=_text(row, "plan"),
        role=_text(row, "role"),
        worker=_text(row, "worker"),
        phone=_text(row, "phone"),
        duty_phone=_text(row, "duty_phone") or defaults.duty_phone or None,
        since=_day(row, "since", date_format),
        last_contact_month=current_month(last_contact) if last_contact else None,
    )


def most_recent_first(involvements: Sequence[Involvement]) -> tuple[Involvement, ...]:
    """Order by last contact, then by start; those without either come last, in the order of the source."""
    return tuple(
        sorted(
            dict.fromkeys(involvements),
            key=lambda found: (found.last_contact_month or "", found.since or date.min),
            reverse=True,
        )
    )


def merge_people(people: Sequence[Subject]) -> tuple[Subject, ...]:
    """Make one person of several rows about one; further names become aliases.

    Rows that contradict each other in an identifier or the birth date stay apart, for a human to see to.
    """
    merged: list[Subject] = []
    for person in people:
        for place, known in enumerate(merged):
            if _agree(known, person):
                merged[place] = _merge(known, person)
                break
        else:
            merged.append(person)
    return tuple(merged)


_DECISIVE: Final = ("nhs_number", "upn", "nino", "pnc_id", "birth_date")


def _agree(one: Subject, other: Subject) -> bool:
    pairs = ((getattr(one, field), getattr(other, field)) for field in _DECISIVE)
    return all(left is None or right is None or left == right for left, right in pairs)


def _merge(one: Subject, other: Subject) -> Subject:
    names = (one.family_name, one.given_names), (other.family_name, other.given_names)
    filled = {
        field: getattr(one, field) if getattr(one, field) is not None else getattr(other, field)
        for field in (*_DECISIVE, "family_name", "given_names", "gender", "address")
    }
    further = Name(family_name=other.family_name, given_names=other.given_names)
    says_more = any(theirs is not None and theirs != ours for ours, theirs in zip(*names, strict=True))
    new = (further,) if says_more and names[0] != (None, None) and further not in one.aliases else ()
    return replace(one, **filled, aliases=(*one.aliases, *new))


def _text(row: Mapping[str, object], field: str) -> str | None:
    try:
        return read_text(row.get(field))
    except Unreadable as fault:
        raise Unreadable(f"{field} {fault}") from None


def _day(row: Mapping[str, object], field: str, date_format: str) -> date | None:
    try:
        return read_day(row.get(field), date_format)
    except Unreadable as fault:
        raise Unreadable(f"{field} {fault}") from None


def _identifier(row: Mapping[str, object], field: str) -> str | None:
    text = _text(row, field)
    if text is None:
        return None
    return normal_pnc_id(text) if field == "pnc_id" else normal_identifier(text)


def _gender(text: str | None) -> Gender | None:
    return _GENDERS.get(text.lower(), Gender.UNKNOWN) if text else None


def _address(postcode: str | None, uprn: str | None) -> Address | None:
    if postcode is None and uprn is None:
        return None
    return Address(postcode=normal_postcode(postcode) if postcode else None, uprn=uprn)
