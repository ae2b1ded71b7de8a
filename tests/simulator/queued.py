"""A sender of alerts, and recipients whose node a test plays: they take messages, or not, as the test says."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from threading import Lock
from typing import Any

from gateway.callers import CaseCaller, Practitioner
from gateway.delivery.case_submission import CaseSubmission
from gateway.federation.entity_configuration import BATCHES_PATH
from gateway.peers.refusals import read_refusal
from gateway.ports import LocalClient, PeerRequest, PeerResponse, TransportError
from gateway.store.tables import delivery_events, outbox
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.outbox import OutboxRow
from tests.simulator.clocks import SetClock
from tests.simulator.faults import MESSAGES
from tests.simulator.network import Network
from tests.simulator.town import ASKER, BY_ENTITY, COUNCIL, HOUSING, PURPOSE, TRUST
from tests.simulator.wire import Pass
from tests.support.positions import positions
from trust.claims import to_seconds
from trust.exchange.alert import ALERT_KIND, parse_body
from trust.exchange.batch import build_answers, read_batch
from trust.exchange.kind import kinds_by_name
from trust.exchange.message import Message, OpenedMessage, Urgency, open_message
from trust.exchange.person import parse_subject
from trust.exchange.persons import ConcernedPerson, Part
from trust.exchange.receipt import ArrivalProof, Receipt, ReceiptState, build_receipt
from trust.exchange.refusal import Refusal
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceSlug, parse_service_ref
from trust.keys import KeyUse
from trust.oauth.access_token import AccessToken, AccessTokenClaims
from trust.strict_json import JsonObject

RECIPIENTS = {TRUST: f"{TRUST}#mental-health", HOUSING: f"{HOUSING}#housing"}
FIELDS = ["persons.victim", "persons.child", "circumstances", "risk_level", "child_present"]
VICTIM = {"family_name": "Farrow", "given_names": "Lena", "birth_date": "1990-04-02"}
MAN = {"family_name": "Skell", "given_names": "Rufus", "birth_date": "1988-01-30"}
KINDS = kinds_by_name(ALERT_KIND)

_BODY = {
    "topic": "safeguarding",
    "details": {"risk_level": "high", "child_present": True},
    "statements": [
        {
            "field": "circumstances",
            "text": "She was seen with a fresh injury.",
            "about": ["p1"],
            "standing": "fact",
            "source": "key worker",
            "on": "2026-03-02",
        },
        {
            "field": "circumstances",
            "text": "He is said to have struck her.",
            "about": ["p1", "p2"],
            "standing": "allegation",
            "source": "neighbour",
            "on": "2026-03-02",
        },
    ],
}


def alert_clause(**changes: Any) -> dict[str, Any]:
    """Return a clause that lets the council send alerts to both recipients."""
    return {
        "id": "alert",
        "kind": "alert",
        "version": 1,
        "purpose": PURPOSE,
        "askers": [ASKER],
        "holders": list(RECIPIENTS.values()),
        "fields_by_role": {"key-worker": FIELDS},
        "basis": ["6-1-e", "ca2004-s10"],
        "existence": "unconditional",
        "keep_days": 90,
        "onward": "none",
        "topics": ["safeguarding"],
        **changes,
    }


def alert(*, recipients: tuple[str, ...] = (RECIPIENTS[TRUST],), **changes: Any) -> CaseSubmission:
    """Return an alert about a woman, told by what a man did, who is no part of what the clause grants."""
    values: dict[str, Any] = {
        "kind": ALERT_KIND,
        "topic": "safeguarding",
        "body": parse_body(_BODY),
        "persons": (
            ConcernedPerson(ref="p1", part=Part.VICTIM, subject=parse_subject(VICTIM, this_year=2026)),
            ConcernedPerson(ref="p2", part=Part.ALLEGED_PERPETRATOR, subject=parse_subject(MAN, this_year=2026)),
        ),
        "urgency": Urgency.RED,
        "recipients": tuple(parse_service_ref(each) for each in recipients),
        "purpose": PurposeCode(PURPOSE),
        "reason": "Seen on a visit.",
        "case_ref": "case-1",
        "practitioner": Practitioner(
            id="w-1", client="case-system", role=RoleCode("key-worker"), org_unit="north-team", call_back="01632 960111"
        ),
        "worker_name": "Ada Fellbrook",
        "from_service": ServiceSlug(ASKER.partition("#")[2]),
        "trace": "0" * 32,
        "request_id": token_urlsafe(8),
    }
    return CaseSubmission(**{**values, **changes})


@dataclass(slots=True)
class PlayedRecipient:
    """The node of a recipient, as far as messages go: it keeps what it took, and answers a repeat as it did first."""

    network: Network
    entity: EntityId
    effects: list[str] = field(default_factory=list)
    attempts: list[bytes] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    originals: dict[str, bytes] = field(default_factory=dict)
    refusal: Refusal | None = None
    away: bool = False
    loses_answers: bool = False
    problem: PeerResponse | None = None
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.network.wire.faults[self.entity] = self.answer

    def answer(self, request: PeerRequest, forward: Pass) -> PeerResponse:
        """Answer one request as the test wants it."""
        if self.away:
            raise TransportError(f"{self.entity}: no connection came about")
        if request.url.endswith(BATCHES_PATH):
            return self._answer_batch(request)
        if not request.url.endswith(MESSAGES):
            return forward()
        with self._lock:
            self.attempts.append(request.body)
            if self.problem is not None:
                return self.problem
            receipt = self._take(request.body)
        if self.loses_answers:
            raise TransportError(f"{self.entity}: the answer did not come within the time")
        return PeerResponse(status=200, content_type="application/jwt", headers={}, body=receipt)

    def _answer_batch(self, request: PeerRequest) -> PeerResponse:
        with self._lock:
            messages = read_batch(request.body)
            self.attempts += messages
            self.batches.append(len(messages))
            if self.problem is None:
                answers: list[bytes | JsonObject] = [self._take(each) for each in messages]
            else:
                refused = read_refusal(self.problem)
                item: JsonObject = {"status": refused.status, "code": refused.code}
                wait = {} if refused.retry_after_s is None else {"retry_after": refused.retry_after_s}
                answers = [{**item, **wait}] * len(messages)
        if self.loses_answers:
            raise TransportError(f"{self.entity}: the answer did not come within the time")
        return PeerResponse(status=200, content_type="application/json", headers={}, body=build_answers(answers))

    def opened(self, raw: bytes) -> OpenedMessage:
        """Open a message as this recipient."""
        sender = self.network.nodes[COUNCIL].vault.published(KeyUse.MESSAGE)
        return open_message(raw, sender_keys=sender, own_id=self.entity, now=self.network.clock.now(), kinds=KINDS)

    def messages(self) -> list[Message]:
        """Return the messages that were taken, in their order."""
        return [self.opened(raw).message for raw in dict.fromkeys(self.attempts)]

    def receipt(self, raw: bytes, state: ReceiptState, *, seq: int = 1, **members: Any) -> bytes:
        """Sign a receipt for a message."""
        return self.signed(self.opened(raw), state, seq=seq, **members)

    def signed(self, opened: OpenedMessage, state: ReceiptState, *, seq: int = 1, **members: Any) -> bytes:
        """Sign a receipt for an opened message, perhaps another recipient's."""
        now = to_seconds(self.network.clock.now())
        receipt = Receipt(
            iss=self.entity,
            aud=COUNCIL,
            iat=now,
            exp=now + 1_000_000,
            jti=token_urlsafe(16),
            from_service=opened.message.from_service,
            to_service=opened.message.to_service,
            request=opened.ref,
            state=state,
            at=now,
            seq=seq,
            **members,
        )
        return build_receipt(receipt, self.network.nodes[self.entity].vault.signer(KeyUse.MESSAGE))

    def post(self, raw: bytes, state: ReceiptState, *, seq: int, **members: Any) -> int:
        """Post a later receipt to the sender, and return the status of its answer."""
        receipt = self.receipt(raw, state, seq=seq, **members)
        return self.post_raw(receipt)

    def post_raw(self, receipt: bytes) -> int:
        """Post some bytes as a receipt."""
        http = self.network.nodes[COUNCIL].peer_app.test_client()
        answer = http.post("/exchange/v1/receipts", base_url=COUNCIL, data=receipt, content_type="application/jwt")
        return answer.status_code

    def in_case_system(self, raw: bytes, *, seq: int) -> int:
        """Post that the case system has a message."""
        return self.post(raw, ReceiptState.IN_CASE_SYSTEM, seq=seq, proof=ArrivalProof.HELD)

    def _take(self, raw: bytes) -> bytes:
        message = self.opened(raw).message
        if message.jti not in self.originals:
            state = ReceiptState.STORED if self.refusal is None else ReceiptState.FAILED
            self.originals[message.jti] = self.receipt(raw, state, reason=self.refusal)
            if self.refusal is None:
                self.effects.append(message.jti)
        return self.originals[message.jti]


@dataclass(slots=True, kw_only=True)
class Sending:
    """A council that sends alerts, its recipients, and what stands in its outbox."""

    network: Network
    recipients: dict[EntityId, PlayedRecipient]
    caller: CaseCaller

    @property
    def trust(self) -> PlayedRecipient:
        """The recipient of most alerts."""
        return self.recipients[TRUST]

    @property
    def clock(self) -> SetClock:
        """The clock of all nodes."""
        return self.network.clock

    def submit(self, submission: CaseSubmission | None = None, *, key: str | None = None) -> str:
        """Submit an alert, and return the id of its submission."""
        delivery = self.network.nodes[COUNCIL].delivery
        return delivery.submitter.submit(
            self.caller.client.client_id,
            submission or alert(),
            idempotency_key=key or token_urlsafe(8),
            now=self.clock.now(),
        )

    def drain(self) -> None:
        """Send what is due."""
        self.network.nodes[COUNCIL].delivery.relay.drain()

    def sweep(self) -> None:
        """Have the relay sweep."""
        self.network.nodes[COUNCIL].delivery.relay.sweep()

    def rows(self, submission: str) -> tuple[OutboxRow, ...]:
        """Return the deliveries of a submission."""
        return self.network.nodes[COUNCIL].store.read(lambda tx: outbox.of_submission(tx, submission=submission))

    def row(self, submission: str) -> OutboxRow:
        """Return the one delivery of a submission."""
        (row,) = self.rows(submission)
        return row

    def events(self, row: OutboxRow) -> list[tuple[str, str | None]]:
        """Return the events of a delivery."""
        found = self.network.nodes[COUNCIL].store.read(
            lambda tx: delivery_events.list(tx, message=row.message, side=DeliverySide.SENDER)
        )
        return [(each.event, each.code) for each in found]


def case_caller(network: Network) -> CaseCaller:
    """Return a case system of the council, as its guard found it."""
    client = LocalClient(
        client_id="case-system",
        name="Case system",
        jwks={"keys": []},
        positions=positions(["connecting-families"], ["key-worker"], ["north-team"]),
        created_at=network.clock.now(),
    )
    now = network.clock.now()
    token = AccessTokenClaims(
        iss=COUNCIL, sub="case-system", client_id="case-system", aud=COUNCIL, jti="t", iat=now, exp=now
    )
    return CaseCaller(client=client, token=AccessToken(token))


@contextmanager
def sending(
    folder: Path,
    *,
    played: Iterable[EntityId] = (TRUST, HOUSING),
    messages: Mapping[str, Mapping[str, int]] | None = None,
    more: Iterable[dict[str, Any]] = (),
    **clause: Any,
) -> Iterator[Sending]:
    """Make the network with an agreement on alerts, in force; the test plays the nodes ``played``.

    ``messages`` are the budgets of messages that differ from the defaults. The agreement has the clauses ``more``
    beside that on alerts.
    """
    network = Network(folder, [BY_ENTITY[each] for each in (COUNCIL, TRUST, HOUSING)], messages=messages)
    document = network.document()
    network.agree({**document, "clauses": [*document["clauses"], alert_clause(**clause), *more]})
    for each in RECIPIENTS:  # as the rounds of maintenance find the parties of agreements
        network.nodes[COUNCIL].directory.resolve(each, now=network.clock.now())
    try:
        yield Sending(
            network=network,
            recipients={each: PlayedRecipient(network, each) for each in played},
            caller=case_caller(network),
        )
    finally:
        network.close()
