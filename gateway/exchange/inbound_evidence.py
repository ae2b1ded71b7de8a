"""The sealed answer to a message that was received, and its evidence, for each way in which it can end.

A message that is answered leaves two leaves, one as received and one as answered or refused; both name the fields that
were released. One that comes again leaves one more each time, which names the fields that were given again, and so does
one under an id that stands for other bytes, which is told nothing. That is also an alarm: a flag for the administrator,
since a peer that does it is broken, restored wrongly, or not the peer (assertion A4).

The answer is sealed until the message expires. Beside the signed reply rests a digest of the decision that released it:
the match, what restricted the record, the reasons and the fields. It tells nothing of the person. The answer is given
again only where the same decision is made again, so that a restriction since then is obeyed (assertion A45).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from config.settings import ANSWER_AFTER_S
from gateway.accountability.rate_limits import QueryCharge
from gateway.evidence import recorder
from gateway.evidence.recorder import Decided, EvidenceEntry, decision_entry
from gateway.exchange.answer import ServiceAnswer
from gateway.exchange.services import HostedService
from gateway.keys.daily_seal import SealExpired
from gateway.ports import KeyVault, Store, Transaction
from gateway.store.tables import flags, messages
from trust import strict_json, typed_json
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.budget import Exceeded
from trust.agreements.clause import Clause
from trust.claims import digest
from trust.evidence.leaf import Leaf, LeafKind, dropped_members
from trust.exchange.consent import consent_to_json
from trust.exchange.envelope import MAX_BYTES
from trust.exchange.message import Message, OpenedMessage
from trust.exchange.question_signature import signature_of, signature_to_json
from trust.exchange.refusal import is_refusal
from trust.exchange.reply import TYP
from trust.jose import peek
from trust.strict_json import JsonObject

ID_REUSED = "id_reused"
REPEATED = "repeated"
_MATCH = "match:"
BREAK_GLASS = "break_glass"
"""Stands before the code of an emergency among the reasons of a leaf."""
_BETWEEN: Final = b"\n"
"""What separates reply and digest: no compact signature has it. An answer of an earlier version has no digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierAnswer:
    """A signed reply of this node, and the digest of its decision."""

    reply: bytes
    decision: str

    @property
    def body(self) -> JsonObject:
        """The body of the reply; its seal has proved that it is ours."""
        body: JsonObject = peek(self.reply, typ=TYP, max_bytes=MAX_BYTES).claims["body"]
        return body

    @property
    def is_refusal(self) -> bool:
        """Whether it is a refusal, which tells nothing and is always given again."""
        return is_refusal(self.body)

    def is_decided_as(self, answer: ServiceAnswer) -> bool:
        """Say whether an answer of now was decided as this one was."""
        return self.decision == _decision(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundContext:
    """An opened message, cut to what its service may be told, with what the store knows of it.

    ``name`` is this node's own name for it; ``prior`` the stored answer under its id, and ``earlier`` the same once it
    is opened; ``exceeded`` the rate limit that it exceeds.
    """

    opened_message: OpenedMessage
    name: str
    service: HostedService | None
    agreement: InForce | NotInForce | None
    clause: Clause | None
    usage: QueryCharge
    prior: messages.StoredReply | None
    exceeded: Exceeded | None
    ended_consents: frozenset[str]
    earlier: EarlierAnswer | None = None

    @property
    def message(self) -> Message:
        """The message itself."""
        return self.opened_message.message

    @property
    def step_s(self) -> float:
        """The step of time at which an answer that tells of no record goes out, in seconds."""
        return ANSWER_AFTER_S if self.service is None else self.service.answer_after_s

    @property
    def place(self) -> bytes:
        """What binds the sealed answer to this message, so that rows cannot be swapped in the store."""
        return f"reply {self.message.iss} {self.name}".encode()

    def leaf(self, answer: ServiceAnswer, now: datetime) -> Leaf:
        """Return the leaf of the message as received, with this answer."""
        return received_leaf(self.opened_message, answer, self.usage.subject, self.name, now)


def received_leaf(
    opened_message: OpenedMessage, answer: ServiceAnswer, subject: str | None, name: str, now: datetime
) -> Leaf:
    """Return the leaf of a message that was received, with what was found and released.

    ``subject`` is the keyed digest of a query's person, ``name`` that of the message's id.
    """
    message = opened_message.message
    return Leaf(
        kind=LeafKind.RECEIVED,
        at=now,
        peer=message.iss,
        message_iss=message.iss,
        message_id=name,
        message_digest=opened_message.digest,
        outcome_code=answer.outcome,
        reason_codes=(*answer.reasons, *_emergency(message)),
        agreement=message.under,
        clause=message.clause or None,
        ground=message.ground,
        purpose=message.purpose,
        from_service=message.from_service,
        to_service=message.to_service,
        subject_hmac=subject,
        practitioner=message.practitioner.sub,
        role=message.practitioner.role,
        fields=answer.fields,
        dropped=dropped_members(answer.dropped),
    )


def _emergency(message: Message) -> tuple[str, ...]:
    """Return the code under which the asker used break-glass, so that the leaf and the account show it."""
    code = message.practitioner.break_glass
    return () if code is None else (f"{BREAK_GLASS}:{code}",)


def question_entry(
    leaf: Leaf, opened_message: OpenedMessage, persons: Iterable[str], vault: KeyVault, decided: Decided
) -> EvidenceEntry:
    """Return the entry of a message that came for the first time.

    It is found by ``persons``, the keyed digests of what the question and the record that was found say of the person.
    Beside it rest, sealed, the decision, the message's own id and its signature
    (:mod:`trust.exchange.question_signature`), and the asker's record of the person's consent where the question was
    answered on it: one, or in a message of a queued kind one for each person who gave it.
    """
    decision = decision_entry(decided, vault.evidence_hmac_key())
    entry = recorder.build_entry(replace(leaf, decision=decision.digests), persons)
    consent = opened_message.message.consent
    consents = {each.ref: each.consent for each in opened_message.message.persons if each.consent is not None}
    signature = signature_to_json(signature_of(opened_message.raw))
    content = {"jti": opened_message.message.jti, **signature}
    if consent is not None and leaf.outcome_code != "refused":
        content["consent"] = consent_to_json(consent)
    if consents and leaf.outcome_code != "refused":
        content["consents"] = {ref: consent_to_json(each) for ref, each in consents.items()}
    return recorder.with_decision(entry, decision, vault, content)


def release_to_json(answer: ServiceAnswer) -> JsonObject | None:
    """Return what a release was decided on, and what came of it; none where no one was looked for."""
    match, *_ = (*answer.reasons, "")
    if answer.restrictions is None or not match.startswith(_MATCH):
        return None
    return {
        "match": match.removeprefix(_MATCH),
        "restrictions": typed_json.encode(answer.restrictions),
        "reasons": list(answer.reasons),
        "outcome": answer.outcome,
        "fields": list(answer.fields),
    }


def answer_leaf(first: Leaf, reply: bytes) -> Leaf:
    """Return the leaf of the answer to a message whose own leaf is ``first``."""
    kind = LeafKind.REFUSED if first.outcome_code == "refused" else LeafKind.ANSWERED
    return replace(first, kind=kind, answer_digest=digest(reply), dropped=())


def _free(_tx: Transaction) -> None:
    """Charge nothing."""


def record_again(
    store: Store, again: Leaf, reply: bytes, *, withheld: bool, charge: Callable[[Transaction], None] = _free
) -> None:
    """Put on record that a message came again: the earlier answer was given again, or is ``withheld`` now.

    Raises what ``charge`` does, and the store's ``StoreFull`` and ``StoreBusy``; the answer is not given then.
    """
    kind, outcome = (LeafKind.REFUSED, "refused") if withheld else (LeafKind.REPEATED, REPEATED)
    entry = recorder.build_entry(replace(again, kind=kind, outcome_code=outcome, answer_digest=digest(reply)))

    def effect(tx: Transaction) -> None:
        charge(tx)
        recorder.record(tx, entry)

    store.write(effect)


def record_conflict(store: Store, conflicting: Leaf, charge: Callable[[Transaction], None] = _free) -> None:
    """Put on record that an id came again with other bytes, and flag its sender. Raises as :func:`record_again`."""
    leaf = replace(conflicting, kind=LeafKind.REFUSED, outcome_code=ID_REUSED, reason_codes=(ID_REUSED,))
    entry = recorder.build_entry(leaf)

    def effect(tx: Transaction) -> None:
        charge(tx)
        recorder.record(tx, entry)
        flags.raise_flag(tx, code=ID_REUSED, asker=str(leaf.peer), at=leaf.at)

    store.write(effect)


def seal_answer(vault: KeyVault, reply: bytes, answer: ServiceAnswer, *, place: bytes) -> bytes:
    """Seal a reply with the digest of its decision."""
    return vault.seal_for_a_day(_BETWEEN.join((reply, _decision(answer).encode())), place)


def open_answer(vault: KeyVault, sealed: bytes, *, place: bytes) -> EarlierAnswer | None:
    """Open it again, or return none once its key is destroyed. Raises :class:`gateway.keys.sealed.SealBroken`."""
    try:
        reply, _, decision = vault.open_of_a_day(sealed, place).partition(_BETWEEN)
    except SealExpired:
        return None
    return EarlierAnswer(reply=reply, decision=decision.decode())


def _decision(answer: ServiceAnswer) -> str:
    return digest(strict_json.dumps(release_to_json(answer) or {}))
