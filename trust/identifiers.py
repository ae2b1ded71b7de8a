"""Give each kind of name its own type and its one accepted spelling.

URL parsers disagree, so nothing here uses one: an entity identifier is what one regular expression matches, and
two identifiers are the same when their characters are (OpenID Federation 1.0 section 1.2; WIRE.md section 1).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NewType

from trust.errors import MalformedClaims

EntityId = NewType("EntityId", str)
"""An agency's or anchor's address in the federation, such as `https://council.example`."""
ServiceSlug = NewType("ServiceSlug", str)
"""A service within one agency, such as `money-advice`."""
KindName = NewType("KindName", str)
"""A kind of exchange, such as `involvement.query`."""
AgreementId = NewType("AgreementId", str)
ClauseId = NewType("ClauseId", str)
PurposeCode = NewType("PurposeCode", str)
RoleCode = NewType("RoleCode", str)

MAX_ENTITY_ID = 256
MAX_ENDPOINT = 512
MAX_CODE = 64
TELEPHONE = re.compile(r"\+?[0-9][0-9 ]{5,18}[0-9]")
"""A telephone number as people write it."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label starts with a letter, which leaves out every spelling of an IPv4 address. The default port is not
# spelled out, so that one origin has one spelling.
_ORIGIN = rf"https://(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])(?::(?!443(?![0-9]))[1-9][0-9]{{0,4}})?"
_SEGMENT = r"/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+"
_ENTITY_ID = re.compile(rf"({_ORIGIN})((?:{_SEGMENT})*)")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CODE = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_MAX_PORT = 65535
_SLASHES_OF_AN_ORIGIN = 2
# Every message repeats names of a few agencies, services and codes; a good one is good for ever.
_NAMES_REMEMBERED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRef:
    """Point at one service of one agency; `str()` gives `https://council.example#money-advice`."""

    entity: EntityId
    service: ServiceSlug

    def __str__(self) -> str:
        return f"{self.entity}#{self.service}"


@lru_cache(maxsize=_NAMES_REMEMBERED)
def parse_entity_id(text: str) -> EntityId:
    """Accept https, a lower-case host name, perhaps a port and a plain path, and nothing else."""
    if len(text) > MAX_ENTITY_ID or not _origin(text):
        raise MalformedClaims(
            "An entity identifier must look like https://agency.example: https, a host name in lower case, "
            "no user, query, fragment or trailing slash."
        )
    return EntityId(text)


def parse_own_entity_id(text: str) -> EntityId:
    """Accept an entity identifier without a path: this party serves it at the root of a host of its own.

    With one, each well-known document would have another address by each standard (RFC 8414 section 3.1).
    """
    entity = parse_entity_id(text)
    if _origin(entity) != entity:
        raise MalformedClaims("The own entity identifier must have no path: what is served stands at its host's root.")
    return entity


@lru_cache(maxsize=_NAMES_REMEMBERED)
def parse_slug(text: str) -> ServiceSlug:
    """Accept lower-case words joined by hyphens, 64 characters at most."""
    if len(text) > MAX_CODE or not _SLUG.fullmatch(text):
        raise MalformedClaims("A service name must be lower-case words joined by hyphens, such as money-advice.")
    return ServiceSlug(text)


@lru_cache(maxsize=_NAMES_REMEMBERED)
def parse_code(text: str) -> str:
    """Accept lower-case words joined by hyphens or dots, 64 characters at most."""
    if len(text) > MAX_CODE or not _CODE.fullmatch(text):
        raise MalformedClaims("A code must be lower-case words joined by hyphens or dots, such as involvement.query.")
    return text


@lru_cache(maxsize=_NAMES_REMEMBERED)
def service_ref(entity: EntityId, service: ServiceSlug) -> ServiceRef:
    """Return a service: one value for equal names, so that a decision under any agreement compares what is in cache."""
    return ServiceRef(entity=entity, service=service)


@lru_cache(maxsize=_NAMES_REMEMBERED)
def service_set(services: frozenset[ServiceRef]) -> frozenset[ServiceRef]:
    """Return one set for equal sets: the clauses of an agreement mostly name the same services."""
    return services


def parse_service_ref(text: str) -> ServiceRef:
    """Read back what `str(ServiceRef)` wrote."""
    entity, separator, service = text.partition("#")
    if not separator:
        raise MalformedClaims("A service is named like https://council.example#money-advice.")
    return service_ref(parse_entity_id(entity), parse_slug(service))


def parse_endpoint(text: str, *, entity: EntityId) -> str:
    """Accept an https address at exactly the entity's own host and port, with a plain path (A40).

    An endpoint elsewhere would let the operator of that host speak for the entity, so MalformedClaims is raised.
    """
    if len(text) > MAX_ENDPOINT or _origin(text) is None:
        raise MalformedClaims("An endpoint must be a plain https address without user, query or fragment.")
    if _origin(text) != _origin(entity):
        raise MalformedClaims(f"An endpoint of {entity} must be at that same host and port.")
    return text


def parse_mark_type(text: str) -> str:
    """Accept the type of a trust mark: an https address with a path, in its one spelling; raise MalformedClaims."""
    if len(text) > MAX_ENTITY_ID or not (_origin(text) and text.count("/") > _SLASHES_OF_AN_ORIGIN):
        raise MalformedClaims(
            "A trust mark type must look like https://anchor.example/marks/data-protection-assured: https, a host name "
            "in lower case, a plain path, no query or fragment."
        )
    return text


def _origin(text: str) -> str | None:
    match = _ENTITY_ID.fullmatch(text)
    if match is None:
        return None
    origin = match[1]
    _, _, port = origin[len("https://") :].partition(":")
    return origin if not port or int(port) <= _MAX_PORT else None
