"""A chain may have several levels: each superior is believed because the one above it vouches, and no further."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.federation.levels import COUNTY, INTERMEDIATES, REGION, climbed, key_of, ladder, superiors, vouching
from tests.trust.federation.members import (
    ANCHOR,
    ANCHOR_KEY,
    COUNCIL,
    COUNCIL_KEY,
    LIFE_S,
    PINNED,
    STRANGER,
    STRANGER_KEY,
    TOP,
    about_claims,
    anchor_claims,
    council_claims,
    council_metadata,
    statement,
)
from tests.trust.makers import NOW, NOW_S, key_set
from trust.errors import (
    ChainRefused,
    Expired,
    MalformedClaims,
    MetadataRefused,
    NoChain,
    NotYetValid,
    PolicyConflict,
    RolledBack,
    TooLarge,
    TrustError,
    UnknownKey,
)
from trust.federation.chain import Resolution, open_chain, refuse_rollback, resolve_chain, verify_chain
from trust.federation.node_metadata import ENTITY_TYPE
from trust.federation.party_metadata import CLIENT, FEDERATION_ENTITY
from trust.federation.trust_mark import MarkDraft, StatedMark, build_trust_mark
from trust.identifiers import EntityId
from trust.keys import KeySet, Signer
from trust.strict_json import JsonObject


@pytest.mark.parametrize("depth", range(5))
def test_a_chain_has_up_to_four_intermediates(depth: int) -> None:
    trusted = climbed(depth)
    assert (trusted.entity_id, trusted.anchor) == (COUNCIL, ANCHOR)
    assert trusted.superiors == tuple(superiors(depth))
    assert trusted.hints == (superiors(depth)[0],)
    assert trusted.federation_keys == key_set(COUNCIL_KEY)


@pytest.mark.holds("A33")
def test_a_longer_chain_is_refused_unread() -> None:
    with pytest.raises(NoChain, match="4 intermediates at most"):
        climbed(5)
    with pytest.raises(TooLarge):
        verify_chain([b"x" * 20_000] * 7, anchors=PINNED, now=NOW)


@pytest.mark.holds("A33")
def test_a_chain_with_a_cycle_is_refused() -> None:
    loop = [
        statement(COUNCIL_KEY, council_claims(authority_hints=[COUNTY])),
        vouching(COUNTY, COUNCIL),
        vouching(REGION, COUNTY),
        vouching(COUNTY, REGION),
        vouching(ANCHOR, COUNTY),
        TOP,
    ]
    with pytest.raises(ChainRefused, match="twice") as refused:
        verify_chain(loop, anchors=PINNED, now=NOW)
    assert refused.value.statement == f"Subordinate statement by {REGION} about {COUNTY}"
    under_itself = [loop[0], vouching(COUNTY, COUNCIL), vouching(COUNCIL, COUNTY), vouching(ANCHOR, COUNCIL), TOP]
    with pytest.raises(ChainRefused, match="twice"):
        verify_chain(under_itself, anchors=PINNED, now=NOW)


def test_the_anchors_own_configuration_may_be_left_out() -> None:
    for depth in (0, 2, 4):
        trusted = verify_chain(ladder(depth)[:-1], anchors=PINNED, now=NOW)
        assert (trusted.entity_id, trusted.superiors) == (COUNCIL, tuple(superiors(depth)))


def test_without_the_anchors_configuration_only_a_pinned_key_speaks() -> None:
    introduced = statement(ANCHOR_KEY, anchor_claims(jwks=key_set(ANCHOR_KEY, STRANGER_KEY).to_jwks()))
    about = statement(STRANGER_KEY, about_claims())
    own = statement(COUNCIL_KEY, council_claims())
    assert verify_chain([own, about, introduced], anchors=PINNED, now=NOW).entity_id == COUNCIL
    with pytest.raises(UnknownKey):
        verify_chain([own, about], anchors=PINNED, now=NOW)
    with pytest.raises(NoChain, match="not one of"):
        verify_chain([own, statement(STRANGER_KEY, about_claims(iss=STRANGER))], anchors=PINNED, now=NOW)
    with pytest.raises(NoChain, match="not one of"):
        verify_chain([own, statement(STRANGER_KEY, about_claims(iss=None))], anchors=PINNED, now=NOW)


def test_a_chain_ends_with_the_first_of_its_statements_at_any_level() -> None:
    for place in range(4):
        short: dict[int, JsonObject] = {place: {"exp": NOW_S + 60}}
        assert climbed(2, short).expires_at == NOW + timedelta(seconds=60)
        with pytest.raises(Expired):
            climbed(2, short, later=timedelta(seconds=60))


def test_its_freshness_is_that_of_the_oldest_superior() -> None:
    trusted = climbed(2, {0: {"iat": NOW_S - 900}, 2: {"iat": NOW_S - 600}, 3: {"iat": NOW_S - 5}})
    assert trusted.refreshed_at == NOW - timedelta(seconds=600)
    assert trusted.issued_at_by == {
        (COUNTY, COUNCIL): NOW,
        (REGION, COUNTY): NOW - timedelta(seconds=600),
        (ANCHOR, REGION): NOW - timedelta(seconds=5),
    }


@pytest.mark.holds("A28")
@pytest.mark.parametrize("place", [1, 2, 3])
def test_an_older_statement_of_any_superior_is_refused_though_the_others_are_new(place: int) -> None:
    seen = dict(climbed(2).issued_at_by)
    older = climbed(2, {place: {"iat": NOW_S - 1}})
    issuer = superiors(2)[place - 1]
    with pytest.raises(RolledBack, match="older") as refused:
        refuse_rollback(older, seen=seen)
    assert refused.value.statement.startswith(f"Subordinate statement by {issuer} about")


def test_the_same_or_newer_statements_are_no_rollback() -> None:
    seen = dict(climbed(2).issued_at_by)
    refuse_rollback(climbed(2), seen={})
    refuse_rollback(climbed(2), seen=seen)
    refuse_rollback(climbed(2, {1: {"iat": NOW_S + 5}}), seen=seen)
    refuse_rollback(climbed(1), seen={(REGION, COUNTY): NOW + timedelta(hours=1)})


@pytest.mark.holds("A31")
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_statement_from_the_future_is_refused_at_any_level(place: int) -> None:
    ahead: dict[int, JsonObject] = {place: {"iat": NOW_S + 600}}
    with pytest.raises(NotYetValid) as refused:
        climbed(2, ahead)
    assert refused.value.statement.startswith("Entity configuration" if place == 0 else "Subordinate statement")
    assert refused.value.rule == "OpenID Federation 1.0 section 3.2"
    assert climbed(2, ahead, later=timedelta(minutes=11)).entity_id == COUNCIL


@pytest.mark.holds("A30")
def test_an_intermediate_speaks_only_for_those_below_it_and_only_with_vouched_keys() -> None:
    chain = ladder(2)
    with pytest.raises(UnknownKey):
        verify_chain([*chain[:1], vouching(REGION, COUNCIL), *chain[2:]], anchors=PINNED, now=NOW)
    forged = statement(key_of(COUNTY), about_claims(iss=REGION))
    with pytest.raises(ChainRefused, match="should"):
        verify_chain([chain[0], forged, *chain[2:]], anchors=PINNED, now=NOW)
    with pytest.raises(UnknownKey):
        verify_chain([chain[0], chain[1], chain[3], TOP], anchors=PINNED, now=NOW)
    stolen = vouching(REGION, COUNTY, jwks=key_set(STRANGER_KEY).to_jwks())
    with pytest.raises(UnknownKey):
        verify_chain([*chain[:2], stolen, *chain[3:]], anchors=PINNED, now=NOW)


@pytest.mark.holds("A30")
def test_of_valid_pieces_of_different_chains_only_the_right_orders_are_accepted() -> None:
    direct = [statement(COUNCIL_KEY, council_claims(authority_hints=[COUNTY, ANCHOR])), vouching(ANCHOR, COUNCIL), TOP]
    pieces = [direct[0], *ladder(2)[1:-1], vouching(ANCHOR, COUNTY), vouching(ANCHOR, COUNCIL), TOP]
    accepted = set()
    for chain in (*product(pieces, repeat=3), *product(pieces, repeat=4), *permutations(pieces, 5)):
        with suppress(TrustError):
            accepted.add((len(chain), verify_chain(chain, anchors=PINNED, now=NOW).superiors))
    one, two, three = (ANCHOR,), (COUNTY, ANCHOR), (COUNTY, REGION, ANCHOR)
    assert accepted == {(3, one), (3, two), (4, two), (4, three), (5, three)}


@pytest.mark.holds("A40")
@pytest.mark.parametrize(
    "endpoint", ["federation_fetch_endpoint", "federation_resolve_endpoint", "federation_list_endpoint"]
)
def test_a_federation_endpoint_moved_to_a_foreign_host_is_refused(endpoint: str) -> None:
    moved = council_metadata()
    moved[FEDERATION_ENTITY][endpoint] = "https://evil.example/fetch"
    with pytest.raises(MalformedClaims, match="same host"):
        climbed(1, {0: {"metadata": moved}})


@pytest.mark.holds("A40")
def test_a_source_endpoint_is_at_the_superiors_own_host() -> None:
    assert climbed(0, {1: {"source_endpoint": f"{ANCHOR}/federation/v1/fetch"}}).entity_id == COUNCIL
    for elsewhere in ("https://evil.example/fetch", f"{COUNCIL}/fetch", "http://anchor.example/fetch", 7):
        with pytest.raises(MalformedClaims):
            climbed(0, {1: {"source_endpoint": elsewhere}})


def test_only_the_direct_superiors_metadata_counts() -> None:
    trusted = climbed(
        1,
        {
            1: {"metadata": {ENTITY_TYPE: {"organization_name": "As the county says"}}},
            2: {"metadata": {ENTITY_TYPE: {"organization_name": "As the anchor says of the county"}}},
        },
    )
    assert trusted.node is not None
    assert trusted.node.name == "As the county says"


def test_policies_are_merged_from_the_top_down_and_applied_after_the_superiors_metadata() -> None:
    trusted = climbed(
        1,
        {
            1: {
                "metadata": {CLIENT: {"scope": "c b a", "contacts": ["x"]}},
                "metadata_policy": {CLIENT: {"scope": {"subset_of": ["a", "b"]}, "contacts": {"add": ["y"]}}},
            },
            2: {
                "metadata_policy": {
                    CLIENT: {"scope": {"superset_of": ["b"]}, "contacts": {"add": ["z"]}, "name": {"default": "n"}},
                    "openid_provider": {"issuer": {"essential": True}},
                }
            },
        },
    )
    resolved = trusted.metadata[CLIENT]
    assert (resolved["scope"], resolved["name"]) == ("b a", "n")
    assert sorted(resolved["contacts"]) == ["x", "y", "z"]
    assert "openid_provider" not in trusted.metadata


def test_a_conflict_of_policies_names_the_statement_that_brought_it() -> None:
    with pytest.raises(PolicyConflict) as refused:
        climbed(
            1,
            {
                1: {"metadata_policy": {CLIENT: {"scope": {"value": "a"}}}},
                2: {"metadata_policy": {CLIENT: {"scope": {"value": "b"}}}},
            },
        )
    assert refused.value.statement == f"Subordinate statement by {COUNTY} about {COUNCIL}"
    assert refused.value.rule == "OpenID Federation 1.0 section 6.1.3.1.1"
    assert refused.value.statement in refused.value.detail
    assert refused.value.rule in refused.value.detail


def test_metadata_against_the_policy_is_refused_with_the_name_of_who_set_it() -> None:
    with pytest.raises(MetadataRefused, match=rf"policy of {ANCHOR}\b") as refused:
        climbed(1, {2: {"metadata_policy": {CLIENT: {"contacts": {"essential": True}}}}})
    assert refused.value.statement == f"Entity configuration of {COUNCIL}"
    assert refused.value.rule == "OpenID Federation 1.0 section 6.1.3.1.7"


@pytest.mark.holds("A25")
@pytest.mark.parametrize("place", [1, 2])
def test_an_operator_that_must_be_understood_refuses_the_chain_at_any_level(place: int) -> None:
    added = {"metadata_policy": {CLIENT: {"scope": {"regexp": "^a$"}}}}
    assert climbed(1, {place: added}).entity_id == COUNCIL
    with pytest.raises(PolicyConflict, match="regexp"):
        climbed(1, {place: {"metadata_policy_crit": ["regexp"]}})
    for malformed in ([], ["value"], "regexp", [7]):
        with pytest.raises(MalformedClaims):
            climbed(1, {place: {"metadata_policy_crit": malformed}})


MARK_TYPE = f"{ANCHOR}/marks/assured"


def marked(by: EntityId, *, listed: object = None, subject: EntityId = COUNCIL) -> tuple[dict[int, JsonObject], bytes]:
    """Give a council that shows a mark by any issuer, and an anchor that lets the listed ones issue such marks."""
    draft = MarkDraft(issuer=by, subject=subject, mark_type=MARK_TYPE, issued_at=NOW)
    key = STRANGER_KEY if by == STRANGER else key_of(by)
    mark = build_trust_mark(draft, key)
    top = statement(ANCHOR_KEY, anchor_claims(trust_mark_issuers=listed))
    return {0: {"trust_marks": [{"trust_mark_type": MARK_TYPE, "trust_mark": mark.decode()}]}}, top


@pytest.mark.parametrize("issuer", [ANCHOR, COUNTY, COUNCIL])
def test_a_mark_by_a_listed_issuer_in_the_chain_counts(issuer: EntityId) -> None:
    changed, top = marked(issuer, listed={MARK_TYPE: [issuer]})
    assert [mark.mark_type for mark in climbed(1, changed, top=top).marks] == [MARK_TYPE]


def test_a_mark_that_does_not_count_is_dropped_and_the_entity_stays_trusted() -> None:
    for changed, top in (
        marked(COUNTY),
        marked(COUNTY, listed={MARK_TYPE: [ANCHOR]}),
        marked(COUNTY, listed={MARK_TYPE: [COUNTY]}, subject=REGION),
        marked(STRANGER, listed={MARK_TYPE: [STRANGER]}),
    ):
        assert climbed(1, changed, top=top).marks == ()
    changed, _ = marked(COUNTY, listed={MARK_TYPE: []})
    assert verify_chain(ladder(1, changed)[:-1], anchors=PINNED, now=NOW).marks == ()


def test_the_keys_of_an_issuer_outside_the_chain_are_the_callers_to_give() -> None:
    changed, top = marked(STRANGER, listed={MARK_TYPE: [STRANGER]})
    known: dict[EntityId, KeySet] = {STRANGER: key_set(STRANGER_KEY)}
    trusted = verify_chain(ladder(1, changed, top=top), anchors=PINNED, now=NOW, keys_of=known.get)
    assert [mark.issuer for mark in trusted.marks] == [STRANGER]


def test_an_earlier_resolution_carries_a_mark_over_only_under_the_same_anchor_key_and_time() -> None:
    """Its signature is not verified again, so all that it depends on must be compared."""
    changed, top = marked(STRANGER, listed={MARK_TYPE: [STRANGER]})
    _, without = marked(STRANGER, listed={MARK_TYPE: [ANCHOR]})

    def marks(top: bytes, key: Signer, earlier: Resolution | None = None) -> list[str]:
        chain = open_chain(ladder(1, changed, top=top), anchors=PINNED, now=NOW)
        known = {STRANGER: key_set(key)}
        trusted = resolve_chain(chain, anchors=PINNED, now=NOW, keys_of=known.get, earlier=earlier)
        return [mark.mark_type for mark in trusted.marks]

    chain = open_chain(ladder(1, changed, top=top), anchors=PINNED, now=NOW)
    known: dict[EntityId, KeySet] = {STRANGER: key_set(STRANGER_KEY)}
    entity = resolve_chain(chain, anchors=PINNED, now=NOW, keys_of=known.get)
    earlier = Resolution(entity=entity, chain=chain)
    assert marks(top, STRANGER_KEY, earlier) == [MARK_TYPE]
    assert marks(without, STRANGER_KEY, earlier) == []
    assert marks(top, key_of(COUNTY), earlier) == []
    ended = [replace(mark, expires_at=NOW) for mark in entity.marks]
    assert not ended[0].is_valid(issuer_keys=key_set(STRANGER_KEY), now=NOW)
    assert not entity.marks[0].is_valid(issuer_keys=None, now=NOW)


def test_only_the_anchor_says_who_may_issue_marks() -> None:
    changed, _ = marked(COUNCIL)
    changed[0]["trust_mark_issuers"] = {MARK_TYPE: []}
    assert climbed(1, changed).marks == ()


def test_a_mark_under_another_type_than_its_own_refuses_the_configuration() -> None:
    changed, top = marked(COUNTY, listed={MARK_TYPE: []})
    changed[0]["trust_marks"][0]["trust_mark_type"] = f"{ANCHOR}/marks/other"
    with pytest.raises(MalformedClaims, match="another type"):
        climbed(1, changed, top=top)
    foreign = StatedMark(mark_type="https://other.example/mark", raw=b"e30.e30.AA")
    unreadable = [{"trust_mark_type": foreign.mark_type, "trust_mark": foreign.raw.decode()}]
    assert climbed(1, {0: {"trust_marks": unreadable}}).marks == ()


POOL = [*ladder(2), *ladder(1)[1:3], *ladder(0)[:2], vouching(INTERMEDIATES[2], REGION), b"", b"a.b.c"]


@given(st.lists(st.sampled_from(POOL) | st.binary(max_size=40), max_size=7), st.integers(0, LIFE_S * 2))
def test_any_mix_is_refused_or_is_a_chain_to_the_anchor(chain: list[bytes], later_s: int) -> None:
    with suppress(TrustError):
        trusted = verify_chain(chain, anchors=PINNED, now=NOW + timedelta(seconds=later_s))
        assert trusted.superiors[-1] == trusted.anchor == ANCHOR
        assert trusted.expires_at > NOW + timedelta(seconds=later_s)
