"""An accession, its admission and a ruling are proven by federation keys, to the byte of what they are about."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.trust.agreements.examples import document, parsed
from tests.trust.agreements.joining_examples import AGREEMENT, MARK, SCHOOL, SCHOOLS, WHO, admitted, joins, party, ruled
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST, keys, signer
from trust.agreements.accession import (
    Accession,
    Ruling,
    build_accession,
    build_admission,
    build_ruling,
    check_accession,
    may_admit,
    verify_accession,
    verify_admission,
    verify_ruling,
)
from trust.agreements.joined import HeldAccession, JoinerRecords, as_seen_by
from trust.errors import KeyPurposeMismatch, TrustError
from trust.exchange.errors import MalformedAgreement
from trust.identifiers import ServiceSlug
from trust.keys import KeyUse

ACCESSION = joins()
OFFICE = {ServiceSlug("office"): "school"}


def accession_of(**changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "party": party(),
        "signatory": WHO,
        "signer": signer(SCHOOL, KeyUse.FEDERATION),
        "now": NOW,
        **changes,
    }
    return build_accession(AGREEMENT.ref, "schools", **arguments)


def admission_of(**changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "party": COUNCIL,
        "signatory": WHO,
        "signer": signer(COUNCIL, KeyUse.FEDERATION),
        "now": NOW,
        **changes,
    }
    return build_admission(ACCESSION, **arguments)


def tampered(raw: bytes, **changes: Any) -> bytes:
    """Change the payload, and leave header and signature."""
    head, body, seal = raw.split(b".")
    payload = json.loads(urlsafe_b64decode(body + b"==")) | changes
    return b".".join([head, urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"="), seal])


def verified(raw: bytes, **changes: Any) -> object:
    arguments: dict[str, Any] = {
        "party": SCHOOL,
        "keys": keys(SCHOOL, KeyUse.FEDERATION),
        "agreement": AGREEMENT.ref,
        "now": NOW,
        **changes,
    }
    return verify_accession(raw, **arguments)


def test_an_accession_says_what_it_adds() -> None:
    assert (ACCESSION.party, ACCESSION.class_id, ACCESSION.signatory) == (party(), "schools", WHO)
    assert ACCESSION.agreement == AGREEMENT.ref


@pytest.mark.holds("A72")
@pytest.mark.parametrize(
    "attempt",
    [
        lambda: verified(tampered(accession_of(), services=["office", "pastoral"])),
        lambda: verified(accession_of(signer=signer(TRUST, KeyUse.FEDERATION))),
        lambda: verified(accession_of(), agreement=parsed(document(version=4)).ref),
        lambda: verified(accession_of(now=NOW + timedelta(days=1))),
        lambda: verified(admission_of()),
        lambda: verified(accession_of(), party=TRUST),
        lambda: verify_admission(
            admission_of(), party=TRUST, keys=keys(TRUST, KeyUse.FEDERATION), accession=ACCESSION, now=NOW
        ),
        lambda: verify_admission(
            admission_of(signer=signer(SCHOOL, KeyUse.FEDERATION)),
            party=COUNCIL,
            keys=keys(COUNCIL, KeyUse.FEDERATION),
            accession=ACCESSION,
            now=NOW,
        ),
        lambda: verify_admission(
            admission_of(),
            party=COUNCIL,
            keys=keys(COUNCIL, KeyUse.FEDERATION),
            accession=joins(SCHOOL, "office", "pastoral"),
            now=NOW,
        ),
    ],
    ids=[
        "tampered",
        "of-another-key",
        "of-another-version",
        "dated-tomorrow",
        "an-admission",
        "in-another-name",
        "admitted-in-another-name",
        "admitted-by-the-joiner",
        "admitted-for-another-accession",
    ],
)
def test_what_does_not_prove_is_refused(attempt: Callable[[], object]) -> None:
    with pytest.raises(TrustError):
        attempt()


def test_no_other_key_joins_or_admits() -> None:
    for build, entity in ((accession_of, SCHOOL), (admission_of, COUNCIL)):
        with pytest.raises(KeyPurposeMismatch):
            build(signer=signer(entity, KeyUse.MESSAGE))


@pytest.mark.parametrize(
    "changes",
    [
        {"services": ()},
        {"services": tuple(ServiceSlug(f"office-{each}") for each in range(17))},
        {"name": ""},
        {"name": "two\nlines"},
        {"complaints": ""},
    ],
    ids=["no-service", "too-many-services", "no-name", "two-lines", "no-complaints-route"],
)
def test_what_no_verifier_would_take_is_not_signed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedAgreement):
        accession_of(party=replace(party(), **changes))


@pytest.mark.holds("A72")
def test_only_a_party_that_the_class_names_admits() -> None:
    assert may_admit(AGREEMENT, "schools", COUNCIL)
    assert not may_admit(AGREEMENT, "schools", TRUST)
    assert not may_admit(AGREEMENT, "colleges", COUNCIL)
    held = admitted(ACCESSION)
    assert held.admission is not None
    by_the_trust = HeldAccession(
        accession=ACCESSION, admission=replace(held.admission, issuer=TRUST), learnt_at=NOW - timedelta(days=99)
    )
    assert as_seen_by(AGREEMENT, TRUST, JoinerRecords(accessions=(by_the_trust,)), NOW.date()) is AGREEMENT


@pytest.mark.parametrize(
    ("accession", "marks", "kinds", "reason"),
    [
        (ACCESSION, {MARK}, OFFICE, None),
        (ACCESSION, set(), OFFICE, "It lacks the mark"),
        (ACCESSION, {MARK}, {}, "No authority vouches for its service office"),
        (ACCESSION, {MARK}, {ServiceSlug("office"): "gp"}, "is of the kind gp; class schools takes: school"),
        (joins(to="colleges"), {MARK}, OFFICE, "has no class colleges that may join; it has: schools"),
        (joins(TRUST), {MARK}, OFFICE, "It is a party of the document already"),
    ],
)
def test_a_joiner_is_held_against_its_class(
    accession: Accession, marks: set[str], kinds: dict[ServiceSlug, str], reason: str | None
) -> None:
    reasons = check_accession(AGREEMENT, accession, marks=marks, kinds=kinds)
    assert (reason in " ".join(reasons)) if reason else not reasons


def test_a_ruling_proves_as_an_accession_does() -> None:
    assert ruled(ACCESSION, Ruling.OBJECTED).joiner == SCHOOL
    raw = build_ruling(
        ACCESSION, Ruling.CONFIRMED, party=TRUST, signatory=WHO, signer=signer(TRUST, KeyUse.FEDERATION), now=NOW
    )
    for changed in (tampered(raw, ruling="objected"), tampered(raw, joiner=COUNCIL)):
        with pytest.raises(TrustError):
            verify_ruling(changed, party=TRUST, keys=keys(TRUST, KeyUse.FEDERATION), agreement=AGREEMENT.ref, now=NOW)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"admitted_by": ["https://elsewhere.example"]}, "joining[0].admitted_by"),
        ({"marks": []}, "joining[0].marks"),
        ({"kinds": []}, "joining[0].kinds"),
        ({"objection_days": 0}, "joining[0].objection_days"),
        ({"colour": "red"}, "joining[0].colour"),
    ],
)
def test_a_faulty_class_is_named(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(MalformedAgreement, match=path.replace("[", r"\[").replace("]", r"\]")):
        parsed(document(joining=[SCHOOLS | changes]))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"joining_askers": ["colleges"]}, r"clauses\[0\].joining_askers"),
        ({"joining_confirmed": True}, r"clauses\[0\].joining_confirmed"),
        ({"askers": []}, r"clauses\[0\].askers"),
    ],
)
def test_a_clause_lets_in_classes_of_its_agreement_only(changes: dict[str, Any], path: str) -> None:
    whole = document(joining=[SCHOOLS])
    whole["clauses"][0] |= changes
    with pytest.raises(MalformedAgreement, match=path):
        parsed(whole)
