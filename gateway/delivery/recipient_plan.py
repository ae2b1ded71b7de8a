"""The plan for each recipient of a submission: the clause, what it grants, and what is left out.

1. The clause that is selected for a named recipient is the one that a query would be sent under.
2. The decision about all that there is to say names what may be sent, and the message is cut to it before it is signed.
3. The recipient decides by the same rules, so a message that it must refuse is refused here.
4. What is left must be of a size that a peer reads.
5. A refusal for want of consent names the alerts that need none and that can be sent now (S8).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_urlsafe
from typing import cast

from gateway.callers import Practitioner
from gateway.delivery.calendars import Calendars, closed_service, fallback_of
from gateway.delivery.case_submission import CaseSubmission, OfferedRoute, PlanRefusal, RecipientPlan
from gateway.delivery.sending_policy import PolicyBatch, Recipient, SendingPolicy
from gateway.exchange.outbound import pseudonym
from gateway.exchange.peer_maintenance import away_now, warn
from gateway.ports import KeyVault
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.clause import Clause
from trust.agreements.clause_index import ClauseIndex
from trust.agreements.clause_selection import SelectedClause, explain_no_clause, select_indexed
from trust.agreements.decision import Permit
from trust.agreements.ground_clause import GroundTerms, grant_of_ground
from trust.agreements.location import LocationRuling, RestrictedPlace, protect_persons, protect_practitioner
from trust.agreements.minimise import cut_message
from trust.agreements.remaining_routes import CONSENT_DENIALS, remaining_routes
from trust.agreements.time_terms import DEFAULT_TERM, due_at
from trust.claims import to_seconds
from trust.exchange.alert import ALERT, ALERT_KIND, TOPICS, Topic
from trust.exchange.envelope import MAX_BYTES
from trust.exchange.kind import ClauseWords, QueuedBody
from trust.exchange.message import (
    WITHOUT_AGREEMENT,
    Handling,
    Message,
    PseudonymousPractitioner,
    Urgency,
    build_message,
)
from trust.exchange.persons import person_fields, persons_for_holder
from trust.exchange.refusal import Refusal
from trust.identifiers import EntityId, ServiceRef
from trust.keys import KeyUse
from trust.strict_json import JsonObject

TOO_LONG = "message_too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyAlert:
    """Any safeguarding alert, as far as a selection of clauses asks."""

    fields: frozenset[str] | None = None
    dropped: tuple[str, ...] = ()

    @property
    def clause_words(self) -> ClauseWords:
        """The topic that a clause must list."""
        return {TOPICS: frozenset({str(Topic.SAFEGUARDING)})}

    def to_body(self) -> JsonObject:
        """Return the topic."""
        return {"topic": str(Topic.SAFEGUARDING)}


_NONE = "no agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMessage:
    """What one recipient would get; ``message`` and ``raw`` are there unless the plan has a refusal."""

    plan: RecipientPlan
    message: Message | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientPlanner:
    """Plan and sign the messages of a submission."""

    own: EntityId
    vault: KeyVault
    policy: SendingPolicy
    calendars: Calendars

    def plan(
        self,
        submission: CaseSubmission,
        submission_id: str,
        *,
        supersedes: Callable[[str], str | None],
        now: datetime,
    ) -> tuple[PlannedMessage, ...]:
        """Return the plan for each recipient, in the order in which they were named.

        ``supersedes`` gives the id of the earlier message to a recipient, if there is one.
        """
        standings = self.policy.agreements.standings(now=now)
        index = self.policy.agreements.clause_index(now=now)
        selected = self._select(index, submission, now)
        run = _Run(
            planner=self,
            submission=submission,
            submission_id=submission_id,
            batch=self.policy.begin(now),
            now=now,
        )
        names = {party.entity: party.name for standing in standings for party in standing.agreement.parties}
        messages = []
        for service in dict.fromkeys(submission.recipients):
            organisation = names.get(service.entity, service.entity)
            plan = RecipientPlan(service=service, organisation=organisation, service_name=service.service)
            chosen = selected.get(service)
            if chosen is None:
                messages.append(_refuse(plan, _explain(standings, submission, self.own, service)))
            else:
                messages.append(run.plan(plan, chosen, supersedes(str(service))))
        if not any(_wants_consent(each.plan.refusal) for each in messages):
            return tuple(messages)
        binding = [each for each in standings if isinstance(each, InForce)]
        routes = tuple(run.routes(binding, names))
        return tuple(_offer(each, routes) for each in messages)

    def _select(
        self, index: ClauseIndex, submission: CaseSubmission, now: datetime
    ) -> Mapping[ServiceRef, SelectedClause]:
        """Return the clause for each recipient: an agreement's, or what the stated ground permits without one."""
        if submission.ground is None:
            return {each.holder: each for each in select_indexed(index, submission.spec(self.own))}
        return {
            service: SelectedClause(
                agreement=WITHOUT_AGREEMENT,
                title="",
                clause=grant_of_ground(submission.ground, self._terms(submission, service), submission.body, now=now),
                holder=service,
                fields=submission.body.fields,
            )
            for service in submission.recipients
        }

    def _terms(self, submission: CaseSubmission, recipient: ServiceRef) -> GroundTerms:
        kind = submission.kind
        return GroundTerms(
            kind=kind.name,
            version=max(kind.versions),
            purpose=submission.purpose,
            role=submission.practitioner.role,
            asker=ServiceRef(entity=self.own, service=submission.from_service),
            holder=recipient,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One submission on its way to its plans."""

    planner: RecipientPlanner
    submission: CaseSubmission
    submission_id: str
    batch: PolicyBatch
    now: datetime

    def plan(self, plan: RecipientPlan, selected: SelectedClause, supersedes: str | None) -> PlannedMessage:
        submission = self.submission
        agreement = _NONE if submission.ground else f"{selected.agreement.id}/{selected.agreement.version}"
        plan = replace(plan, agreement=agreement, clause=selected.clause.id, law=selected.clause.law)
        recipient = self.batch.recipient(selected.holder, submission.kind.name)
        if isinstance(recipient, Refusal):
            return _refuse(plan, recipient)
        plan = self._about_recipient(plan, selected.clause, recipient)
        whole = self._message(selected, supersedes, plan.decide_by)
        permit = self.batch.decide(whole)
        if isinstance(permit, Refusal):
            return _refuse(plan, permit)
        place = self.batch.place(whole) if permit.place is not None else None
        message = self._cut(whole, permit, selected, recipient.entry.kind)
        if place is not None and permit.place is not None:
            message = _protect(message, place.place, permit.place)
        raw = build_message(message, self.planner.vault.signer(KeyUse.MESSAGE))
        if len(raw) > MAX_BYTES:
            return _refuse(plan, _TOO_LONG)
        brought = submission.body.fields | person_fields(submission.persons)
        fields = permit.query.fields or frozenset()
        fields |= person_fields(message.persons)
        plan = replace(
            plan,
            fields=tuple(sorted(fields)),
            left_out=tuple(sorted(brought - fields)),
            persons=tuple(person.ref for person in message.persons),
        )
        return PlannedMessage(plan=plan, message=message, raw=raw)

    def routes(self, binding: Sequence[InForce], names: Mapping[EntityId, str]) -> Iterator[OfferedRoute]:
        """Yield the alerts that need no consent, to services that can be sent one now."""
        spec = replace(self.submission.spec(self.planner.own), kind=ALERT_KIND, query=AnyAlert(), holders=None)
        for route in remaining_routes(binding, replace(spec, consent=False)):
            recipient = self.batch.recipient(route.holder, ALERT)
            if not isinstance(recipient, Refusal):
                yield offer_route(route, names, recipient.entry.name)

    def _cut(self, whole: Message, permit: Permit, selected: SelectedClause, service_kind: str) -> Message:
        """Return the message as the clause grants it, each person described as far as this service may be told."""
        listed = selected.clause.subject_by_holder.get(selected.holder)
        persons, body = cut_message(whole, cast("QueuedBody", permit.query), permit.fields)
        is_released = permit.place is LocationRuling.RELEASED
        persons = persons_for_holder(persons, service_kind, listed, with_restricted=is_released)
        return replace(whole, persons=persons, body=body.to_body())

    def _about_recipient(self, plan: RecipientPlan, clause: Clause, recipient: Recipient) -> RecipientPlan:
        entry, urgency = recipient.entry, self.submission.urgency
        calendars = self.planner.calendars
        decide_by = due_at(clause.respond_within or DEFAULT_TERM, self.now, calendars.of_peer(entry), urgency=urgency)
        if self.submission.deadline is not None:
            decide_by = min(decide_by, self.submission.deadline)
        closed = closed_service(entry, calendars, at=self.now) if urgency is Urgency.RED else None
        away = away_now(recipient.party.node, self.now)
        fallback = fallback_of(entry, closed)
        return replace(
            plan,
            service_name=entry.name,
            decide_by=decide_by,
            fallback=fallback,
            warning=None if closed is None else closed.sentence,
            away=None if away is None else warn(away, fallback, is_red=urgency is Urgency.RED),
        )

    def _message(self, selected: SelectedClause, supersedes: str | None, decide_by: datetime | None) -> Message:
        """Return the message with all that there is to say."""
        submission, clause, holder = self.submission, selected.clause, selected.holder
        issued, pseudonym_key = to_seconds(self.now), self.planner.vault.pseudonym_key()
        return Message(
            iss=self.planner.own,
            aud=holder.entity,
            iat=issued,
            exp=issued + int(submission.kind.max_life.total_seconds()),
            jti=token_urlsafe(16),
            kind=clause.kind,
            version=clause.version,
            agreement=selected.agreement,
            clause=clause.id,
            purpose=clause.purpose,
            basis=clause.basis,
            from_service=submission.from_service,
            to_service=holder.service,
            practitioner=self._practitioner(submission.practitioner, holder.entity),
            persons=submission.persons,
            body=submission.body.to_body(),
            correlation=pseudonym(pseudonym_key, submission.incident or self.submission_id, holder.entity),
            supersedes=supersedes,
            urgency=submission.urgency,
            deadline=None if decide_by is None else to_seconds(decide_by),
            handling=submission.handling,
            ground=submission.ground,
        )

    def _practitioner(self, practitioner: Practitioner, holder: EntityId) -> PseudonymousPractitioner:
        key = self.planner.vault.pseudonym_key()
        return PseudonymousPractitioner(
            sub=pseudonym(key, practitioner.id, holder, client=practitioner.client),
            role=practitioner.role,
            org_unit=practitioner.org_unit,
            call_back=practitioner.call_back,
            name=self.submission.worker_name,
        )


_TOO_LONG = Refusal(
    code=TOO_LONG,
    reason=f"The message is longer than the {MAX_BYTES // 1024} kB that a node reads.",
    remedy="Shorten the statements, or send some of them in a second message.",
)


def _protect(message: Message, place: RestrictedPlace, ruling: LocationRuling) -> Message:
    """Return the message without the place and the team behind it; or marked, where the place is released."""
    if not ruling.hides:
        return replace(message, handling=replace(message.handling or Handling(), restricted_address=True))
    return replace(
        message,
        persons=protect_persons(message.persons, place.values),
        practitioner=protect_practitioner(message.practitioner, place),
    )


def offer_route(route: SelectedClause, names: Mapping[EntityId, str], service_name: str) -> OfferedRoute:
    """Return a safeguarding alert under a clause that needs no consent."""
    return OfferedRoute(
        kind=route.clause.kind,
        topic=str(Topic.SAFEGUARDING),
        purpose=route.clause.purpose,
        service=str(route.holder),
        organisation=names.get(route.holder.entity, route.holder.entity),
        service_name=service_name,
        agreement=f"{route.agreement.id}/{route.agreement.version}",
        clause=route.clause.id,
        law=route.clause.law,
    )


def _explain(
    standings: tuple[InForce | NotInForce, ...], submission: CaseSubmission, own: EntityId, service: ServiceRef
) -> Refusal:
    spec = replace(submission.spec(own), holders=frozenset({service}))
    return explain_no_clause(standings, spec).refusal


def _wants_consent(refusal: PlanRefusal | None) -> bool:
    return refusal is not None and refusal.code in CONSENT_DENIALS


def _offer(planned: PlannedMessage, routes: tuple[OfferedRoute, ...]) -> PlannedMessage:
    refusal = planned.plan.refusal
    if refusal is None or not _wants_consent(refusal):
        return planned
    return replace(planned, plan=replace(planned.plan, refusal=replace(refusal, routes=routes)))


def _refuse(plan: RecipientPlan, refusal: Refusal) -> PlannedMessage:
    refused = PlanRefusal(code=refusal.code, reason=refusal.reason, remedy=refusal.remedy)
    return PlannedMessage(plan=replace(plan, refusal=refused))
