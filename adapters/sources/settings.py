"""Settings of every row source: forms of dates, statuses, whole names in one column."""

import re
from typing import Annotated, Final, Literal

from pydantic import Field, PlainValidator

from adapters.sources.days import DayForms, Forms, check_form, check_forms, says_the_century
from adapters.sources.full_names import NameOrder

_FORM: Final = re.compile(r"[%A-Za-z0-9 /.:,-]{2,40}")
_MOST_FORMS: Final = 6

DayField = Literal["birth_date", "since", "last_contact", "ended"]
TextField = Literal["organisation", "service_type", "role", "worker", "phone", "duty_phone"]


def _date_forms(value: object) -> Forms:
    """Take one form of dates, or a list of several."""
    forms = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else ()
    if not 0 < len(forms) <= _MOST_FORMS or not all(isinstance(form, str) and _FORM.fullmatch(form) for form in forms):
        raise ValueError(f"must be a form such as %d/%m/%Y, or a list of up to {_MOST_FORMS}")
    for form in forms:
        check_form(form)
    check_forms(forms)
    return forms


DateForms = Annotated[Forms, PlainValidator(_date_forms)]
Statuses = tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]


def check_birth_forms(forms: DayForms, *, has_birth_date: bool) -> None:
    """Refuse two-digit years for birth dates. Raises :class:`ValueError`."""
    if has_birth_date and not says_the_century(forms.for_field("birth_date")):
        raise ValueError(
            "a birth date with %y can be a hundred years off: name a column with the whole year in it, or a query that "
            "writes one, and give its form in date_formats.birth_date"
        )


def check_full_name(*, full_name: bool, apart: bool, order: NameOrder | None) -> None:
    """Refuse a whole name without its order, or together with its parts. Raises :class:`ValueError`."""
    if full_name != (order is not None):
        raise ValueError("full_name and full_name_order (family-first or given-first) go together")
    if full_name and apart:
        raise ValueError("give either full_name or family_name and given_names")


def check_statuses(current: Statuses, ended: Statuses, *, has_status: bool) -> None:
    """Refuse a status without exactly one list of its meanings. Raises :class:`ValueError`."""
    if (1 if has_status else 0) != bool(current) + bool(ended):
        raise ValueError("status goes with either current_statuses or ended_statuses")


def is_current_status(text: str | None, current: Statuses, ended: Statuses) -> bool:
    """Return whether a status means a current involvement, without regard to case and spaces."""
    word = " ".join((text or "").split()).casefold()
    if current:
        return word in {" ".join(each.split()).casefold() for each in current}
    return word not in {" ".join(each.split()).casefold() for each in ended}
