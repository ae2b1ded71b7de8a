"""Evidence of the asking side: leaves for a question as it is sent, answered, or refused here.

1. A question that is sent leaves one leaf, which names the members of the description that the holder was told, and one
   more once its answer was read, which names the fields that came. Silence leaves no second one.
2. A question that this node refuses itself leaves one *refused* leaf: under the message id that the question would have
   had and with its holder, or, where no holder was chosen, with the question's own id and no other agency.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.accountability.subject_buckets import person_keys
from gateway.evidence import recorder
from gateway.evidence.recorder import EvidenceEntry
from gateway.exchange.case_question import CaseQuestion
from gateway.ports import KeyVault
from trust.agreements.clause_selection import QuerySpec
from trust.agreements.denial import Denial
from trust.claims import digest
from trust.evidence.leaf import Leaf, LeafKind, dropped_members, message_key, subject_key
from trust.exchange.message import Message
from trust.exchange.person import Subject, subject_to_json
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRecord:
    """Make the leaves of this node's own questions."""

    own: EntityId
    vault: KeyVault

    def keys(self, question_id: str, subject: Subject) -> tuple[str, ...]:
        """Return the keys of a question's leaves in an access record: its own id, and all it says of the person."""
        key = self.vault.evidence_hmac_key()
        return message_key(key, self.own, question_id), *person_keys(key, subject)

    def sent_leaf(self, message: Message, subject: Subject, raw: bytes, at: datetime) -> Leaf:
        """Return the leaf of a message that is about to leave.

        It names the person by all that is known here (``subject``), so that one person has one name in it,
        however little each holder is told.
        """
        return replace(
            self._leaf(LeafKind.SENT, message, subject, at),
            message_digest=digest(raw),
            outcome_code="sent",
            fields=tuple(sorted(subject_to_json(message.subject))),
        )

    def received_leaf(
        self,
        sent: Leaf,
        reply: bytes,
        *,
        outcome: str,
        fields: tuple[str, ...],
        dropped: tuple[str, ...],
        at: datetime,
    ) -> Leaf:
        """Return the leaf of an answer to the message of the leaf ``sent``."""
        return replace(
            sent,
            kind=LeafKind.RECEIVED,
            at=at,
            outcome_code=outcome,
            answer_digest=digest(reply),
            fields=fields,
            dropped=dropped_members(dropped),
        )

    def refused_leaf(self, message: Message, code: str, at: datetime) -> Leaf:
        """Return the leaf of a message that this node does not send, and why."""
        leaf = self._leaf(LeafKind.REFUSED, message, message.subject, at)
        return replace(leaf, outcome_code="refused", reason_codes=(code,), fields=())

    def refused_question_leaf(self, question: CaseQuestion, code: str, at: datetime) -> Leaf:
        """Return the leaf of a question that no holder was chosen for, and why."""
        key = self.vault.evidence_hmac_key()
        return Leaf(
            kind=LeafKind.REFUSED,
            at=at,
            outcome_code="refused",
            reason_codes=(code,),
            message_iss=self.own,
            message_id=message_key(key, self.own, question.request_id),
            purpose=question.purpose,
            from_service=question.from_service,
            role=question.practitioner.role,
            subject_hmac=subject_key(key, question.subject),
            fields=(),
        )

    def refused_entry(self, leaf: Leaf, keys: tuple[str, ...], spec: QuerySpec, denial: Denial) -> EvidenceEntry:
        """Return the entry of a question that this node refuses itself, with what was wanted sealed beside the leaf."""
        decision = recorder.selection_entry(spec, denial, leaf.at, self.vault.evidence_hmac_key())
        entry = recorder.build_entry(replace(leaf, decision=decision.digests), keys)
        return recorder.with_decision(entry, decision, self.vault, {})

    def _leaf(self, kind: LeafKind, message: Message, subject: Subject, at: datetime) -> Leaf:
        key = self.vault.evidence_hmac_key()
        return Leaf(
            kind=kind,
            at=at,
            outcome_code=str(kind),
            peer=message.aud,
            message_iss=message.iss,
            message_id=message_key(key, message.iss, message.jti),
            agreement=message.agreement,
            clause=message.clause,
            purpose=message.purpose,
            from_service=message.from_service,
            to_service=message.to_service,
            subject_hmac=subject_key(key, subject),
            practitioner=message.practitioner.sub,
            role=message.practitioner.role,
        )
