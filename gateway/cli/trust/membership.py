"""Ask an authority to vouch for this entity: the request, and the way to its inbox."""

from collections.abc import Mapping
from datetime import datetime

from config.settings import NodeSettings
from gateway.administration.context import Settings, identity
from gateway.administration.errors import OperationRefused
from gateway.app.wiring import profile
from gateway.authority.statements import authority_metadata
from gateway.cli.trust.authorities import statement_of
from gateway.federation.entity_configuration import node_statement_metadata
from gateway.http.authority.enrolments import JWT_TYPE
from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.ports import KeyVault, PeerRequest, PeerResponse, Transport
from trust import claims, strict_json
from trust.errors import TrustError
from trust.federation.enrolment import MAX_LIFE, build_enrolment_request
from trust.federation.entity_statement import StatementDraft
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.strict_json import JsonObject

_ACCEPT = "application/json"
_POST_S = 5.0
_MAX_ANSWER = 65_536
_MAX_WHY = 400
_TAKEN = 202


def vault_of(settings: Settings) -> FileKeyVault:
    """Open the keys of a node or of an authority. Raises ``KeyFilesRefused``."""
    needed = NODE_KEYS if isinstance(settings, NodeSettings) else ANCHOR_KEYS
    return open_vault(settings.base_dir / settings.keys.directory, needed=needed)


def request_of(settings: Settings, vault: KeyVault, keys: KeySet, *, at: datetime) -> bytes:
    """Sign a request to vouch for this node or intermediate as it is configured, with these federation keys."""
    draft = StatementDraft(
        subject=EntityId(identity(settings).entity_id),
        keys=keys,
        issued_at=at,
        expires_at=at + MAX_LIFE,
        metadata=_metadata(settings, vault),
    )
    return build_enrolment_request(draft, vault.signer(KeyUse.FEDERATION))


def _metadata(settings: Settings, vault: KeyVault) -> Mapping[str, JsonObject]:
    if isinstance(settings, NodeSettings):
        return node_statement_metadata(profile(settings), vault)
    own, marks = EntityId(settings.anchor.entity_id), bool(settings.marks.issues)
    return authority_metadata(own, settings.anchor.name, marks=marks, resolves=True)


def send_request(transport: Transport, authority: EntityId, request: bytes, *, at: datetime) -> None:
    """Bring a request to an authority's inbox. Raises ``OperationRefused``, ``TransportError`` and ``TrustError``."""
    stated = statement_of(transport, authority, now=at).metadata.get(FEDERATION_ENTITY, {})
    inbox = parse_federation_entity(stated, entity=authority).enrolment_endpoint
    if inbox is None:
        raise OperationRefused(
            f"{authority} takes no requests over the network; nothing was changed. Write yours with --out and send it "
            "to its administrators."
        )
    answer = transport.send(
        PeerRequest(
            method="POST",
            url=inbox,
            headers={"Content-Type": JWT_TYPE},
            body=request,
            accept=_ACCEPT,
            max_bytes=_MAX_ANSWER,
            timeout_s=_POST_S,
        )
    )
    if answer.status != _TAKEN:
        raise OperationRefused(
            f"{authority} answered {answer.status} and did not take the request; nothing was changed.{_why(answer)} "
            "Ask its administrators, then repeat the command, or write the request with --out and send it to them."
        )


def _why(answer: PeerResponse) -> str:
    """Return what the authority says against the request, where it is one plain line."""
    try:
        document = strict_json.loads(answer.body, max_bytes=_MAX_ANSWER)
        why = claims.optional_str(document, "detail", max_len=_MAX_WHY) or claims.optional_str(document, "title")
    except TrustError:
        return ""
    return f" It says: {why}" if why else ""
