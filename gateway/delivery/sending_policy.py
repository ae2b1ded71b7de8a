"""This node's own policy on a message of a queued kind, applied when it is submitted and before each attempt to send.

1. The recipient is trusted now, offers the service, and speaks the kind.
2. It has every trust mark that the agreement demands.
3. :func:`trust.agreements.decision.decide_request` permits the message, as the recipient will decide it, and nothing
   tells a restricted place to a recipient that may not learn it.

What one batch needs again is looked up once: the recipient by its name, the agreement by its version.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from gateway.agreements.registry import AgreementRegistry, detail_for
from gateway.exchange.consent_checks import ConsentChecks, shows_consent
from gateway.exchange.services import NOTHING_WITHDRAWN, ServiceRegistry
from gateway.ports import Store, TrustResolver
from gateway.restrictions.places import PlaceFinding, Places
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.decision import Denial, Permit, RequestFacts, decide_request
from trust.agreements.location import tells_place
from trust.agreements.queued import ServiceKinds
from trust.agreements.required_marks import deny_missing, missing_marks
from trust.errors import Untrusted
from trust.exchange.errors import MalformedBody, UnsupportedKind
from trust.exchange.kind import Kinds, QueuedBody, parse_query
from trust.exchange.message import AgreementRef, Message
from trust.exchange.refusal import Refusal
from trust.federation.chain import TrustedEntity
from trust.federation.node_metadata import ServiceEntry
from trust.federation.trust_mark import valid_types
from trust.identifiers import EntityId, KindName, ServiceRef

NOT_TRUSTED = Refusal(
    code="untrusted",
    reason="No trust anchor vouches for it at present, so nothing is sent to it.",
    remedy="Ring its duty line, and send to the other services without it.",
)
NOT_OFFERED = Refusal(
    code="withdrawn",
    reason="Its node no longer offers this service.",
    remedy="Ring the agency, and send to the service that took its place.",
)
NOT_SPOKEN = Refusal(
    code="kind_not_spoken",
    reason="Its node does not take messages of this kind.",
    remedy="Ring its duty line. Its administrator can bring its node up to date.",
)

PLACE_RESTRICTED = Refusal(
    code="place_restricted",
    reason="It tells where a person lives whose place was restricted after it was queued.",
    remedy="Send it again: what tells the place is then left out. If a person is in danger, ring the service.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A trusted agency and one of its services."""

    party: TrustedEntity
    entry: ServiceEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingPolicy:
    """Decide whether messages may leave."""

    own: EntityId
    directory: TrustResolver
    agreements: AgreementRegistry
    services: ServiceRegistry
    kinds: Kinds
    places: Places
    store: Store
    consents: ConsentChecks

    def begin(self, now: datetime) -> "PolicyBatch":
        """Return the policy for one batch of messages."""
        return PolicyBatch(policy=self, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBatch:
    """The policy at one moment. Safe for several threads: the same value may be looked up twice, and is the same."""

    policy: SendingPolicy
    now: datetime
    _parties: dict[EntityId, TrustedEntity] = field(default_factory=dict)
    _agreements: dict[AgreementRef, InForce | NotInForce | None] = field(default_factory=dict)

    def party(self, entity: EntityId) -> TrustedEntity:
        """Return an agency that is trusted now. Raises :class:`trust.errors.Untrusted`."""
        party = self._parties.get(entity)
        if party is None:
            party = self._parties[entity] = self.policy.directory.resolve(entity, now=self.now, urgent=True)
        return party

    def recipient(self, service: ServiceRef, kind: KindName) -> Recipient | Refusal:
        """Return a service that messages of this kind may be sent to, or why none may."""
        try:
            party = self.party(service.entity)
        except Untrusted:
            return NOT_TRUSTED
        entry = next((each for each in _services(party) if each.slug == service.service), None)
        if entry is None or party.node is None:
            return NOT_OFFERED
        if kind not in party.node.kinds_supported:
            return NOT_SPOKEN
        return Recipient(party=party, entry=entry)

    def decide(self, message: Message) -> Permit | Refusal:
        """Return what permits a message to leave now, or why it may not."""
        recipient = self.recipient(message.holder, message.kind)
        if isinstance(recipient, Refusal):
            return recipient
        agreement = self._agreement(message.agreement)
        if agreement is not None:
            missing = missing_marks(
                agreement.agreement.marks_of(message.aud), valid_types(recipient.party.marks, now=self.now)
            )
            if missing:
                return deny_missing(message.aud, missing).refusal
        decision = self._decide(message, agreement, recipient.entry.kind)
        return decision.refusal if isinstance(decision, Denial) else decision

    def decide_again(self, message: Message) -> Permit | Refusal:
        """Decide on a message that was signed before: it may not tell a place that was restricted since (A47)."""
        decision = self.decide(message)
        if isinstance(decision, Refusal) or decision.place is None or not decision.place.hides:
            return decision
        body, finding = self._body(message), self.place(message)
        rest = cast("QueuedBody", decision.query)
        if body is None or finding is None or not tells_place(message, body, rest, finding.place):
            return decision
        return PLACE_RESTRICTED

    def place(self, message: Message) -> PlaceFinding | None:
        """Return what restricts the places of a message's persons for its recipient."""
        body = self._body(message)
        return None if body is None else self.policy.places.of_message(message, body, now=self.now)

    def _body(self, message: Message) -> QueuedBody | None:
        try:
            return cast("QueuedBody", parse_query(self.policy.kinds, message.kind, message.version, message.body))
        except (MalformedBody, UnsupportedKind):
            return None

    def _decide(self, message: Message, agreement: InForce | NotInForce | None, kind: str) -> Permit | Denial:
        finding = self.place(message)
        service, own = self.policy.services.get(message.from_service), self.policy.own
        facts = RequestFacts(
            sender=own,
            caller=own,
            message=message,
            token_details=(detail_for(message.agreement, message.purpose, message.kind),),
            sender_marks=self._own_marks(agreement),
            services=ServiceKinds(sender=service.kind if service else None, recipient=kind),
            location=None if finding is None else finding.restriction,
            ended_consents=self._ended_consents(message),
        )
        return decide_request(
            facts,
            agreement=agreement,
            local=service.policy if service else NOTHING_WITHDRAWN,
            own=message.aud,
            now=self.now,
            kinds=self.policy.kinds,
        )

    def _ended_consents(self, message: Message) -> frozenset[str]:
        """Read it for each attempt: a consent may end between two of them."""
        if not shows_consent(message):
            return frozenset()
        return self.policy.store.read(lambda tx: self.policy.consents.ended(tx, message))

    def _own_marks(self, agreement: InForce | NotInForce | None) -> frozenset[str]:
        """Return this node's valid trust marks where the agreement demands some; the recipient checks them too."""
        if agreement is None or not agreement.agreement.marks_of(self.policy.own):
            return frozenset()
        try:
            return valid_types(self.party(self.policy.own).marks, now=self.now)
        except Untrusted:
            return frozenset()

    def _agreement(self, ref: AgreementRef) -> InForce | NotInForce | None:
        if ref not in self._agreements:
            self._agreements[ref] = self.policy.agreements.find(ref, now=self.now)
        return self._agreements[ref]


def _services(party: TrustedEntity) -> tuple[ServiceEntry, ...]:
    return party.node.services if party.node else ()
