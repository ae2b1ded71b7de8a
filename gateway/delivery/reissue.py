"""Messages that take the place of others: to another recipient, or to the same one where the first counts no more.

1. It is planned, decided and signed as a new submission would be, out of the sealed record of the first.
2. It names the message whose place it takes. That one is closed unless its recipient has it.
3. Both belong to one submission, whose sealed record gets the new plan.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.callers import Practitioner
from gateway.delivery import evidence, outbox
from gateway.delivery.case_submission import CaseSubmission, SubmissionRefused
from gateway.delivery.recipient_plan import PlannedMessage, RecipientPlanner
from gateway.delivery.sealed_records import open_request, seal_request
from gateway.delivery.submission import build_row
from gateway.evidence import recorder
from gateway.ports import KeyVault, Store, Transaction
from gateway.store.tables import outbox as rows
from gateway.store.tables import submissions
from gateway.store.tables.outbox import OutboxRow, OutboxState
from gateway.store.tables.submissions import SubmissionRow
from trust.exchange.kind import Kinds, QueuedBody
from trust.exchange.message import Handling, Message, Urgency
from trust.exchange.persons import read_persons
from trust.exchange.reader import Reader
from trust.identifiers import KindName, PurposeCode, RoleCode, ServiceRef, ServiceSlug, parse_service_ref
from trust.oauth.access_token import names_who_signed_in
from trust.strict_json import JsonObject

REDIRECTED, KEY_REVOKED = "redirected", "key_revoked"
"""Why a message was closed: a person sent it elsewhere, or its key was revoked before it was delivered."""


class NothingToReissue(Exception):
    """The submission of a message was erased, or its recipient knows no submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reissue:
    """A message that is ready to take another one's place."""

    earlier: OutboxRow
    submission: SubmissionRow
    content: CaseSubmission
    draft: PlannedMessage
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reissuer:
    """Make such messages."""

    store: Store
    vault: KeyVault
    planner: RecipientPlanner
    kinds: Kinds
    keep_trying: timedelta

    def prepare(self, row: OutboxRow, to: ServiceRef, *, now: datetime) -> Reissue:
        """Return the message for another recipient, decided and signed, and nothing stored.

        Raises :class:`SubmissionRefused` with what forbids it, and :class:`NothingToReissue`.
        """
        submission = self.store.read(lambda tx: submissions.get(tx, id=str(row.submission)))
        if submission is None or submission.sealed_request is None:
            raise NothingToReissue
        record = open_request(self.vault.seal_key(), submission.id, submission.sealed_request)
        content = _content(record, submission, self.kinds, to)
        if content.ground is not None and str(to) != row.service:
            raise NothingToReissue  # a person decided to tell that recipient, and no other
        (draft,) = self.planner.plan(content, submission.id, supersedes=record["messages"].get, now=now)
        if draft.message is None:
            raise SubmissionRefused([draft.plan])
        return Reissue(earlier=row, submission=submission, content=content, draft=draft, message=draft.message)

    def renew(self, row: OutboxRow, *, now: datetime) -> None:
        """Sign a message of a revoked key afresh for the same recipient, as :meth:`prepare` and :meth:`commit` do.

        Raises what :meth:`prepare` does.
        """
        reissue = self.prepare(row, parse_service_ref(row.service), now=now)

        def effect(tx: Transaction) -> None:
            current = rows.get(tx, message=row.message)
            if current is not None and current.state is row.state and current.superseded_by is None:
                self.commit(tx, reissue, now=now, actor=None, reason=KEY_REVOKED)

        self.store.write(effect)

    def commit(
        self, tx: Transaction, reissue: Reissue, *, now: datetime, actor: str | None, reason: str = REDIRECTED
    ) -> OutboxRow:
        """Queue the message, and close the earlier one unless its recipient has it."""
        key, earlier, plan = self.vault.evidence_hmac_key(), reissue.earlier, reissue.draft.plan
        row = build_row(reissue.draft, reissue.message, reissue.submission, key=key, expires_at=now + self.keep_trying)
        row = replace(row, supersedes=earlier.message)
        outbox.enqueue(tx, row, sealed=outbox.seal_outgoing(self.vault.seal_key(), row.message, reissue.draft.raw))
        recorder.record(tx, evidence.sent_entry(key, reissue.content, reissue.message, reissue.draft))
        rows.supersede(tx, message=earlier.message, by=row.message)
        if earlier.state is not OutboxState.STORED:
            outbox.end(tx, earlier, OutboxState.CLOSED, reason=reason, now=now, actor=actor)
        name = reissue.submission.id
        current = submissions.get(tx, id=name)  # another of its messages may have been replaced meanwhile
        if current is None or current.sealed_request is None:
            raise NothingToReissue
        record = open_request(self.vault.seal_key(), name, current.sealed_request)
        extended = {
            **record,
            "plans": [*(each for each in record["plans"] if each["service"] != str(plan.service)), plan.to_json()],
            "messages": {**record["messages"], str(plan.service): reissue.message.jti},
        }
        submissions.reseal(tx, id=name, sealed=seal_request(self.vault.seal_key(), name, extended))
        return row


def _content(record: JsonObject, row: SubmissionRow, kinds: Kinds, to: ServiceRef) -> CaseSubmission:
    """Return what a case system submitted, for another recipient."""
    kind, sender, handling = kinds[KindName(record["kind"])], record["practitioner"], record["handling"]
    body: QueuedBody = kind.parsers[max(kind.versions)](record["body"])  # type: ignore[assignment]  # of a queued kind
    deadline = record["deadline"]
    return CaseSubmission(
        kind=kind,
        topic=record["topic"],
        body=body,
        persons=read_persons(Reader(record), this_year=row.created_at.year),
        urgency=Urgency(record["urgency"]),
        recipients=(to,),
        purpose=PurposeCode(record["purpose"]),
        reason=record["reason"],
        case_ref=record["case_ref"],
        practitioner=Practitioner(
            id=sender["id"],
            client=None if names_who_signed_in(sender["id"]) else row.client_id,
            role=RoleCode(sender["role"]),
            org_unit=sender["org_unit"],
            call_back=sender["call_back"],
        ),
        worker_name=sender["name"],
        from_service=ServiceSlug(record["from_service"]),
        trace="",
        request_id=row.id,
        deadline=None if deadline is None else datetime.fromisoformat(deadline),
        handling=None if handling is None else Handling(**handling),
        incident=row.incident,
        ground=record.get("ground"),
    )
