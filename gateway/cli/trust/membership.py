"""Ask an authority to vouch for this entity: the request, and the way to its inbox."""

from datetime import datetime

from config.settings import NodeSettings
from gateway.assembly import profile
from gateway.cli.faults import Refused
from gateway.http.federation import node_statement_metadata
from gateway.ports import KeyVault, PeerRequest, Transport
from trust.federation.enrolment import MAX_LIFE, build_enrolment_request
from trust.federation.entity_statement import StatementDraft
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

ENROLMENTS_PATH = "/federation/v1/enrolments"
ENROLMENT_TYPE = "application/jwt"
_ACCEPT = "application/json"
_POST_S = 5.0
_MAX_ANSWER = 65_536
_TAKEN = 202


def node_request(settings: NodeSettings, vault: KeyVault, keys: KeySet, *, at: datetime) -> bytes:
    """Sign a request to vouch for this node as it is configured, with these federation keys."""
    draft = StatementDraft(
        subject=EntityId(settings.node.entity_id),
        keys=keys,
        issued_at=at,
        expires_at=at + MAX_LIFE,
        metadata=node_statement_metadata(profile(settings), vault),
    )
    return build_enrolment_request(draft, vault.signer(KeyUse.FEDERATION))


def send_request(transport: Transport, authority: EntityId, request: bytes) -> None:
    """Bring a request to an authority. Raises :class:`Refused` and ``TransportError``."""
    answer = transport.send(
        PeerRequest(
            method="POST",
            url=authority + ENROLMENTS_PATH,
            headers={"Content-Type": ENROLMENT_TYPE},
            body=request,
            accept=_ACCEPT,
            max_bytes=_MAX_ANSWER,
            timeout_s=_POST_S,
        )
    )
    if answer.status != _TAKEN:
        raise Refused(
            f"{authority} answered {answer.status} and did not take the request; nothing was changed. Ask its "
            "administrators, then repeat the command, or write the request with --out and send it to them."
        )
