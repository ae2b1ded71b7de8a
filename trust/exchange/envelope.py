"""The members that messages, replies and receipts have in common, read and written in one place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from trust import jose
from trust.claims import LATEST_SECONDS
from trust.exchange.errors import MalformedMessage
from trust.exchange.reader import Reader
from trust.identifiers import AgreementId, EntityId, ServiceSlug, parse_code, parse_entity_id, parse_slug
from trust.strict_json import MAX_INTEGER, JsonObject

MAX_BYTES = 65536
"""Bytes of a compact JWS, before anything of it is decoded."""
MAX_AGREEMENT_VERSION = 1_000_000
MAX_SUSPENSION_ISSUERS = 32
JTI = re.compile(r"[A-Za-z0-9._~-]{1,128}")
"""A message id: characters that need no escape in a URL, a file name or a log (RFC 3986 section 2.3)."""
DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
"""A SHA-256 digest in base64url without padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRef:
    """An agreement down to its very bytes: ``digest`` is base64url SHA-256 of the document."""

    id: AgreementId
    version: int
    digest: str


WITHOUT_AGREEMENT = AgreementRef(id=AgreementId(""), version=0, digest="")
"""Stands for the agreement of a message that names none. It is on no wire, and no agreement can have this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRef:
    """A message down to its very bytes: what a reply or a receipt answers."""

    jti: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """The addressing of a signed JWT, and its times in integer seconds since 1970."""

    iss: EntityId
    aud: EntityId
    iat: int
    exp: int
    jti: str


class Addressed(Protocol):
    """The addressing and the times of a signed JWT: a message, a reply, a receipt, a query."""

    @property
    def iss(self) -> EntityId:
        """The signer."""
        ...

    @property
    def aud(self) -> EntityId:
        """The receiver."""
        ...

    @property
    def iat(self) -> int:
        """When it was made, in seconds since 1970."""
        ...

    @property
    def exp(self) -> int:
        """Until when it counts."""
        ...

    @property
    def jti(self) -> str:
        """Its id, unique for its issuer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Which service of the asking agency asks, and which of the answering agency is asked."""

    from_service: ServiceSlug
    to_service: ServiceSlug


def read_parties(reader: Reader) -> Parties:
    """Read ``iss, aud, iat, exp, jti``: each audience one string, never a list (assertion A18)."""
    return Parties(
        iss=reader.parsed("iss", parse_entity_id),
        aud=reader.parsed("aud", parse_entity_id),
        iat=reader.whole("iat", least=0, most=LATEST_SECONDS),
        exp=reader.whole("exp", least=0, most=LATEST_SECONDS),
        jti=reader.text("jti", pattern=JTI),
    )


def peek_parties(raw: bytes, *, typ: str) -> Parties:
    """Return what a document of this ``typ`` says of its addressing, to find the key that may prove it.

    Nothing is verified. Raises ``TrustError``.
    """
    reader = Reader(jose.peek(raw, typ=typ, max_bytes=MAX_BYTES).claims)
    parties = read_parties(reader)
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return parties


def parties_to_json(document: Addressed) -> JsonObject:
    """Return the wire form of what :func:`read_parties` reads."""
    return {
        "iss": document.iss,
        "aud": document.aud,
        "iat": document.iat,
        "exp": document.exp,
        "jti": document.jti,
    }


def read_services(reader: Reader) -> Services:
    """Read ``from_service`` and ``to_service``."""
    return Services(
        from_service=reader.parsed("from_service", parse_slug), to_service=reader.parsed("to_service", parse_slug)
    )


def read_agreement(reader: Reader) -> AgreementRef:
    """Read ``agreement`` {id, version, digest}."""
    nested = reader.child("agreement")
    if nested is None:
        return AgreementRef(id=AgreementId(""), version=1, digest="")
    return AgreementRef(
        id=AgreementId(nested.parsed("id", parse_code)),
        version=nested.whole("version", least=1, most=MAX_AGREEMENT_VERSION),
        digest=nested.text("digest", pattern=DIGEST),
    )


def read_request(reader: Reader, name: str = "request") -> RequestRef:
    """Read ``request``, or the member of this name: {jti, digest}."""
    nested = reader.child(name)
    if nested is None:
        return RequestRef(jti="", digest="")
    return RequestRef(jti=nested.text("jti", pattern=JTI), digest=nested.text("digest", pattern=DIGEST))


def read_suspensions(reader: Reader) -> dict[EntityId, int]:
    """Read ``suspensions``, which may be absent: for each issuer the highest number of a suspension seen from it.

    It is hearsay: it says only that there is something to fetch, and what is fetched is verified (WIRE.md section 6).
    """
    nested = reader.child("suspensions", required=False)
    if nested is None:
        return {}
    issuers = nested.names()
    if len(issuers) > MAX_SUSPENSION_ISSUERS:
        reader.fault("suspensions", f"must not name more than {MAX_SUSPENSION_ISSUERS} issuers")
        return {}
    seen: dict[EntityId, int] = {}
    for position, name in enumerate(issuers, 1):
        issuer = nested.parse_item(f"(issuer {position})", name, parse_entity_id)
        if issuer is not None:
            seen[issuer] = nested.whole(name, least=1, most=MAX_INTEGER)
    return seen


def suspensions_to_json(suspensions: Mapping[EntityId, int]) -> JsonObject:
    """Return the members that tell of ``suspensions``, the first 32 of them; none where there are none."""
    told = dict(list(suspensions.items())[:MAX_SUSPENSION_ISSUERS])
    return {"suspensions": told} if told else {}


def agreement_to_json(agreement: AgreementRef) -> JsonObject:
    """Return the wire form of an agreement reference."""
    return {"id": agreement.id, "version": agreement.version, "digest": agreement.digest}


def request_to_json(request: RequestRef) -> JsonObject:
    """Return the wire form of a request reference."""
    return {"jti": request.jti, "digest": request.digest}
