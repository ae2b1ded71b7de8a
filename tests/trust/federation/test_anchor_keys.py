"""An anchor's federation keys are replaced by its pinned recovery key, and by nothing else."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.strategies import changed
from tests.trust.federation.members import ANCHOR, ANCHOR_KEY, STRANGER, STRANGER_KEY, TOP
from tests.trust.makers import NOW, NOW_S, compact, header, key_set, signer
from trust.errors import (
    KeyPurposeMismatch,
    MalformedClaims,
    MalformedJson,
    NotYetValid,
    RolledBack,
    TrustError,
    UnknownKey,
    WrongIssuer,
    WrongType,
)
from trust.federation.anchor_keys import (
    TYP,
    AnchorKeys,
    Pin,
    build_anchor_keys,
    build_pin,
    parse_anchor_keys,
    parse_pin,
    refuse_older,
)
from trust.keys import KeySet, KeyUse, LocalSigner, Signer

RECOVERY_KEY = signer(KeyUse.RECOVERY, number=1)
RECOVERY = key_set(RECOVERY_KEY)
NEW_KEY = signer(KeyUse.FEDERATION, number=21)
CLAIMS: dict[str, Any] = {
    "iss": ANCHOR,
    "sub": ANCHOR,
    "seq": 2,
    "iat": NOW_S,
    "jwks": key_set(NEW_KEY).to_jwks(),
}


def document(seq: int = 2, *keys: Signer) -> AnchorKeys:
    return AnchorKeys(anchor=ANCHOR, seq=seq, keys=key_set(*(keys or (NEW_KEY,))), issued_at=NOW)


def opened(body: dict[str, Any], by: Signer = RECOVERY_KEY, typ: str = TYP) -> AnchorKeys:
    raw = compact(header(by, typ), {name: value for name, value in body.items() if value is not None}, by)
    return parse_anchor_keys(raw, recovery_keys=RECOVERY, now=NOW)


def same_key_for(use: KeyUse, by: LocalSigner) -> LocalSigner:
    """Give the same private key under another use: as a party that mixes purposes would hold it."""
    return LocalSigner.from_pem(by.to_pem(), use)


def test_what_is_built_is_read() -> None:
    raw = build_anchor_keys(document(2, NEW_KEY, ANCHOR_KEY), RECOVERY_KEY)
    assert parse_anchor_keys(raw, recovery_keys=RECOVERY, now=NOW) == document(2, NEW_KEY, ANCHOR_KEY)


def test_a_federation_key_never_signs_it() -> None:
    with pytest.raises(KeyPurposeMismatch, match="recovery key and no other"):
        build_anchor_keys(document(), ANCHOR_KEY)
    with pytest.raises(UnknownKey):
        opened(CLAIMS, by=ANCHOR_KEY)
    with pytest.raises(UnknownKey):
        opened(CLAIMS, by=NEW_KEY)
    forged = compact(header(ANCHOR_KEY, TYP), CLAIMS, ANCHOR_KEY)
    with pytest.raises(KeyPurposeMismatch):
        parse_anchor_keys(forged, recovery_keys=key_set(ANCHOR_KEY), now=NOW)


def test_a_recovery_key_makes_nothing_but_this_document() -> None:
    with pytest.raises(WrongType):
        opened(CLAIMS, typ="entity-statement+jwt")
    with pytest.raises(WrongType):
        parse_anchor_keys(TOP, recovery_keys=RECOVERY, now=NOW)
    with pytest.raises(KeyPurposeMismatch):
        RECOVERY.require_use(KeyUse.FEDERATION)


def test_no_key_is_both() -> None:
    both = same_key_for(KeyUse.FEDERATION, RECOVERY_KEY)
    with pytest.raises(KeyPurposeMismatch):
        opened(CLAIMS | {"jwks": key_set(NEW_KEY, both).to_jwks()})
    pin = build_pin(Pin(entity=ANCHOR, keys=key_set(both), recovery=RECOVERY))
    with pytest.raises(KeyPurposeMismatch):
        parse_pin(pin, ANCHOR)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"sub": STRANGER}, WrongIssuer),
        ({"iss": "anchor"}, MalformedClaims),
        ({"seq": 0}, MalformedClaims),
        ({"seq": None}, MalformedClaims),
        ({"iat": NOW_S + 11}, NotYetValid),
        ({"iat": None}, MalformedClaims),
        ({"jwks": None}, MalformedClaims),
        ({"jwks": {"keys": []}}, MalformedClaims),
    ],
)
def test_a_document_of_another_form_is_refused(change: dict[str, Any], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        opened(CLAIMS | change)


def test_a_newer_document_replaces_and_an_older_one_does_not() -> None:
    refuse_older(document(1), held=None)
    refuse_older(document(3, ANCHOR_KEY), held=document(2))
    refuse_older(document(2), held=document(2))
    for offered in (document(1), document(2, STRANGER_KEY)):
        with pytest.raises(RolledBack):
            refuse_older(offered, held=document(2))


def test_a_pin_is_read_as_it_was_written() -> None:
    for pin in (
        Pin(entity=ANCHOR, keys=key_set(ANCHOR_KEY), recovery=RECOVERY),
        Pin(entity=ANCHOR, keys=key_set(ANCHOR_KEY, NEW_KEY)),
    ):
        assert parse_pin(build_pin(pin), ANCHOR) == pin


def test_a_plain_key_set_is_a_pin_without_recovery() -> None:
    raw = json.dumps(key_set(ANCHOR_KEY).to_jwks()).encode()
    assert parse_pin(raw, ANCHOR) == Pin(entity=ANCHOR, keys=key_set(ANCHOR_KEY))


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (build_pin(Pin(entity=STRANGER, keys=key_set(STRANGER_KEY))), WrongIssuer),
        (b"{}", MalformedClaims),
        (b"[]", MalformedJson),
        (json.dumps({**key_set(ANCHOR_KEY).to_jwks(), "recovery": None}).encode(), MalformedClaims),
        (json.dumps({**key_set(ANCHOR_KEY).to_jwks(), "recovery": {"keys": []}}).encode(), MalformedClaims),
    ],
)
def test_a_pin_of_another_anchor_or_form_is_refused(raw: bytes, refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        parse_pin(raw, ANCHOR)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(TrustError):
        parse_anchor_keys(raw, recovery_keys=RECOVERY, now=NOW)
    with suppress(TrustError):
        parse_pin(raw, ANCHOR)


@given(changed(CLAIMS))
def test_any_signed_claims_give_keys_or_a_refusal(body: dict[str, Any]) -> None:
    with suppress(TrustError):
        assert isinstance(opened(body).keys, KeySet)
