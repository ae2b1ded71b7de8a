"""Evidence of a message that was received, for each way in which it can end (the profile's section 7).

A message that is answered leaves two leaves, one as received and one as answered or refused; both name the fields that
were released. One that comes again leaves one more each time, which names the fields that were given again, and so does
one under an id that stands for other bytes, which is told nothing. That is also an alarm: a flag for the administrator,
since a peer that does it is broken, restored wrongly, or not the peer (assertion A4).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from gateway.evidence import recorder
from gateway.evidence.recorder import Decided, EvidenceEntry, decision_entry
from gateway.exchange.answer import ServiceAnswer
from gateway.ports import KeyVault, Store, Transaction
from gateway.store.tables import flags
from trust import typed_json
from trust.claims import digest
from trust.evidence.leaf import Leaf, LeafKind, dropped_members
from trust.exchange.consent import consent_to_json
from trust.exchange.message import Message, OpenedMessage
from trust.exchange.question_signature import signature_of, signature_to_json
from trust.strict_json import JsonObject

ID_REUSED = "id_reused"
REPEATED = "repeated"
_MATCH = "match:"
BREAK_GLASS = "break_glass"
"""Stands before the code of an emergency among the reasons of a leaf."""


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
