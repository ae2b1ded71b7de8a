"""A statement binds its signer, as a statement, about its subject, for five days at most."""

from contextlib import suppress
from datetime import timedelta

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
    OWN,
    STRANGER_KEY,
    about_claims,
    council_claims,
    council_metadata,
    statement,
    vouching_for_kinds,
)
from tests.trust.makers import NOW, NOW_S, compact, header, key_set, signer
from trust.errors import (
    ChainRefused,
    Expired,
    ForbiddenHeader,
    KeyPurposeMismatch,
    LivesTooLong,
    MalformedClaims,
    MalformedInput,
    NotYetValid,
    TrustError,
    UnknownKey,
    WrongIssuer,
    WrongType,
)
from trust.federation.entity_statement import (
    EntityConfiguration,
    StatementDraft,
    SubordinateStatement,
    build_entity_configuration,
    build_subordinate_statement,
    parse_entity_configuration,
    parse_subordinate_statement,
)
from trust.keys import KeyUse
from trust.strict_json import JsonObject

LIFE = timedelta(seconds=LIFE_S)
DRAFT = StatementDraft(
    subject=COUNCIL, keys=key_set(COUNCIL_KEY), issued_at=NOW, expires_at=NOW + LIFE, metadata=council_metadata()
)


def configuration(**changed: object) -> EntityConfiguration:
    return parse_entity_configuration(statement(COUNCIL_KEY, council_claims(**changed)), now=NOW)


def subordinate(**changed: object) -> SubordinateStatement:
    raw = statement(ANCHOR_KEY, about_claims(**changed))
    return parse_subordinate_statement(raw, superior_keys=key_set(ANCHOR_KEY), now=NOW)


def test_a_configuration_is_read_as_it_was_built() -> None:
    read = parse_entity_configuration(
        build_entity_configuration(DRAFT, COUNCIL_KEY, authority_hints=(ANCHOR,)), now=NOW
    )
    assert read == configuration()
    assert (read.entity_id, read.authority_hints, read.signed_with) == (COUNCIL, (ANCHOR,), COUNCIL_KEY.kid)
    assert (read.issued_at, read.expires_at) == (NOW, NOW + LIFE)
    assert read.metadata == council_metadata()


def test_a_subordinate_statement_is_read_as_it_was_built() -> None:
    raw = build_subordinate_statement(
        StatementDraft(
            subject=COUNCIL,
            keys=key_set(COUNCIL_KEY),
            issued_at=NOW,
            expires_at=NOW + LIFE,
            metadata=vouching_for_kinds(),
        ),
        ANCHOR_KEY,
        issuer=ANCHOR,
    )
    read = parse_subordinate_statement(raw, superior_keys=key_set(ANCHOR_KEY), now=NOW)
    assert read == subordinate()
    assert (read.issuer, read.subject, read.metadata, read.constraints) == (ANCHOR, COUNCIL, vouching_for_kinds(), None)


def test_an_anchor_has_no_hints() -> None:
    assert configuration(authority_hints=None).authority_hints == ()


@pytest.mark.holds("A20")
@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "enrolment-request+jwt", "Entity-Statement+jwt", "trust-mark+jwt"])
def test_another_kind_of_token_is_no_statement(typ: str) -> None:
    with pytest.raises(WrongType):
        parse_entity_configuration(compact(header(COUNCIL_KEY, typ), council_claims(), COUNCIL_KEY), now=NOW)
    with pytest.raises(WrongType):
        parse_subordinate_statement(
            compact(header(ANCHOR_KEY, typ), about_claims(), ANCHOR_KEY), superior_keys=key_set(ANCHOR_KEY), now=NOW
        )


@pytest.mark.holds("A17")
@pytest.mark.parametrize("name", ["trust_chain", "jku", "x5u", "x5c", "jwk"])
def test_a_statement_carries_no_chain_and_no_key_in_its_header(name: str) -> None:
    with pytest.raises(ForbiddenHeader):
        parse_entity_configuration(statement(COUNCIL_KEY, council_claims(), **{name: []}), now=NOW)


def test_a_configuration_is_signed_by_a_key_of_its_own() -> None:
    with pytest.raises(UnknownKey):
        parse_entity_configuration(statement(STRANGER_KEY, council_claims()), now=NOW)


def test_a_subordinate_statement_is_signed_by_its_superior() -> None:
    with pytest.raises(UnknownKey):
        parse_subordinate_statement(statement(COUNCIL_KEY, about_claims()), superior_keys=key_set(ANCHOR_KEY), now=NOW)
    with pytest.raises(KeyPurposeMismatch):
        parse_subordinate_statement(ABOUT, superior_keys=key_set(signer(KeyUse.MESSAGE)), now=NOW)


def test_one_speaks_of_oneself_and_a_superior_of_others() -> None:
    with pytest.raises(WrongIssuer):
        configuration(sub="https://other.example")
    with pytest.raises(WrongIssuer):
        subordinate(sub=ANCHOR)


@pytest.mark.parametrize("name", ["iss", "sub"])
@pytest.mark.parametrize(
    "value", [None, "council.example", "http://council.example", "https://council.example/", 7, [COUNCIL]]
)
def test_names_have_their_one_spelling(name: str, value: object) -> None:
    with pytest.raises(MalformedClaims):
        configuration(**{name: value})
    with pytest.raises(MalformedClaims):
        subordinate(**{name: value})


@pytest.mark.holds("A21")
@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"exp": None}, MalformedClaims),
        ({"iat": None}, MalformedClaims),
        ({"exp": NOW_S + 120 * 3600 + 1}, LivesTooLong),
        ({"exp": NOW_S + 315_576_000}, LivesTooLong),
        ({"iat": NOW_S - 3600, "exp": NOW_S}, Expired),
        ({"iat": NOW_S + 11}, NotYetValid),
    ],
)
def test_a_statement_lives_for_five_days_at_most(changed: dict[str, object], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        configuration(**changed)
    with pytest.raises(refusal):
        subordinate(**changed)


@pytest.mark.parametrize(
    "jwks",
    [
        None,
        {},
        {"keys": []},
        {"keys": [dict(COUNCIL_KEY.public.jwk) | {"kid": "mine"}]},
        {"keys": [dict(COUNCIL_KEY.public.jwk) | {"d": "AAAA"}]},
    ],
)
def test_a_statement_holds_whole_keys_named_by_their_thumbprint(jwks: object) -> None:
    with pytest.raises(MalformedInput):
        configuration(jwks=jwks)
    with pytest.raises(MalformedInput):
        subordinate(jwks=jwks)


@pytest.mark.holds("A25")
@pytest.mark.parametrize("crit", [["jti"], ["made_up"], [], "x"])
def test_a_claim_that_must_be_understood_refuses_the_statement(crit: object) -> None:
    with pytest.raises(ChainRefused, match="crit"):
        configuration(crit=crit)
    with pytest.raises(ChainRefused, match="crit"):
        subordinate(crit=crit)


@pytest.mark.parametrize("name", ["metadata_policy", "metadata_policy_crit", "constraints", "source_endpoint", "aud"])
def test_an_entity_does_not_say_of_itself_what_a_superior_says(name: str) -> None:
    with pytest.raises(MalformedClaims, match=name):
        configuration(**{name: {}})


@pytest.mark.parametrize("name", ["authority_hints", "trust_marks", "trust_mark_issuers", "trust_anchor"])
def test_a_superior_does_not_say_what_an_entity_says_of_itself(name: str) -> None:
    with pytest.raises(MalformedClaims, match=name):
        subordinate(**{name: []})


@pytest.mark.parametrize(
    "hints", [[], [f"https://a{number}.example" for number in range(1000)], ["http://a.example"], [ANCHOR, ANCHOR], "x"]
)
def test_hints_are_one_to_five_entities(hints: object) -> None:
    with pytest.raises(MalformedClaims):
        configuration(authority_hints=hints)


@pytest.mark.parametrize(
    "metadata",
    ["x", [], {"oauth_client": []}, {"oauth_client": {"a": None}}, {f"t{number}": {} for number in range(17)}],
)
def test_metadata_holds_objects_by_entity_type_without_null(metadata: object) -> None:
    with pytest.raises(MalformedClaims, match=r"metadata|oauth_client"):
        configuration(metadata=metadata)
    with pytest.raises(MalformedClaims, match=r"metadata|oauth_client"):
        subordinate(metadata=metadata)


NAMES = st.sampled_from([*council_claims(), "crit", "constraints", "metadata_policy"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_any_claims_are_read_or_refused(changed: JsonObject) -> None:
    raw = compact(header(COUNCIL_KEY, "entity-statement+jwt"), council_claims() | changed, COUNCIL_KEY)
    with suppress(TrustError):
        parse_entity_configuration(raw, now=NOW)
    with suppress(TrustError):
        parse_subordinate_statement(raw, superior_keys=key_set(COUNCIL_KEY), now=NOW)


@given(st.binary(max_size=200), st.integers(0, len(OWN) - 1))
def test_any_bytes_are_read_or_refused(noise: bytes, at: int) -> None:
    for raw in (noise, OWN[:at] + noise, OWN[:at] + noise + OWN[at + 1 :]):
        with suppress(TrustError):
            parse_entity_configuration(raw, now=NOW)
