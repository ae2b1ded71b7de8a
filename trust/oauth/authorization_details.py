"""Say in a token which exchanges it is for (RFC 9396): one agreement, one purpose, some kinds.

A detail of the type :data:`WITHOUT_AGREEMENT_TYPE` is for messages that rest on no agreement, and covers no other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trust import claims
from trust.errors import MalformedClaims
from trust.identifiers import AgreementId, KindName, PurposeCode, parse_code
from trust.strict_json import JsonObject

TYPE = "information_exchange"
WITHOUT_AGREEMENT_TYPE = "information_disclosure"
MAX_DETAILS = 16
MAX_KINDS = 32
MAX_VERSION = 1_000_000
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_MEMBERS = ("type", "agreement", "purpose", "kinds")
_WITHOUT_AGREEMENT = ("type", "purpose", "kinds")
_AGREEMENT_MEMBERS = ("id", "version", "digest")


class AgreementNamed(Protocol):
    """A message's reference to an agreement, down to its bytes."""

    @property
    def id(self) -> AgreementId:
        """The agreement's name."""

    @property
    def version(self) -> int:
        """Its version."""

    @property
    def digest(self) -> str:
        """The SHA-256 of its bytes."""


class Coverable(Protocol):
    """What of a message is held against its token."""

    @property
    def agreement(self) -> AgreementNamed:
        """The agreement that it relies on."""

    @property
    def purpose(self) -> PurposeCode:
        """The purpose that it states."""

    @property
    def kind(self) -> KindName:
        """The kind of exchange that it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationDetail:
    """One permission of a token: these kinds of exchange, for this purpose, under exactly this agreement.

    Version 0 is no agreement's: such a detail is for messages that name none.
    """

    agreement_id: AgreementId
    agreement_version: int
    agreement_digest: str
    purpose: PurposeCode
    kinds: frozenset[KindName]


def parse(unverified_details: object) -> tuple[AuthorizationDetail, ...]:
    """Read a list of 1 to 16 details, all of our type and with no member that we do not know; raise MalformedClaims.

    RFC 9396 section 5 has unknown types and members refused with `invalid_authorization_details`.
    """
    items = claims.require_list(
        {"authorization_details": unverified_details}, "authorization_details", min_items=1, max_items=MAX_DETAILS
    )
    return tuple(_parse_one(item) for item in items)


def to_json(details: Sequence[AuthorizationDetail]) -> list[JsonObject]:
    """Write details as they stand in a token request, a token and a token response."""
    return [_to_json(detail) for detail in details]


def covers(detail: AuthorizationDetail, message: Coverable) -> bool:
    """Tell whether a message lies within one detail: same agreement, version, digest and purpose, and a kind of it."""
    named = message.agreement
    return (
        (named.id, named.version, named.digest)
        == (detail.agreement_id, detail.agreement_version, detail.agreement_digest)
        and message.purpose == detail.purpose
        and message.kind in detail.kinds
    )


def _to_json(detail: AuthorizationDetail) -> JsonObject:
    rest: JsonObject = {"purpose": detail.purpose, "kinds": sorted(detail.kinds)}
    if not detail.agreement_version:
        return {"type": WITHOUT_AGREEMENT_TYPE, **rest}
    agreement = {
        "id": detail.agreement_id,
        "version": detail.agreement_version,
        "digest": detail.agreement_digest,
    }
    return {"type": TYPE, "agreement": agreement, **rest}


def _parse_one(item: object) -> AuthorizationDetail:
    if type(item) is not dict:
        raise MalformedClaims("Each authorization detail must be an object.")
    kind = item.get("type")
    if kind not in (TYPE, WITHOUT_AGREEMENT_TYPE):
        raise MalformedClaims(f"An authorization detail must be of the type '{TYPE}' or '{WITHOUT_AGREEMENT_TYPE}'.")
    claims.refuse_unknown(item, _MEMBERS if kind == TYPE else _WITHOUT_AGREEMENT, within="An authorization detail")
    agreement_id, version, digest = _parse_agreement(item) if kind == TYPE else (AgreementId(""), 0, "")
    kinds = claims.require_str_list(item, "kinds", min_items=1, max_items=MAX_KINDS)
    return AuthorizationDetail(
        agreement_id=agreement_id,
        agreement_version=version,
        agreement_digest=digest,
        purpose=PurposeCode(parse_code(claims.require_str(item, "purpose"))),
        kinds=frozenset(KindName(parse_code(kind)) for kind in kinds),
    )


def _parse_agreement(item: JsonObject) -> tuple[AgreementId, int, str]:
    agreement = claims.require_object(item, "agreement")
    claims.refuse_unknown(agreement, _AGREEMENT_MEMBERS, within="An authorization detail's agreement")
    digest = claims.require_str(agreement, "digest")
    if not _DIGEST.fullmatch(digest):
        raise MalformedClaims("An agreement's 'digest' must be base64url of SHA-256: 43 characters.")
    return (
        AgreementId(parse_code(claims.require_str(agreement, "id"))),
        claims.require_int(agreement, "version", minimum=1, maximum=MAX_VERSION),
        digest,
    )
