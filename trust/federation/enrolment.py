"""Ask an anchor to admit an entity: a self-signed request, believed only after its thumbprints were compared.

The request shows what the new member's entity configuration will say, so that nothing has to be fetched from a
stranger before an administrator has compared the thumbprints by another channel (WIRE.md section 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trust import claims, jose
from trust.errors import WrongIssuer
from trust.federation.entity_statement import MAX_BYTES, StatementDraft, metadata_of
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "enrolment-request+jwt"
MAX_LIFE = timedelta(days=14)
"""Long enough for an administrator to get round to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """What would be admitted; `thumbprints` are the ids of the federation keys, to be compared by another channel."""

    entity_id: EntityId
    federation_keys: KeySet
    metadata: Mapping[str, JsonObject] = field(repr=False)
    thumbprints: tuple[str, ...]


def build_enrolment_request(draft: StatementDraft, signer: Signer) -> bytes:
    """Sign a request with the new member's own federation key."""
    body: JsonObject = {
        "iss": draft.subject,
        "sub": draft.subject,
        "iat": claims.to_seconds(draft.issued_at),
        "exp": claims.to_seconds(draft.expires_at),
        "jwks": draft.keys.require_use(KeyUse.FEDERATION).to_jwks(),
        "metadata": dict(draft.metadata),
    }
    return jose.sign(body, typ=TYP, signer=signer)


def parse_enrolment_request(raw: bytes, *, now: datetime) -> EnrolmentRequest:
    """Open a request. It proves only that its maker holds the keys; raise nothing but TrustError."""
    opened = jose.open_self_signed(raw, typ=TYP, use=KeyUse.FEDERATION, max_bytes=MAX_BYTES)
    body = opened.claims
    entity = parse_entity_id(claims.require_str(body, "iss"))
    if body.get("sub") != entity:
        raise WrongIssuer("An enrolment request's 'iss' and 'sub' must be the same.")
    claims.check_times(body, now=now, max_life=MAX_LIFE)
    return EnrolmentRequest(
        entity_id=entity,
        federation_keys=opened.keys,
        metadata=metadata_of(body),
        thumbprints=tuple(key.kid for key in opened.keys.keys),
    )
