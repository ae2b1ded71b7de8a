"""Hold a chain to what its superiors allow under them (OpenID Federation 1.0 section 6.2).

Each superior's constraints hold by themselves, for the subject of its statement and every entity below:

1. `max_path_length`: how many intermediates there may be between the superior and the subject of the chain (6.2.1);
2. `naming_constraints`: the host of each entity below is in a permitted name space, where there are such, and in no
   excluded one. `.example.com` is every name under example.com, and not example.com itself; `example.com` is that host
   alone (6.2.2; RFC 5280 section 4.2.1.10). A list of permitted names that is empty permits none;
3. `allowed_entity_types` takes away all other entity types and never `federation_entity`; it refuses no entity (6.2.3);
4. `service_kinds`, which is our own (6.2), takes away services of all other kinds. What a service may be told hangs on
   its kind, so an intermediate must not vouch for kinds that its superior did not let it vouch for.

A constraint that we do not know is ignored, as section 6.2 demands.
"""

import re
from collections.abc import Mapping, Sequence

from trust import claims
from trust.error_context import PROFILE, about_statement, section
from trust.errors import ChainRefused, MalformedClaims
from trust.federation.party_metadata import FEDERATION_ENTITY
from trust.identifiers import EntityId, parse_code
from trust.strict_json import JsonObject

MAX_NAMES = 256
MAX_TYPES = 64
SERVICE_KINDS = "service_kinds"

_NAME = re.compile(r"\.?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_HOST = re.compile(r"https://([^/:]+)")
_MAX_TEXT = 255


def check_constraints(
    constraints: JsonObject, *, intermediates: int, below: Sequence[EntityId], statement: str = "Subordinate statement"
) -> None:
    """Refuse a chain (ChainRefused) by 1 and 2 of the module's rules, or constraints that are none (MalformedClaims).

    `intermediates` are between the superior that sets them and the subject of the chain; `below` are those and the
    subject. `statement` is what a refusal calls the statement that the constraints stand in.
    """
    with about_statement(statement, section("6.2.1")):
        if "max_path_length" in constraints:
            longest = claims.require_int(constraints, "max_path_length")
            if longest < intermediates:
                raise ChainRefused(
                    f"Its 'max_path_length' allows {longest} intermediates below it, and there are {intermediates}."
                )
    with about_statement(statement, section("6.2.2")):
        naming = claims.optional_object(constraints, "naming_constraints")
        if naming is not None:
            _check_names(naming, below)
    with about_statement(statement, section("6.2.3")):
        _allowed_types(constraints)
    with about_statement(statement, PROFILE):
        allowed_service_kinds(constraints)


def filter_entity_types(metadata: Mapping[str, JsonObject], constraints: JsonObject) -> dict[str, JsonObject]:
    """Return the metadata, by entity type, that one superior's constraints leave (3)."""
    allowed = _allowed_types(constraints)
    return {
        entity_type: claims_of_type
        for entity_type, claims_of_type in metadata.items()
        if allowed is None or entity_type in allowed or entity_type == FEDERATION_ENTITY
    }


def allowed_service_kinds(constraints: JsonObject) -> tuple[str, ...] | None:
    """Return the kinds of services that one superior's constraints leave (4), None for all; raise MalformedClaims."""
    if SERVICE_KINDS not in constraints:
        return None
    return tuple(map(parse_code, _texts(constraints, SERVICE_KINDS, MAX_TYPES)))


def _allowed_types(constraints: JsonObject) -> tuple[str, ...] | None:
    if "allowed_entity_types" not in constraints:
        return None
    return _texts(constraints, "allowed_entity_types", MAX_TYPES)


def _check_names(naming: JsonObject, below: Sequence[EntityId]) -> None:
    claims.refuse_unknown(naming, ("permitted", "excluded"), within="'naming_constraints'")
    permitted, excluded = _names(naming, "permitted"), _names(naming, "excluded")
    for entity in below:
        host = _host(entity)
        if excluded is not None and any(_in(host, name) for name in excluded):
            raise ChainRefused(f"Its 'naming_constraints' exclude {entity}.")
        if permitted is not None and not any(_in(host, name) for name in permitted):
            raise ChainRefused(f"Its 'naming_constraints' do not permit {entity}.")


def _names(naming: JsonObject, member: str) -> tuple[str, ...] | None:
    if member not in naming:
        return None
    names = tuple(name.lower() for name in _texts(naming, member, MAX_NAMES))
    if not all(_NAME.fullmatch(name) for name in names):
        raise MalformedClaims(
            f"'{member}' must list host names such as host.example.com, or .example.com for a domain."
        )
    return names


def _texts(body: JsonObject, member: str, most: int) -> tuple[str, ...]:
    return tuple(
        claims.require_str({member: item}, member, max_len=_MAX_TEXT)
        for item in claims.require_list(body, member, max_items=most)
    )


def _host(entity: EntityId) -> str:
    match = _HOST.match(entity)
    if match is None:
        raise ChainRefused("An entity identifier without a host cannot be within 'naming_constraints'.")
    return match[1].lower()


def _in(host: str, name: str) -> bool:
    return host.endswith(name) and host != name if name.startswith(".") else host == name
