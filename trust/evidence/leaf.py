"""The leaf: what a node commits to about one event, so that it can be proved later without having been kept.

A leaf holds digests, codes, names of fields and keyed pseudonyms; never a person's name or identifier, or an answer's
values. Its bytes are canonical JSON, its hash that of RFC 6962 section 2.1 (a zero byte before the leaf, so that no
leaf can pass for a node of the tree).

Version 2 is written. Version 1, with the message's own id in clear and without role, services and fields, is still
read, and written again to the same bytes.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from trust.claims import (
    keyed_digest,
    optional_object,
    optional_str,
    require_int,
    require_object,
    require_str,
    require_str_list,
)
from trust.errors import MalformedClaims
from trust.exchange.message import AgreementRef
from trust.exchange.person import Subject
from trust.identifiers import AgreementId, ClauseId, EntityId, PurposeCode, RoleCode, ServiceSlug
from trust.strict_json import JsonObject, dumps, loads

VERSION = 2
MAX_BYTES = 65_536
LEAST_KEY_BYTES = 32
_LEAF_PREFIX = b"\x00"
_SUBJECT_DOMAIN = "hearthgate subject v1"
_MESSAGE_DOMAIN = "hearthgate message v2"
_MAX_REASONS = 64
_MAX_FIELDS = 64
MAX_DROPPED = 16
"""Names of dropped members in one leaf; what is beyond them is counted."""
_MEMBER = re.compile(r"[a-z]{1,24}(?:_[a-z]{1,24}){0,3}(?:\[\])?")


class LeafKind(StrEnum):
    """The event: what happened to the message."""

    SENT = "sent"
    RECEIVED = "received"
    ANSWERED = "answered"
    REFUSED = "refused"
    REPEATED = "repeated"
    ESCALATED = "escalated"
    """A queued message that no one read, delivered or decided in time, and who was told."""
    JOURNAL = "journal"
    """No message: a line of the administrators' journal, whose digest is in ``answer_digest``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One event, most often of one message.

    ``peer`` is the other agency, and none where a question was refused before it had one. ``message_id`` comes from
    :func:`message_key` (in version 1 it is the id itself); ``message_digest`` and ``answer_digest`` are digests of the
    signed bytes, the first none for a question that was never signed. ``subject_hmac`` comes from :func:`subject_key`;
    ``practitioner`` is the pseudonym of the message. ``fields`` names what was released: of the record in an answer, of
    the person in a question; an empty one says that nothing was, none that the event releases nothing. ``dropped``
    comes from :func:`dropped_members`. ``ground`` is there in place of agreement and clause.
    ``decision`` is the digest of each input of the decision, by its name
    (:func:`trust.agreements.decision_record.input_digests`). Members are ``None`` where a message was refused before
    they could be read.
    """

    kind: LeafKind
    at: datetime
    outcome_code: str
    peer: EntityId | None = None
    message_iss: EntityId | None = None
    message_id: str | None = None
    message_digest: str | None = None
    reason_codes: tuple[str, ...] = ()
    answer_digest: str | None = None
    agreement: AgreementRef | None = None
    clause: ClauseId | None = None
    ground: str | None = None
    purpose: PurposeCode | None = None
    from_service: ServiceSlug | None = None
    to_service: ServiceSlug | None = None
    subject_hmac: str | None = None
    practitioner: str | None = None
    role: RoleCode | None = None
    fields: tuple[str, ...] | None = None
    dropped: tuple[str, ...] = ()
    decision: Mapping[str, str] | None = None
    version: int = VERSION

    def to_bytes(self) -> bytes:
        """Return the canonical bytes: the same leaf gives the same bytes everywhere and always."""
        agreement = self.agreement
        members: JsonObject = {
            "v": self.version,
            "kind": str(self.kind),
            "at": self.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "peer": self.peer,
            "message": self._message(),
            "answer": self.answer_digest,
            "agreement": agreement and {"id": agreement.id, "v": agreement.version, "digest": agreement.digest},
            "clause": self.clause,
            "ground": self.ground,
            "purpose": self.purpose,
            "from_service": self.from_service,
            "to_service": self.to_service,
            "subject": self.subject_hmac,
            "practitioner": self.practitioner,
            "role": self.role,
            "outcome": self.outcome_code,
            "reasons": list(self.reason_codes),
            "fields": None if self.fields is None else list(self.fields),
            "dropped": list(self.dropped) or None,
            "decision": None if self.decision is None else dict(self.decision),
        }
        return dumps({name: value for name, value in members.items() if value is not None})

    def _message(self) -> JsonObject | None:
        if self.message_id is None:
            return None
        name = "jti" if self.version == 1 else "id"
        message = {"iss": self.message_iss, name: self.message_id, "digest": self.message_digest}
        return {name: value for name, value in message.items() if value is not None}


def parse_leaf(raw: bytes) -> Leaf:
    """Read a leaf of any version back; :meth:`Leaf.to_bytes` returns the same bytes. Raises ``TrustError``.

    Not checked: that the bytes are those of a leaf that this node wrote; :func:`leaf_hash` and the store say that.
    """
    members = loads(raw, max_bytes=MAX_BYTES)
    version = require_int(members, "v", minimum=1, maximum=VERSION)
    message = optional_object(members, "message") or {}
    peer, issuer = optional_str(members, "peer"), optional_str(message, "iss")
    try:
        return Leaf(
            kind=LeafKind(require_str(members, "kind")),
            at=datetime.fromisoformat(require_str(members, "at")),
            outcome_code=require_str(members, "outcome"),
            peer=None if peer is None else EntityId(peer),
            message_iss=None if issuer is None else EntityId(issuer),
            message_id=optional_str(message, "jti" if version == 1 else "id"),
            message_digest=optional_str(message, "digest"),
            reason_codes=require_str_list(members, "reasons", max_items=_MAX_REASONS),
            answer_digest=optional_str(members, "answer"),
            agreement=_agreement(members),
            **_codes(members),
            subject_hmac=optional_str(members, "subject"),
            practitioner=optional_str(members, "practitioner"),
            fields=require_str_list(members, "fields", max_items=_MAX_FIELDS) if "fields" in members else None,
            dropped=require_str_list(members, "dropped", max_items=MAX_DROPPED + 1) if "dropped" in members else (),
            decision=_decision(members),
            version=version,
        )
    except ValueError:
        raise MalformedClaims("A leaf's 'kind' or 'at' is not one that is known here.") from None


_CODES = {
    "clause": ClauseId,
    "ground": str,
    "purpose": PurposeCode,
    "from_service": ServiceSlug,
    "to_service": ServiceSlug,
    "role": RoleCode,
}


def _codes(members: JsonObject) -> JsonObject:
    return {name: code(require_str(members, name)) for name, code in _CODES.items() if name in members}


def _decision(members: JsonObject) -> Mapping[str, str] | None:
    digests = optional_object(members, "decision")
    return None if digests is None else {name: require_str(digests, name) for name in digests}


def _agreement(members: JsonObject) -> AgreementRef | None:
    if "agreement" not in members:
        return None
    ref = require_object(members, "agreement")
    return AgreementRef(
        id=AgreementId(require_str(ref, "id")), version=require_int(ref, "v"), digest=require_str(ref, "digest")
    )


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


def message_key(hmac_key: bytes, issuer: str, message_id: str) -> str:
    """Return this node's name for a message: its id is chosen by its issuer, who may have put a person's name there."""
    return keyed_digest(_checked(hmac_key), dumps([_MESSAGE_DOMAIN, issuer, message_id]))


def subject_key(hmac_key: bytes, subject: Subject) -> str:
    """Return this node's pseudonym for a person, from the strongest identifier in the description.

    The strongest is an identifier, else the name and birth date. The same person described by the same identifier gets
    the same pseudonym at this node, however the rest is spelt, and another at every other node. Of names only the
    letters count (NFKC, without accents), so that no invisible character makes another person. Without the key it
    cannot be tested against a list of people: HMAC-SHA-256, with 32 bytes of key at the least (a shorter one is the
    caller's mistake, ``ValueError``).
    """
    return keyed_digest(_checked(hmac_key), dumps([_SUBJECT_DOMAIN, *_strongest(subject)]))


def letters_of(name: str | None) -> str:
    """Return the letters of a name in lower case, compatible forms made one (NFKC) and accents left out."""
    if not name:
        return ""
    if name.isascii() and name.isalpha():  # as most names are
        return name.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    return "".join(char for char in plain if char.isalpha())


def _checked(hmac_key: bytes) -> bytes:
    if len(hmac_key) < LEAST_KEY_BYTES:
        raise ValueError(f"the evidence key must have {LEAST_KEY_BYTES} bytes or more")
    return hmac_key


def _strongest(subject: Subject) -> tuple[str, ...]:
    for name in ("nhs_number", "upn", "nino", "pnc_id"):
        identifier = getattr(subject, name)
        if identifier:
            return (name, identifier)
    return (
        "name",
        letters_of(subject.family_name),
        letters_of(subject.given_names),
        subject.birth_date.isoformat() if subject.birth_date else "",
    )
