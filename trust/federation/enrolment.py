"""Ask a superior to admit an entity: a self-signed request, believed only after its thumbprints were compared.

The request shows what the new member's entity configuration will say, so that nothing has to be fetched from a
stranger before an administrator has compared the thumbprints by another channel (WIRE.md section 1). A node shows its
services, an intermediate the endpoint at which it will vouch for others.

The same document renews a membership. To change its federation key, a member lists the one in use and the next one and
signs with the one in use, which its superior already vouches for; `compare` says what would change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trust import claims, jose
from trust.errors import Mismatch, RolledBack, WrongIssuer
from trust.federation.entity_statement import MAX_BYTES, StatementDraft, metadata_of
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "enrolment-request+jwt"
MAX_LIFE = timedelta(days=14)
"""Long enough for an administrator to get round to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """What would be admitted; `thumbprints` are the ids of the federation keys, to be compared by another channel.

    `signed_with` is the id of the key that signed it. `fetch_endpoint` is where an intermediate will vouch for others,
    None for an entity that will not. `expires_at` is the request's own end.
    """

    entity_id: EntityId
    federation_keys: KeySet
    metadata: Mapping[str, JsonObject] = field(repr=False)
    thumbprints: tuple[str, ...]
    signed_with: str
    issued_at: datetime
    expires_at: datetime
    fetch_endpoint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentChange:
    """What a request would change of a membership: ids of federation keys, and entity types.

    `signed_by_member` says that a key signed it that the superior vouches for already. Only then does the request prove
    by itself that it is the member's; any other must be compared by another channel, as if it were the first.
    """

    signed_by_member: bool
    keys_added: tuple[str, ...]
    keys_dropped: tuple[str, ...]
    types_added: tuple[str, ...]
    types_dropped: tuple[str, ...]
    types_changed: tuple[str, ...]


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
    token = jose.open_self_signed(raw, typ=TYP, use=KeyUse.FEDERATION, max_bytes=MAX_BYTES)
    body = token.claims
    entity = parse_entity_id(claims.require_str(body, "iss"))
    if body.get("sub") != entity:
        raise WrongIssuer("An enrolment request's 'iss' and 'sub' must be the same.")
    times = claims.check_times(body, now=now, max_life=MAX_LIFE)
    metadata = metadata_of(body)
    member = parse_federation_entity(metadata.get(FEDERATION_ENTITY, {}), entity=entity)
    return EnrolmentRequest(
        entity_id=entity,
        federation_keys=token.keys,
        metadata=metadata,
        thumbprints=tuple(key.kid for key in token.keys.keys),
        signed_with=token.key.kid,
        issued_at=times.iat,
        expires_at=times.exp,
        fetch_endpoint=member.fetch_endpoint,
    )


def compare(request: EnrolmentRequest, *, keys: KeySet, metadata: Mapping[str, JsonObject]) -> EnrolmentChange:
    """Say what a member's request would change; `keys` and `metadata` are what its superior vouches for today."""
    before, after = metadata.keys(), request.metadata.keys()
    return EnrolmentChange(
        signed_by_member=request.signed_with in keys.require_use(KeyUse.FEDERATION).kids,
        keys_added=_sorted(request.federation_keys.kids - keys.kids),
        keys_dropped=_sorted(keys.kids - request.federation_keys.kids),
        types_added=_sorted(after - before),
        types_dropped=_sorted(before - after),
        types_changed=_sorted(each for each in before & after if metadata[each] != request.metadata[each]),
    )


def refuse_replacement(offered: EnrolmentRequest, *, held: EnrolmentRequest) -> None:
    """Refuse a request that may not take the place of the one that waits for the same entity.

    A request by another key than that of the first cannot replace it (Mismatch), and an earlier one does not come back
    (RolledBack).
    """
    if offered.signed_with != held.signed_with:
        raise Mismatch(
            f"A request of {held.entity_id} that was signed with another key waits already. Its administrators must "
            "ring those of the authority, who can put it away."
        )
    if offered.issued_at < held.issued_at:
        raise RolledBack(f"A newer request of {held.entity_id} waits already; another party may be replaying this one.")


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
