"""Describe the person a message is about, and hold that description to its rules.

What comes in is normalised here, once, at the edge: identifiers without spaces and in upper case, names in Unicode
NFKC with single spaces, postcodes with their one space. Stand-ins for an identifier or a home are left out and listed.
From then on a :class:`Subject` is never checked again.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from trust.claims import strip_ignorable
from trust.exchange.addresses import home_postcode, normal_uprn
from trust.exchange.errors import Fault, MalformedSubject, SubjectTooVague
from trust.exchange.person_identifiers import IDENTIFIERS, is_stand_in, read_identifier
from trust.exchange.person_names import is_no_name, normal_name
from trust.exchange.reader import Reader
from trust.exchange.subject_members import default_members, members_for
from trust.strict_json import JsonObject

MAX_ALIASES = 20
MAX_NAME = 100
MAX_POSTCODE = 60
"""Characters of what is written where a postcode should be: a country's name may stand beside a foreign one."""
OLDEST = timedelta(days=131 * 366)
"""No person is this old: an earlier birth date is a slip of the pen."""

_TELLING = ("nhs_number", "upn", "nino", "pnc_id", "birth_date", "given_names", "postcode", "uprn")
"""What tells one of several people of one name apart, the most telling first."""
_MEMBERS = (
    "nhs_number",
    "nhs_number_verified",
    "upn",
    "nino",
    "pnc_id",
    "family_name",
    "given_names",
    "birth_date",
    "gender",
    "address",
    "address_restricted",
    "aliases",
)


class Gender(StrEnum):
    """Administrative gender, in the words of HL7 FHIR's ``administrative-gender``."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """Another name the person is or was known by."""

    family_name: str | None = None
    given_names: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the person lives: the property's UPRN, the postcode, or both."""

    uprn: str | None = None
    postcode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A person as one agency describes them to another. ``given_names`` is one text, in order, space-separated."""

    nhs_number: str | None = None
    nhs_number_verified: bool = False
    upn: str | None = None
    nino: str | None = None
    pnc_id: str | None = None
    family_name: str | None = None
    given_names: str | None = None
    birth_date: date | None = None
    gender: Gender | None = None
    address: Address | None = None
    address_restricted: bool = False
    aliases: tuple[Name, ...] = ()

    def __repr__(self) -> str:
        """Show which members are known and none of their values, so that no traceback or log line names a person."""
        known = (member for member in _MEMBERS if getattr(self, member))
        return f"<Subject with {', '.join(known) or 'nothing'}>"

    def names(self) -> Iterator[Name]:
        """Yield every name the person is known by; what an alias leaves out is the first name's."""
        yield Name(family_name=self.family_name, given_names=self.given_names)
        for alias in self.aliases:
            yield Name(
                family_name=alias.family_name or self.family_name, given_names=alias.given_names or self.given_names
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A person as they were described, and what of the description was left out, since it tells no one apart."""

    subject: Subject
    left_out: tuple[Fault, ...]


def parse_subject(obj: JsonObject, *, this_year: int | None = None) -> Subject:
    """Read and normalise the ``subject`` object as :func:`parse_description` does, for callers that show no one.

    Without ``this_year`` a PNC id needs the four digits of its year.
    """
    return parse_description(obj, this_year=this_year).subject


def parse_description(obj: JsonObject, *, this_year: int | None) -> Description:
    """Read and normalise the ``subject`` object; ``this_year`` settles the century of short PNC ids.

    Raises :class:`MalformedSubject`, whose ``faults`` name every wrong or unknown member by its path and repeat no
    value. Not checked: a birth date that lies ahead (:func:`check_birth_date`).
    """
    reader = Reader(obj, path="subject.")
    left_out: list[Fault] = []
    numbers = {name: _identifier(reader, name, left_out, this_year) for name in IDENTIFIERS}
    reader.refuse_unknown(_MEMBERS)
    verified = reader.flag("nhs_number_verified")
    if verified and not reader.has("nhs_number"):
        reader.fault("nhs_number_verified", "says that an NHS number was verified, but there is none")
    subject = Subject(
        **numbers,
        nhs_number_verified=verified and numbers["nhs_number"] is not None,
        family_name=_name(reader, "family_name"),
        given_names=_name(reader, "given_names"),
        birth_date=reader.optional_day("birth_date"),
        gender=reader.choice("gender", Gender) if reader.has("gender") else None,
        address=_address(reader, left_out),
        address_restricted=reader.flag("address_restricted"),
        aliases=_aliases(reader),
    )
    if reader.faults:
        raise MalformedSubject(reader.faults)
    return Description(subject=subject, left_out=tuple(left_out))


def check_birth_date(subject: Subject, *, today: date) -> None:
    """Refuse a birth date that is still to come, or longer ago than anyone has lived (:class:`MalformedSubject`)."""
    born = subject.birth_date
    if born is not None and not today - OLDEST <= born <= today:
        raise MalformedSubject([Fault(path="subject.birth_date", problem="lies in the future or too long ago")])


def enough_to_go_on(subject: Subject) -> None:
    """Refuse a description that would fit too many people (:class:`SubjectTooVague`).

    Enough is one identifier; or a family name, a birth date, and given names or an address. A stand-in is none of them.
    """
    if any(number and not is_stand_in(name, number) for name in IDENTIFIERS if (number := getattr(subject, name))):
        return
    family = subject.family_name is not None and not is_no_name(subject.family_name, family=True)
    given = subject.given_names is not None and not is_no_name(subject.given_names)
    if family and subject.birth_date and (given or subject.address):
        return
    raise SubjectTooVague(
        "This describes too many people. Give an NHS number, UPN or other identifier that the service may use, or the "
        "family name and birth date together with the given names or the address. Words such as Baby or Unknown, and "
        "numbers and postcodes that stand for none, do not count."
    )


def without_stand_ins(subject: Subject) -> Subject:
    """Return ``subject`` without identifiers that stand for none, as a source is searched."""
    for name in IDENTIFIERS:
        number: str | None = getattr(subject, name)
        if number and is_stand_in(name, number):
            subject = replace(subject, **{name: None})  # type: ignore[arg-type]  # each of them may be None
    return subject


def for_holder(
    subject: Subject, service_kind: str, listed: Collection[str] | None = None, *, with_restricted: bool = False
) -> Subject:
    """Return ``subject`` as a service of this kind may be told of it (assertion A48).

    ``listed`` is what the agreement's clause lists for the holder; ``None`` stands for the default of its kind, in
    which the postcode goes only where no identifier does. A restricted address goes to no holder but one that an
    agreement authorises (``with_restricted``). What is left may no longer be enough to go on: ask again.
    """
    members = _members_sent(subject, service_kind, listed)
    kept = {name: getattr(subject, name) for name in _MEMBERS if name in members}
    return Subject(
        **kept,
        nhs_number_verified=subject.nhs_number_verified and "nhs_number" in members,
        address=None if subject.address_restricted and not with_restricted else _address_for_holder(subject, members),
    )


def would_settle(subject: Subject, service_kind: str, listed: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the members that the asker left out and could send to this holder, for it to tell the person apart.

    It depends on the question alone, never on what the holder has. ``listed`` is as in :func:`for_holder`.
    """
    members = _members_sent(subject, service_kind, listed)
    address = subject.address or Address()
    known = {name for name in _TELLING if name in _MEMBERS and getattr(subject, name)}
    known |= {name for name in ("postcode", "uprn") if subject.address_restricted or getattr(address, name)}
    return tuple(name for name in _TELLING if name in members and name not in known)


def _members_sent(subject: Subject, service_kind: str, listed: Collection[str] | None) -> frozenset[str]:
    if listed is not None:
        return members_for(service_kind, listed)
    members = default_members(service_kind)
    return members - {"postcode"} if _has_identifier(subject, members) else members


def _has_identifier(subject: Subject, members: Collection[str]) -> bool:
    numbers = ((name, getattr(subject, name)) for name in IDENTIFIERS if name in members)
    return any(number and not is_stand_in(name, number) for name, number in numbers)


def _address_for_holder(subject: Subject, members: Collection[str]) -> Address | None:
    address = subject.address
    if address is None:
        return None
    left = Address(
        uprn=address.uprn if "uprn" in members else None,
        postcode=address.postcode if "postcode" in members else None,
    )
    return None if left == Address() else left


def subject_to_json(subject: Subject) -> JsonObject:
    """Return the wire form, without the members that are not known."""
    address = subject.address
    members: JsonObject = {
        "nhs_number": subject.nhs_number,
        "nhs_number_verified": subject.nhs_number_verified or None,
        "upn": subject.upn,
        "nino": subject.nino,
        "pnc_id": subject.pnc_id,
        "family_name": subject.family_name,
        "given_names": subject.given_names,
        "birth_date": subject.birth_date.isoformat() if subject.birth_date else None,
        "gender": subject.gender and str(subject.gender),
        "address": _present({"uprn": address.uprn, "postcode": address.postcode}) if address else None,
        "address_restricted": subject.address_restricted or None,
        "aliases": [
            _present({"family_name": alias.family_name, "given_names": alias.given_names}) for alias in subject.aliases
        ]
        or None,
    }
    return _present(members)


def _present(members: JsonObject) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}


_PROBLEMS = {
    "nhs_number": "is not an NHS number: ten digits, the last a check digit",
    "upn": "is not a UPN: a check letter, eleven digits and a digit or letter",
    "nino": "is not a National Insurance number such as AB 12 34 56 C in form",
    "pnc_id": "is not a PNC id: year, slash, serial number and check letter",
}
_STAND_IN = "stands where there is no number, so it was not used"
_NO_HOME = "is not the postcode of a home in the United Kingdom, so it was not compared; correct it if it should be"
_NO_UPRN = "is not the number of a property, so it was not compared; correct it if it should be"
_TEMPORARY_NINO = "TN"
_TEMPORARY = "is a temporary number (TN), which is made from a birth date and tells no one apart; leave it out"


def _identifier(reader: Reader, name: str, left_out: list[Fault], this_year: int | None) -> str | None:
    text = reader.optional_text(name, max_len=32)
    if text is None:
        return None
    number = read_identifier(name, strip_ignorable(text), this_year=this_year)
    if is_stand_in(name, number):
        left_out.append(Fault(path=f"subject.{name}", problem=_STAND_IN))
        return None
    if IDENTIFIERS[name](number):
        return number
    if name == "nino" and number.startswith(_TEMPORARY_NINO):
        reader.fault(name, _TEMPORARY)
    else:
        reader.fault(name, f"{_PROBLEMS[name]}; check it for a slip of the pen")
    return None


def _name(reader: Reader, name: str) -> str | None:
    text = reader.optional_text(name, max_len=MAX_NAME)
    if text is None:
        return None
    tidy = normal_name(text)
    if not tidy:
        reader.fault(name, "must have a character that is not a space")
    elif len(tidy) > MAX_NAME:
        reader.fault(name, f"must have 1 to {MAX_NAME} characters")
    return tidy or None


def _address(reader: Reader, left_out: list[Fault]) -> Address | None:
    nested = reader.child("address", required=False)
    if nested is None:
        return None
    nested.refuse_unknown(("uprn", "postcode"))
    if not nested.has("uprn") and not nested.has("postcode"):
        reader.fault("address", "must have a UPRN or a postcode; leave it out if neither is known")
    uprn, postcode = nested.optional_text("uprn", max_len=32), nested.optional_text("postcode", max_len=MAX_POSTCODE)
    address = Address(uprn=normal_uprn(uprn or ""), postcode=home_postcode(postcode or ""))
    if uprn and not address.uprn:
        left_out.append(Fault(path="subject.address.uprn", problem=_NO_UPRN))
    if postcode and not address.postcode:
        left_out.append(Fault(path="subject.address.postcode", problem=_NO_HOME))
    return None if address == Address() else address


def _aliases(reader: Reader) -> tuple[Name, ...]:
    aliases: list[Name] = []
    for position, nested in enumerate(reader.children("aliases", required=False, max_items=MAX_ALIASES)):
        nested.refuse_unknown(("family_name", "given_names"))
        alias = Name(family_name=_name(nested, "family_name"), given_names=_name(nested, "given_names"))
        if alias == Name():
            reader.fault(f"aliases[{position}]", "must have a family name or given names")
        aliases.append(alias)
    return tuple(aliases)
