"""The settings of how an agency's practitioners sign in: ``[identity]``."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.fields import Code, Label
from config.tables import Frozen

_ADDRESS = re.compile(r"https://[a-z0-9.-]+(?:/[A-Za-z0-9._~/-]*)?")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or len(text) > 256:  # noqa: PLR2004 - the longest that a token may hold
        raise ValueError("write an address such as https://login.council.example/tenant, without port, query or '#'")
    return text


Address = Annotated[str, AfterValidator(_address)]
Value = Annotated[str, Field(min_length=1, max_length=256)]


class SecondFactorValues(Frozen):
    """``second_factor``: the values of ``amr`` and ``acr`` that say that somebody signed in with a second factor."""

    amr: tuple[Value, ...] = ("mfa",)
    acr: tuple[Value, ...] = ()


class Provider(Frozen):
    """``[[identity.providers]]``: an OpenID provider of this agency. ``algorithm`` is the one that it signs with.

    Its keys are in the file ``jwks``, or fetched from ``jwks_uri``. ``clients`` names, for each of its client ids, the
    case system registered here that it is. ``roles`` and ``units`` say what its values of the claims mean here.
    ``resource`` is the audience of access tokens; without it only ID tokens are taken.
    """

    issuer: Address
    algorithm: Literal["RS256", "PS256", "ES256", "Ed25519"] = "RS256"
    jwks: Path | None = None
    jwks_uri: Address | None = None
    clients: dict[Value, Code] = Field(min_length=1, max_length=64)
    resource: Value | None = None
    person_claim: Value = "sub"
    role_claim: Value
    unit_claim: Value
    second_factor: SecondFactorValues = SecondFactorValues()
    roles: dict[Value, Code] = Field(min_length=1, max_length=256)
    units: dict[Value, Label] = Field(min_length=1, max_length=1024)
    max_auth_age_s: int = Field(default=43_200, ge=300, le=86_400)
    exchanges_per_token: int = Field(default=12, ge=1, le=100)

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if (self.jwks is None) == (self.jwks_uri is None):
            raise ValueError("give its keys as jwks, a file, or as jwks_uri, an address; one of the two")
        if not self.second_factor.amr and not self.second_factor.acr:
            raise ValueError("name at least one value of amr or acr that says that there was a second factor")
        return self


class IdentitySettings(Frozen):
    """``[identity]``: the agency's own sign-in services, and a CA file where theirs is not one of the system's."""

    ca: Path | None = None
    providers: tuple[Provider, ...] = Field(default=(), max_length=8)
