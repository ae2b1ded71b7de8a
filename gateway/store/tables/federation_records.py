"""Stored records of a federation, as the resolver and an authority use them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from trust.federation.key_revocation import KeyRevocation
from trust.federation.suspension import Suspension

INACTIVE_MARK = "?"
"""Stands before the digest of a mark that its issuer does not call active at present, or does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChain:
    """The statements of a chain, leaf first, as received; none says that its superior vouches no longer.

    ``refreshed_at`` is when the oldest of its superiors' statements was made, ``superior_iat`` when the direct
    superior's was. ``revoked_marks`` are the digests of the entity's marks that their issuers have revoked,
    or, behind :data:`INACTIVE_MARK`, do not call active.
    """

    entity: str
    statements: tuple[bytes, ...] = field(repr=False)
    refreshed_at: datetime
    expires_at: datetime
    superior_iat: datetime
    revoked_marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSuspension:
    """One entry of an issuer's log, and its signed bytes."""

    issuer: str
    seq: int
    subject: str
    state: str
    issued_at: datetime
    raw: bytes = field(repr=False)

    @classmethod
    def from_suspension(cls, entry: Suspension, raw: bytes) -> Self:
        """Return an entry as the store keeps it, with the bytes that it was read from or signed as."""
        return cls(
            issuer=entry.issuer,
            seq=entry.seq,
            subject=entry.subject,
            state=entry.state.value,
            issued_at=entry.issued_at,
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKeyRevocation:
    """One revoked key of ``subject``, and the signed bytes of the notice."""

    issuer: str
    subject: str
    kid: str
    use: str
    revoked_at: datetime
    raw: bytes = field(repr=False)

    @classmethod
    def from_revocation(cls, notice: KeyRevocation, raw: bytes) -> Self:
        """Return a notice as the store keeps it, with the bytes that it was read from."""
        return cls(
            issuer=notice.issuer,
            subject=notice.subject,
            kid=notice.kid,
            use=notice.use.value,
            revoked_at=notice.revoked_at,
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnchorKeys:
    """The newest document by which an anchor replaced its keys, its number, and when it was accepted here."""

    anchor: str
    seq: int
    raw: bytes = field(repr=False)
    accepted_at: datetime
