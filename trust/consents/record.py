"""The consent of one person, as this agency keeps it, and its record in the form of ISO/IEC TS 27560:2023.

1. A consent is one person's, for stated purposes, in one or more roles (:class:`trust.exchange.consent.ConsentRole`).
2. It ends when it is withdrawn, or after its last day. A refusal is recorded in the same way, and never was granted.
3. On the wire it is the record that messages always carried. Its evidence is the consent's own reference, so two
   consents on one form, such as a family's, are told apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from trust.consents.age import Jurisdiction
from trust.consents.authority import Assessment, Giver
from trust.exchange.consent import ConsentForm, ConsentRecord, ConsentRole
from trust.exchange.person import Subject
from trust.strict_json import JsonObject

SCHEMA: Final = "ISO/IEC TS 27560:2023"
_REFERENCE: Final = "consents/"
_EXPLICIT: Final = "explicit"


class ConsentState(StrEnum):
    """Where a consent stands."""

    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    """One step in the life of a consent. ``by`` is the relation of the one who decided, or ``expiry``."""

    state: ConsentState
    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One person's consent. ``recipients`` is empty for every service that the purposes' agreements name.

    ``evidence`` says where the signed form or the note is filed at this agency; it never leaves it. ``notice`` is the
    privacy notice that the person was given, in ``language``.
    """

    id: str
    subject: Subject
    roles: frozenset[ConsentRole]
    purposes: frozenset[str]
    jurisdiction: Jurisdiction
    giver: Giver
    given_on: date
    form: ConsentForm
    evidence: str
    notice: str
    language: str = "en"
    recipients: frozenset[str] = frozenset()
    expires_on: date | None = None
    assessment: Assessment | None = None
    events: tuple[ConsentEvent, ...] = field(default=())

    @property
    def reference(self) -> str:
        """The name under which messages carry it."""
        return reference_of(self.id)

    def covers(self, *, purpose: str, service: str) -> bool:
        """Say whether sharing with a service for a purpose rests on it."""
        return purpose in self.purposes and (not self.recipients or service in self.recipients)

    def to_wire(self) -> ConsentRecord:
        """Return the record that messages carry."""
        return ConsentRecord(
            roles=self.roles,
            given_on=self.given_on,
            form=self.form,
            evidence=self.reference,
            expires_on=self.expires_on,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordParty:
    """A controller or recipient of a consent record. Its address is its node's, and ``contact`` is who answers."""

    entity: str
    name: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordContext:
    """What a consent record says of the processing that the consent itself does not: the agreements' own terms."""

    controller: RecordParty
    recipients: tuple[RecordParty, ...]
    fields: tuple[str, ...]
    retention: str
    withdrawal: str


def reference_of(consent_id: str) -> str:
    """Return the name under which messages carry a consent of this id."""
    return f"{_REFERENCE}{consent_id}"


def id_of(reference: str) -> str | None:
    """Return the id of the consent that a reference of ours names, if it names one."""
    return reference.removeprefix(_REFERENCE) if reference.startswith(_REFERENCE) else None


def record_to_json(consent: Consent, context: RecordContext, *, principal_id: str) -> JsonObject:
    """Return the record with every mandatory field of ISO/IEC TS 27560:2023, section 6.3.

    ``principal_id`` is a keyed name: no description of the person stands in the record.
    """
    parties = [_party(context.controller, "controller"), *(_party(each, "recipient") for each in context.recipients)]
    return {
        "schema_version": SCHEMA,
        "record_id": consent.id,
        "pii_principal_id": principal_id,
        "pii_processing": {
            "privacy_notice": consent.notice,
            "language": consent.language,
            "purposes": [{"purpose": purpose, "lawful_basis": sorted(consent.roles)} for purpose in _sorted(consent)],
            "pii_information": [{"pii_type": name} for name in context.fields],
            "pii_controllers": [context.controller.entity],
            "storage_locations": ["United Kingdom"],
            "retention_period": context.retention,
            "jurisdiction": str(consent.jurisdiction),
            "recipient_third_parties": [party.entity for party in context.recipients],
            "withdrawal_method": context.withdrawal,
        },
        "party_identification": parties,
        "events": [_event(event, consent) for event in consent.events],
    }


def _sorted(consent: Consent) -> Iterable[str]:
    return sorted(consent.purposes)


def _party(party: RecordParty, kind: str) -> JsonObject:
    return {
        "party_id": party.entity,
        "party_address": party.entity,
        "party_name": party.name,
        "party_contact": party.contact,
        "party_type": kind,
    }


def _event(event: ConsentEvent, consent: Consent) -> JsonObject:
    until = "until withdrawn" if consent.expires_on is None else f"until {consent.expires_on.isoformat()}"
    return {
        "event_time": event.at.isoformat(),
        "validity_duration": until,
        "entity_id": event.by,
        "event_type": _EXPLICIT,
        "event_state": str(event.state),
    }
