"""Plays: list them, preview what each step would send, and send the steps that a worker confirmed.

1. A preview stores nothing. It shows each recipient with its fields and law, and what is missing or not permitted.
2. A run sends every step that the worker confirmed, or none: each fault of each step is named.
3. A run under the same key is the same incident. What was submitted is not submitted twice, and a step
   that a crash left out is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

from config.plays import Play, PlayStep
from gateway.agreements.registry import AgreementRegistry
from gateway.callers import CaseCaller, Practitioner
from gateway.delivery.case_submission import CaseSubmission, OfferedRoute, RecipientPlan
from gateway.delivery.submission import Submitter
from gateway.delivery.submission_view import SentMessages, SubmissionView, preview_recipient, suggestion
from gateway.exchange.case_question import EMERGENCY, LeftOut
from gateway.exchange.consent_checks import ResolveConsent
from gateway.plays.check import PlayFault, check_play
from gateway.plays.incident import Incident, IncidentBody, PlayKind, RunBody, StepChoice, StepPart, step_part
from gateway.ports import KeyVault
from gateway.web import problem
from gateway.web.problem import Problem
from trust.claims import keyed_digest
from trust.exchange.alert import ALERT
from trust.exchange.errors import Fault
from trust.exchange.message import Handling
from trust.exchange.risk import RiskAdvice
from trust.federation.opening_hours import Fallback
from trust.identifiers import EntityId, PurposeCode, ServiceSlug
from trust.strict_json import JsonObject

_ID_CHARACTERS = 22


class StepState(StrEnum):
    """Whether a step could be sent now."""

    READY = "ready"
    DROPPED = "dropped"
    """The adult victim does not agree, and the play then drops it."""
    INCOMPLETE = "incomplete"
    """The incident lacks something that the step needs."""
    REFUSED = "refused"
    """No agreement permits it, or the alleged perpetrator works at the recipient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayStepView:
    """One step of a play, before an incident is known."""

    id: str
    title: str
    kind: str
    topic: str
    service: str
    urgency: str
    persons: tuple[str, ...]
    details: tuple[str, ...]
    statements: tuple[str, ...]
    if_victim_says_no: str
    without: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayView:
    """A play. ``details`` and ``statements`` of its steps name what the worker fills in; ``faults`` what is amiss."""

    id: str
    title: str
    summary: str
    from_service: str
    roles: tuple[str, ...]
    steps: tuple[PlayStepView, ...]
    faults: tuple[PlayFault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayList:
    """The plays that this token's positions may run."""

    items: tuple[PlayView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFault:
    """Something that a step lacks, by the incident's own field."""

    member: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPreview:
    """What one step would send, to which service, under which law, and what it leaves out.

    ``missing`` is what the incident lacks, ``refusal`` why it may not be sent and ``remedy`` what would change that:
    a consent that is missing stands there.
    """

    step: str
    title: str
    state: StepState
    kind: str
    topic: str
    urgency: str
    service: str
    because: str
    if_victim_says_no: str
    service_name: str | None = None
    organisation: str | None = None
    agreement: str | None = None
    clause: str | None = None
    law: str | None = None
    fields: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    decide_by: datetime | None = None
    fallback: Fallback | None = None
    warning: str | None = None
    missing: tuple[StepFault, ...] = ()
    refusal: str | None = None
    remedy: str | None = None
    routes: tuple[OfferedRoute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewView:
    """Every step of a play for one incident, in order. Confirm or drop each of them in the run.

    ``suggested`` is what the incident's risk assessment suggests, for the worker to take or leave.
    """

    play: str
    steps: tuple[StepPreview, ...]
    left_out: tuple[LeftOut, ...] = ()
    suggested: RiskAdvice | None = None
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """One run of a play, with every recipient's outcome. ``dropped`` are the steps that the worker did not send."""

    id: str
    play: str
    created_at: datetime
    summary: str
    submissions: tuple[SubmissionView, ...]
    dropped: tuple[str, ...] = ()
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An incident and the worker who reports it."""

    caller: CaseCaller
    incident: Incident
    body: IncidentBody
    practitioner: Practitioner
    trace: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plays:
    """The plays of this node."""

    own: EntityId
    plays: Mapping[str, Play]
    kinds: Mapping[str, PlayKind]
    hosted: frozenset[ServiceSlug]
    agreements: AgreementRegistry
    submitter: Submitter
    sent_messages: SentMessages
    consents: ResolveConsent
    vault: KeyVault

    def check(self, play: Play, *, now: datetime) -> tuple[PlayFault, ...]:
        """Return what the agreements in force do not permit of a play."""
        standings = self.agreements.standings(now=now)
        return check_play(play, self.kinds, own=self.own, hosted=self.hosted, standings=standings)

    def view(self, play: Play, *, now: datetime) -> PlayView:
        """Return a play as the case API shows it."""
        return PlayView(
            id=play.id,
            title=play.title,
            summary=play.summary,
            from_service=play.from_service,
            roles=play.roles,
            steps=tuple(map(_step_view, play.steps)),
            faults=self.check(play, now=now),
        )

    def preview(self, play: Play, report: Report, *, now: datetime) -> PreviewView:
        """Return what each step would send. Nothing is stored and nothing leaves."""
        steps = tuple(self._preview(play, step, report, now) for step in play.steps)
        suggested = suggestion(ALERT, {"details": _assessment(play, report.incident)})
        return PreviewView(play=play.id, steps=steps, left_out=report.incident.left_out, suggested=suggested)

    def run(self, play: Play, report: Report, choices: RunBody, *, idempotency_key: str, now: datetime) -> str:
        """Send the confirmed steps in their order and return the incident's id.

        Raises :class:`Problem` with every fault of every step; nothing was sent then.
        """
        confirmed = [step for step in play.steps if choices.steps[step.id] is StepChoice.SEND]
        incident_id = self._incident_id(report.caller, idempotency_key)
        submitted = {
            each.play.step for each in self.sent_messages.of_incident(incident_id, report.caller, now=now) if each.play
        }
        previews = [self._preview(play, step, report, now) for step in confirmed if step.id not in submitted]
        faults = [fault for each in previews if each.state is not StepState.READY for fault in _faults(each)]
        if faults:
            raise Problem(problem.INVALID_FIELDS, "Nothing was sent.", faults=faults)
        dropped = [step.id for step in play.steps if step not in confirmed]
        for step in confirmed:
            submission = replace(
                self._submission(play, step_part(step, self.kinds, report.incident), report),
                incident=incident_id,
                play={"id": play.id, "step": step.id, "dropped": dropped},
            )
            step_key = f"{idempotency_key} {step.id}"
            submitted.add(
                self.submitter.submit(report.caller.client.client_id, submission, idempotency_key=step_key, now=now)
            )
        return incident_id

    def incident(self, incident_id: str, caller: CaseCaller, *, now: datetime) -> IncidentView | None:
        """Return a run of this caller with all its outcomes, or ``None`` where it has none by that id."""
        submissions = self.sent_messages.of_incident(incident_id, caller, now=now)
        if not submissions or submissions[0].play is None:
            return None
        deliveries = [delivery for each in submissions for delivery in each.deliveries]
        outcomes = sum(delivery.outcome is not None for delivery in deliveries)
        return IncidentView(
            id=incident_id,
            play=submissions[0].play.id,
            created_at=submissions[0].created_at,
            summary=f"{outcomes} of {len(deliveries)} services have said what came of it",
            submissions=submissions,
            dropped=submissions[0].play.dropped,
        )

    def _preview(self, play: Play, step: PlayStep, report: Report, now: datetime) -> StepPreview:
        part = step_part(step, self.kinds, report.incident)
        preview = _unplanned(part)
        if preview.state is not StepState.READY:
            return preview
        (plan,) = self.submitter.plan(report.caller.client.client_id, self._submission(play, part, report), now=now)
        return _with_plan(preview, plan)

    def _submission(self, play: Play, part: StepPart, report: Report) -> CaseSubmission:
        if part.body is None or part.recipient is None:
            raise ValueError("only a step that is ready makes a submission")
        step, body = part.step, report.body
        return CaseSubmission(
            kind=self.kinds[step.kind].kind,
            topic=step.topic,
            body=part.body,
            persons=part.persons,
            urgency=step.urgency,
            recipients=(part.recipient,),
            purpose=PurposeCode(step.purpose),
            reason=body.reason,
            case_ref=body.case_ref,
            practitioner=report.practitioner,
            worker_name=body.practitioner.name,
            from_service=ServiceSlug(play.from_service),
            trace=report.trace,
            request_id=report.request_id,
            handling=Handling(withhold_from_subject=True) if body.withhold_from_subject else None,
            left_out=report.incident.left_out,
        )

    def _incident_id(self, caller: CaseCaller, idempotency_key: str) -> str:
        """Return the id of a run, the same for a repeated request and without a meaning to any other client."""
        name = f"incident\0{caller.client.client_id}\0{idempotency_key}".encode()
        return keyed_digest(self.vault.evidence_hmac_key(), name)[:_ID_CHARACTERS]


def _assessment(play: Play, incident: Incident) -> JsonObject:
    """Return the details that the alerts of a play would tell, by the names that they have in an alert."""
    return {
        name: incident.details[source]
        for step in play.steps
        if step.kind == ALERT
        for name, source in step.details.items()
        if source in incident.details
    }


def _step_view(step: PlayStep) -> PlayStepView:
    return PlayStepView(
        id=step.id,
        title=step.title,
        kind=step.kind,
        topic=step.topic,
        service=step.to,
        urgency=str(step.urgency),
        persons=tuple(map(str, step.persons)),
        details=tuple(dict.fromkeys(step.details.values())),
        statements=tuple(dict.fromkeys(step.statements.values())),
        if_victim_says_no=str(step.if_victim_says_no),
        without=step.without,
        because=step.because,
    )


def _unplanned(part: StepPart) -> StepPreview:
    """Return the preview of a step before its recipient was looked at."""
    step = part.step
    state, refusal, remedy = StepState.READY, None, None
    if part.dropped:
        state = StepState.DROPPED
    elif part.body is None:
        state = StepState.INCOMPLETE
    elif part.recipient is None:
        state, refusal = StepState.REFUSED, "An alleged perpetrator works at this service."
        remedy = "Ring a person there who can act, or send to another service."
    return StepPreview(
        step=step.id,
        title=step.title,
        state=state,
        kind=step.kind,
        topic=step.topic,
        urgency=str(step.urgency),
        service=str(part.recipient or step.to),
        because=step.because,
        if_victim_says_no=str(step.if_victim_says_no),
        missing=tuple(StepFault(member=each.path, problem=each.problem) for each in part.faults),
        refusal=refusal,
        remedy=remedy,
    )


def _with_plan(preview: StepPreview, plan: RecipientPlan) -> StepPreview:
    recipient = preview_recipient(plan)
    state = StepState.READY if recipient.refusal is None else StepState.REFUSED
    return replace(preview, state=state, **{each.name: getattr(recipient, each.name) for each in fields(recipient)})


def _faults(preview: StepPreview) -> tuple[Fault, ...]:
    """Return why a confirmed step cannot be sent."""
    path = f"steps.{preview.step}"
    if preview.state is StepState.DROPPED:
        return (Fault(path=path, problem="is dropped by the play, since the adult victim does not agree; drop it"),)
    if preview.state is StepState.INCOMPLETE:
        return tuple(Fault(path=f"{path}: {each.member}", problem=each.problem) for each in preview.missing)
    return (Fault(path=path, problem=f"{preview.refusal} {preview.remedy}"),)
