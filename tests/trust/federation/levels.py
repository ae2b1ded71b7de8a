"""Chains of several levels from the one anchor to the one council; each statement can be spoiled on the way."""

from collections.abc import Mapping
from datetime import timedelta

from tests.trust.federation.members import (
    ANCHOR,
    ANCHOR_KEY,
    COUNCIL,
    COUNCIL_KEY,
    PINNED,
    TOP,
    about_claims,
    anchor_claims,
    council_claims,
    statement,
)
from tests.trust.makers import NOW, key_set, signer
from trust.federation.chain import TrustedEntity, verify_chain
from trust.federation.party_metadata import FEDERATION_ENTITY, FederationEntity, build_federation_entity
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner
from trust.strict_json import JsonObject

INTERMEDIATES = tuple(EntityId(f"https://county{number}.example") for number in range(1, 6))
COUNTY, REGION = INTERMEDIATES[0], INTERMEDIATES[1]
NOTHING: Mapping[int, JsonObject] = {}


def key_of(entity: EntityId) -> LocalSigner:
    """Give the federation key of anybody in these chains."""
    if entity in INTERMEDIATES:
        return signer(KeyUse.FEDERATION, number=10 + INTERMEDIATES.index(entity))
    return {ANCHOR: ANCHOR_KEY, COUNCIL: COUNCIL_KEY}[entity]


def superiors(depth: int) -> list[EntityId]:
    """Give the superiors of the council, the direct one first, with so many intermediates."""
    return [*INTERMEDIATES[:depth], ANCHOR]


def vouching(issuer: EntityId, subject: EntityId, **changed: object) -> bytes:
    """Sign what one of them says of another."""
    body = about_claims(iss=issuer, sub=subject, jwks=key_set(key_of(subject)).to_jwks()) | changed
    return statement(key_of(issuer), body)


def configuration(entity: EntityId, *hints: EntityId, **changed: object) -> bytes:
    """Sign what an authority says of itself."""
    member = FederationEntity(name="Example County", fetch_endpoint=f"{entity}/federation/v1/fetch")
    body = anchor_claims(
        iss=entity,
        sub=entity,
        jwks=key_set(key_of(entity)).to_jwks(),
        metadata={FEDERATION_ENTITY: build_federation_entity(member)},
        authority_hints=list(hints) or None,
    )
    return statement(key_of(entity), body | changed)


def ladder(depth: int, changed: Mapping[int, JsonObject] = NOTHING, *, top: bytes = TOP) -> list[bytes]:
    """Give a chain with so many intermediates; `changed` are claims by the statement's place, 0 the council's own."""
    own = council_claims(authority_hints=[superiors(depth)[0]]) | changed.get(0, {})
    chain = [statement(COUNCIL_KEY, own)]
    subject = COUNCIL
    for place, issuer in enumerate(superiors(depth), start=1):
        chain.append(vouching(issuer, subject, **changed.get(place, {})))
        subject = issuer
    return [*chain, top]


def climbed(
    depth: int,
    changed: Mapping[int, JsonObject] = NOTHING,
    *,
    top: bytes = TOP,
    later: timedelta = timedelta(0),
) -> TrustedEntity:
    """Verify such a chain."""
    return verify_chain(ladder(depth, changed, top=top), anchors=PINNED, now=NOW + later)
