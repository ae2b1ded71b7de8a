"""Keys of the past are told of, and verify nothing; a key that was revoked does not either, at any date."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.examples import MESSAGE, TRUST
from tests.trust.exchange.strategies import changed
from tests.trust.federation.members import (
    ABOUT,
    ANCHOR_KEY,
    COUNCIL,
    COUNCIL_KEY,
    NODE,
    about_claims,
    council_claims,
    council_metadata,
    statement,
    verified,
)
from tests.trust.makers import NOW, NOW_S, compact, header, key_set, signer
from trust.errors import ChainRefused, MalformedClaims, NotYetValid, TrustError, UnknownKey, WrongType
from trust.exchange.message import Message, build_message, open_message
from trust.federation.historical_keys import (
    TYP,
    HistoricalKeys,
    Revocation,
    RevocationReason,
    build_historical_keys,
    parse_historical_keys,
    past_key,
)
from trust.federation.node_metadata import ENTITY_TYPE, build_node_metadata
from trust.federation.party_metadata import FEDERATION_ENTITY
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

OLD_KEY = signer(KeyUse.FEDERATION, number=31)
STOLEN_KEY = signer(KeyUse.FEDERATION, number=32)
OLD_MESSAGE_KEY = signer(KeyUse.MESSAGE, number=31)
YESTERDAY, DAY_S = NOW - timedelta(days=1), 86400
HISTORY = HistoricalKeys(
    issuer=COUNCIL,
    issued_at=NOW,
    keys=(
        past_key(OLD_KEY.public, issued_at=NOW - timedelta(days=400), expires_at=NOW - timedelta(days=30)),
        past_key(
            STOLEN_KEY.public,
            expires_at=YESTERDAY,
            revoked=Revocation(at=YESTERDAY, reason=RevocationReason.COMPROMISED),
        ),
    ),
)
ENTRY: dict[str, Any] = {**OLD_KEY.public.jwk, "exp": NOW_S - DAY_S, "revoked": {"revoked_at": NOW_S}}


def opened(body: dict[str, Any], by: Signer = COUNCIL_KEY, typ: str = TYP) -> HistoricalKeys:
    raw = compact(header(by, typ), {name: value for name, value in body.items() if value is not None}, by)
    return parse_historical_keys(raw, issuer_keys=key_set(COUNCIL_KEY), now=NOW)


def listed(**changed: object) -> dict[str, Any]:
    """Give a list of one key, changed; a member set to None is left out."""
    entry = {name: value for name, value in (ENTRY | changed).items() if value is not None}
    return {"iss": COUNCIL, "iat": NOW_S, "keys": [entry]}


def test_what_is_built_is_read() -> None:
    raw = build_historical_keys(HISTORY, COUNCIL_KEY)
    assert parse_historical_keys(raw, issuer_keys=key_set(COUNCIL_KEY), now=NOW) == HISTORY
    assert opened(listed()).keys[0].revoked == Revocation(at=NOW)
    assert opened(listed(revoked={"revoked_at": 0, "reason": "lost"})).keys[0].revoked is not None
    assert opened({"iss": COUNCIL, "iat": NOW_S, "keys": []}).keys == ()


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (listed(exp=None), MalformedClaims),
        (listed(exp="soon"), MalformedClaims),
        (listed(iat=-1), MalformedClaims),
        (listed(kid="other"), MalformedClaims),
        (listed(d="AAAA"), MalformedClaims),
        (listed(revoked={}), MalformedClaims),
        (listed(revoked={"revoked_at": NOW_S, "reason": 7}), MalformedClaims),
        (listed() | {"keys": [7]}, MalformedClaims),
        (listed() | {"keys": None}, MalformedClaims),
        (listed() | {"iss": "council"}, MalformedClaims),
        (listed() | {"iat": NOW_S + 11}, NotYetValid),
    ],
)
def test_a_list_of_another_form_is_refused(body: dict[str, Any], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        opened(body)


def test_a_list_is_signed_with_a_key_of_today() -> None:
    with pytest.raises(UnknownKey):
        opened(listed(), by=OLD_KEY)
    with pytest.raises(WrongType):
        opened(listed(), typ="entity-statement+jwt")


@pytest.mark.holds("A41")
def test_a_key_that_its_owner_lists_for_itself_makes_no_statement_good() -> None:
    """The council publishes the old key in its history and, beside the one vouched for, in its own configuration."""
    metadata = council_metadata()
    metadata[FEDERATION_ENTITY]["federation_historical_keys_endpoint"] = f"{COUNCIL}/federation/v1/historical-keys"
    published = council_claims(metadata=metadata, jwks=key_set(COUNCIL_KEY, OLD_KEY).to_jwks())
    assert {key.kid for key in HISTORY.keys} > {OLD_KEY.kid}
    assert verified(statement(COUNCIL_KEY, published)).federation_keys == key_set(COUNCIL_KEY)
    with pytest.raises(ChainRefused, match="does not vouch for"):
        verified(statement(OLD_KEY, published))


def test_what_is_read_of_the_past_is_no_key_to_verify_with() -> None:
    with pytest.raises(AttributeError):
        KeySet.of(KeyUse.FEDERATION, opened(listed()).keys)  # type: ignore[arg-type]


def message(*, seconds_ago: int) -> Message:
    """Give a question of the council, dated back."""
    at = NOW_S - seconds_ago
    return replace(MESSAGE, iss=COUNCIL, iat=at, exp=at + 300)


@pytest.mark.holds("A39")
def test_a_revoked_federation_key_makes_no_statement_good_however_it_is_dated() -> None:
    """The superior now vouches for the new key alone; the thief dates a statement to when the old one was good."""
    stolen = council_claims(iat=NOW_S - 2 * DAY_S, exp=NOW_S + DAY_S, jwks=key_set(STOLEN_KEY, COUNCIL_KEY).to_jwks())
    vouched_before = about_claims(jwks=key_set(STOLEN_KEY).to_jwks())
    assert verified(statement(STOLEN_KEY, stolen), statement(ANCHOR_KEY, vouched_before)).entity_id == COUNCIL
    with pytest.raises(ChainRefused, match="does not vouch for"):
        verified(statement(STOLEN_KEY, stolen), ABOUT)


def peer_keys(*published: JsonObject) -> KeySet:
    """Give the council's message keys as a chain brings them, with these published beside the one in use."""
    node = build_node_metadata(NODE)
    node["message_jwks"]["keys"] += published
    trusted = verified(statement(COUNCIL_KEY, council_claims(metadata=council_metadata() | {ENTITY_TYPE: node})))
    assert trusted.node is not None
    return trusted.node.message_keys


def test_a_revoked_message_key_signs_no_message_however_it_is_dated() -> None:
    """A retired key stays published and speaks for the time before it retired; a revoked one is gone at once."""
    raw = build_message(message(seconds_ago=120), OLD_MESSAGE_KEY)
    retired = dict(OLD_MESSAGE_KEY.public.jwk) | {"retired_at": NOW_S - 60}
    assert open_message(raw, sender_keys=peer_keys(retired), own_id=TRUST, now=NOW).raw == raw
    with pytest.raises(UnknownKey):
        open_message(raw, sender_keys=peer_keys(), own_id=TRUST, now=NOW)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(TrustError):
        parse_historical_keys(raw, issuer_keys=key_set(COUNCIL_KEY), now=NOW)


@given(changed(ENTRY))
def test_any_signed_key_is_read_or_refused(entry: dict[str, Any]) -> None:
    with suppress(TrustError):
        assert opened(listed() | {"keys": [entry]}).keys[0].kid == OLD_KEY.kid
