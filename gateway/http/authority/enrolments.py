"""Take in requests to be vouched for, which wait for an administrator to compare thumbprints (WIRE.md section 1).

Whoever sends one is a stranger, so:

1. it is verified as it stands: nothing is ever fetched because of it (A35);
2. it proves only that its maker holds its keys; one that was signed with other keys than the request that waits for the
   same entity does not take its place, and an older one does not come back;
3. so many wait at most, each until its own end, and so many are taken in a minute;
4. one that is signed with a key that this authority vouches for already, to renew a membership, proves whose it is: it
   finds room, takes the place of the one that waits, and is counted with its member's own and not with strangers';
5. a key that the member has revoked is a stranger's.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response, request

from gateway.ports import Clock, Store, Transaction
from gateway.runtime.rate_limit import RateLimit
from gateway.store.tables import enrolments, key_revocations, members
from gateway.store.tables.enrolments import WaitingEnrolment
from gateway.web import problem
from gateway.web.bodies import read_body
from gateway.web.guards import open_to_all
from gateway.web.problem import Problem
from trust import strict_json
from trust.errors import TrustError
from trust.federation.enrolment import EnrolmentRequest, parse_enrolment_request, refuse_replacement
from trust.federation.entity_statement import MAX_BYTES
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.spoken_digits import digits_of_keys, spoken

ENROLMENTS_PATH = "/federation/v1/enrolments"
ENROLMENT_TYPE = "application/enrolment-request+jwt"
JWT_TYPE = "application/jwt"
MOST_WAITING = 500
TAKEN_A_MINUTE = 60
"""Strangers' requests that one process writes down in a minute."""
RENEWED_A_MINUTE = 6
"""The same for one member."""
_AGAIN_S = "60"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """Where requests to one authority wait."""

    own: EntityId
    store: Store
    clock: Clock
    most: int = MOST_WAITING


def enrolments_blueprint(inbox: Inbox) -> Blueprint:
    """Return the inbox's endpoint."""
    blueprint = Blueprint("enrolments", __name__)
    strangers = RateLimit(TAKEN_A_MINUTE)
    renewals: defaultdict[EntityId, RateLimit] = defaultdict(lambda: RateLimit(RENEWED_A_MINUTE))  # one for each member

    @blueprint.post(ENROLMENTS_PATH)
    @open_to_all("whoever asks to be admitted is a stranger yet; what is sent is believed by nobody")
    def enrol() -> Response:
        # A client need not know our own type; what the body is, its own typ says.
        own_type = (request.content_type or "").strip().lower() == ENROLMENT_TYPE
        raw = read_body(ENROLMENT_TYPE if own_type else JWT_TYPE, max_bytes=MAX_BYTES)
        now = inbox.clock.now()
        asked = parse_enrolment_request(raw, now=now)  # 1
        if asked.entity_id == inbox.own:
            raise Problem(problem.ENROLMENT_REFUSED, "An authority does not vouch for itself.")
        ours = inbox.store.read(lambda tx: _is_members(tx, asked))
        if not (renewals[asked.entity_id] if ours else strangers).acquire(now):  # 3
            raise Problem(problem.BUSY, headers={"Retry-After": _AGAIN_S})
        inbox.store.write(lambda tx: _keep(tx, inbox, asked, raw, now))
        return _taken(asked)

    return blueprint


def _is_members(tx: Transaction, asked: EnrolmentRequest) -> bool:
    """Tell whether an active member's own, vouched-for key signed a request."""
    member = members.get(tx, entity=asked.entity_id)
    return (
        member is not None
        and member.state == SuspensionState.ACTIVE
        and asked.signed_with in {key.get("kid") for key in member.jwks.get("keys", ())}
        and asked.signed_with not in key_revocations.kids_of(tx, subject=asked.entity_id)  # 5
    )


def _keep(tx: Transaction, inbox: Inbox, asked: EnrolmentRequest, raw: bytes, now: datetime) -> None:
    ours = _is_members(tx, asked)
    held = enrolments.get(tx, entity=asked.entity_id, now=now)
    if held is not None:
        _refuse_to_replace(asked, held, by_member=ours, now=now)
    waiting = WaitingEnrolment(entity=asked.entity_id, raw=raw, received_at=now, expires_at=asked.expires_at)
    if not enrolments.put(tx, waiting, most=None if ours else inbox.most, now=now):
        raise Problem(problem.ENROLMENT_QUEUE_FULL)


def _refuse_to_replace(asked: EnrolmentRequest, held: WaitingEnrolment, *, by_member: bool, now: datetime) -> None:
    """Refuse what rules 2 and 4 do not let take the place of ``held``."""
    waiting = parse_enrolment_request(held.raw, now=now)
    if by_member and asked.signed_with != waiting.signed_with:
        return
    try:
        refuse_replacement(asked, held=waiting)
    except TrustError as refused:
        raise Problem(problem.ENROLMENT_REFUSED, refused.detail) from refused


def _taken(asked: EnrolmentRequest) -> Response:
    number, listed = spoken(digits_of_keys(asked.thumbprints)), ", ".join(asked.thumbprints)
    document: strict_json.JsonObject = {
        "state": "waiting",
        "entity_id": asked.entity_id,
        "thumbprints": list(asked.thumbprints),
        "message": f"The request waits. Ring the administrators and read out {number} (key id {listed}).",
    }
    return Response(strict_json.dumps(document), status=HTTPStatus.ACCEPTED, content_type="application/json")
