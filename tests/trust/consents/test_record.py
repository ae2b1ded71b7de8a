"""A consent's record has what ISO/IEC TS 27560:2023 demands, and nothing of the person."""

import json
from datetime import UTC, date, datetime

import pytest

from trust.consents.age import Jurisdiction
from trust.consents.authority import Giver, Relation
from trust.consents.record import (
    Consent,
    ConsentEvent,
    ConsentState,
    RecordContext,
    RecordParty,
    id_of,
    record_to_json,
)
from trust.consents.status import EndedConsent, Unusable, deny_use, withdrawn_roles
from trust.exchange.consent import ConsentForm, ConsentRole
from trust.exchange.person import parse_subject

GIVEN = date(2026, 9, 1)
MOTHER = parse_subject({"family_name": "Farrow", "given_names": "Lena", "birth_date": "1990-04-02"})
CONSENT = Consent(
    id="c" * 22,
    subject=MOTHER,
    roles=frozenset({ConsentRole.CONFIDENTIALITY, ConsentRole.ENGAGEMENT}),
    purposes=frozenset({"early-help"}),
    jurisdiction=Jurisdiction.ENGLAND_AND_WALES,
    giver=Giver(relation=Relation.PERSON),
    given_on=GIVEN,
    form=ConsentForm.WRITTEN,
    evidence="CF-2291/form",
    notice="https://council.example/early-help-notice",
    expires_on=date(2027, 8, 31),
    events=(ConsentEvent(state=ConsentState.GRANTED, at=datetime(2026, 9, 1, 10, tzinfo=UTC), by="person"),),
)
CONTEXT = RecordContext(
    controller=RecordParty(entity="https://council.example", name="Vale Council", contact="early-help"),
    recipients=(RecordParty(entity="https://trust.example", name="Vale Trust", contact="team"),),
    fields=("worker",),
    retention="90 days",
    withdrawal="Tell any of the workers.",
)
HEADER = {"schema_version", "record_id", "pii_principal_id"}
PROCESSING = {
    "privacy_notice",
    "language",
    "purposes",
    "pii_information",
    "pii_controllers",
    "storage_locations",
    "retention_period",
    "jurisdiction",
    "recipient_third_parties",
    "withdrawal_method",
}
PARTY = {"party_id", "party_address", "party_name", "party_contact", "party_type"}
EVENT = {"event_time", "validity_duration", "entity_id", "event_type", "event_state"}


def test_a_record_has_every_mandatory_field_and_nothing_of_the_person() -> None:
    record = record_to_json(CONSENT, CONTEXT, principal_id="k")
    assert record.keys() >= HEADER
    assert record["pii_processing"].keys() >= PROCESSING
    assert all(each.keys() >= PARTY for each in record["party_identification"])
    assert all(each.keys() >= EVENT for each in record["events"])
    assert all([*record.values(), *record["pii_processing"].values()])
    text = json.dumps(record)
    assert not [word for word in ("Farrow", "Lena", "1990", "CF-2291") if word in text]


def test_messages_carry_the_consents_own_reference_and_not_that_of_a_form_of_several() -> None:
    wire = CONSENT.to_wire()
    assert id_of(wire.evidence) == CONSENT.id
    assert (wire.roles, wire.given_on, wire.expires_on) == (CONSENT.roles, GIVEN, CONSENT.expires_on)
    assert id_of("CF-2291/form") is None


@pytest.mark.parametrize(
    ("given_on", "purpose", "ends"),
    [
        (date(2026, 9, 30), "early-help", True),
        (date(2026, 10, 1), "early-help", True),
        (date(2026, 10, 2), "early-help", False),
        (date(2026, 9, 1), "safeguarding", False),
    ],
)
def test_a_withdrawal_ends_earlier_consents_for_its_purpose(given_on: date, purpose: str, ends: bool) -> None:
    ended = [EndedConsent(consent=CONSENT, ended_on=date(2026, 10, 1))]
    roles = withdrawn_roles(ended, purpose=purpose, service="https://trust.example#team", given_on=given_on)
    assert roles == (CONSENT.roles if ends else frozenset())


@pytest.mark.parametrize(
    ("state", "same", "purpose", "on", "reason"),
    [
        (ConsentState.GRANTED, True, "early-help", GIVEN, None),
        (ConsentState.GRANTED, False, "early-help", GIVEN, Unusable.OTHER_PERSON),
        (ConsentState.WITHDRAWN, True, "early-help", GIVEN, Unusable.WITHDRAWN),
        (ConsentState.EXPIRED, True, "early-help", GIVEN, Unusable.EXPIRED),
        (ConsentState.REFUSED, True, "early-help", GIVEN, Unusable.REFUSED),
        (ConsentState.GRANTED, True, "early-help", date(2027, 8, 31), None),
        (ConsentState.GRANTED, True, "early-help", date(2027, 9, 1), Unusable.EXPIRED),
        (ConsentState.GRANTED, True, "safeguarding", GIVEN, Unusable.OTHER_PURPOSE),
    ],
)
def test_a_consent_supports_its_own_person_and_purpose_while_it_lasts(
    state: ConsentState, same: bool, purpose: str, on: date, reason: Unusable | None
) -> None:
    assert deny_use(CONSENT, state, purpose=purpose, is_same_person=same, on=on) is reason
