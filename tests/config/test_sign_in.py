"""The settings of sign-in services take what real providers write."""

import json
import tomllib
from typing import Any

import pytest
from pydantic import ValidationError

from config.sign_in import ProviderSettings

GOOD: dict[str, Any] = {
    "issuer": "https://login.council.example/tenant",
    "jwks_uri": "https://login.council.example/tenant/keys",
    "clients": {"families-web": "families-cases"},
    "role_claim": "groups",
    "unit_claim": "team",
    "positions": [
        {
            "service": "connecting-families",
            "role": "key-worker",
            "unit": "Family Hub East",
            "role_value": "Family Support Worker",
            "unit_value": "north",
        }
    ],
}


def provider(**changes: Any) -> ProviderSettings:
    return ProviderSettings.model_validate(
        {name: value for name, value in (GOOD | changes).items() if value is not None}
    )


@pytest.mark.parametrize(
    "issuer",
    [
        "https://am.nhs.example:443/openam/oauth2/realms/root/realms/Healthcare",
        "https://keys.council.example:8443/realms/Adult%20Services",
        "https://Login.Council.example/Tenant/",
        "https://login.council.example/7f2c/v2.0",
    ],
)
def test_an_issuer_is_any_https_text(issuer: str) -> None:
    assert provider(issuer=issuer).issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example",
        "https://",
        "https://a b.example",
        "https://a.example/?x",
        "https://a.example#x",
        "x" * 300,
    ],
)
def test_what_can_be_no_issuer_is_refused(issuer: str) -> None:
    with pytest.raises(ValidationError, match="issuer"):
        provider(issuer=issuer)


def test_keys_are_fetched_at_port_443_only() -> None:
    written_out = provider(jwks_uri="https://keys.council.example:443/realms/Adult%20Services/certs")
    assert written_out.jwks_uri == "https://keys.council.example/realms/Adult%20Services/certs"
    with pytest.raises(ValidationError, match="give them as jwks, a file"):
        provider(jwks_uri="https://keys.council.example:8443/certs")


def test_a_second_factor_is_named_or_declared() -> None:
    assert provider(second_factor={"amr": [], "claims": {"acrs": ["c1"]}}).second_factor.claims == {"acrs": ("c1",)}
    assert provider(second_factor={"amr": [], "declared": "Conditional Access policy 12"}).second_factor.declared
    empty: list[dict[str, Any]] = [{"amr": []}, {"amr": [], "claims": {"acrs": []}}, {"amr": [], "declared": "yes"}]
    for nothing in empty:
        with pytest.raises(ValidationError, match="second"):
            provider(second_factor=nothing)


def test_the_two_tables_of_before_are_refused_with_what_to_write_now() -> None:
    with pytest.raises(ValidationError, match=r"\[\[identity.providers.positions\]\]"):
        provider(roles={"Family Support Worker": "key-worker"}, units={"north": "Family Hub East"})


@pytest.mark.parametrize(
    "name",
    [
        "groups",
        "realm_access.roles",
        "https://council.example/roles",
        ("resource_access", "https://case.example/app", "roles"),
        ("https://council.example/roles",),
    ],
)
def test_a_claim_is_named_by_a_text_or_by_a_list_of_steps(name: str | tuple[str, ...]) -> None:
    written = name if isinstance(name, str) else list(name)
    assert provider(role_claim=written, unit_claim=written).role_claim == name
    table = tomllib.loads(f"role_claim = {json.dumps(written)}")
    assert provider(**table).role_claim == name


@pytest.mark.parametrize("wrong", ["", [], [""], ["a"] * 9, [["a"]], ["a", 1], {"a": "b"}])
def test_what_names_no_claim_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError, match="role_claim"):
        provider(role_claim=wrong)
