"""Rounds that expire consents, and tell every service that relies on one that it ended.

1. A consent whose last day is over ends as a withdrawal does.
2. Each relying service gets a notice of its own: one that may not be sent it costs no other its notice.
3. A service that no clause lets us send the notice to is told by a named worker: that is a task.
4. The worker who recorded a consent has a task from 14 days before its last day. It closes when the consent ends.
5. A round may be repeated at any moment: the notice to a service has one idempotency key.
"""

from dataclasses import dataclass, replace
from datetime import datetime, time
from functools import partial

from gateway.callers import CaseRefused, Practitioner
from gateway.consents.service import (
    CONSENT_ENDS,
    EXPIRY,
    TELL_SERVICE,
    WARN_WITHIN,
    day_of,
    end_consent,
    new_task,
)
from gateway.consents.storage import ConsentSeal, StoredConsent
from gateway.delivery.calendars import ZONE
from gateway.delivery.case_submission import CaseSubmission
from gateway.delivery.submission import Submitter
from gateway.ports import Store, Transaction
from gateway.runtime.background import Attempt
from gateway.store.tables import consents
from gateway.store.tables.consents import ConsentRow, ConsentUse
from gateway.telemetry import trace_context
from trust.consents.age import age_in_law
from trust.consents.authority import ADULT, Relation
from trust.consents.record import Consent, ConsentEvent, ConsentState
from trust.exchange.message import Urgency
from trust.exchange.notice import NOTICE_KIND, NoticeType, parse_body
from trust.exchange.persons import ConcernedPerson, Part
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceSlug, parse_service_ref

BATCH = 50
_CAUSES = {ConsentState.WITHDRAWN: "withdrawal", ConsentState.EXPIRED: EXPIRY}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentNotices:
    """Expire consents and send notices of those that ended."""

    own: EntityId
    store: Store
    seal: ConsentSeal
    submitter: Submitter
    attempt: Attempt

    def round(self, now: datetime) -> None:
        """Expire what has run out, and send the notices that are due."""
        today = day_of(now)
        for row in self.store.read(lambda tx: consents.to_expire(tx, today=today, limit=BATCH)):
            self.attempt("consent_expiry", partial(self._expire, row, now))
        last = today + WARN_WITHIN
        for row in self.store.read(lambda tx: consents.unwarned(tx, last=last, kind=CONSENT_ENDS, limit=BATCH)):
            self.attempt("consent_ends", partial(self._warn, row, now))
        for row in self.store.read(lambda tx: consents.to_notify(tx, limit=BATCH)):
            self.attempt("consent_notices", partial(self.notify, row.id, now))

    def notify_soon(self, consent: str, now: datetime) -> None:
        """Send the notices now if that works; a round sends them otherwise."""
        self.attempt("consent_notices", partial(self.notify, consent, now))

    def notify(self, consent: str, now: datetime) -> None:
        """Tell every service that relies on a consent that it ended.

        Raises the store's ``StoreFull`` and ``StoreBusy``; a round then does it again.
        """
        row = self.store.read(lambda tx: consents.get(tx, consent))
        if row is None or row.notices_due is None:
            return
        stored = self.seal.open(row.id, row.sealed)
        relying = self.store.read(lambda tx: consents.uses(tx, consent))
        refused = [use for use in relying if not self._send(row, stored, use, now)]
        tasks = [new_task(self.seal, row, TELL_SERVICE, stored.worker, now=now, about=use.service) for use in refused]

        def effect(tx: Transaction) -> None:
            for task in tasks:
                consents.put_task(tx, task)
            consents.mark_notified(tx, consent)

        self.store.write(effect)

    def _warn(self, row: ConsentRow, now: datetime) -> None:
        """Give the worker who recorded a consent the task to ask the person again before it ends."""
        if row.expires_on is None:
            return
        task = new_task(self.seal, row, CONSENT_ENDS, self.seal.open(row.id, row.sealed).worker, now=now)
        task = replace(task, due_at=datetime.combine(row.expires_on, time.min, ZONE))
        self.store.write(lambda tx: consents.put_task(tx, task))

    def _expire(self, row: ConsentRow, now: datetime) -> None:
        event = ConsentEvent(state=ConsentState.EXPIRED, at=now, by=EXPIRY)
        self.store.write(lambda tx: end_consent(tx, self.seal, row, own=self.own, event=event, worker=None))

    def _send(self, row: ConsentRow, stored: StoredConsent, use: ConsentUse, now: datetime) -> bool:
        """Submit the notice to one service; false where it may not be sent."""
        key = self.seal.digest("notice", row.id, use.service, use.purpose)
        notice = _notice(row, stored, use, now)
        try:
            return bool(self.submitter.submit(row.client_id, notice, idempotency_key=key, now=now))
        except CaseRefused:
            return False


def _notice(row: ConsentRow, stored: StoredConsent, use: ConsentUse, now: datetime) -> CaseSubmission:
    consent, worker = stored.consent, stored.worker
    state = ConsentState(row.state)
    ended_on = consent.expires_on if state is ConsentState.EXPIRED else day_of(row.ended_at or now)
    details = {
        "consent": consent.reference,
        "consent_ended_on": str(ended_on),
        "consent_ended_by": _CAUSES[state],
    }
    body = {"type": str(NoticeType.CONSENT_WITHDRAWN), "details": details, "statements": []}
    return CaseSubmission(
        kind=NOTICE_KIND,
        topic=str(NoticeType.CONSENT_WITHDRAWN),
        body=parse_body(body),
        persons=(ConcernedPerson(ref="p1", part=part_of(consent, now), subject=consent.subject),),
        urgency=Urgency.AMBER,
        recipients=(parse_service_ref(use.service),),
        purpose=PurposeCode(use.purpose),
        reason="A consent that the service relies on has ended.",
        case_ref=consent.reference,  # not the case's: its messages that are held would hold the notice back
        practitioner=Practitioner(
            id=worker.id,
            client=worker.client,
            role=RoleCode(worker.role),
            org_unit=worker.org_unit,
            call_back=worker.call_back,
        ),
        worker_name=worker.name,
        from_service=ServiceSlug(row.service),
        trace=trace_context.new_trace(),
        request_id=f"consent-{row.id}",
    )


def part_of(consent: Consent, now: datetime) -> Part:
    """Return the part under which a notice names the person: their own, never another's."""
    if consent.giver.relation is Relation.PERSON and consent.giver.is_alleged_perpetrator:
        return Part.ALLEGED_PERPETRATOR
    born = consent.subject.birth_date
    if born is not None and age_in_law(born, max(born, day_of(now)), consent.jurisdiction) < ADULT:
        return Part.CHILD
    return Part.OTHER
