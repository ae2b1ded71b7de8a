"""The enrolment request of this entity: signed here, and sent to the queue of an authority."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.administration.anchor_discovery import statement_of
from gateway.administration.context import Settings, own_entity
from gateway.administration.errors import OperationRefused
from gateway.ports import KeyVault, PeerRequest, PeerResponse, Transport
from trust import claims, strict_json
from trust.errors import TrustError
from trust.federation.enrolment import MAX_LIFE, build_enrolment_request
from trust.federation.entity_statement import StatementDraft
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.strict_json import JsonObject

JWT_TYPE = "application/jwt"
_ACCEPT = "application/json"
_POST_S = 5.0
_MAX_RESPONSE = 65_536
_MAX_WHY = 400
_ACCEPTED = 202


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentPorts:
    """What :mod:`gateway.app.commands` builds for an enrolment: the way to authorities, and this entity's metadata."""

    transport: Callable[[], Transport]
    metadata: Callable[[KeyVault], Mapping[str, JsonObject]]


def build_request(settings: Settings, ports: EnrolmentPorts, vault: KeyVault, keys: KeySet, *, at: datetime) -> bytes:
    """Sign a request to vouch for this node or intermediate as it is configured, with these federation keys."""
    draft = StatementDraft(
        subject=own_entity(settings),
        keys=keys,
        issued_at=at,
        expires_at=at + MAX_LIFE,
        metadata=ports.metadata(vault),
    )
    return build_enrolment_request(draft, vault.signer(KeyUse.FEDERATION))


def send_request(transport: Transport, authority: EntityId, request: bytes, *, at: datetime) -> None:
    """Send a request to an authority's queue. Raises ``OperationRefused``, ``TransportError`` and ``TrustError``."""
    metadata = statement_of(transport, authority, now=at).metadata.get(FEDERATION_ENTITY, {})
    endpoint = parse_federation_entity(metadata, entity=authority).enrolment_endpoint
    if endpoint is None:
        raise OperationRefused(
            f"{authority} takes no requests over the network; nothing was changed. Write yours with --out and send it "
            "to its administrators."
        )
    response = transport.send(
        PeerRequest(
            method="POST",
            url=endpoint,
            headers={"Content-Type": JWT_TYPE},
            body=request,
            accept=_ACCEPT,
            max_bytes=_MAX_RESPONSE,
            timeout_s=_POST_S,
        )
    )
    if response.status != _ACCEPTED:
        raise OperationRefused(
            f"{authority} answered {response.status} and did not take the request; nothing was changed."
            f"{_why(response)} Ask its administrators, then repeat the command, or write the request with --out and "
            "send it to them."
        )


def _why(response: PeerResponse) -> str:
    """Return the reason that the authority gives, where it is one plain line."""
    try:
        document = strict_json.loads(response.body, max_bytes=_MAX_RESPONSE)
        why = claims.optional_str(document, "detail", max_len=_MAX_WHY) or claims.optional_str(document, "title")
    except TrustError:
        return ""
    return f" It says: {why}" if why else ""
