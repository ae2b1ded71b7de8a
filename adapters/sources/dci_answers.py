"""Reader of a DCI benefit registry's answers: strict on the parts it uses, blind to the rest.

The published schema leaves a registry record open, and the published samples have three forms: a ``Person`` with lists
of programmes and payments, a ``Beneficiary`` around a ``member``, and a member with ``demographic_info``. All become
one :class:`RegistryRecord`. An empty text in the samples means an unknown value, here too.

Vendors differ where the standard is silent: an unregistered person is an empty list, ``null``, or a rejection with a
vendor's code; ``birth_date`` is ``birthdate`` elsewhere. A personal value that cannot be read is left out of its
record, and named in ``unreadable``. A fault names fields, never values.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from adapters.contract import HttpResponse, SourceNonsense, SourceUnavailable
from adapters.sources.days import read_birth_date, read_day
from adapters.sources.fields import read_restriction

JSON: Final = "application/json"
_HTTP_OK: Final = 200
_HTTP_REFUSED: Final = frozenset({400, 401, 403})
_MODEL = TypeVar("_MODEL", bound=BaseModel)
_Json = dict[str, Any]
_MAX_FAULTS = 5
_MAX_REASON: Final = 300
_ABSENT: Final = re.compile(
    r"not[ _.-]?(found|registered|enrolled|exist)"
    r"|\b(no|zero)[ _.-]?(such|record|match|result|person|beneficiar|member)",
    re.IGNORECASE,
)
"""Vendors' own codes and messages for a person without a record in the registry."""
_NOT_OF_PERSON: Final = re.compile(
    r"sender|receiver|client|service|server|endpoint|url|operation|action|schema|version|query|token|user|account",
    re.IGNORECASE,
)
"""Subjects of a similar sentence that means a mistake or an outage instead (assertion A74)."""


def _blank_is_absent(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


def _reason(value: object) -> object:
    """Return the beginning of a vendor's sentence, which is searched for words and never shown."""
    return value[:_MAX_REASON] if isinstance(value, str) and value.strip() else None


def _empty_is_absent(value: object) -> object:
    return None if value in ([], {}, "") else value


def _records(value: object) -> object:
    """Return a list of records; vendors also send ``null`` or ``{}`` for none, and one record without a list."""
    return [] if value is None or value == {} else _one_is_a_list(value)


def _number_is_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _day(value: object) -> object:
    """Read the day of an ISO 8601 date or date-time, with a zone the day in London."""
    blank = _blank_is_absent(value)
    if blank is None or not isinstance(blank, str):
        return blank
    return read_day(datetime.fromisoformat(blank))


_Text = Annotated[str, Field(max_length=300)]
_OptionalText = Annotated[_Text | None, BeforeValidator(_blank_is_absent)]
_Day = Annotated[date | None, BeforeValidator(_day)]
Status = Literal["rcvd", "pdng", "succ", "rjct"]


class _Part(BaseModel):
    """A part of an answer: strict types, other fields ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class SearchStatus(_Part):
    """The status of a message or of one search, with the reason of a rejection."""

    status: Status
    status_reason_code: _OptionalText = None
    status_reason_message: Annotated[str | None, BeforeValidator(_reason)] = None

    def says_absent(self, codes: Sequence[str]) -> bool:
        """Return whether a rejection means an unknown person; ``codes`` are the registry's own for it."""
        code, message = self.status_reason_code or "", self.status_reason_message or ""
        in_words = any(map(_ABSENT.search, (code, message))) and not any(map(_NOT_OF_PERSON.search, (code, message)))
        return self.status == "rjct" and (code in codes or in_words)


class AnswerHeader(SearchStatus):
    """The header of an answer; in the published samples ``on-search`` may be ``search``."""

    action: Literal["on-search", "search"]


class _Data(_Part):
    reg_records: Annotated[list[_Json], BeforeValidator(_records)] = []


class SearchItem(SearchStatus):
    """The answer to the search with the same ``reference_id``."""

    reference_id: _Text
    data: Annotated[_Data | None, BeforeValidator(_empty_is_absent)] = None


class _SearchMessage(_Part):
    transaction_id: _Text
    search_response: list[SearchItem]


class SearchAnswer(_Part):
    """An answer of ``/registry/sync/search``."""

    header: AnswerHeader
    message: _SearchMessage


class EnrolledItem(SearchStatus):
    """The registration of one person as a beneficiary, at one moment."""

    timestamp: Annotated[date, BeforeValidator(_day)]
    enrolled_status: Annotated[Literal["yes", "no"] | None, BeforeValidator(_blank_is_absent)] = None


class _EnrolledMessage(_Part):
    transaction_id: _Text
    enrolled_response: list[EnrolledItem] = Field(min_length=1, max_length=1)


class EnrolledAnswer(_Part):
    """An answer of ``/registry/sync/enrolled``, in the envelope of the standard's prose and samples."""

    header: AnswerHeader
    message: _EnrolledMessage


class DciTokenResponse(_Part):
    """An access token. Its lifetime is a text in the standard and a number in OAuth 2.0.

    The type is compared without case (RFC 6749 section 7.1).
    """

    access_token: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,4096}$")]
    token_type: Annotated[str, Field(pattern=r"^(?i:bearer)$")]
    expires_in: Annotated[float, Field(ge=0)] | Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")] | None = (
        None
    )


class _Identifier(_Part):
    identifier_type: _Text
    identifier_value: Annotated[_Text, BeforeValidator(_number_is_text)]


class _Name(_Part):
    surname: _OptionalText = Field(default=None, validation_alias=AliasChoices("surname", "sur_name", "last_name"))
    given_name: _OptionalText = Field(default=None, validation_alias=AliasChoices("given_name", "given_names"))
    first_name: _OptionalText = None
    second_name: _OptionalText = None


class _Postal(_Part):
    postal_code: _OptionalText = None


def _postal_places(value: object) -> object:
    """Return a list of addresses; the samples also have an empty text or object for none."""
    return value if isinstance(value, list) else []


class _Person(_Part):
    """The parts that every record of a person must have."""

    identifier: Annotated[list[_Identifier], BeforeValidator(_one_is_a_list)] = Field(
        validation_alias=AliasChoices("identifier", "identifiers")
    )
    name: Annotated[list[_Name], BeforeValidator(_one_is_a_list), Field(min_length=1)]


_BIRTH_DATES: Final = AliasChoices("birth_date", "birthdate", "birthDate", "date_of_birth", "dateOfBirth")


class _BirthDatePart(_Part):
    birth_date: Annotated[date | None, BeforeValidator(read_birth_date)] = Field(
        default=None, validation_alias=_BIRTH_DATES
    )


class _GenderPart(_Part):
    sex: Annotated[_OptionalText, BeforeValidator(_number_is_text)] = Field(
        default=None, validation_alias=AliasChoices("sex", "gender")
    )


class _AddressPart(_Part):
    address: Annotated[list[_Postal], BeforeValidator(_postal_places)] = []


class _ProgrammeName(_Part):
    programme_identifier: _OptionalText = None


class _Programme(_Part):
    programme: _ProgrammeName | None = None
    programme_identifier: _OptionalText = None
    enrolment_date: _Day = None
    suspension_date: _Day = None
    graduation_date: _Day = None


class _Payment(_Part):
    programme_identifier: _OptionalText = None
    payment_credit_date: _Day = None


class _Benefits(_Part):
    programme: Annotated[list[_Programme], BeforeValidator(_one_is_a_list)] = []
    payroll: Annotated[list[_Payment] | None, BeforeValidator(_one_is_a_list)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One programme of a person, with the days of its changes. ``programme`` is the registry's code."""

    programme: str | None
    enrolled: date | None
    suspended: date | None
    ended: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment's day; ``programme`` is ``None`` if the registry does not report it."""

    programme: str | None
    credited: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonName:
    """A name, with the given names as one text."""

    surname: str | None
    given_names: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRecord:
    """One person of the registry. The first name is the current one; ``identifiers`` are pairs of type and value.

    ``payments`` is ``None`` if the registry does not report payments, and empty if it made none.
    ``unreadable`` names the unreadable parts: ``birth_date``, ``gender``, ``postcode``, ``benefits``.
    """

    identifiers: tuple[tuple[str, str], ...]
    names: tuple[PersonName, ...]
    birth_date: date | None
    sex: str | None
    postcode: str | None
    enrolments: tuple[Enrolment, ...]
    payments: tuple[Payment, ...] | None
    unreadable: frozenset[str] = frozenset()
    address_restricted: bool = False

    def identifier(self, id_type: str) -> str | None:
        """Return the identifier of one type, compared without case."""
        return next((value for kind, value in self.identifiers if kind.lower() == id_type.lower()), None)


UNREADABLE: Final = RegistryRecord(
    identifiers=(),
    names=(PersonName(surname=None, given_names=None),),
    birth_date=None,
    sex=None,
    postcode=None,
    enrolments=(),
    payments=None,
    unreadable=frozenset({"ref", "nino", "family_name", "given_names", "birth_date", "gender", "postcode", "benefits"}),
)
"""A record of which nothing can be read: it may be the subject's."""


def check_http(answer: HttpResponse) -> None:
    """Accept a successful JSON response. Raises :class:`SourceUnavailable` and :class:`SourceNonsense`."""
    if answer.status in _HTTP_REFUSED:
        raise SourceUnavailable(
            f"The benefit registry refused us with HTTP status {answer.status}: check client_id, the file of the "
            "client secret, and the sender_id that it knows us by."
        )
    if answer.status != _HTTP_OK:
        raise SourceUnavailable(f"The benefit registry answered with HTTP status {answer.status}.")
    media_type = _media_type(answer.headers)
    if media_type != JSON and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise SourceNonsense("The benefit registry did not answer with JSON.")


def _media_type(headers: Mapping[str, str]) -> str:
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    return content_type.partition(";")[0].strip().lower()


def parse_answer(raw: bytes, model: type[_MODEL]) -> _MODEL:
    """Read an answer's bytes into ``model``. Raises :class:`SourceNonsense`."""
    try:
        document = json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
        )
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise SourceNonsense("The benefit registry's answer is not JSON, or has a field twice.") from None
    return _read(document, model)


def read_record(record: _Json, *, restriction: str | None = None) -> RegistryRecord:
    """Read one registry record, in any of its three published forms.

    ``restriction`` is the field that marks an address as restricted; the standard has none.
    Raises :class:`SourceNonsense` for a record of no person.
    """
    member = record.get("member", record)
    inner = member.get("demographic_info") if isinstance(member, dict) else None
    person_json = inner.get("person") if isinstance(inner, dict) else member
    person = _read(person_json, _Person)
    unreadable: set[str] = set()
    birth = _read_part(person_json, _BirthDatePart, "birth_date", unreadable)
    gender = _read_part(person_json, _GenderPart, "gender", unreadable)
    home = _read_part(person_json, _AddressPart, "postcode", unreadable)
    benefits = _read_part(_benefits(record, member), _Benefits, "benefits", unreadable)
    return RegistryRecord(
        identifiers=tuple((item.identifier_type, item.identifier_value) for item in person.identifier),
        names=tuple(_names(person.name)),
        birth_date=birth.birth_date,
        sex=gender.sex,
        postcode=next((place.postal_code for place in home.address if place.postal_code), None),
        enrolments=tuple(_enrolment(item) for item in benefits.programme),
        payments=None if benefits.payroll is None else tuple(_payment(item) for item in benefits.payroll),
        unreadable=frozenset(unreadable),
        address_restricted=restriction is not None and _is_restricted(record, member, person_json, restriction),
    )


def _read_part(document: object, model: type[_MODEL], name: str, unreadable: set[str]) -> _MODEL:
    """Read an optional part; if it cannot be read, return it empty and add its name to ``unreadable``."""
    try:
        return _read(document, model)
    except SourceNonsense:
        unreadable.add(name)
        return model()


def _is_restricted(record: _Json, member: object, person: object, restriction: str) -> bool:
    """Return whether the record, its person or an address of theirs has the restriction."""
    places = [place for place in (record, member, person) if isinstance(place, dict)]
    addresses = [place.get("address") for place in places]
    all_addresses = [each for value in addresses for each in (value if isinstance(value, list) else [value])]
    return any(
        read_restriction(place.get(restriction)) for place in (*places, *all_addresses) if isinstance(place, dict)
    )


def _benefits(record: _Json, member: object) -> _Json:
    """Return the programmes from either published place: ``programme`` or ``member.programme_identifier``."""
    if isinstance(member, dict) and isinstance(member.get("programme_identifier"), dict | list):
        return {"programme": member["programme_identifier"], "payroll": record.get("payroll")}
    return record


def _names(names: Sequence[_Name]) -> Iterator[PersonName]:
    for name in names:
        parts = [name.given_name or name.first_name, name.second_name]
        yield PersonName(surname=name.surname, given_names=" ".join(filter(None, parts)) or None)


def _enrolment(item: _Programme) -> Enrolment:
    return Enrolment(
        programme=item.programme_identifier or (item.programme.programme_identifier if item.programme else None),
        enrolled=item.enrolment_date,
        suspended=item.suspension_date,
        ended=item.graduation_date,
    )


def _payment(item: _Payment) -> Payment:
    return Payment(programme=item.programme_identifier, credited=item.payment_credit_date)


def _read(document: object, model: type[_MODEL]) -> _MODEL:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        places = dict.fromkeys(".".join(map(str, fault["loc"])) or "the whole" for fault in error.errors())
        places_text = ", ".join(list(places)[:_MAX_FAULTS])
        raise SourceNonsense(f"The benefit registry's answer does not match its standard: {places_text}.") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> _Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _no_constant(name: str) -> object:
    raise ValueError(name)
