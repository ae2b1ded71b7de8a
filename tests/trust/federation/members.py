"""One anchor, one council and one stranger, and the statements that they make; each can be spoiled on the way."""

from collections.abc import Mapping
from datetime import timedelta

from tests.trust.makers import NOW, NOW_S, compact, header, key_set, signer
from trust.federation.chain import TrustedEntity, verify_chain
from trust.federation.node_metadata import ENTITY_TYPE, NodeMetadata, ServiceEntry, build_node_metadata
from trust.federation.party_metadata import (
    AUTHORIZATION_SERVER,
    CLIENT,
    FEDERATION_ENTITY,
    RESOURCE,
    AuthorizationServer,
    FederationEntity,
    build_authorization_server,
    build_client,
    build_federation_entity,
    build_resource,
)
from trust.identifiers import EntityId, KindName, ServiceSlug
from trust.keys import Alg, KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "entity-statement+jwt"
LIFE_S = 100 * 3600

ANCHOR = EntityId("https://anchor.example")
COUNCIL = EntityId("https://council.example")
STRANGER = EntityId("https://stranger.example")

ANCHOR_KEY = signer(KeyUse.FEDERATION, number=1)
COUNCIL_KEY = signer(KeyUse.FEDERATION, number=2)
STRANGER_KEY = signer(KeyUse.FEDERATION, number=3)
MESSAGE_KEY = signer(KeyUse.MESSAGE, number=2)
OAUTH_KEY = signer(KeyUse.OAUTH, number=2)
EVIDENCE_KEY = signer(KeyUse.EVIDENCE, Alg.ED25519, number=2)

PINNED: Mapping[EntityId, KeySet] = {ANCHOR: key_set(ANCHOR_KEY)}

NODE = NodeMetadata(
    name="Example Council",
    message_keys=key_set(MESSAGE_KEY),
    evidence_key=EVIDENCE_KEY.public,
    message_endpoint=f"{COUNCIL}/peer/messages",
    receipt_endpoint=f"{COUNCIL}/peer/receipts",
    services=(
        ServiceEntry(
            slug=ServiceSlug("money-advice"), name="Money Advice", kind="money-advice", duty_phone="01632 960001"
        ),
        ServiceEntry(slug=ServiceSlug("youth-justice"), name="Youth Justice", kind="youth-justice"),
    ),
    kinds_supported={KindName("involvement.query"): (1,)},
)
SERVER = AuthorizationServer(issuer=COUNCIL, token_endpoint=f"{COUNCIL}/oauth/token", keys=key_set(OAUTH_KEY))


def council_metadata() -> dict[str, JsonObject]:
    """Give what the council says of itself, fresh, to be spoiled."""
    return {
        FEDERATION_ENTITY: build_federation_entity(FederationEntity(name="Example Council")),
        ENTITY_TYPE: build_node_metadata(NODE),
        CLIENT: build_client(key_set(OAUTH_KEY)),
        AUTHORIZATION_SERVER: build_authorization_server(SERVER),
        RESOURCE: build_resource(COUNCIL),
    }


def statement(by: Signer, body: JsonObject, **header_changed: object) -> bytes:
    """Sign a statement of any content; a claim set to None is left out."""
    kept = {name: value for name, value in body.items() if value is not None}
    return compact(header(by, TYP, **header_changed), kept, by)


def council_claims(**changed: object) -> JsonObject:
    """Give the claims of the council's entity configuration, changed."""
    return {
        "iss": COUNCIL,
        "sub": COUNCIL,
        "iat": NOW_S,
        "exp": NOW_S + LIFE_S,
        "jwks": key_set(COUNCIL_KEY).to_jwks(),
        "authority_hints": [ANCHOR],
        "metadata": council_metadata(),
    } | changed


def about_claims(**changed: object) -> JsonObject:
    """Give the claims of the anchor's statement about the council, changed."""
    return {
        "iss": ANCHOR,
        "sub": COUNCIL,
        "iat": NOW_S,
        "exp": NOW_S + LIFE_S,
        "jwks": key_set(COUNCIL_KEY).to_jwks(),
        "metadata": vouching_for_kinds(),
    } | changed


def vouching_for_kinds(**more: object) -> dict[str, JsonObject]:
    """Give what the anchor states of the council's node: the kinds of its services, and perhaps more."""
    return {ENTITY_TYPE: {"service_kinds": {each.slug: each.kind for each in NODE.services}, **more}}


def anchor_claims(**changed: object) -> JsonObject:
    """Give the claims of the anchor's own entity configuration, changed."""
    return {
        "iss": ANCHOR,
        "sub": ANCHOR,
        "iat": NOW_S,
        "exp": NOW_S + LIFE_S,
        "jwks": key_set(ANCHOR_KEY).to_jwks(),
        "metadata": {
            FEDERATION_ENTITY: build_federation_entity(
                FederationEntity(name="Example Anchor", fetch_endpoint=f"{ANCHOR}/federation/fetch")
            )
        },
    } | changed


OWN = statement(COUNCIL_KEY, council_claims())
ABOUT = statement(ANCHOR_KEY, about_claims())
TOP = statement(ANCHOR_KEY, anchor_claims())


def verified(
    own: bytes = OWN, about: bytes = ABOUT, top: bytes = TOP, *, later: timedelta = timedelta(0)
) -> TrustedEntity:
    """Verify a chain made of these statements at a time after they were made."""
    return verify_chain([own, about, top], anchors=PINNED, now=NOW + later)
