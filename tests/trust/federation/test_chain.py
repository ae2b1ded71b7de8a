"""An entity is trusted through a pinned anchor's word alone, for as long as that word stands."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.federation.members import (
    ABOUT,
    ANCHOR,
    ANCHOR_KEY,
    COUNCIL,
    COUNCIL_KEY,
    LIFE_S,
    NODE,
    OAUTH_KEY,
    OWN,
    PINNED,
    SERVER,
    STRANGER,
    STRANGER_KEY,
    TOP,
    about_claims,
    anchor_claims,
    council_claims,
    council_metadata,
    statement,
    verified,
    vouching_for_kinds,
)
from tests.trust.makers import NOW, NOW_S, key_set, signer
from trust.errors import (
    BadSignature,
    ChainRefused,
    Expired,
    MalformedClaims,
    MetadataRefused,
    NoChain,
    NotYetValid,
    TooLarge,
    TrustError,
    UnknownKey,
    WrongIssuer,
)
from trust.federation.chain import (
    Superior,
    TrustChain,
    open_chain,
    refuse_rollback,
    resolve_chain,
    verify_anchor,
    verify_chain,
)
from trust.federation.node_metadata import ENTITY_TYPE
from trust.federation.party_metadata import AUTHORIZATION_SERVER, CLIENT
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner
from trust.strict_json import JsonObject


def test_a_chain_from_a_pinned_anchor_makes_an_entity_trusted() -> None:
    trusted = verified()
    assert (trusted.entity_id, trusted.anchor) == (COUNCIL, ANCHOR)
    assert trusted.federation_keys == key_set(COUNCIL_KEY)
    assert trusted.node == NODE
    assert trusted.oauth_client_keys == key_set(OAUTH_KEY)
    assert trusted.authorization_server == SERVER
    expected = council_metadata()
    expected[ENTITY_TYPE] |= vouching_for_kinds()[ENTITY_TYPE]
    assert trusted.metadata == expected


def test_an_entity_without_a_part_is_trusted_without_it() -> None:
    trusted = verified(statement(COUNCIL_KEY, council_claims(metadata=None)))
    assert (trusted.node, trusted.oauth_client_keys, trusted.authorization_server) == (None, None, None)


def test_a_chain_lives_as_long_as_its_shortest_statement() -> None:
    for chain in (
        (statement(COUNCIL_KEY, council_claims(exp=NOW_S + 60)), ABOUT, TOP),
        (OWN, statement(ANCHOR_KEY, about_claims(exp=NOW_S + 60)), TOP),
        (OWN, ABOUT, statement(ANCHOR_KEY, anchor_claims(exp=NOW_S + 60))),
    ):
        assert verified(*chain).expires_at == NOW + timedelta(seconds=60)
        with pytest.raises(Expired):
            verified(*chain, later=timedelta(seconds=60))


def test_its_freshness_is_that_of_the_superiors_statement() -> None:
    about = statement(ANCHOR_KEY, about_claims(iat=NOW_S - 600))
    own = statement(COUNCIL_KEY, council_claims(iat=NOW_S - 5))
    assert verified(own, about).refreshed_at == NOW - timedelta(seconds=600)


@pytest.mark.parametrize(
    "statements",
    [[], [OWN], [TOP], [OWN, TOP], [ABOUT, TOP], [OWN, ABOUT, TOP, TOP], [OWN, TOP, ABOUT], [TOP, ABOUT, OWN]],
)
def test_a_chain_has_its_statements_in_order(statements: list[bytes]) -> None:
    with pytest.raises(TrustError):
        verify_chain(statements, anchors=PINNED, now=NOW)


@pytest.mark.holds("A27")
def test_a_chain_over_its_cap_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        verified(b"x" * 131_072)
    with pytest.raises(TooLarge):
        verified(statement(COUNCIL_KEY, council_claims(padding="x" * 65_536)))


def test_an_anchor_that_is_not_pinned_vouches_for_no_entity() -> None:
    about = statement(STRANGER_KEY, about_claims(iss=STRANGER))
    top = statement(STRANGER_KEY, anchor_claims(iss=STRANGER, sub=STRANGER, jwks=key_set(STRANGER_KEY).to_jwks()))
    own = statement(COUNCIL_KEY, council_claims(authority_hints=[STRANGER]))
    with pytest.raises(NoChain, match="not one of"):
        verified(own, about, top)


def test_a_key_that_is_not_pinned_does_not_speak_for_the_anchor() -> None:
    both = key_set(STRANGER_KEY, ANCHOR_KEY).to_jwks()
    with pytest.raises(NoChain, match="fingerprint"):
        verified(top=statement(STRANGER_KEY, anchor_claims(jwks=both)))
    forged = statement(STRANGER_KEY, anchor_claims(jwks=both)).split(b".")
    with pytest.raises(BadSignature):
        verified(top=b".".join([TOP.split(b".")[0], *forged[1:]]))


def test_the_anchor_may_sign_with_a_key_that_its_pinned_key_introduces() -> None:
    both = statement(ANCHOR_KEY, anchor_claims(jwks=key_set(ANCHOR_KEY, STRANGER_KEY).to_jwks()))
    assert verified(about=statement(STRANGER_KEY, about_claims()), top=both).entity_id == COUNCIL


@pytest.mark.holds("A30")
def test_a_statement_by_anyone_else_does_not_vouch() -> None:
    with pytest.raises(UnknownKey):
        verified(about=statement(STRANGER_KEY, about_claims()))
    with pytest.raises(UnknownKey):
        verified(about=statement(COUNCIL_KEY, about_claims()))
    with pytest.raises(ChainRefused, match=f"where a statement by {ANCHOR} should"):
        verified(about=statement(ANCHOR_KEY, about_claims(iss=STRANGER)))


@pytest.mark.holds("A30")
def test_a_statement_about_another_entity_does_not_vouch() -> None:
    with pytest.raises(ChainRefused, match="not about"):
        verified(about=statement(ANCHOR_KEY, about_claims(sub=STRANGER)))


@pytest.mark.holds("A30")
def test_a_configuration_by_a_key_that_the_superior_does_not_know_is_refused() -> None:
    own = statement(STRANGER_KEY, council_claims(jwks=key_set(STRANGER_KEY, COUNCIL_KEY).to_jwks()))
    with pytest.raises(ChainRefused, match="does not vouch"):
        verified(own)


def test_an_entity_names_its_superior() -> None:
    for hints in (None, [STRANGER]):
        with pytest.raises(ChainRefused, match="authority_hints"):
            verified(statement(COUNCIL_KEY, council_claims(authority_hints=hints)))


def test_valid_pieces_of_different_chains_do_not_make_one() -> None:
    stranger_own = statement(
        STRANGER_KEY,
        council_claims(iss=STRANGER, sub=STRANGER, jwks=key_set(STRANGER_KEY).to_jwks(), metadata=None),
    )
    stranger_about = statement(ANCHOR_KEY, about_claims(sub=STRANGER, jwks=key_set(STRANGER_KEY).to_jwks()))
    other_anchor = LocalSigner.generate(KeyUse.FEDERATION)
    other_id = EntityId("https://other-anchor.example")
    other_top = statement(other_anchor, anchor_claims(iss=other_id, sub=other_id, jwks=key_set(other_anchor).to_jwks()))
    other_about = statement(other_anchor, about_claims(iss=other_id))
    anchors = {**PINNED, other_id: key_set(other_anchor)}
    accepted = set()
    for chain in product([OWN, stranger_own], [ABOUT, stranger_about, other_about], [TOP, other_top]):
        with suppress(TrustError):
            accepted.add((chain, verify_chain(chain, anchors=anchors, now=NOW).entity_id))
    assert accepted == {((OWN, ABOUT, TOP), COUNCIL), ((stranger_own, stranger_about, TOP), STRANGER)}


@pytest.mark.holds("A31")
@pytest.mark.parametrize("which", ["own", "about", "top"])
def test_a_statement_from_the_future_is_refused_and_later_ones_are_accepted(which: str) -> None:
    future: dict[str, Any] = {"iat": NOW_S + 3600}
    ahead = {
        "own": (statement(COUNCIL_KEY, council_claims(**future)), ABOUT, TOP),
        "about": (OWN, statement(ANCHOR_KEY, about_claims(**future)), TOP),
        "top": (OWN, ABOUT, statement(ANCHOR_KEY, anchor_claims(**future))),
    }
    with pytest.raises(NotYetValid):
        verified(*ahead[which])
    trusted = verified(about=statement(ANCHOR_KEY, about_claims(iat=NOW_S + 60)), later=timedelta(minutes=2))
    refuse_rollback(trusted, seen=verified().issued_at_by)


def test_the_superiors_metadata_goes_over_what_the_entity_says() -> None:
    about = about_claims(
        metadata=vouching_for_kinds(organization_name="Council, as admitted") | {"openid_provider": {"a": 1}}
    )
    trusted = verified(about=statement(ANCHOR_KEY, about))
    assert trusted.node is not None
    assert trusted.node.name == "Council, as admitted"
    assert trusted.node.services == NODE.services
    assert "openid_provider" not in trusted.metadata


@pytest.mark.parametrize("stated", [None, {}, {ENTITY_TYPE: {}}, {ENTITY_TYPE: {"service_kinds": {}}}])
def test_a_service_of_a_kind_that_no_superior_states_is_not_offered(stated: JsonObject | None) -> None:
    own = council_metadata()
    own[ENTITY_TYPE]["service_kinds"] = {each.slug: each.kind for each in NODE.services}
    trusted = verified(
        statement(COUNCIL_KEY, council_claims(metadata=own)), statement(ANCHOR_KEY, about_claims(metadata=stated))
    )
    assert trusted.node is not None
    assert trusted.node.services == ()


@pytest.mark.holds("A40")
@pytest.mark.parametrize(
    "moved", ["https://evil.example/x", "https://council.example.evil.example/x", "http://council.example/x"]
)
@pytest.mark.parametrize(
    ("entity_type", "endpoint"),
    [
        (ENTITY_TYPE, "message_endpoint"),
        (ENTITY_TYPE, "receipt_endpoint"),
        (AUTHORIZATION_SERVER, "token_endpoint"),
    ],
)
def test_an_endpoint_moved_to_a_foreign_host_is_refused(entity_type: str, endpoint: str, moved: str) -> None:
    metadata = council_metadata()
    metadata[entity_type][endpoint] = moved
    with pytest.raises(MalformedClaims, match="endpoint"):
        verified(statement(COUNCIL_KEY, council_claims(metadata=metadata)))
    with pytest.raises(MalformedClaims, match="endpoint"):
        verified(about=statement(ANCHOR_KEY, about_claims(metadata={entity_type: {endpoint: moved}})))


def test_a_server_that_issues_in_another_name_is_refused() -> None:
    metadata = council_metadata()
    metadata[AUTHORIZATION_SERVER]["issuer"] = STRANGER
    with pytest.raises(WrongIssuer):
        verified(statement(COUNCIL_KEY, council_claims(metadata=metadata)))


def test_our_own_anchors_configuration_is_recognised() -> None:
    assert verify_anchor(TOP, anchors=PINNED, now=NOW).entity_id == ANCHOR
    with pytest.raises(NoChain):
        verify_anchor(OWN, anchors=PINNED, now=NOW)
    with pytest.raises(TrustError):
        verify_anchor(TOP, anchors={ANCHOR: key_set(signer(KeyUse.MESSAGE))}, now=NOW)


def opened(*statements: bytes, anchors: Mapping[EntityId, KeySet] = PINNED) -> TrustChain:
    return open_chain(statements or (OWN, ABOUT, TOP), anchors=anchors, now=NOW)


def test_an_opened_chain_resolves_to_what_its_bytes_do() -> None:
    assert opened().statements == (OWN, ABOUT, TOP)
    assert resolve_chain(opened(), anchors=PINNED, now=NOW) == verified()


def test_an_opened_chain_ends_with_the_pin_the_key_and_the_time_that_it_was_opened_with() -> None:
    """No signature is verified again, so all that it depends on must be."""
    chain = opened()
    for anchors in ({}, {ANCHOR: key_set(STRANGER_KEY)}):
        with pytest.raises(NoChain):
            resolve_chain(chain, anchors=anchors, now=NOW)
        with pytest.raises(TrustError):
            resolve_chain(opened(OWN, ABOUT), anchors=anchors, now=NOW)
    with pytest.raises(Expired):
        resolve_chain(chain, anchors=PINNED, now=NOW + timedelta(seconds=LIFE_S))
    with pytest.raises(NotYetValid):
        resolve_chain(chain, anchors=PINNED, now=NOW - timedelta(hours=1))


def test_statements_of_several_chains_are_joined_only_where_the_keys_fit() -> None:
    """A superior may have changed its keys between two of them, or a statement be about another entity."""
    chain, other_key = opened(), statement(ANCHOR_KEY, anchor_claims(jwks=key_set(ANCHOR_KEY, STRANGER_KEY).to_jwks()))
    by_other = opened(OWN, statement(STRANGER_KEY, about_claims()), other_key)
    with pytest.raises(UnknownKey):
        resolve_chain(replace(chain, superiors=by_other.superiors), anchors=PINNED, now=NOW)
    new_key = opened(
        statement(STRANGER_KEY, council_claims(jwks=key_set(STRANGER_KEY).to_jwks())),
        statement(ANCHOR_KEY, about_claims(jwks=key_set(STRANGER_KEY).to_jwks())),
        TOP,
    )
    with pytest.raises(ChainRefused, match="does not vouch for"):
        resolve_chain(replace(chain, subject=new_key.subject), anchors=PINNED, now=NOW)
    with pytest.raises(UnknownKey):
        resolve_chain(replace(chain, superiors=chain.superiors * 2), anchors=PINNED, now=NOW)


def test_an_authority_states_nothing_by_a_verified_statement_of_another_key_or_time() -> None:
    chain = opened()
    authority = Superior.from_anchor(verify_anchor(TOP, anchors=PINNED, now=NOW))
    about = chain.superiors[0]
    assert authority.open_statement(about, about=COUNCIL, now=NOW) is about
    with pytest.raises(UnknownKey):
        replace(authority, keys=key_set(STRANGER_KEY)).open_statement(about, about=COUNCIL, now=NOW)
    with pytest.raises(Expired):
        authority.open_statement(about, about=COUNCIL, now=NOW + timedelta(seconds=LIFE_S))
    with pytest.raises(ChainRefused):
        authority.open_statement(about, about=STRANGER, now=NOW)


def test_a_retired_key_signs_nothing_after_its_retirement_for_an_opened_chain_either() -> None:
    retired = replace(ANCHOR_KEY.public, retired_at=NOW - timedelta(minutes=1))
    with pytest.raises(UnknownKey, match="retired"):
        opened().superiors[0].refuse_unless_signed_by(KeySet.of(KeyUse.FEDERATION, [retired]))


POOL = [
    OWN,
    ABOUT,
    TOP,
    statement(STRANGER_KEY, council_claims()),
    statement(STRANGER_KEY, about_claims()),
    b"",
    b"a.b.c",
]


@given(st.lists(st.sampled_from(POOL) | st.binary(max_size=50), max_size=4), st.integers(0, LIFE_S * 2))
def test_no_mix_of_statements_is_accepted_but_the_right_one_in_its_time(chain: list[bytes], later_s: int) -> None:
    with suppress(TrustError):
        verify_chain(chain, anchors=PINNED, now=NOW + timedelta(seconds=later_s))
        assert chain == [OWN, ABOUT, TOP]
        assert later_s < LIFE_S


REACHING = [
    {"metadata": vouching_for_kinds(message_jwks=key_set(signer(KeyUse.MESSAGE, number=9)).to_jwks())},
    {"metadata": vouching_for_kinds(evidence_key={"kty": "OKP"})},
    {"metadata": vouching_for_kinds(encryption_jwks={"keys": []})},
    {"metadata": {CLIENT: {"jwks": key_set(signer(KeyUse.OAUTH, number=9)).to_jwks()}}},
    {"metadata": {CLIENT: {"jwks_uri": f"{STRANGER}/jwks"}}},
    {"metadata": {AUTHORIZATION_SERVER: {"signed_jwks_uri": f"{STRANGER}/jwks"}}},
    {"metadata_policy": {CLIENT: {"jwks": {"value": key_set(signer(KeyUse.OAUTH, number=9)).to_jwks()}}}},
    {"metadata_policy": {CLIENT: {"jwks": {"value": None}}}},
    {"metadata_policy": {CLIENT: {"jwks_uri": {"default": f"{STRANGER}/jwks"}}}},
    {"metadata_policy": {ENTITY_TYPE: {"message_jwks": {"add": [{}]}}}},
    {"metadata_policy": {ENTITY_TYPE: {"evidence_key": {"subset_of": [{}]}}}},
    {"metadata_policy": {"anything_else": {"more_jwks": {"value": {}}}}},
]


@pytest.mark.parametrize("reaching", REACHING, ids=lambda each: str(each)[:60])
def test_a_superior_that_reaches_for_keys_is_refused(reaching: dict[str, Any]) -> None:
    """Else an anchor alone could ask in a member's name."""
    with pytest.raises(MetadataRefused, match="whose keys are its own to state"):
        verified(about=statement(ANCHOR_KEY, about_claims(**reaching)))


def test_a_policy_that_only_checks_keys_may_stay() -> None:
    policy = {CLIENT: {"jwks": {"essential": True}}}
    assert verified(about=statement(ANCHOR_KEY, about_claims(metadata_policy=policy))).entity_id == COUNCIL
