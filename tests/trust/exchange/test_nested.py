"""A message that rests with a third party is read by its recipient alone, and proves its sender like any other."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.examples import COUNCIL, MESSAGE, NHS_NUMBER, NOW, POLICE, TRUST, keys, message, signer
from trust import base64url, jose
from trust.claims import digest
from trust.decrypter import Decrypter, LocalDecrypter
from trust.errors import (
    BadSignature,
    ForbiddenAlgorithm,
    ForbiddenHeader,
    KeyPurposeMismatch,
    MalformedClaims,
    MalformedToken,
    TooLarge,
    TrustError,
    Undecryptable,
    UnknownKey,
    WrongAudience,
    WrongType,
)
from trust.exchange.message import OpenedMessage, build_message, peek_issuer
from trust.exchange.nested import build_nested, open_nested, unwrap
from trust.keys import KeyUse, parse_key

OURS, RETIRED, OTHER = LocalDecrypter.generate(), LocalDecrypter.generate(), LocalDecrypter.generate()
HELD = (OURS, RETIRED)
INSIDE = build_message(MESSAGE, signer("council"))
NESTED = jose.encrypt(INSIDE, recipient=OURS.public)


def opened(raw: bytes, held: Sequence[Decrypter] = HELD, **changes: Any) -> OpenedMessage:
    return open_nested(raw, keys=held, **{"sender_keys": keys("council"), "own_id": TRUST, "now": NOW, **changes})


def with_header(**changed: object) -> bytes:
    """Return the nested message under another header; a parameter set to None is left out."""
    head, _, rest = NESTED.partition(b".")
    header = json.loads(base64url.decode(head, "header")) | changed
    kept = {name: value for name, value in header.items() if value is not None}
    return base64url.encode(json.dumps(kept).encode()) + b"." + rest


def test_a_message_comes_out_as_it_went_in_and_rests_unread() -> None:
    nested = build_nested(MESSAGE, signer("council"), recipient=OURS.public)
    assert opened(nested).message == MESSAGE
    for segment in nested.split(b"."):
        seen = base64url.decode(segment, "segment")
        assert NHS_NUMBER.encode() not in seen
        assert COUNCIL.encode() not in seen


def test_the_digest_is_of_the_signed_bytes_under_any_wrapper() -> None:
    again = jose.encrypt(INSIDE, recipient=RETIRED.public)
    assert again != NESTED
    assert opened(NESTED).digest == opened(again).digest == digest(INSIDE)


def test_whose_it_says_it_is_can_be_read_before_their_keys_are_known() -> None:
    assert peek_issuer(unwrap(NESTED, keys=HELD)) == COUNCIL


def test_a_key_of_another_reads_nothing() -> None:
    for held in ((OTHER,), ()):
        with pytest.raises(UnknownKey):
            opened(NESTED, held)
    with pytest.raises(Undecryptable):
        opened(with_header(kid=OTHER.kid), (OTHER,))


@pytest.mark.parametrize("who", ["police", "attacker"])
def test_encrypting_proves_nothing_about_the_sender(who: str) -> None:
    forged = build_nested(MESSAGE, signer(who), recipient=OURS.public)  # in the council's name
    with pytest.raises(UnknownKey):
        opened(forged)
    head, payload, _ = INSIDE.split(b".")
    signature = build_message(MESSAGE, signer(who)).rpartition(b".")[2]
    with pytest.raises(BadSignature):
        opened(jose.encrypt(b".".join([head, payload, signature]), recipient=OURS.public))


def test_a_recipient_who_wraps_it_again_for_another_gives_them_nothing() -> None:
    passed_on = jose.encrypt(unwrap(NESTED, keys=HELD), recipient=OTHER.public)
    with pytest.raises(WrongAudience):
        opened(passed_on, (OTHER,), own_id=POLICE)


@pytest.mark.parametrize("inside", [b"", b'{"iss": "https://council.example"}', b"a.b.c", NESTED], ids=len)
def test_what_is_inside_must_be_a_signed_message(inside: bytes) -> None:
    with pytest.raises(MalformedToken):
        opened(jose.encrypt(inside, recipient=OURS.public))


def test_a_signed_document_of_another_type_inside_is_no_message() -> None:
    reply = jose.sign({"iss": COUNCIL}, typ="exchange-reply+jwt", signer=signer("council"))
    with pytest.raises(WrongType):
        opened(jose.encrypt(reply, recipient=OURS.public))


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"zip": "DEF"}, ForbiddenHeader),
        ({"alg": "ECDH-ES+A256KW"}, ForbiddenAlgorithm),
        ({"enc": "A128GCM"}, ForbiddenAlgorithm),
        ({"cty": None}, ForbiddenHeader),
        ({"cty": "jwt"}, WrongType),
        ({"jwk": dict(OTHER.public.jwk)}, ForbiddenHeader),
        ({"kid": None}, MalformedClaims),
    ],
    ids=["zip", "alg", "enc", "no cty", "another cty", "jwk", "no kid"],
)
def test_a_header_that_asks_for_something_else_is_refused(
    changed: dict[str, object], refusal: type[TrustError]
) -> None:
    with pytest.raises(refusal):
        opened(with_header(**changed))


@pytest.mark.parametrize("alg", ["ECDH-ES+A256KW", "RSA-OAEP-256", "ES256"])
def test_a_published_key_is_for_its_one_algorithm(alg: str) -> None:
    with pytest.raises(ForbiddenAlgorithm):
        parse_key({**OURS.public.jwk, "alg": alg}, KeyUse.ENCRYPTION)


def test_nothing_is_encrypted_for_a_key_that_signs() -> None:
    with pytest.raises(KeyPurposeMismatch):
        build_nested(MESSAGE, signer("council"), recipient=signer("council").public)


def test_a_nested_message_over_its_cap_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        opened(NESTED + b"A" * jose.MAX_ENCRYPTED)
    with pytest.raises(TooLarge):
        opened(build_nested(message(body={"text": "x" * 60_000}), signer("council"), recipient=OURS.public))


@given(st.integers(min_value=0, max_value=len(NESTED) - 1), st.integers(min_value=1, max_value=255))
def test_every_changed_byte_is_noticed(position: int, change: int) -> None:
    changed = bytearray(NESTED)
    changed[position] ^= change
    with pytest.raises(TrustError):
        opened(bytes(changed))
