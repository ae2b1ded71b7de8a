"""The leaf: what a node commits to about one message, so that it can be proved later without having been kept.

A leaf holds digests, codes, and keyed pseudonyms; never a name, an identifier of the person, or what was answered. Its
bytes are canonical JSON, its hash that of RFC 6962 section 2.1 (a zero byte before the leaf, so that no leaf can pass
for a node of the tree).
"""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from trust.claims import keyed_digest
from trust.exchange.message import AgreementRef
from trust.exchange.person import Subject
from trust.identifiers import ClauseId, EntityId, PurposeCode
from trust.strict_json import JsonObject, dumps

VERSION = 1
LEAST_KEY_BYTES = 32
_LEAF_PREFIX = b"\x00"
_SUBJECT_DOMAIN = "hearthgate subject v1"
MAX_DROPPED = 16
"""Names of dropped members in one leaf; what is beyond them is counted."""
_MEMBER = re.compile(r"[a-z]{1,24}(?:_[a-z]{1,24}){0,3}(?:\[\])?")


class LeafKind(StrEnum):
    """What happened to the message."""

    SENT = "sent"
    RECEIVED = "received"
    ANSWERED = "answered"
    REFUSED = "refused"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One thing that happened to one message.

    ``peer`` is the other agency; ``message_digest`` and ``answer_digest`` are digests of the signed bytes;
    ``subject_hmac`` comes from :func:`subject_key`; ``practitioner`` is the pseudonym of the message. ``agreement``,
    ``clause`` and the others are ``None`` where a message was refused before they could be read. ``dropped`` comes from
    :func:`dropped_members`.
    """

    kind: LeafKind
    at: datetime
    peer: EntityId
    message_iss: EntityId
    message_jti: str
    message_digest: str
    outcome_code: str
    reason_codes: tuple[str, ...] = ()
    answer_digest: str | None = None
    agreement: AgreementRef | None = None
    clause: ClauseId | None = None
    purpose: PurposeCode | None = None
    subject_hmac: str | None = None
    practitioner: str | None = None
    dropped: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the canonical bytes: the same leaf gives the same bytes everywhere and always."""
        agreement = self.agreement
        members: JsonObject = {
            "v": VERSION,
            "kind": str(self.kind),
            "at": self.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "peer": self.peer,
            "message": {"iss": self.message_iss, "jti": self.message_jti, "digest": self.message_digest},
            "answer": self.answer_digest,
            "agreement": agreement and {"id": agreement.id, "v": agreement.version, "digest": agreement.digest},
            "clause": self.clause,
            "purpose": self.purpose,
            "subject": self.subject_hmac,
            "practitioner": self.practitioner,
            "outcome": self.outcome_code,
            "reasons": list(self.reason_codes),
            "dropped": list(self.dropped) or None,
        }
        return dumps({name: value for name, value in members.items() if value is not None})


def leaf_hash(leaf: bytes) -> bytes:
    """Return the Merkle leaf hash of stored leaf bytes."""
    return hashlib.sha256(_LEAF_PREFIX + leaf).digest()


def dropped_members(names: Collection[str]) -> tuple[str, ...]:
    """Return what a leaf may say of body members that were dropped: their names, bounded, and never a person's.

    A name that a later version of the profile could not have given a member (lower-case words, no figures) may hold
    anything, so it is counted only, as are those beyond the first :data:`MAX_DROPPED`.
    """
    named = sorted(name for name in names if _MEMBER.fullmatch(name))[:MAX_DROPPED]
    others = len(names) - len(named)
    return (*named, f"({others} more)") if others else tuple(named)


def subject_key(hmac_key: bytes, subject: Subject) -> str:
    """Return this node's pseudonym for a person, from the strongest identifier in the description.

    The strongest is an identifier, else the name and birth date. The same person described by the same identifier gets
    the same pseudonym at this node, however the rest is spelt, and another at every other node. Without the key it
    cannot be tested against a list of people: HMAC-SHA-256, with 32 bytes of key at the least (a shorter one is the
    caller's mistake, ``ValueError``).
    """
    if len(hmac_key) < LEAST_KEY_BYTES:
        raise ValueError(f"the evidence key must have {LEAST_KEY_BYTES} bytes or more")
    return keyed_digest(hmac_key, dumps([_SUBJECT_DOMAIN, *_strongest(subject)]))


def _strongest(subject: Subject) -> tuple[str, ...]:
    for name in ("nhs_number", "upn", "nino", "pnc_id"):
        identifier = getattr(subject, name)
        if identifier:
            return (name, identifier)
    return (
        "name",
        (subject.family_name or "").casefold(),
        (subject.given_names or "").casefold(),
        subject.birth_date.isoformat() if subject.birth_date else "",
    )
