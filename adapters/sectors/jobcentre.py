"""Adapter ``jobcentre``: work-coach allocations, and a benefit registry for yes, no or unknown.

The two sources are separate. A record in a benefit registry is itself information about a person, so that it never
becomes an involvement: the involvement source has no access to the registry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

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
from adapters.sectors.benefits import judge
from adapters.sources.days import today
from adapters.sources.dci import ByIdentifier, ByNameAndBirth, DciRegistry, DciSettings
from adapters.sources.dci_answers import RegistryRecord
from adapters.sources.fields import read_person
from adapters.sources.spellings import identifier_spellings
from adapters.sources.sql import SqlSettings, build_sql_source
from adapters.sources.text import Unreadable
from trust.exchange.eligibility import Answer, EligibilityAnswer, EligibilityQuery, Question
from trust.exchange.person import Name, Subject

_UNUSED_IDENTIFIER: Final = "HEARTHGATE-CHECK"
"""An identifier that no registry issues: a search for it shows that the registry answers, and finds no one."""


class JobcentreSettings(BaseModel):
    """``[services.adapter.settings]`` of type ``jobcentre``.

    ``benefits`` maps the benefit codes that agreements name to the registry's own programme identifiers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    allocations: SqlSettings
    registry: DciSettings
    benefits: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenefitRegistry:
    """The :class:`~adapters.contract.EligibilitySource` over the DCI registry alone."""

    registry: DciRegistry
    settings: DciSettings
    benefits: Mapping[str, str]

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        """Return the records with any form of the National Insurance number, or with surname and birth date."""
        searches: list[ByIdentifier | ByNameAndBirth] = []
        if subject.nino:
            searches += [ByIdentifier(kind=self.settings.nino_identifier, value=nino) for nino in _forms(subject.nino)]
        if subject.family_name and subject.birth_date:
            searches.append(ByNameAndBirth(surname=subject.family_name, birth_date=subject.birth_date))
        if not searches:
            return ()
        return tuple(self._candidate(record) for record in self.registry.search(searches, deadline=deadline))

    def answer(self, ref: str, query: EligibilityQuery, *, deadline: Deadline) -> EligibilityAnswer:
        """Answer one question about the record ``ref`` with a word and a date.

        A benefit that the settings do not map, and a future day in London, are ``unknown`` without a request.
        """
        unknown = EligibilityAnswer(answer=Answer.UNKNOWN, as_of=query.as_of)
        programme = self.benefits.get(query.benefit) if query.benefit else None
        if (query.benefit and programme is None) or query.as_of > today():
            return unknown
        if query.question is Question.KNOWN_TO_SERVICE:
            registered, day = self.registry.enrolled(ref, programme=programme, deadline=deadline)
            return EligibilityAnswer(answer=Answer.YES if registered else Answer.NO, as_of=day)
        search = ByIdentifier(kind=self.settings.record_identifier, value=ref)
        records = self.registry.search([search], deadline=deadline)
        if len(records) > 1 or any(record.identifier(search.kind) != ref for record in records):
            raise SourceNonsense("The benefit registry answered with another record than the requested one.")
        if any("benefits" in record.unreadable for record in records):
            raise SourceNonsense("The programmes or payments of a record of the benefit registry cannot be read.")
        return judge(records[0], query, programme=programme) if records else unknown

    def check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Search for an unused identifier, which tests TLS, token, envelope and answer."""
        probe = ByIdentifier(kind=self.settings.record_identifier, value=_UNUSED_IDENTIFIER)
        try:
            self.registry.search([probe], deadline=deadline)
        except AdapterError as error:
            remedy = "Check base_url, client_id and client_secret_file, and that the registry is up."
            return (CheckLine(name="benefit registry", ok=False, detail=error.detail, remedy=remedy),)
        return (CheckLine(name="benefit registry", ok=True, detail="It issues a token and answers a search."),)

    def _candidate(self, record: RegistryRecord) -> Candidate:
        return Candidate(
            ref=record.identifier(self.settings.record_identifier) or "",
            person=_subject(record, nino=record.identifier(self.settings.nino_identifier)),
            unreadable=record.unreadable - {"benefits"},
        )


class JobcentreFactory:
    """The entry point ``jobcentre``."""

    settings_model = JobcentreSettings

    def build(self, settings: JobcentreSettings, context: AdapterContext) -> Adapter:
        """Build the adapter without opening anything."""
        allocations = build_sql_source(settings.allocations, context)
        registry = BenefitRegistry(
            registry=DciRegistry(settings=settings.registry, context=context),
            settings=settings.registry,
            benefits=settings.benefits,
        )
        return Adapter(
            name="jobcentre",
            involvement=allocations,
            eligibility=registry,
            sampled=allocations,
            checks=(*allocations.checks, registry.check),
        )


FACTORY: Final = JobcentreFactory()


def _forms(nino: str) -> tuple[str, ...]:
    """Return the forms of a number in a registry: with the known suffix, else with any and without."""
    forms = identifier_spellings("nino", nino)
    return (nino, min(forms, key=len)) if len(nino) == max(map(len, forms)) else forms


def _subject(record: RegistryRecord, *, nino: str | None) -> Subject:
    """Return the person in the registry's record."""
    current, *former = record.names
    row = {
        "nino": nino,
        "family_name": current.surname,
        "given_names": current.given_names,
        "birth_date": record.birth_date,
        "gender": record.sex,
        "postcode": record.postcode,
        "address_restricted": record.address_restricted,
    }
    try:
        person = read_person(row)
    except Unreadable as fault:
        raise SourceNonsense(f"A record of the benefit registry cannot be read: {fault}.") from None
    return replace(
        person, aliases=tuple(Name(family_name=name.surname, given_names=name.given_names) for name in former)
    )
