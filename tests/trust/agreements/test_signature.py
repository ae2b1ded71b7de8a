"""Only a party's own federation key binds it, and only to these very bytes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.trust.agreements.examples import BINDING, JOBCENTRE
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST, keys, signer
from tests.trust.exchange.strategies import changed
from trust import jose
from trust.agreements.signature import TYP, Signatory, build_signature, peek_party, verify_signature
from trust.errors import KeyPurposeMismatch, NotYetValid, TrustError, UnknownKey, WrongIssuer
from trust.exchange.errors import MalformedAgreement, SignatureMismatch
from trust.exchange.message import AgreementRef
from trust.keys import KeyUse

REF = BINDING.agreement.ref
GUARDIAN = Signatory(name="R. Example", post="Caldicott Guardian")
KEYS = keys(COUNCIL, KeyUse.FEDERATION)
RAW = build_signature(REF, party=COUNCIL, signatory=GUARDIAN, signer=signer(COUNCIL, KeyUse.FEDERATION), now=NOW)
CLAIMS = jose.open_signed(RAW, typ=TYP, keys=KEYS).claims


def test_a_signature_names_party_post_and_wording() -> None:
    assert peek_party(RAW) == COUNCIL
    signature = verify_signature(RAW, party=COUNCIL, keys=KEYS, agreement=REF, now=NOW)
    assert (signature.party, signature.signatory, signature.agreement) == (COUNCIL, GUARDIAN, REF)
    assert signature.signed_at == int(NOW.timestamp())


def test_only_a_federation_key_signs_or_verifies() -> None:
    with pytest.raises(KeyPurposeMismatch):
        build_signature(REF, party=COUNCIL, signatory=GUARDIAN, signer=signer(COUNCIL), now=NOW)
    with pytest.raises(KeyPurposeMismatch):
        verify_signature(RAW, party=COUNCIL, keys=keys(COUNCIL), agreement=REF, now=NOW)


def test_no_party_signs_for_another() -> None:
    with pytest.raises(UnknownKey):
        verify_signature(RAW, party=TRUST, keys=keys(TRUST, KeyUse.FEDERATION), agreement=REF, now=NOW)
    with pytest.raises(WrongIssuer):
        verify_signature(RAW, party=JOBCENTRE, keys=KEYS, agreement=REF, now=NOW)


@pytest.mark.parametrize("other", [replace(REF, version=4), replace(REF, digest="Z" * 43)])
def test_a_signature_on_another_wording_is_refused(other: AgreementRef) -> None:
    with pytest.raises(SignatureMismatch):
        verify_signature(RAW, party=COUNCIL, keys=KEYS, agreement=other, now=NOW)


def test_a_signature_from_the_future_is_refused() -> None:
    with pytest.raises(NotYetValid):
        verify_signature(RAW, party=COUNCIL, keys=KEYS, agreement=REF, now=NOW - timedelta(minutes=1))


def test_a_signature_without_a_signatory_is_refused() -> None:
    raw = jose.sign({**CLAIMS, "signatory": {}}, typ=TYP, signer=signer(COUNCIL, KeyUse.FEDERATION))
    with pytest.raises(MalformedAgreement, match=r"signatory\.name"):
        verify_signature(raw, party=COUNCIL, keys=KEYS, agreement=REF, now=NOW)


@given(claims=changed(CLAIMS))
def test_any_signed_claims_give_a_signature_or_a_refusal(claims: dict[str, Any]) -> None:
    raw = jose.sign(claims, typ=TYP, signer=signer(COUNCIL, KeyUse.FEDERATION))
    try:
        assert peek_party(raw) == verify_signature(raw, party=COUNCIL, keys=KEYS, agreement=REF, now=NOW).party
    except TrustError:
        return


@pytest.mark.parametrize("name", ["", "R.\u200b Example", "R. Example\n", "R" * 201])
def test_a_signatory_that_no_verifier_would_take_signs_nothing(name: str) -> None:
    with pytest.raises(MalformedAgreement):
        build_signature(
            REF,
            party=COUNCIL,
            signatory=Signatory(name=name, post="SIRO"),
            signer=signer(COUNCIL, KeyUse.FEDERATION),
            now=NOW,
        )
