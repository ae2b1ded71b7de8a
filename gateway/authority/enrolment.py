"""The queue of enrolment requests, which wait for an administrator to compare thumbprints (WIRE.md section 1).

The sender of a request is a stranger, so:

1. a request is verified as it is: nothing is ever fetched because of it (A35);
2. a request proves only that its maker holds its keys; one that was signed with other keys than the request that waits
   for the same entity does not replace it, and an older one does not come back;
3. a limited number waits, each until its own end, and a limited number is received in a minute;
4. a request that is signed with a key that this authority vouches for already, to renew a membership, proves its maker:
   it always finds room, replaces the one that waits, and counts against its member's limit and not the strangers';
5. a key that the member has revoked counts as a stranger's.
"""

from collections import defaultdict
from datetime import datetime

from gateway.authority.errors import EnrolmentQueueFull, EnrolmentRateExceeded, EnrolmentRefused
from gateway.ports import Store, Transaction
from gateway.runtime.rate_limit import RateLimit
from gateway.store.tables import enrolments, key_revocations, members
from gateway.store.tables.enrolments import WaitingEnrolment
from trust.errors import TrustError
from trust.federation.enrolment import EnrolmentRequest, parse_enrolment_request, refuse_replacement
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId

MOST_WAITING = 500
STRANGERS_A_MINUTE = 60
"""Strangers' requests that one process writes down in a minute."""
RENEWALS_A_MINUTE = 6
"""The same for one member."""


class EnrolmentQueue:
    """The requests to one authority. ``most`` of strangers' wait at most. Safe for several threads."""

    def __init__(self, own: EntityId, store: Store, *, most: int = MOST_WAITING) -> None:
        self._own = own
        self._store = store
        self._most = most
        self._strangers = RateLimit(STRANGERS_A_MINUTE)
        self._renewals: defaultdict[EntityId, RateLimit] = defaultdict(lambda: RateLimit(RENEWALS_A_MINUTE))

    def receive(self, raw: bytes, *, now: datetime) -> EnrolmentRequest:
        """Put a request into the queue and return it.

        Raises ``TrustError`` for one that does not verify, and :class:`EnrolmentRefused`.
        """
        request = parse_enrolment_request(raw, now=now)  # 1
        if request.entity_id == self._own:
            raise EnrolmentRefused("An authority does not vouch for itself.")
        by_member = self._store.read(lambda tx: _is_by_member(tx, request))
        if not (self._renewals[request.entity_id] if by_member else self._strangers).acquire(now):  # 3
            raise EnrolmentRateExceeded
        self._store.write(lambda tx: self._put(tx, request, raw, now))
        return request

    def _put(self, tx: Transaction, request: EnrolmentRequest, raw: bytes, now: datetime) -> None:
        by_member = _is_by_member(tx, request)
        earlier = enrolments.get(tx, entity=request.entity_id, now=now)
        if earlier is not None:
            _refuse_to_replace(request, earlier, by_member=by_member, now=now)
        waiting = WaitingEnrolment(entity=request.entity_id, raw=raw, received_at=now, expires_at=request.expires_at)
        if not enrolments.put(tx, waiting, most=None if by_member else self._most, now=now):
            raise EnrolmentQueueFull


def _is_by_member(tx: Transaction, request: EnrolmentRequest) -> bool:
    """Return whether an active member's own, vouched-for key signed a request."""
    member = members.get(tx, entity=request.entity_id)
    return (
        member is not None
        and member.state == SuspensionState.ACTIVE
        and request.signed_with in {key.get("kid") for key in member.jwks.get("keys", ())}
        and request.signed_with not in key_revocations.kids_of(tx, subject=request.entity_id)  # 5
    )


def _refuse_to_replace(request: EnrolmentRequest, earlier: WaitingEnrolment, *, by_member: bool, now: datetime) -> None:
    """Refuse a request that rules 2 and 4 do not let replace ``earlier``."""
    waiting = parse_enrolment_request(earlier.raw, now=now)
    if by_member and request.signed_with != waiting.signed_with:
        return
    try:
        refuse_replacement(request, held=waiting)
    except TrustError as refused:
        raise EnrolmentRefused(refused.detail) from refused
