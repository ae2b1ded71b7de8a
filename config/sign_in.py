"""Settings of practitioners' sign-in at the agency: ``[identity]``."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.fields import Code, Label, Slug
from config.tables import Frozen

_ISSUER = re.compile(r"https://[^\s?#\x00-\x1f\x7f]{1,248}")
_KEYS_ADDRESS = re.compile(r"https://[a-z0-9.-]+(?::443)?(?:/[A-Za-z0-9._~%-]*)*")


def _issuer(text: str) -> str:
    """Take any https text: it is compared as text and never fetched (OpenID Connect Core 1.0 section 2)."""
    if not _ISSUER.fullmatch(text):
        raise ValueError("write the issuer as the provider's tokens write it: https://..., without query or '#'")
    return text


def _keys_address(text: str) -> str:
    """Take an address that the guarded transport can fetch; the default port may be written out."""
    if not _KEYS_ADDRESS.fullmatch(text) or len(text) > 256:  # noqa: PLR2004 - the longest that a token may hold
        raise ValueError(
            "write an address at port 443, such as https://login.council.example/tenant/keys, without query or '#'; "
            "where the keys are published at another port, give them as jwks, a file"
        )
    return text.replace(":443", "", 1)


Issuer = Annotated[str, AfterValidator(_issuer)]
KeysAddress = Annotated[str, AfterValidator(_keys_address)]
Value = Annotated[str, Field(min_length=1, max_length=256)]
ClaimName = Value | Annotated[tuple[Value, ...], Field(min_length=1, max_length=8)]


class SecondFactorValues(Frozen):
    """``second_factor``: the values that say that a practitioner signed in with a second factor.

    ``amr`` and ``acr`` are the standard claims; ``claims`` names others of the provider, such as ``acrs``. ``declared``
    is for a provider that issues tokens only after a second factor and never says so in them: it holds the name of the
    rule that enforces it there.
    """

    amr: tuple[Value, ...] = ("mfa",)
    acr: tuple[Value, ...] = ()
    claims: dict[Value, tuple[Value, ...]] = Field(default={}, max_length=8)
    declared: Annotated[str, Field(min_length=10, max_length=200)] | None = None


class PositionRow(Frozen):
    """``[[identity.providers.positions]]``: what a role and a unit of the provider's, together, are here."""

    service: Slug
    role: Code
    unit: Label
    role_value: Value
    unit_value: Value


class ProviderSettings(Frozen):
    """``[[identity.providers]]``: an OpenID provider of this agency. ``algorithm`` is the one that it signs with.

    Its keys are in the file ``jwks``, or fetched from ``jwks_uri``. ``clients`` names, for each of its client ids, the
    case system registered here that it is. ``positions`` say what its values of the two claims mean here, together.
    ``resource`` is the audience of access tokens; without it only ID tokens are taken. ``role_claim`` and
    ``unit_claim`` are each the name of a claim, or the list of the steps to one that is inside others.
    """

    issuer: Issuer
    algorithm: Literal["RS256", "PS256", "ES256", "Ed25519"] = "RS256"
    jwks: Path | None = None
    jwks_uri: KeysAddress | None = None
    clients: dict[Value, Code] = Field(min_length=1, max_length=64)
    resource: Value | None = None
    person_claim: Value = "sub"
    role_claim: ClaimName
    unit_claim: ClaimName
    second_factor: SecondFactorValues = SecondFactorValues()
    positions: tuple[PositionRow, ...] = Field(min_length=1, max_length=1024)
    max_auth_age_s: int = Field(default=43_200, ge=300, le=86_400)
    exchanges_per_token: int = Field(default=12, ge=1, le=100)

    @model_validator(mode="before")
    @classmethod
    def _rows_in_place_of_two_tables(cls, document: object) -> object:
        if isinstance(document, dict) and not {"roles", "units"}.isdisjoint(document):
            raise ValueError(
                "roles and units are rows now: write one [[identity.providers.positions]] with service, role, unit, "
                "role_value and unit_value for each that people may ask in (CHANGELOG, docs/operating/configuration.md)"
            )
        return document

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if (self.jwks is None) == (self.jwks_uri is None):
            raise ValueError("give its keys as jwks, a file, or as jwks_uri, an address; one of the two")
        factor = self.second_factor
        if not (factor.amr or factor.acr or any(factor.claims.values()) or factor.declared):
            raise ValueError("name at least one value of amr, acr or claims that says that there was a second factor")
        return self


class IdentitySettings(Frozen):
    """``[identity]``: the agency's own sign-in services, and a CA file where theirs is not one of the system's."""

    ca: Path | None = None
    providers: tuple[ProviderSettings, ...] = Field(default=(), max_length=8)
