"""A notice about a revoked key counts by its signature alone, and removes the key from every document that names it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.makers import NOW, compact, header, key_set, signer
from trust.errors import ChainRefused, TrustError, UnknownKey
from trust.federation.chain import TrustChain, TrustedEntity
from trust.federation.entity_statement import (
    StatementDraft,
    build_entity_configuration,
    build_subordinate_statement,
    parse_entity_configuration,
    parse_subordinate_statement,
)
from trust.federation.key_revocation import (
    TYP,
    KeyRevocation,
    build_key_revocation,
    parse_key_revocation,
    peek_issuer,
    without_revoked,
)
from trust.federation.party_metadata import AuthorizationServer
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

COUNCIL, ANCHOR = EntityId("https://council.example"), EntityId("https://anchor.example")
KEY, OTHER = signer(KeyUse.FEDERATION), signer(KeyUse.FEDERATION, number=1)
OAUTH, NEXT = signer(KeyUse.OAUTH), signer(KeyUse.OAUTH, number=1)
NOTICE = KeyRevocation(
    issuer=COUNCIL,
    subject=COUNCIL,
    kid=OAUTH.kid,
    use=KeyUse.OAUTH,
    revoked_at=NOW - timedelta(hours=1),
    issued_at=NOW,
    reason="compromised",
)


def entity(*, federation: KeySet, oauth: KeySet) -> TrustedEntity:
    return TrustedEntity(
        entity_id=COUNCIL,
        anchor=ANCHOR,
        federation_keys=federation,
        metadata={},
        node=None,
        oauth_client_keys=oauth,
        authorization_server=AuthorizationServer(issuer=COUNCIL, token_endpoint=f"{COUNCIL}/token", keys=oauth),
        refreshed_at=NOW,
        expires_at=NOW + timedelta(days=1),
        superiors=(ANCHOR,),
    )


def chain() -> TrustChain:
    """Return a chain of which one key signed every statement."""
    draft = StatementDraft(subject=COUNCIL, keys=key_set(KEY), issued_at=NOW, expires_at=NOW + timedelta(hours=1))
    own = build_entity_configuration(draft, KEY, authority_hints=(ANCHOR,))
    about = build_subordinate_statement(draft, KEY, issuer=ANCHOR)
    return TrustChain(
        subject=parse_entity_configuration(own, now=NOW),
        superiors=(parse_subordinate_statement(about, superior_keys=key_set(KEY), now=NOW),),
        anchor=None,
    )


def test_a_notice_is_read_as_it_was_written() -> None:
    raw = build_key_revocation(NOTICE, KEY)
    assert parse_key_revocation(raw, issuer_keys=key_set(KEY), now=NOW) == NOTICE
    assert peek_issuer(raw) == COUNCIL
    plain = replace(NOTICE, reason=None)
    assert parse_key_revocation(build_key_revocation(plain, KEY), issuer_keys=key_set(KEY), now=NOW) == plain


def test_another_key_proves_nothing() -> None:
    with pytest.raises(UnknownKey):
        parse_key_revocation(build_key_revocation(NOTICE, OTHER), issuer_keys=key_set(KEY), now=NOW)


@pytest.mark.parametrize(
    "changed",
    [{"kid": "short"}, {"kid": None}, {"use": "tea"}, {"iat": 2**53}, {"revoked_at": -1}, {"sub": "council"}],
)
def test_a_malformed_notice_is_refused(changed: dict[str, object]) -> None:
    claims = {
        "iss": COUNCIL,
        "sub": COUNCIL,
        "kid": OAUTH.kid,
        "use": "oauth",
        "revoked_at": 1,
        "iat": int(NOW.timestamp()),
    }
    raw = compact(header(KEY, TYP), {**claims, **changed}, KEY)
    with pytest.raises(TrustError):
        parse_key_revocation(raw, issuer_keys=key_set(KEY), now=NOW)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    for raw in (payload, compact(header(KEY, TYP), payload, KEY)):
        with pytest.raises(TrustError):
            parse_key_revocation(raw, issuer_keys=key_set(KEY), now=NOW)


@pytest.mark.holds("A59")
def test_a_revoked_key_is_left_out_of_every_set_of_its_owner_and_of_no_other() -> None:
    trusted = entity(federation=key_set(KEY, OTHER), oauth=key_set(OAUTH, NEXT))
    left = without_revoked(trusted, chain(), {COUNCIL: frozenset({OAUTH.kid, OTHER.kid})})
    assert left.oauth_client_keys == key_set(NEXT)
    assert left.authorization_server is not None
    assert left.authorization_server.keys == key_set(NEXT)
    assert left.federation_keys == key_set(KEY)
    assert without_revoked(trusted, chain(), {EntityId("https://police.example"): frozenset({OAUTH.kid})}) == trusted


@pytest.mark.holds("A59")
@pytest.mark.parametrize("owner", [COUNCIL, ANCHOR])
def test_a_chain_that_a_revoked_key_signed_is_refused(owner: EntityId) -> None:
    trusted = entity(federation=key_set(KEY, OTHER), oauth=key_set(OAUTH))
    with pytest.raises(ChainRefused):
        without_revoked(trusted, chain(), {owner: frozenset({KEY.kid})})


@pytest.mark.holds("A59")
def test_a_chain_none_of_whose_keys_counts_is_refused() -> None:
    trusted = entity(federation=key_set(KEY), oauth=key_set(OAUTH))
    with pytest.raises(ChainRefused):
        without_revoked(trusted, chain(), {COUNCIL: frozenset({OAUTH.kid})})
