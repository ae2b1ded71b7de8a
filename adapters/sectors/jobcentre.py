"""Read a Jobcentre: work-coach allocations say who is involved, the benefit registry answers yes, no or unknown.

The two never meet. Being in a benefit registry is itself information about a person, so a record there never becomes
an involvement: the involvement source has no way to reach the registry.
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

_NOBODY: Final = "HEARTHGATE-CHECK"
"""An identifier that no registry gives out: searching for it shows that the registry answers, and finds no one."""


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
    """The eligibility source: an :class:`~adapters.contract.EligibilitySource` over the DCI registry alone."""

    registry: DciRegistry
    settings: DciSettings
    benefits: Mapping[str, str]

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        """Return the records that fit by any form of the National Insurance number, or by surname and birth date."""
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

        A benefit that the settings do not map, and a day that lies ahead in London, are ``unknown`` without asking.
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
            raise SourceNonsense("The benefit registry answered with another record than the one that was asked for.")
        if any("benefits" in record.unreadable for record in records):
            raise SourceNonsense("The programmes or payments of a record of the benefit registry cannot be read.")
        return judge(records[0], query, programme=programme) if records else unknown

    def check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Search for an identifier that no one has: TLS, token, envelope and answer all have to work."""
        nobody = ByIdentifier(kind=self.settings.record_identifier, value=_NOBODY)
        try:
            self.registry.search([nobody], deadline=deadline)
        except AdapterError as error:
            remedy = "Check base_url, client_id and client_secret_file, and that the registry is up."
            return (CheckLine(name="benefit registry", ok=False, detail=error.detail, remedy=remedy),)
        return (CheckLine(name="benefit registry", ok=True, detail="It gives a token and answers a search."),)

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
        """Make the adapter without opening anything."""
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
    """Return the forms in which a registry may have a number: with the suffix that is known, or any, and without."""
    forms = identifier_spellings("nino", nino)
    return (nino, min(forms, key=len)) if len(nino) == max(map(len, forms)) else forms


def _subject(record: RegistryRecord, *, nino: str | None) -> Subject:
    """Describe the person as the registry does."""
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
