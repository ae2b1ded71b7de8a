"""A third party verifies that an agency signed a question, and sees nothing of the question."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.examples import MESSAGE, SUBJECT
from trust import jose
from trust.base64url import decode
from trust.errors import TrustError, UnknownKey
from trust.exchange.message import build_message
from trust.exchange.question_signature import (
    NoDigestSignature,
    QuestionSignature,
    parse_signature,
    signature_of,
    signature_to_json,
    verify_question_signature,
)
from trust.keys import Alg, KeySet, KeyUse, LocalSigner

SIGNERS = {alg: LocalSigner.generate(KeyUse.MESSAGE, alg) for alg in (Alg.ES256, Alg.PS256, Alg.ED25519)}
DIGESTED = pytest.mark.parametrize("alg", [Alg.ES256, Alg.PS256], ids=str)


def kept_of(alg: Alg) -> QuestionSignature:
    return signature_of(build_message(MESSAGE, SIGNERS[alg]))


def keys_of(alg: Alg, use: KeyUse = KeyUse.MESSAGE) -> KeySet:
    return KeySet.of(use, [SIGNERS[alg].public])


@DIGESTED
def test_a_kept_signature_verifies_with_the_agencys_message_key_alone(alg: Alg) -> None:
    exported = json.dumps(signature_to_json(kept_of(alg)))
    key = verify_question_signature(parse_signature(json.loads(exported)), keys=keys_of(alg))
    assert key.kid == SIGNERS[alg].public.kid


@DIGESTED
def test_nothing_of_the_question_is_in_it(alg: Alg) -> None:
    kept = kept_of(alg)
    exported = json.dumps(signature_to_json(kept)) + decode(kept.protected.encode(), "header").decode()
    content = (SUBJECT.nhs_number, SUBJECT.family_name, MESSAGE.jti, MESSAGE.purpose, MESSAGE.practitioner.sub)
    assert not [value for value in content if str(value) in exported]


@DIGESTED
@pytest.mark.parametrize("part", ["protected", "signature", "signing_input"])
@given(place=st.integers(min_value=0, max_value=42))
def test_a_changed_character_is_refused(alg: Alg, part: str, place: int) -> None:
    kept = kept_of(alg)
    text = getattr(kept, part)
    changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    with pytest.raises(TrustError):
        verify_question_signature(replace(kept, **{part: changed}), keys=keys_of(alg))


@DIGESTED
def test_another_agencys_key_does_not_verify_it(alg: Alg) -> None:
    with pytest.raises(UnknownKey):
        verify_question_signature(
            kept_of(alg), keys=KeySet.of(KeyUse.MESSAGE, [LocalSigner.generate(KeyUse.MESSAGE).public])
        )


def test_a_signature_over_another_document_of_the_same_key_is_no_question() -> None:
    signer = SIGNERS[Alg.ES256]
    other = jose.sign({"iss": MESSAGE.iss}, typ="misuse-query+jwt", signer=signer)
    with pytest.raises(TrustError):
        verify_question_signature(signature_of(other), keys=keys_of(Alg.ES256))


def test_a_signature_that_needs_the_message_says_so() -> None:
    with pytest.raises(NoDigestSignature, match="without the message"):
        verify_question_signature(kept_of(Alg.ED25519), keys=keys_of(Alg.ED25519))


@given(
    document=st.dictionaries(
        st.sampled_from(["protected", "signature", "signing_input_sha256", "message_sha256"]), st.text()
    )
)
def test_anything_else_is_refused_as_what_it_is(document: dict[str, str]) -> None:
    with pytest.raises(TrustError):
        verify_question_signature(parse_signature(document), keys=keys_of(Alg.ES256))
