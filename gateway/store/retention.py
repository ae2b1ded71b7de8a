"""Erase, at the end of their retention, what accounts for questions: practitioners' data, and the keys to persons.

1. At the asking agency: the account of a question (practitioner, case, reason), its messages, its sample and its use of
   break-glass.
2. At both: the keys by which a leaf is found by person and message, and signatures of questions.
3. Queries about misuse with their answers, and flags that were reviewed.
4. Decisions on sharing that wait for no review.
5. Queued messages with their submissions, answers and events, unless one still waits for a recipient or a person.
6. With a period of their own: consents that ended, with their persons' keys, uses and tasks.

The leaves stay. They hold pseudonyms, and with the keys gone no person and no question leads to them.
"""

from datetime import datetime

from sqlalchemy import BindParameter, bindparam, delete, func, or_, select, tuple_

from gateway.ports import Store, Transaction
from gateway.store.break_glass_schema import break_glass
from gateway.store.consent_schema import consent_keys, consent_tasks, consent_uses, consents
from gateway.store.delivery_schema import answers, delivery_events, inbox, outbox, submissions
from gateway.store.engine.statement import Statement
from gateway.store.engine.timestamps import to_microseconds
from gateway.store.housekeeping import BATCH, erase_all
from gateway.store.schema import flags, lookup_messages, lookups, misuse_asked, misuse_received, samples
from gateway.store.sharing_schema import AWAITS_REVIEW, sharing_decisions, sharing_keys
from gateway.store.tables import evidence_index, question_signatures
from gateway.store.tables.evidence_leaves import first_id

_BATCH: BindParameter[int] = bindparam("batch")
_BEFORE: BindParameter[int] = bindparam("before")
_OLD_LOOKUPS = (
    select(lookups.c.id)
    .where(lookups.c.keep_until < _BEFORE)
    .order_by(lookups.c.keep_until, lookups.c.id)
    .limit(_BATCH)
    .scalar_subquery()
)
"""The same lookups for each statement of one transaction."""
_RECEIVED = tuple_(misuse_received.c.holder, misuse_received.c.query)
_OLD_RECEIVED = (
    select(misuse_received.c.holder, misuse_received.c.query)
    .where(misuse_received.c.received_at < _BEFORE)
    .limit(_BATCH)
)
_OLD_ASKED = select(misuse_asked.c.query).where(misuse_asked.c.asked_at < _BEFORE).limit(_BATCH)
_FLAG = tuple_(flags.c.code, flags.c.asker, flags.c.day)
_OLD_FLAGS = (
    select(flags.c.code, flags.c.asker, flags.c.day)
    .where(flags.c.reviewed_at.is_not(None), flags.c.last_at < _BEFORE)
    .limit(_BATCH)
)
_OLD_DELIVERIES = (
    select(outbox.c.seq)
    .where(outbox.c.created_at < _BEFORE, or_(*(outbox.c.state == each for each in ("stored", "failed", "closed"))))
    .limit(_BATCH)
)
_OLD_INBOX = select(inbox.c.message).where(inbox.c.received_at < _BEFORE, inbox.c.sealed.is_(None)).limit(_BATCH)
_OLD_SUBMISSIONS = select(submissions.c.id).where(submissions.c.created_at < _BEFORE).limit(_BATCH)
_WITH_DELIVERIES = select(outbox.c.seq).where(outbox.c.submission == submissions.c.id).exists()
_OLD_DECISIONS = (
    select(sharing_decisions.c.id)
    .where(sharing_decisions.c.decided_at < _BEFORE, ~AWAITS_REVIEW)
    .order_by(sharing_decisions.c.decided_at, sharing_decisions.c.id)
    .limit(_BATCH)
    .scalar_subquery()
)
_ANSWER = tuple_(answers.c.message, answers.c.seq, answers.c.side)
_OLD_ANSWERS = select(answers.c.message, answers.c.seq, answers.c.side).where(answers.c.at < _BEFORE).limit(_BATCH)
_OLD_EVENTS = select(delivery_events.c.seq).where(delivery_events.c.at < _BEFORE).limit(_BATCH)
_OLD_CONSENTS = (
    select(consents.c.id)
    .where(
        consents.c.state != "granted",
        func.coalesce(consents.c.ended_at, consents.c.created_at) < _BEFORE,
        consents.c.notices_due.is_(None),
    )
    .order_by(consents.c.created_at, consents.c.id)
    .limit(_BATCH)
    .scalar_subquery()
)
_ERASE_CONSENTS = tuple(
    Statement(each)
    for each in (
        delete(consent_tasks).where(consent_tasks.c.consent.in_(_OLD_CONSENTS)),
        delete(consent_uses).where(consent_uses.c.consent.in_(_OLD_CONSENTS)),
        delete(consent_keys).where(consent_keys.c.consent.in_(_OLD_CONSENTS)),
        delete(consents).where(consents.c.id.in_(_OLD_CONSENTS)),
    )
)
_ERASE = tuple(
    Statement(each)
    for each in (
        delete(lookup_messages).where(lookup_messages.c.lookup_id.in_(_OLD_LOOKUPS)),
        delete(samples).where(samples.c.lookup_id.in_(_OLD_LOOKUPS)),
        delete(break_glass).where(break_glass.c.lookup_id.in_(_OLD_LOOKUPS)),
        delete(lookups).where(lookups.c.id.in_(_OLD_LOOKUPS)),
        delete(misuse_received).where(_RECEIVED.in_(_OLD_RECEIVED)),
        delete(misuse_asked).where(misuse_asked.c.query.in_(_OLD_ASKED)),
        delete(flags).where(_FLAG.in_(_OLD_FLAGS)),
        delete(sharing_keys).where(sharing_keys.c.decision.in_(_OLD_DECISIONS)),
        delete(sharing_decisions).where(sharing_decisions.c.id.in_(_OLD_DECISIONS)),
        delete(outbox).where(outbox.c.seq.in_(_OLD_DELIVERIES)),
        delete(inbox).where(inbox.c.message.in_(_OLD_INBOX)),
        delete(submissions).where(submissions.c.id.in_(_OLD_SUBMISSIONS.where(~_WITH_DELIVERIES))),
        delete(answers).where(_ANSWER.in_(_OLD_ANSWERS)),
        delete(delivery_events).where(delivery_events.c.seq.in_(_OLD_EVENTS)),
    )
)


def erase_consents(store: Store, *, before: datetime) -> int:
    """Erase consents that ended or were refused before a moment, batch by batch, and return how many rows went.

    The keyed name of each stays among the ended ones, and the leaves of messages that showed it.
    """
    values = {"before": to_microseconds(before), "batch": BATCH}
    return erase_all(lambda: store.erase(lambda tx: sum(tx.run(each, values) for each in _ERASE_CONSENTS)))


def erase_accounts(store: Store, *, before: datetime) -> int:
    """Erase what accounts for questions of before a moment, batch by batch, and return how many rows went."""
    return erase_all(lambda: store.erase(lambda tx: _erase(tx, before)))


def _erase(tx: Transaction, before: datetime) -> int:
    values = {"before": to_microseconds(before), "batch": BATCH}
    erased = sum(tx.run(statement, values) for statement in _ERASE)
    erased += evidence_index.erase_before(tx, before=first_id(before), batch=BATCH)
    return erased + question_signatures.erase_before(tx, before=first_id(before), batch=BATCH)
