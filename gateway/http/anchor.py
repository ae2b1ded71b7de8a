"""A trust anchor's public face: what it says of itself, of each member, and who its members are.

OpenID Federation 1.0 sections 8.1 and 8.2, in their first form: the fetch endpoint takes ``sub`` and the list endpoint
takes nothing; every other parameter is answered with ``unsupported_parameter``. A suspended or removed member is as
unknown as a stranger.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

from flask import Blueprint, Flask, Response, request

from gateway.http.face import Observer, build_face
from gateway.http.federation import STATEMENT_TYPE, SignedConfiguration, federation_blueprint
from gateway.http.guards import open_to_all
from gateway.ports import Clock, KeyVault, Store
from gateway.store import members
from gateway.store.members import Member
from trust import strict_json
from trust.errors import TrustError
from trust.federation import node_metadata, party_metadata
from trust.federation.entity_statement import (
    MAX_LIFE,
    StatementDraft,
    build_entity_configuration,
    build_subordinate_statement,
)
from trust.federation.party_metadata import FederationEntity
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer

FETCH_PATH = "/federation/v1/fetch"
LIST_PATH = "/federation/v1/list"


class MemberState(StrEnum):
    """What a member's ``state`` in the store may be."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFace:
    """What an anchor's face stands on."""

    entity_id: EntityId
    name: str
    vault: KeyVault
    store: Store
    clock: Clock


def create_anchor_app(face: AnchorFace, *, observer: Observer) -> Flask:
    """Return an anchor's public face as a WSGI application."""
    statement = anchor_configuration(face)
    return build_face(
        "anchor",
        [federation_blueprint(statement, clock=face.clock), members_blueprint(face)],
        max_body=0,
        observer=observer,
    )


def anchor_configuration(face: AnchorFace) -> SignedConfiguration:
    """Return the anchor's own statement; it names no superior."""
    member = FederationEntity(name=face.name, fetch_endpoint=face.entity_id + FETCH_PATH)
    entity = party_metadata.build_federation_entity(member) | {"federation_list_endpoint": face.entity_id + LIST_PATH}

    def sign(now: datetime) -> bytes:
        draft = StatementDraft(
            subject=face.entity_id,
            keys=face.vault.published(KeyUse.FEDERATION),
            issued_at=now,
            expires_at=now + MAX_LIFE,
            metadata={party_metadata.FEDERATION_ENTITY: entity},
        )
        return build_entity_configuration(draft, face.vault.signer(KeyUse.FEDERATION))

    return SignedConfiguration(sign, edition=face.vault.edition)


def members_blueprint(face: AnchorFace) -> Blueprint:
    """Return the fetch and list endpoints."""
    blueprint = Blueprint("members", __name__)
    public = open_to_all("federation endpoints: public by their standard, and signed")

    @blueprint.get(FETCH_PATH)
    @public
    def fetch() -> Response:
        if unsupported := set(request.args) - {"sub"}:
            return _unsupported(len(unsupported))
        subjects = request.args.getlist("sub")
        if len(subjects) != 1:
            return _error(HTTPStatus.BAD_REQUEST, "invalid_request", "Name exactly one entity as sub.")
        try:
            subject = parse_entity_id(subjects[0])
        except TrustError as refused:
            return _error(HTTPStatus.BAD_REQUEST, "invalid_request", refused.detail)
        member = face.store.read(lambda tx: members.get(tx, entity=subject))
        if member is None or member.state != MemberState.ACTIVE:
            return _error(HTTPStatus.NOT_FOUND, "not_found", "This anchor does not vouch for that entity.")
        statement = _stated(face, member)
        return Response(statement, content_type=STATEMENT_TYPE)

    @blueprint.get(LIST_PATH)
    @public
    def list_members() -> Response:
        if request.args:
            return _unsupported(len(request.args))
        every = face.store.read(members.list)
        active = [member.entity for member in every if member.state == MemberState.ACTIVE]
        return Response(strict_json.dumps(active), content_type="application/json")

    return blueprint


def _stated(face: AnchorFace, member: Member) -> bytes:
    signer = face.vault.signer(KeyUse.FEDERATION)
    return subordinate_statement(member, issuer=face.entity_id, signer=signer, now=face.clock.now())


def subordinate_statement(member: Member, *, issuer: EntityId, signer: Signer, now: datetime) -> bytes:
    """Sign what the anchor says of a member: that it vouches for these federation keys, and for its services' kinds.

    It overrides nothing else of the member's metadata, so a member rotates its other keys without asking.
    """
    draft = StatementDraft(
        subject=parse_entity_id(member.entity),
        keys=KeySet.from_jwks(dict(member.jwks), KeyUse.FEDERATION),
        issued_at=now,
        expires_at=now + MAX_LIFE,
        metadata={node_metadata.ENTITY_TYPE: node_metadata.state_service_kinds(member.metadata)},
    )
    return build_subordinate_statement(draft, signer, issuer=issuer)


def _unsupported(count: int) -> Response:
    what = "A parameter" if count == 1 else f"{count} parameters"
    return _error(HTTPStatus.BAD_REQUEST, "unsupported_parameter", f"{what} of the request cannot be served here.")


def _error(status: HTTPStatus, error: str, description: str) -> Response:
    """Answer as section 8.9 has it; the description repeats nothing of the request."""
    body = strict_json.dumps({"error": error, "error_description": description})
    return Response(body, status=status, content_type="application/json")
