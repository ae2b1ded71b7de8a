"""Describe the person a message is about, and hold that description to its rules.

Whatever comes in is normalised here, once, at the edge: identifiers without spaces and in upper case, names in Unicode
NFC with single spaces, postcodes with their one space. From then on a :class:`Subject` is never checked again.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from trust.claims import strip_ignorable
from trust.exchange.check_digits import nhs_number_ok, nino_ok, pnc_id_ok, upn_ok
from trust.exchange.errors import Fault, MalformedSubject, NotEnoughToGoOn
from trust.exchange.reader import Reader, one_line
from trust.exchange.subject_members import IDENTIFIERS, default_members, members_for
from trust.strict_json import JsonObject

__all__ = [
    "Address",
    "Gender",
    "Name",
    "Subject",
    "check_birth_date",
    "enough_to_go_on",
    "for_holder",
    "nhs_number_ok",
    "nino_ok",
    "normal_identifier",
    "normal_pnc_id",
    "normal_postcode",
    "parse_subject",
    "pnc_id_ok",
    "subject_to_json",
    "upn_ok",
]

MAX_ALIASES = 20
OLDEST = timedelta(days=131 * 366)
"""Nobody is this old: a birth date further back is a slip of the pen."""

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
_UPRN = re.compile(r"[0-9]{1,12}")
_POSTCODE = re.compile(r"(?:[A-Z]{1,2}[0-9][A-Z0-9]?|GIR) [0-9][A-Z]{2}")
_PNC_ID_PARTS = re.compile(r"([0-9]{4}|[0-9]{2})/?([0-9]{1,7})([A-Z])")


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


def normal_identifier(text: str) -> str:
    """Return an NHS number, UPN or NINO as it is stored and compared: no white space, upper case."""
    return "".join(text.split()).upper()


def normal_pnc_id(text: str) -> str:
    """Return a PNC id in its full form ``YYYY/NNNNNNNL``; text that is not one comes back only tidied.

    A two-digit year is taken as 19YY from 50 up, else as 20YY: the computer was started in 1974.
    """
    tidy = normal_identifier(text)
    parts = _PNC_ID_PARTS.fullmatch(tidy)
    if not parts:
        return tidy
    year, serial, letter = parts.groups()
    if len(year) == len("YY"):
        year = ("19" if year >= "50" else "20") + year
    return f"{year}/{serial:0>7}{letter}"


def normal_postcode(text: str) -> str:
    """Return a postcode in upper case with the one space before its last three characters."""
    tidy = normal_identifier(text)
    return f"{tidy[:-3]} {tidy[-3:]}"


def parse_subject(obj: JsonObject) -> Subject:
    """Read and normalise the ``subject`` object.

    Raises :class:`MalformedSubject`, whose ``faults`` name every wrong or unknown member by its path and repeat no
    value. Whether a birth date lies in the future is :func:`check_birth_date`'s to say, which is told the day.
    """
    reader = Reader(obj, path="subject.")
    reader.refuse_unknown(_MEMBERS)
    nhs_number = _identifier(reader, "nhs_number")
    verified = reader.flag("nhs_number_verified")
    if verified and not reader.has("nhs_number"):
        reader.fault("nhs_number_verified", "says that an NHS number was verified, but there is none")
    subject = Subject(
        nhs_number=nhs_number,
        nhs_number_verified=verified,
        upn=_identifier(reader, "upn"),
        nino=_identifier(reader, "nino"),
        pnc_id=_identifier(reader, "pnc_id"),
        family_name=_name(reader, "family_name"),
        given_names=_name(reader, "given_names"),
        birth_date=reader.optional_day("birth_date"),
        gender=reader.choice("gender", Gender) if reader.has("gender") else None,
        address=_address(reader),
        address_restricted=reader.flag("address_restricted"),
        aliases=_aliases(reader),
    )
    if reader.faults:
        raise MalformedSubject(reader.faults)
    return subject


def check_birth_date(subject: Subject, *, today: date) -> None:
    """Refuse a birth date that is still to come, or longer ago than anyone has lived (:class:`MalformedSubject`)."""
    born = subject.birth_date
    if born is not None and not today - OLDEST <= born <= today:
        raise MalformedSubject([Fault(path="subject.birth_date", problem="lies in the future or too long ago")])


def enough_to_go_on(subject: Subject) -> None:
    """Refuse a description that would fit too many people (:class:`NotEnoughToGoOn`).

    Enough is one identifier; or a family name, a birth date, and given names or an address.
    """
    if subject.nhs_number or subject.upn or subject.nino or subject.pnc_id:
        return
    if subject.family_name and subject.birth_date and (subject.given_names or subject.address):
        return
    raise NotEnoughToGoOn(
        "This describes too many people. Give an NHS number, UPN or other identifier that the service may use, or the "
        "family name and birth date together with the given names or the address."
    )


def for_holder(subject: Subject, service_kind: str, listed: Collection[str] | None = None) -> Subject:
    """Return ``subject`` as a service of this kind may be told of it (assertion A48).

    ``listed`` is what the agreement's clause lists for the holder; ``None`` stands for the default of its kind, in
    which the postcode goes only where no identifier does. A restricted address goes to no holder. What is left may no
    longer be enough to go on: ask again.
    """
    members = default_members(service_kind) if listed is None else members_for(service_kind, listed)
    if listed is None and any(getattr(subject, name) for name in IDENTIFIERS & members):
        members -= {"postcode"}
    kept = {name: getattr(subject, name) for name in _MEMBERS if name in members}
    return Subject(
        **kept,
        nhs_number_verified=subject.nhs_number_verified and "nhs_number" in members,
        address=_address_for_holder(subject, members),
    )


def _address_for_holder(subject: Subject, members: Collection[str]) -> Address | None:
    address = subject.address
    if address is None or subject.address_restricted:
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


_IDENTIFIERS = {
    "nhs_number": (normal_identifier, nhs_number_ok, "is not an NHS number: ten digits, the last a check digit"),
    "upn": (normal_identifier, upn_ok, "is not a UPN: a check letter, eleven digits and a digit or letter"),
    "nino": (normal_identifier, nino_ok, "is not a National Insurance number such as AB 12 34 56 C in form"),
    "pnc_id": (normal_pnc_id, pnc_id_ok, "is not a PNC id: year, slash, serial number and check letter"),
}


def _identifier(reader: Reader, name: str) -> str | None:
    text = reader.optional_text(name, max_len=32)
    if text is None:
        return None
    normalise, is_ok, problem = _IDENTIFIERS[name]
    number = normalise(strip_ignorable(text))
    if not is_ok(number):
        reader.fault(name, f"{problem}; check it for a slip of the pen")
        return None
    return number


def _name(reader: Reader, name: str) -> str | None:
    text = reader.optional_text(name, max_len=100)
    if text is None:
        return None
    tidy = one_line(strip_ignorable(text))
    if not tidy:
        reader.fault(name, "must have a character that is not a space")
    return tidy or None


def _address(reader: Reader) -> Address | None:
    nested = reader.child("address", required=False)
    if nested is None:
        return None
    nested.refuse_unknown(("uprn", "postcode"))
    uprn = nested.optional_text("uprn", pattern=_UPRN)
    postcode = nested.optional_text("postcode", max_len=12)
    if postcode is not None:
        postcode = normal_postcode(strip_ignorable(postcode))
        if not _POSTCODE.fullmatch(postcode):
            nested.fault("postcode", "is not a United Kingdom postcode in form")
    if not nested.has("uprn") and not nested.has("postcode"):
        reader.fault("address", "must have a UPRN or a postcode; leave it out if neither is known")
    return Address(uprn=uprn.lstrip("0") or "0" if uprn else None, postcode=postcode)


def _aliases(reader: Reader) -> tuple[Name, ...]:
    aliases: list[Name] = []
    for position, nested in enumerate(reader.children("aliases", required=False, max_items=MAX_ALIASES)):
        nested.refuse_unknown(("family_name", "given_names"))
        alias = Name(family_name=_name(nested, "family_name"), given_names=_name(nested, "given_names"))
        if alias == Name():
            reader.fault(f"aliases[{position}]", "must have a family name or given names")
        aliases.append(alias)
    return tuple(aliases)
