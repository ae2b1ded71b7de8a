"""Issue and verify trust marks: what an accredited authority says of a member beyond its membership.

OpenID Federation 1.0 section 7. A mark counts for its bearer by these rules (section 7.3; delegation, section 7.2.2):

1. `typ` is exactly `trust-mark+jwt`, with a `kid` and an allow-listed `alg` (trust.jose);
2. the anchor's `trust_mark_issuers` lists its type, and its issuer for that type. The standard leaves open what a type
   is worth that the anchor does not list; here it is worth nothing. A type with an empty list may be issued by any
   member (section 3.1.2);
3. its issuer is trusted, and the signature is by one of the federation keys that its superior vouches for;
4. `sub` is the entity that shows it;
5. `iat` does not lie ahead, and `exp`, where it has one, has not passed;
6. where the anchor's `trust_mark_owners` names its type, it has a `delegation`; a `delegation` that it has is always
   verified, and where the anchor names no owner none can be;
7. the delegation's `typ` is exactly `trust-mark-delegation+jwt`, and it is signed with a key that the anchor lists for
   the owner;
8. its `iss` is the owner, its `sub` the mark's issuer, its `trust_mark_type` the mark's, and its times are as in 5.

A mark ends with its delegation. Not checked here: whether the issuer has revoked it since; its status endpoint says so
(section 8.4).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from trust import claims, jose
from trust.claims import digest
from trust.errors import MalformedClaims, MarkRefused, Mismatch, WrongIssuer, shown
from trust.identifiers import AgreementId, EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "trust-mark+jwt"
DELEGATION_TYP = "trust-mark-delegation+jwt"
STATUS_TYP = "trust-mark-status-response+jwt"
MAX_BYTES = 16384
MAX_TYPE = 256
MAX_MARKS = 32
MAX_STATUS_BYTES = 32768
MAX_STATUS_AGE = timedelta(minutes=5)
"""An older answer may be a replay from before a revocation."""

_DATA_PROTECTION = "/marks/data-protection-assured"
_AGREEMENT = "/marks/agreement/"


class MarkStatus(StrEnum):
    """What the issuer of a mark says has become of it (section 8.4.2)."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkOwner:
    """Whose a type of mark is where others may issue it, and the keys that sign its delegations."""

    entity: EntityId
    keys: KeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedMark:
    """A mark as `trust_marks` lists it: its type, and the mark itself, unverified (section 3.1.2)."""

    mark_type: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkDraft:
    """What is to be said of `subject`. In a delegation, `issuer` is the owner and `subject` may issue the marks."""

    issuer: EntityId
    subject: EntityId
    mark_type: str
    issued_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMark:
    """A verified mark; `expires_at` is the earlier of its own end and its delegation's, None where there is neither.

    `signed_with` is the id of the issuer's key that signed it.
    """

    issuer: EntityId
    subject: EntityId
    mark_type: str
    issued_at: datetime
    expires_at: datetime | None
    signed_with: str
    raw: bytes = field(repr=False)

    def is_valid(self, *, issuer_keys: KeySet | None, now: datetime) -> bool:
        """Return whether it has not expired, and its issuer still has the key that signed it."""
        if issuer_keys is None or self.signed_with not in issuer_keys.kids:
            return False
        return self.expires_at is None or self.expires_at > now


def data_protection_mark(authority: EntityId) -> str:
    """Return the type of mark by which an authority says that it found a member's data protection in order."""
    return f"{authority}{_DATA_PROTECTION}"


def agreement_mark(authority: EntityId, agreement: AgreementId) -> str:
    """Return the type of mark by which an authority says that a member has signed this agreement."""
    return f"{authority}{_AGREEMENT}{agreement}"


def name_mark(mark_type: str) -> str:
    """Return a type of mark in words, as far as it is one of the two above, with its address."""
    if mark_type.endswith(_DATA_PROTECTION):
        authority = mark_type.removesuffix(_DATA_PROTECTION)
        return f'the mark "data-protection assured" of {authority} ({mark_type})'
    authority, separator, agreement = mark_type.partition(_AGREEMENT)
    if separator:
        return f'the mark "signatory of agreement {agreement}" of {authority} ({mark_type})'
    return f"the mark {mark_type}"


def valid_types(marks: Iterable[TrustMark], *, now: datetime) -> frozenset[str]:
    """Return the types of those verified marks that have not expired since."""
    return frozenset(mark.mark_type for mark in marks if mark.expires_at is None or mark.expires_at > now)


def build_trust_mark(draft: MarkDraft, signer: Signer, *, delegation: bytes | None = None) -> bytes:
    """Sign a mark with the issuer's federation key; `delegation` is the owner's, where the issuer is not the owner."""
    body = _draft_claims(draft)
    if delegation is not None:
        body["delegation"] = delegation.decode("ascii")
    return jose.sign(body, typ=TYP, signer=signer)


def build_delegation(draft: MarkDraft, signer: Signer) -> bytes:
    """Sign, with the owner's federation key, that `draft.subject` may issue marks of this type."""
    return jose.sign(_draft_claims(draft), typ=DELEGATION_TYP, signer=signer)


def stated_marks(body: JsonObject) -> tuple[StatedMark, ...]:
    """Read the claim `trust_marks`, empty where it is absent; raise MalformedClaims."""
    if "trust_marks" not in body:
        return ()
    return tuple(_stated(item) for item in claims.require_list(body, "trust_marks", max_items=MAX_MARKS))


def stated_marks_to_json(marks: Iterable[StatedMark]) -> list[JsonObject]:
    """Write marks as `trust_marks` lists them."""
    return [{"trust_mark_type": mark.mark_type, "trust_mark": mark.raw.decode("ascii")} for mark in marks]


def peek_mark(raw: bytes) -> tuple[str, EntityId]:
    """Return the type and the issuer that a mark *says* it has, to find the keys that may prove it."""
    unverified = jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).claims
    return _mark_type(unverified), parse_entity_id(claims.require_str(unverified, "iss"))


def mark_digest(raw: bytes) -> str:
    """Return the digest of what was signed, since other signatures over it than the issuer's may verify as well."""
    return digest(raw.rpartition(b".")[0])


def peek_draft(raw: bytes, *, typ: str = TYP) -> MarkDraft:
    """Return all that a mark, or a delegation by its `typ`, *says*; raise nothing but TrustError."""
    unverified = jose.peek(raw, typ=typ, max_bytes=MAX_BYTES).claims
    ends = claims.require_int(unverified, "exp", maximum=claims.LATEST_SECONDS) if "exp" in unverified else None
    return MarkDraft(
        issuer=parse_entity_id(claims.require_str(unverified, "iss")),
        subject=parse_entity_id(claims.require_str(unverified, "sub")),
        mark_type=_mark_type(unverified),
        issued_at=claims.from_seconds(claims.require_int(unverified, "iat", maximum=claims.LATEST_SECONDS)),
        expires_at=None if ends is None else claims.from_seconds(ends),
    )


def open_own_mark(raw: bytes, *, subject: EntityId, issuer: EntityId, keys: KeySet, now: datetime) -> TrustMark:
    """Open a mark that its issuer gave to `subject`, by rules 1 and 3 to 5; raise nothing but TrustError.

    Not checked here: the issuer's accreditation and the delegation, which the verifiers of the mark check.
    """
    mark_type, by = peek_mark(raw)
    token = jose.open_signed(raw, typ=TYP, keys=keys.require_use(KeyUse.FEDERATION), max_bytes=MAX_BYTES)
    body = token.claims
    if by != issuer or body.get("sub") != subject:
        raise MarkRefused(f"The mark {shown(mark_type)} is not one that {issuer} issued to {subject}.")
    issued_at, expires_at = _times(body, now)
    return TrustMark(
        issuer=issuer,
        subject=subject,
        mark_type=mark_type,
        issued_at=issued_at,
        expires_at=expires_at,
        signed_with=token.key.kid,
        raw=raw,
    )


def verify_trust_mark(
    raw: bytes,
    *,
    subject: EntityId,
    issuers: Mapping[str, tuple[EntityId, ...]],
    owners: Mapping[str, MarkOwner],
    keys_of: Callable[[EntityId], KeySet | None],
    now: datetime,
) -> TrustMark:
    """Verify a mark that `subject` shows, by the module's numbered plan; raise nothing but TrustError.

    `issuers` and `owners` are the anchor's `trust_mark_issuers` and `trust_mark_owners`. `keys_of` gives the federation
    keys that are trusted to be an entity's, or None for one that is not trusted.
    """
    mark_type, issuer = peek_mark(raw)  # 1
    _check_accredited(mark_type, issuer, issuers)  # 2
    keys = keys_of(issuer)  # 3
    if keys is None:
        raise MarkRefused(f"The issuer {issuer} of the mark {shown(mark_type)} is not trusted (section 7.3).")
    token = jose.open_signed(raw, typ=TYP, keys=keys.require_use(KeyUse.FEDERATION), max_bytes=MAX_BYTES)
    body = token.claims
    if body.get("sub") != subject:  # 4
        raise MarkRefused(f"The mark {shown(mark_type)} was issued to another entity than {subject} (section 7.3).")
    issued_at, expires_at = _times(body, now)  # 5
    if mark_type in owners or "delegation" in body:  # 6
        delegation_ends = _verify_delegation(body, owners.get(mark_type), now)
        expires_at = min(filter(None, (expires_at, delegation_ends)), default=None)
    return TrustMark(
        issuer=issuer,
        subject=subject,
        mark_type=mark_type,
        issued_at=issued_at,
        expires_at=expires_at,
        signed_with=token.key.kid,
        raw=raw,
    )


def build_status_response(
    *, issuer: EntityId, mark: bytes, status: MarkStatus, issued_at: datetime, signer: Signer
) -> bytes:
    """Sign what has become of a mark that this issuer issued."""
    body: JsonObject = {
        "iss": issuer,
        "iat": claims.to_seconds(issued_at),
        "trust_mark": mark.decode("ascii"),
        "status": status.value,
    }
    return jose.sign(body, typ=STATUS_TYP, signer=signer)


def parse_status_response(raw: bytes, *, issuer_keys: KeySet, mark: bytes, now: datetime) -> MarkStatus | None:
    """Verify an issuer's answer about this very mark, made 5 minutes ago at most; raise nothing but TrustError.

    None is a status of the issuer's own, which section 8.4.2 allows: it is not `active`, in any meaning.
    """
    body = jose.open_signed(
        raw, typ=STATUS_TYP, keys=issuer_keys.require_use(KeyUse.FEDERATION), max_bytes=MAX_STATUS_BYTES
    ).claims
    _, issuer = peek_mark(mark)
    if body.get("iss") != issuer:
        raise WrongIssuer("The status of a mark must come from the mark's issuer (section 8.4).")
    if claims.require_str(body, "trust_mark", max_len=MAX_BYTES).encode("utf-8") != mark:
        raise Mismatch("The status is another mark's than the one that was asked about (section 8.4.2).")
    claims.check_issued(body, now=now, max_age=MAX_STATUS_AGE)
    status = claims.require_str(body, "status")
    return MarkStatus(status) if status in tuple(MarkStatus) else None


def _stated(item: object) -> StatedMark:
    if type(item) is not dict:
        raise MalformedClaims("Each of 'trust_marks' must be an object (section 3.1.2).")
    raw = claims.require_str(item, "trust_mark", max_len=MAX_BYTES)
    return StatedMark(mark_type=_mark_type(item), raw=raw.encode("utf-8"))


def _check_accredited(mark_type: str, issuer: EntityId, issuers: Mapping[str, tuple[EntityId, ...]]) -> None:
    accredited = issuers.get(mark_type)
    if accredited is None:
        raise MarkRefused(
            f"The anchor's 'trust_mark_issuers' do not list the type {shown(mark_type)} (section 3.1.2); "
            "the anchor's administrators can add it."
        )
    if accredited and issuer not in accredited:
        raise MarkRefused(f"The anchor does not let {issuer} issue marks of the type {shown(mark_type)} (section 7.3).")


def _verify_delegation(mark: JsonObject, owner: MarkOwner | None, now: datetime) -> datetime | None:
    named = f"of the mark {shown(mark['trust_mark_type'])}"
    if owner is None:
        raise MarkRefused(f"The delegation {named} cannot be verified: the anchor names no owner (section 7.2.2).")
    if "delegation" not in mark:
        raise MarkRefused(f"The issuer {named} shows no delegation by its owner {owner.entity} (section 7.3).")
    raw = claims.require_str(mark, "delegation", max_len=MAX_BYTES).encode("utf-8")
    keys = owner.keys.require_use(KeyUse.FEDERATION)
    body = jose.open_signed(raw, typ=DELEGATION_TYP, keys=keys, max_bytes=MAX_BYTES).claims  # 7
    if body.get("iss") != owner.entity or body.get("sub") != mark["iss"]:  # 8
        raise MarkRefused(f"The delegation {named} is not from its owner to its issuer (section 7.2.2).")
    if body.get("trust_mark_type") != mark["trust_mark_type"]:
        raise MarkRefused(f"The delegation {named} is for another type (section 7.2.2).")
    return _times(body, now)[1]


def _times(body: JsonObject, now: datetime) -> tuple[datetime, datetime | None]:
    if "exp" not in body:
        return claims.check_issued(body, now=now), None
    times = claims.check_times(body, now=now, max_life=timedelta.max)
    return times.iat, times.exp


def _mark_type(body: JsonObject) -> str:
    return claims.require_str(body, "trust_mark_type", max_len=MAX_TYPE)


def _draft_claims(draft: MarkDraft) -> JsonObject:
    body: JsonObject = {
        "iss": draft.issuer,
        "sub": draft.subject,
        "trust_mark_type": draft.mark_type,
        "iat": claims.to_seconds(draft.issued_at),
    }
    if draft.expires_at is not None:
        body["exp"] = claims.to_seconds(draft.expires_at)
    return body
