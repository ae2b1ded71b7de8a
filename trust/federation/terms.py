"""Terms of a subordinate beyond its keys: whether it may vouch for others, its constraints and its policy.

A subordinate that may not vouch is stated with `max_path_length` 0, so that no chain leads through it, regardless of
its metadata (OpenID Federation 1.0 section 6.2.1). Constraints and policy bind a subordinate and all below it.
As JSON the terms are the claims of the statement, with `intermediate` beside them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trust import claims
from trust.errors import MalformedClaims
from trust.federation.constraints import MAX_NAMES, MAX_TYPES, SERVICE_KINDS, allowed_service_kinds, check_constraints
from trust.federation.metadata_policy import parse_metadata_policy
from trust.strict_json import JsonObject

_MEMBERS = ("intermediate", "constraints", "metadata_policy")
_CONSTRAINTS = ("max_path_length", "naming_constraints", "allowed_entity_types", SERVICE_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubordinateTerms:
    """The terms of one subordinate. Those that are None, or an empty policy, are not stated.

    `max_path_length` is how many intermediates there may be below it. Names are host names, `.example.com` for all of a
    domain; `permitted` that is empty permits none. `service_kinds` are the kinds of services that there may be, with it
    and below it. `metadata_policy` is by entity type.
    """

    intermediate: bool = False
    max_path_length: int | None = None
    permitted: tuple[str, ...] | None = None
    excluded: tuple[str, ...] | None = None
    allowed_entity_types: tuple[str, ...] | None = None
    service_kinds: tuple[str, ...] | None = None
    metadata_policy: Mapping[str, JsonObject] = field(default_factory=dict)


NODE = SubordinateTerms()
"""The default terms of a subordinate: it vouches for no entity, and nothing else binds it."""


def constraints_of(terms: SubordinateTerms) -> JsonObject:
    """Write the `constraints` of the statement about a subordinate."""
    constraints = _constraints(terms)
    return constraints if terms.intermediate else {**constraints, "max_path_length": 0}


def terms_to_json(terms: SubordinateTerms) -> JsonObject:
    """Write terms as :func:`parse_terms` reads them."""
    document: JsonObject = {"intermediate": terms.intermediate}
    if constraints := _constraints(terms):
        document["constraints"] = constraints
    if terms.metadata_policy:
        document["metadata_policy"] = dict(terms.metadata_policy)
    return document


def parse_terms(document: JsonObject) -> SubordinateTerms:
    """Read terms, and refuse those that no chain could be held to.

    Raises MalformedClaims, and PolicyConflict for a policy that is not sound by itself.
    """
    claims.refuse_unknown(document, _MEMBERS, within="The terms of a subordinate")
    intermediate = document.get("intermediate", False)
    if type(intermediate) is not bool:
        raise MalformedClaims("'intermediate' must be true or false.")
    constraints = claims.optional_object(document, "constraints") or {}
    claims.refuse_unknown(constraints, _CONSTRAINTS, within="'constraints'")
    check_constraints(constraints, intermediates=0, below=())
    policy = claims.optional_object(document, "metadata_policy") or {}
    parse_metadata_policy(policy)
    naming = claims.optional_object(constraints, "naming_constraints") or {}
    longest = constraints.get("max_path_length")
    if longest is not None and not intermediate:
        raise MalformedClaims("'max_path_length' is for an intermediate; any other subordinate vouches for no entity.")
    return SubordinateTerms(
        intermediate=intermediate,
        max_path_length=longest,
        permitted=_texts(naming, "permitted", MAX_NAMES),
        excluded=_texts(naming, "excluded", MAX_NAMES),
        allowed_entity_types=_texts(constraints, "allowed_entity_types", MAX_TYPES),
        service_kinds=allowed_service_kinds(constraints),
        metadata_policy=policy,
    )


def _constraints(terms: SubordinateTerms) -> JsonObject:
    constraints: JsonObject = {}
    if terms.max_path_length is not None:
        constraints["max_path_length"] = terms.max_path_length
    naming = {"permitted": terms.permitted, "excluded": terms.excluded}
    if any(names is not None for names in naming.values()):
        constraints["naming_constraints"] = {name: list(names) for name, names in naming.items() if names is not None}
    if terms.allowed_entity_types is not None:
        constraints["allowed_entity_types"] = list(terms.allowed_entity_types)
    if terms.service_kinds is not None:
        constraints[SERVICE_KINDS] = list(terms.service_kinds)
    return constraints


def _texts(body: JsonObject, name: str, most: int) -> tuple[str, ...] | None:
    return claims.require_str_list(body, name, max_items=most) if name in body else None
