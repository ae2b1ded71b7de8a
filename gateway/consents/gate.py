"""Check of consents at the moment of release, at both ends.

1. By reference: a consent that this agency ended, or whose own agency gave notice that it ended, supports nothing.
2. By person, at the sender: a withdrawal or refusal here ends earlier consents (:mod:`trust.consents.status`).
3. By person, at the holder: the same, after the match. It is no reason to refuse before it: that would tell that the
   person is known.
4. A consent that is older than refusals are kept here supports nothing: what the person said since may be erased.
5. A service that is shown a consent relies on it, and is told of its end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.accountability.subject_buckets import person_keys
from gateway.consents.storage import ConsentSeal, may_be_same_person
from gateway.delivery.calendars import ZONE
from gateway.exchange.answer import PersonInSight
from gateway.ports import Transaction
from gateway.store.tables import consents
from trust.agreements.consent import SUBJECT
from trust.agreements.decision import PersonRestrictions
from trust.consents.record import id_of
from trust.consents.status import EndedConsent, withdrawn_roles
from trust.exchange.consent import ConsentRecord, ConsentRole
from trust.exchange.kind import QueuedBody
from trust.exchange.message import Message
from trust.exchange.notice import NoticeBody, NoticeType
from trust.exchange.person import Subject
from trust.identifiers import EntityId

WITHDRAWN = "consent:withdrawn"
"""The reason of an answer that a withdrawal withholds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A record of consent that a message shows, and the person it is about."""

    ref: str
    subject: Subject
    record: ConsentRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGate:
    """Say which consents of a message have ended, and what a person's withdrawal withholds."""

    own: EntityId
    seal: ConsentSeal
    retention: timedelta = timedelta(days=2_922)
    """For how long withdrawals and refusals are kept."""

    def ended(self, tx: Transaction, message: Message) -> frozenset[str]:
        """Return the persons of a message whose record of consent is known to have ended."""
        return frozenset(each.ref for each in _claims(message) if self._has_ended(tx, message, each))

    def note_use(self, tx: Transaction, message: Message, now: datetime) -> None:
        """Note that the recipient of a message of ours relies on the consents that it shows."""
        for each in _claims(message):
            consent = id_of(each.record.evidence)
            if consent is not None and consents.get(tx, consent) is not None:
                consents.note_use(tx, consent, service=str(message.holder), purpose=message.purpose, at=now)

    def take_notice(self, tx: Transaction, message: Message, body: QueuedBody, now: datetime) -> None:
        """Take a sender's notice that a consent of its own ended; other messages change nothing."""
        if isinstance(body, NoticeBody) and body.type is NoticeType.CONSENT_WITHDRAWN:
            consents.put_ended(tx, self.seal.key(message.iss, str(body.details["consent"])), at=now)

    def restrict(
        self, tx: Transaction, person: PersonInSight, restrictions: PersonRestrictions, /
    ) -> PersonRestrictions:
        """Add what the person's withdrawals withhold (:class:`gateway.exchange.answer.RestrictionSource`)."""
        record, message = person.message.consent, person.message
        if record is None:
            return restrictions
        subject = message.subject if person.record is None else person.record.person
        roles = self._withdrawn(tx, person.keys, subject, _Sharing.with_asker(message), record)
        if record.given_on <= (person.now - self.retention).date():  # 4
            roles = record.roles
        if not roles:
            return restrictions
        return replace(
            restrictions, withdrawn=restrictions.withdrawn | roles, reasons=(*restrictions.reasons, WITHDRAWN)
        )

    def _has_ended(self, tx: Transaction, message: Message, claim: _Claim) -> bool:
        if consents.has_ended(tx, self.seal.key(message.iss, claim.record.evidence)):
            return True
        if message.iss != self.own:
            return False
        keys = person_keys(self.seal.vault.evidence_hmac_key(), claim.subject)
        roles = self._withdrawn(tx, keys, claim.subject, _Sharing.with_holder(message), claim.record)
        return bool(roles & claim.record.roles - {ConsentRole.ENGAGEMENT})

    def _withdrawn(
        self, tx: Transaction, keys: Iterable[str], subject: Subject, sharing: "_Sharing", record: ConsentRecord
    ) -> frozenset[ConsentRole]:
        return withdrawn_roles(
            self._ended(tx, keys, subject), purpose=sharing.purpose, service=sharing.service, given_on=record.given_on
        )

    def _ended(self, tx: Transaction, keys: Iterable[str], subject: Subject) -> Iterator[EndedConsent]:
        for row in consents.against(tx, keys):
            consent = self.seal.open(row.id, row.sealed).consent
            ended_at = row.ended_at or row.created_at
            if may_be_same_person(consent.subject, subject):
                yield EndedConsent(consent=consent, ended_on=ended_at.astimezone(ZONE).date())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sharing:
    purpose: str
    service: str

    @classmethod
    def with_asker(cls, message: Message) -> "_Sharing":
        return cls(purpose=message.purpose, service=str(message.asker))

    @classmethod
    def with_holder(cls, message: Message) -> "_Sharing":
        return cls(purpose=message.purpose, service=str(message.holder))


def _claims(message: Message) -> tuple[_Claim, ...]:
    """Return the records of consent that a message shows, each with its person."""
    if message.consent is not None:
        return (_Claim(ref=SUBJECT, subject=message.subject, record=message.consent),)
    return tuple(
        _Claim(ref=each.ref, subject=each.subject, record=each.consent)
        for each in message.persons
        if each.consent is not None
    )
