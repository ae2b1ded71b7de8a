"""A sign-in is believed from the configured provider only, for the application that shows it, with two factors."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.clocks import SetClock
from tests.support import forge
from tests.support.sign_in import ISSUER, KID, RESOURCE, WEB_CLIENT, SignInService, expected, rsa_key
from trust import claims
from trust.errors import (
    BadSignature,
    Expired,
    ForbiddenAlgorithm,
    ForbiddenHeader,
    KeyPurposeMismatch,
    LivesTooLong,
    MalformedClaims,
    NotYetValid,
    TooOld,
    TrustError,
    UnknownKey,
    WrongAudience,
    WrongIssuer,
    WrongType,
)
from trust.keys import Alg, KeySet, KeyUse, LocalSigner
from trust.oauth import id_token, provider_keys
from trust.oauth.id_token import ClaimName, ClaimNames, SecondFactor, SignIn, TokenKind, WeakSignIn

CLOCK = SetClock()
SERVICE = SignInService(clock=CLOCK)
KEYS = provider_keys.parse(SERVICE.jwks(), Alg.RS256)
NOW = claims.to_seconds(CLOCK.now())
ROLES = {"roles": ["a"]}
POSTS = {"posts.of": [{"name": "a"}, {"name": "b"}, {"other": "c"}]}


def verified(raw: str, *, kind: TokenKind = TokenKind.ID_TOKEN, keys: KeySet = KEYS, **changes: Any) -> SignIn:
    return id_token.verify(raw.encode(), kind=kind, expected=expected(**changes), keys=keys, now=CLOCK.now())


def test_a_good_id_token_says_who_signed_in_and_as_what() -> None:
    found = verified(SERVICE.token())
    assert found.person == "u-17"
    assert found.roles == ("Family Support Worker", "Social Club")
    assert found.units == ("north",)
    assert found.auth_time == CLOCK.now() - timedelta(seconds=60)


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        ({"typ": "JWT"}, {}),
        ({"typ": "jwt"}, {}),
        ({"typ": "application/JWT"}, {}),
        ({"x5t": "certificate-hash"}, {}),
        ({"nonce": "of-the-request", "cty": "JWT"}, {}),
        ({}, {"iat": NOW + 0.5, "exp": NOW + 60.25, "nbf": NOW - 0.1, "auth_time": NOW - 60.5}),
        ({}, {"iat": float(NOW), "exp": float(NOW + 60)}),
        ({}, {"amr": "mfa"}),
        ({}, {"amr": ["mfa", "pwd", "mfa"]}),
        ({}, {"acr": 1}),
        ({}, {"groups": ["Family Support Worker", "Family Support Worker"]}),
        ({}, {"aud": [WEB_CLIENT]}),
        ({}, {"azp": WEB_CLIENT}),
        ({}, {"amr": None, "acr": "urn:agency:two-factors"}),
        ({}, {"groups": "Family Support Worker"}),
        ({}, {"nonce": "n", "at_hash": "h", "name": "A. Person", "email": "a@council.example"}),
    ],
)
def test_what_providers_write_besides_is_harmless(header: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    assert verified(SERVICE.token(header, **changes)).person == "u-17"


@pytest.mark.holds("A16")
@pytest.mark.parametrize("alg", ["none", "HS256", "RS384", "ES256", "PS256", None])
def test_only_the_configured_algorithm_is_taken(alg: str | None) -> None:
    with pytest.raises(ForbiddenAlgorithm):
        verified(SERVICE.token({"alg": alg}))


@pytest.mark.holds("A16")
def test_rs256_opens_nothing_but_a_sign_in_of_a_provider_configured_for_it() -> None:
    with pytest.raises(ForbiddenAlgorithm):
        verified(SERVICE.token(), algorithm=Alg.PS256)
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    signed = SERVICE.signed(
        {"alg": "PS256", "kid": KID}, SERVICE.claims(), lambda raw: SERVICE.key.sign(raw, pss, hashes.SHA256())
    )
    with pytest.raises(ForbiddenAlgorithm):
        verified(signed, algorithm=Alg.PS256)  # the keys are RS256's
    ps256 = provider_keys.parse(SERVICE.jwks(), Alg.PS256)
    assert verified(signed, algorithm=Alg.PS256, keys=ps256).person == "u-17"


@pytest.mark.holds("A16")
def test_the_published_key_is_no_secret_to_sign_with() -> None:
    published = str(SERVICE.jwks()["keys"][2]["n"]).encode()
    raw = forge.hmac_signed({"kid": KID}, SERVICE.claims(), published)
    with pytest.raises(ForbiddenAlgorithm):
        verified(raw.decode())


@pytest.mark.holds("A17")
@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "crit", "b64"])
def test_no_key_comes_from_the_header(name: str) -> None:
    with pytest.raises(ForbiddenHeader):
        verified(SERVICE.token({name: ["exp"]}))


def test_another_key_and_changed_bytes_do_not_verify() -> None:
    thief = SignInService(clock=CLOCK, key=rsa_key())
    with pytest.raises(BadSignature):
        verified(thief.token())
    with pytest.raises(UnknownKey):
        verified(SERVICE.token({"kid": "another"}))
    head, body, signature = SERVICE.token().split(".")
    other = SERVICE.token(sub="u-1").split(".")[1]
    with pytest.raises(BadSignature):
        verified(f"{head}.{other}.{signature}")
    assert body != other


@pytest.mark.holds("A20")
@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "client-authentication+jwt", "application/at+jwt", "JWS", ""])
def test_another_type_is_no_id_token(typ: str) -> None:
    with pytest.raises(WrongType):
        verified(SERVICE.token({"typ": typ}))


@pytest.mark.holds("A20")
def test_an_id_token_is_no_access_token_and_the_other_way_round() -> None:
    assert verified(SERVICE.access_token(), kind=TokenKind.ACCESS_TOKEN).person == "u-17"
    for raw, kind in ((SERVICE.token(), TokenKind.ACCESS_TOKEN), (SERVICE.access_token(), TokenKind.ID_TOKEN)):
        with pytest.raises(WrongType):
            verified(raw, kind=kind)


@pytest.mark.holds("A18")
@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), "https://login.council.example", [ISSUER], 7])
def test_another_issuer_is_refused(issuer: object) -> None:
    with pytest.raises(WrongIssuer):
        verified(SERVICE.token(iss=issuer))


@pytest.mark.holds("A18")
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "housing-web"},
        {"aud": WEB_CLIENT + "2"},
        {"aud": [WEB_CLIENT, "housing-web"]},
        {"aud": []},
        {"aud": {"a": WEB_CLIENT}},
        {"aud": None},
        {"azp": "housing-web"},
        {"azp": None, "aud": RESOURCE},
    ],
)
def test_a_token_for_another_application_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WrongAudience):
        verified(SERVICE.signed({"alg": "RS256", "kid": KID}, SERVICE.claims(**changes)))


@pytest.mark.holds("A18")
@pytest.mark.parametrize(
    "changes",
    [{"aud": WEB_CLIENT}, {"aud": [RESOURCE, WEB_CLIENT]}, {"client_id": "housing-web"}, {"azp": "housing-web"}],
)
def test_an_access_token_for_another_resource_or_application_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WrongAudience):
        verified(SERVICE.access_token(**changes), kind=TokenKind.ACCESS_TOKEN)


def test_a_client_of_the_provider_is_no_signed_in_user() -> None:
    with pytest.raises(WrongAudience):
        verified(SERVICE.access_token(sub=WEB_CLIENT), kind=TokenKind.ACCESS_TOKEN)
    with pytest.raises(WrongAudience):
        verified(SERVICE.access_token(), kind=TokenKind.ACCESS_TOKEN, resource=None)


@pytest.mark.holds("A21")
@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"exp": None}, MalformedClaims),
        ({"iat": NOW - 100, "exp": NOW}, Expired),
        ({"exp": NOW + 10**8}, LivesTooLong),
        ({"iat": None}, MalformedClaims),
        ({"iat": NOW + 60, "exp": NOW + 120}, NotYetValid),
        ({"nbf": NOW + 60}, NotYetValid),
        ({"exp": True}, MalformedClaims),
        ({"exp": 1e300}, MalformedClaims),
        ({"iat": NOW - 100, "exp": NOW + 0.9}, Expired),
    ],
)
def test_the_times_must_be_there_and_right(changes: dict[str, Any], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        verified(SERVICE.token(**changes))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"auth_time": None}, MalformedClaims),
        ({"auth_time": NOW + 60}, MalformedClaims),
        ({"auth_time": NOW - 12 * 3600}, TooOld),
    ],
)
def test_the_sign_in_must_be_recent(changes: dict[str, Any], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        verified(SERVICE.token(**changes))


@pytest.mark.parametrize("changes", [{"amr": None}, {"amr": []}, {"amr": ["pwd"]}, {"amr": ["pwd"], "acr": "mfa"}])
def test_a_sign_in_without_a_second_factor_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WeakSignIn):
        verified(SERVICE.token(**changes))


def test_an_access_token_is_one_under_its_full_media_type_too() -> None:
    named = SERVICE.token({"typ": "application/AT+JWT"}, aud=RESOURCE, client_id=WEB_CLIENT)
    assert verified(named, kind=TokenKind.ACCESS_TOKEN).person == "u-17"


@pytest.mark.parametrize("silent", [{"amr": None}, {"amr": None, "acrs": ["c1"]}])
def test_a_token_that_says_nothing_of_a_second_factor_is_told_what_to_configure(silent: dict[str, Any]) -> None:
    with pytest.raises(WeakSignIn, match="does not say how"):
        verified(SERVICE.token(**silent))


def test_an_agency_names_the_claim_or_the_rule_of_its_provider() -> None:
    named = SecondFactor(values={"amr": frozenset({"mfa"}), "acrs": frozenset({"c1"}), "level": frozenset({"3"})})
    assert verified(SERVICE.token(amr=None, acrs=["c2", "c1"]), second_factor=named).person == "u-17"
    assert verified(SERVICE.token(amr=None, level=3), second_factor=named).person == "u-17"
    with pytest.raises(WeakSignIn, match="without a second factor"):
        verified(SERVICE.token(amr=["pwd"], acrs=["c2"], level=1), second_factor=named)
    declared = SecondFactor(values={}, declared=True)
    assert verified(SERVICE.token(amr=None), second_factor=declared).person == "u-17"


@pytest.mark.parametrize(
    ("name", "changes", "roles"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["a", "b", "a"]}}, ("a", "b")),
        ("resource_access.families-web.roles", {"resource_access": {"families-web": {"roles": ["a"]}}}, ("a",)),
        ("nrbac_roles.role_name", {"nrbac_roles": [{"role_name": "a", "org": "X"}, {"org": "Y"}]}, ("a",)),
        ("https://council.example/roles", {"https://council.example/roles": ["a"]}, ("a",)),
        ("council.example/roles", {"council.example/roles": ["a"]}, ("a",)),
        (("https://council.example/roles",), {"https://council.example/roles": ["a"]}, ("a",)),
        (("resource_access", "cases.web.example", "roles"), {"resource_access": {"cases.web.example": ROLES}}, ("a",)),
        (
            ("resource_access", "https://case.example/app", "roles"),
            {"resource_access": {"https://case.example/app": ROLES, "https://case": {"example/app": {"roles": ["x"]}}}},
            ("a",),
        ),
        (("https://council.example/app", "posts.of", "name"), {"https://council.example/app": POSTS}, ("a", "b")),
        (("realm_access", "roles"), {"realm_access": ROLES, "realm_access.roles": ["x"]}, ("a",)),
        (("realm_access.roles",), {"realm_access": {"roles": ["x"]}, "realm_access.roles": ["a"]}, ("a",)),
    ],
)
def test_roles_are_found_where_providers_put_them(
    name: ClaimName, changes: dict[str, Any], roles: tuple[str, ...]
) -> None:
    for names in (ClaimNames(role=name, unit="team"), ClaimNames(role="groups", unit=name)):
        found = verified(SERVICE.token(**changes), names=names)
        assert (found.roles if names.role == name else found.units) == roles


def test_a_name_that_is_a_claim_and_a_path_is_refused() -> None:
    both: dict[str, Any] = {"realm_access": ROLES, "realm_access.roles": ["b"]}
    with pytest.raises(MalformedClaims, match="as a list of steps"):
        verified(SERVICE.token(**both), names=ClaimNames(role="realm_access.roles", unit="team"))


@pytest.mark.parametrize("name", ["https://council.example/staff", "staff.number"])
def test_the_practitioner_is_named_by_a_whole_claim(name: str) -> None:
    names = ClaimNames(person=name, role="groups", unit="team")
    whole: dict[str, Any] = {name: "P-9"}
    assert verified(SERVICE.token(**whole), names=names).person == "P-9"
    with pytest.raises(MalformedClaims):
        verified(SERVICE.token(staff={"number": "P-9"}), names=names)


def test_a_url_is_no_path() -> None:
    inside = SERVICE.token(**{"https://council": {"example/roles": ["a"]}})
    with pytest.raises(MalformedClaims, match="missing"):
        verified(inside, names=ClaimNames(role="https://council.example/roles", unit="team"))


@given(
    steps=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8),
    place=st.integers(0, 8),
)
def test_any_steps_lead_to_their_claim_and_to_no_other(steps: list[str], place: int) -> None:
    inner: Any = ["a"]
    for step in reversed(steps[1:]):
        inner = {step: inner}
    name = ("https://council.example/claim", *steps[1:])
    raw = SERVICE.token(**{name[0]: inner})
    assert verified(raw, names=ClaimNames(role=name, unit="team")).roles == ("a",)
    place %= len(name)
    with pytest.raises(MalformedClaims, match="missing"):
        verified(raw, names=ClaimNames(role=(*name[:place], name[place] + "+", *name[place + 1 :]), unit="team"))


@pytest.mark.parametrize("wrong", [{"realm_access": {}}, {"realm_access": []}, {"realm_access": {"roles": [{}]}}, {}])
def test_a_path_that_leads_to_no_text_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaims, match="realm_access"):
        verified(SERVICE.token(**wrong), names=ClaimNames(role="realm_access.roles", unit="team"))


@pytest.mark.parametrize("name", ["groups", ("groups", "inner")])
def test_roles_that_are_only_pointed_at_are_said_to_be_elsewhere(name: ClaimName) -> None:
    with pytest.raises(MalformedClaims, match="where to fetch it"):
        verified(SERVICE.token(groups=None, _claim_names={"groups": "src1"}), names=ClaimNames(role=name, unit="team"))


@pytest.mark.parametrize(
    "changes",
    [{"sub": None}, {"sub": ""}, {"sub": "u" * 256}, {"sub": 17}, {"groups": None}, {"team": [{}]}, {"team": {}}],
)
def test_claims_of_another_form_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaims):
        verified(SERVICE.token(**changes))


def test_a_key_of_the_nodes_own_verifies_no_sign_in() -> None:
    signer = LocalSigner.generate(KeyUse.OAUTH)
    with pytest.raises(KeyPurposeMismatch):
        verified(SERVICE.token(), keys=KeySet.of(KeyUse.OAUTH, [signer.public]))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_sign_in_or_a_trust_error(raw: bytes) -> None:
    with suppress(TrustError):
        id_token.verify(raw, kind=TokenKind.ID_TOKEN, expected=expected(), keys=KEYS, now=CLOCK.now())
    with suppress(TrustError):
        id_token.peek_issuer(raw, kind=TokenKind.ID_TOKEN, algorithms=[Alg.RS256])


@given(
    st.dictionaries(
        st.sampled_from(sorted(SERVICE.claims())), st.none() | st.integers() | st.text() | st.lists(st.text())
    )
)
def test_any_claims_give_a_sign_in_or_a_trust_error(changes: dict[str, Any]) -> None:
    with suppress(TrustError):
        verified(SERVICE.token(**changes))
