"""Tell every past recipient of a person's data that it is corrected or erased (UK GDPR Article 19, scenario S14).

1. Each recipient gets a notice of its own, which names the message by which it was told.
2. One that may not be sent it costs no other its notice: the view names it, and a person tells it.
3. A repeat under the same key is the same notification: it sends what a crash left out, and nothing twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.callers import CaseCaller
from gateway.delivery.case_submission import CaseSubmission, RecipientPlan, SubmissionRefused
from gateway.delivery.submission import Submitter
from gateway.delivery.submission_view import DeliveryView, RecipientPreview, SentMessages, SubmissionView
from gateway.delivery.submission_view import preview_recipient as preview_plan
from gateway.notices.past_recipients import PastRecipient, PastRecipients
from gateway.ports import KeyVault
from trust.claims import keyed_digest
from trust.exchange.notice import parse_body

_ID_CHARACTERS = 22


class NoPastRecipient(Exception):
    """This service told no one of the person, as far back as its evidence goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRecipientView:
    """A service that was told something of the person: which fields, when last, and what it would be sent now.

    ``is_named`` says that its notice can name the message; the id of an old one is erased, and a person tells it then.
    """

    service: str
    at: datetime
    fields: tuple[str, ...]
    is_named: bool
    notice: RecipientPreview | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationPreview:
    """Every past recipient. Nothing is sent or stored."""

    recipients: tuple[PastRecipientView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationView:
    """One notification as it stands.

    ``overdue`` names the services that should have answered by now, ``not_reached`` those that no notice reaches: a
    person tells them.
    """

    id: str
    created_at: datetime
    summary: str
    overdue: tuple[str, ...]
    not_reached: tuple[str, ...]
    submissions: tuple[SubmissionView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlannedNotice:
    recipient: PastRecipient
    submission: CaseSubmission
    plan: RecipientPlan | None

    @property
    def is_possible(self) -> bool:
        return self.plan is not None and self.plan.refusal is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """Notices to all past recipients of this node."""

    past: PastRecipients
    submitter: Submitter
    sent_messages: SentMessages
    vault: KeyVault

    def preview(self, client_id: str, submission: CaseSubmission, *, now: datetime) -> NotificationPreview:
        """Return who was told, and what each would be sent."""
        return NotificationPreview(recipients=tuple(map(_view, self._plan_all(client_id, submission, now))))

    def send(self, caller: CaseCaller, submission: CaseSubmission, *, idempotency_key: str, now: datetime) -> str:
        """Send a notice to each past recipient, and return the notification's id.

        ``submission`` is the notice without recipients and without the message that it names.
        Raises :class:`NoPastRecipient`, :class:`SubmissionRefused` where no recipient can be sent one, and what
        ``Submitter.submit`` raises.
        """
        client = caller.client
        notification_id = self._id(client.client_id, idempotency_key)
        notices = self._plan_all(client.client_id, submission, now)
        if not notices:
            raise NoPastRecipient
        reached = [each for each in notices if each.is_possible]
        if not reached:
            raise SubmissionRefused(each.plan for each in notices if each.plan is not None)
        not_reached = tuple(str(each.recipient.service) for each in notices if not each.is_possible)
        for each in reached:
            notice = replace(each.submission, incident=notification_id, begins_incident=True, not_reached=not_reached)
            self._submit(client.client_id, notice, f"{idempotency_key} {each.recipient.service}", now)
        return notification_id

    def get(self, notification_id: str, caller: CaseCaller, *, now: datetime) -> NotificationView | None:
        """Return a notification of this caller, or ``None`` where it has none by that id."""
        submissions = self.sent_messages.of_incident(notification_id, caller, now=now)
        if not submissions or submissions[0].play is not None:
            return None
        deliveries = [delivery for each in submissions for delivery in each.deliveries]
        not_reached = tuple(sorted({service for each in submissions for service in each.not_reached}))
        return NotificationView(
            id=notification_id,
            created_at=submissions[0].created_at,
            summary=_summary(deliveries, not_reached),
            overdue=tuple(each.service for each in deliveries if each.overdue),
            not_reached=not_reached,
            submissions=submissions,
        )

    def _plan_all(self, client_id: str, submission: CaseSubmission, now: datetime) -> tuple[_PlannedNotice, ...]:
        person = submission.persons[0].subject
        past = self.past.of_person(person, submission.from_service)
        return tuple(self._plan(client_id, submission, each, now) for each in past)

    def _plan(
        self, client_id: str, submission: CaseSubmission, recipient: PastRecipient, now: datetime
    ) -> _PlannedNotice:
        if recipient.original is None:
            return _PlannedNotice(recipient=recipient, submission=submission, plan=None)
        document = submission.body.to_body()
        details = {**document["details"], "original": recipient.original}
        body = parse_body({**document, "details": details})
        notice = replace(submission, recipients=(recipient.service,), body=body)
        (plan,) = self.submitter.plan(client_id, notice, now=now)
        return _PlannedNotice(recipient=recipient, submission=notice, plan=plan)

    def _submit(self, client_id: str, notice: CaseSubmission, key: str, now: datetime) -> str:
        return self.submitter.submit(client_id, notice, idempotency_key=key, now=now)

    def _id(self, client_id: str, idempotency_key: str) -> str:
        name = f"notification\0{client_id}\0{idempotency_key}".encode()
        return keyed_digest(self.vault.evidence_hmac_key(), name)[:_ID_CHARACTERS]


def _view(notice: _PlannedNotice) -> PastRecipientView:
    recipient = notice.recipient
    return PastRecipientView(
        service=str(recipient.service),
        at=recipient.at,
        fields=recipient.fields,
        is_named=recipient.original is not None,
        notice=None if notice.plan is None else preview_plan(notice.plan),
    )


def _summary(deliveries: Iterable[DeliveryView], not_reached: Iterable[str]) -> str:
    every = tuple(deliveries)
    answers = sum(each.outcome is not None for each in every)
    untold = len(tuple(not_reached))
    rest = f"; a person has to tell {untold} more" if untold else ""
    return f"{answers} of {len(every)} past recipients have answered{rest}"
