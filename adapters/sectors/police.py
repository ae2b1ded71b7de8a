"""Adapter ``police-soap``: a SOAP 1.2 service with a schema that both sides validate.

A search by PNC id, or by surname and date of birth, returns records; a second request for one record returns the units
that are involved. Forces publish no schema of their systems, so that ``config/schemas/police-involvement.xsd`` is this
project's own. For a force's own service, translate this module and that file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from lxml import etree
from pydantic import BaseModel, ConfigDict, Field

from adapters.contract import (
    Adapter,
    AdapterContext,
    AdapterError,
    Candidate,
    CheckLine,
    Deadline,
    SourceNonsense,
)
from adapters.sectors.police_messages import PoliceMessages
from adapters.sources.days import DayForms
from adapters.sources.fields import (
    most_recent_first,
    read_involvement_row,
    read_person,
    read_person_row,
    service_defaults,
)
from adapters.sources.secret_file import read_secret
from adapters.sources.soap_xml import Operation, SoapService, basic_authorization
from adapters.sources.xml import Schema, load_schema, validate
from trust.exchange.involvement import Involvement
from trust.exchange.person import Name, Subject

NAMESPACE: Final = "http://records.police.example/involvement/PersonInvolvement"
INVOLVEMENT: Final = Operation(
    request_action="http://records.police.example/involvement/PersonInvolvementRequest",
    answer_action="http://records.police.example/involvement/PersonInvolvementResponse",
)
SCHEMA: Final = Path(__file__).parents[2] / "config" / "schemas" / "police-involvement.xsd"

_DAY: Final = "%d/%m/%Y"
_FORMS: Final = DayForms(default=(_DAY,))
_INVOLVEMENT_ELEMENTS: Final = {
    "service_type": "unit",
    "role": "role",
    "worker": "officer",
    "phone": "phone",
    "since": "start_date",
    "last_contact": "last_contact",
}
_UNUSED_RECORD: Final = "HEARTHGATE-CHECK"
"""A record id that no force issues: a request for it shows that the service answers, without a record."""


class PoliceSettings(BaseModel):
    """``[services.adapter.settings]`` of type ``police-soap``.

    ``sender`` is the name under which the force knows this node; ``password_file`` is relative to the configuration.
    ``messages_url`` is the service that takes messages, if the force has one, with the same credentials.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https://[^\s?#]+$", max_length=500)
    sender: str = Field(min_length=1, max_length=120)
    user: str = Field(pattern=r"^[^:\s]{1,120}$")
    password_file: Path
    max_records: int = Field(default=20, ge=1, le=50)
    messages_url: str | None = Field(default=None, pattern=r"^https://[^\s?#]+$", max_length=500)


@dataclass(frozen=True, kw_only=True)
class PoliceService:
    """The :class:`~adapters.contract.InvolvementSource` of a force, with its check."""

    settings: PoliceSettings
    context: AdapterContext

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        """Return the records with the PNC id, or with surname and date of birth; none if neither is known."""
        if not subject.pnc_id and not (subject.family_name and subject.birth_date):
            return ()
        persons = self._ask(_search(subject, self.settings.max_records), deadline=deadline)
        return tuple(_candidate(person) for person in persons)

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        """Return the units involved with the record ``ref``, most recent contact first."""
        persons = self._ask(_one_record(ref), deadline=deadline)
        if [person.findtext("record_id") for person in persons] not in ([], [ref]):
            raise SourceNonsense("The police service answered with another record than the requested one.")
        elements = [item for person in persons for item in person.iterfind("involvements/involvement")]
        return most_recent_first([self._involvement(item) for item in elements])

    def check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Request an unused record id, which tests name resolution, TLS, credentials, SOAP and schema."""
        try:
            self._ask(_one_record(_UNUSED_RECORD), deadline=deadline)
        except AdapterError as error:
            remedy = "Check url, user and password_file, and that the service is up."
            return (CheckLine(name="police service", ok=False, detail=error.detail, remedy=remedy),)
        return (CheckLine(name="police service", ok=True, detail="It answers, and its answer is valid."),)

    @cached_property
    def _service(self) -> SoapService:
        """The service with its credentials, which are read at first use and cached in the worker."""
        return _connect(self.settings, self.context, self.settings.url)

    def _ask(self, request: etree._Element, *, deadline: Deadline) -> list[etree._Element]:
        if validate(request, self._schema):
            raise SourceNonsense("The police service's schema does not allow this description of a person.")
        answer = self._service.call(INVOLVEMENT, request, deadline=deadline)
        faults = validate(answer, self._schema)
        if answer.tag != f"{{{NAMESPACE}}}PersonInvolvementResponse" or faults:
            reasons = "; ".join(map(str, faults[:5])) or "it is another document"
            raise SourceNonsense(f"The police service's answer fails its schema: {reasons}.")
        if answer.findtext("more", "").strip() in {"true", "1"}:
            raise SourceNonsense(
                "The police service has more matching records than one answer may hold, so none is certain."
            )
        persons = answer.findall("persons/person")
        if len(persons) > self.settings.max_records:
            raise SourceNonsense("The police service answered with more records than requested.")
        return persons

    @cached_property
    def _schema(self) -> Schema:
        return load_schema(SCHEMA)

    def _involvement(self, item: etree._Element) -> Involvement:
        """Read a valid ``involvement`` element, without a day that no calendar has (31/02)."""
        row: dict[str, object] = {field: item.findtext(element) for field, element in _INVOLVEMENT_ELEMENTS.items()}
        return read_involvement_row(row, service_defaults(self.context), _FORMS)[0]


class PoliceFactory:
    """The entry point ``police-soap``."""

    settings_model = PoliceSettings

    def build(self, settings: PoliceSettings, context: AdapterContext) -> Adapter:
        """Build the adapter without opening anything."""
        service = PoliceService(settings=settings, context=context)
        url = settings.messages_url
        if url is None:
            return Adapter(name="police-soap", involvement=service, checks=(service.check,))
        messages = PoliceMessages(connect=cache(lambda: _connect(settings, context, url)))
        checks = service.check, messages.check
        return Adapter(name="police-soap", involvement=service, receiver=messages, checks=checks)


FACTORY: Final = PoliceFactory()


def _connect(settings: PoliceSettings, context: AdapterContext, url: str) -> SoapService:
    """Return a service of the force with its credentials. Raises :class:`SourceMisconfigured`."""
    password = read_secret(Path(context.base_dir) / settings.password_file)
    return SoapService(
        url=url,
        sender=settings.sender,
        http=context.http,
        authorization=basic_authorization(settings.user, password),
    )


def _search(subject: Subject, max_records: int) -> etree._Element:
    request = etree.Element(f"{{{NAMESPACE}}}PersonInvolvementRequest", nsmap={"inv": NAMESPACE})
    person = etree.SubElement(request, "person")
    if subject.pnc_id:
        _add(person, "pnc_id", subject.pnc_id.replace("/", ""))
    if subject.family_name and subject.birth_date:
        _add(person, "surname", subject.family_name)
        _add(person, "dob", subject.birth_date.strftime(_DAY))
    _add(request, "max_records", str(max_records))
    return request


def _one_record(ref: str) -> etree._Element:
    request = etree.Element(f"{{{NAMESPACE}}}PersonInvolvementRequest", nsmap={"inv": NAMESPACE})
    _add(request, "record_id", ref)
    _add(request, "max_records", "1")
    return request


def _add(parent: etree._Element, name: str, text: str) -> None:
    try:
        etree.SubElement(parent, name).text = text
    except ValueError:  # a control character, which XML cannot carry
        raise SourceNonsense("This description of a person cannot be written in XML.") from None


def _candidate(person: etree._Element) -> Candidate:
    """Read a valid ``person`` element; a day that no calendar has (31/02) is unreadable."""
    row: dict[str, object] = {
        "pnc_id": person.findtext("pnc_id"),
        "birth_date": person.findtext("dob"),
        "gender": person.findtext("sex"),
        "postcode": person.findtext("pcode"),
        "address_restricted": person.findtext("pcode_restricted"),
        **_name(person.find("name_elements")),
    }
    aliases = [read_person(_name(element)) for element in person.iterfind("alias_elements")]
    described, faults = read_person_row(row, _FORMS)
    names = tuple(Name(family_name=alias.family_name, given_names=alias.given_names) for alias in aliases)
    return Candidate(
        ref=person.findtext("record_id", ""),
        person=replace(described, aliases=names),
        unreadable=frozenset(fault.field for fault in faults),
    )


def _name(element: etree._Element | None) -> dict[str, object]:
    if element is None:  # the schema requires it
        return {}
    forenames = [element.findtext(f"forename{position}", "") for position in (1, 2, 3)]
    return {"family_name": element.findtext("surname"), "given_names": " ".join(filter(None, forenames))}
