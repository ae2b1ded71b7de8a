"""The trust marks of an authority: issued, renewed and revoked (OpenID Federation 1.0 sections 7 and 8.4 to 8.6).

An administrator grants a mark and revokes it. Between the two its signed bytes are renewed whenever they are requested
in the second half of their life, or once another key signs. A suspended member gets none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.settings import AnchorSettings
from gateway.ports import KeyVault, Store, Transaction
from gateway.store.tables import issued_trust_marks, members
from gateway.store.tables.issued_trust_marks import IssuedTrustMark
from trust import jose
from trust.errors import MarkRefused, TrustError, shown
from trust.federation.suspension import SuspensionState
from trust.federation.trust_mark import (
    DELEGATION_TYP,
    MAX_BYTES,
    TYP,
    MarkDraft,
    MarkStatus,
    build_trust_mark,
    mark_digest,
    peek_draft,
)
from trust.identifiers import EntityId
from trust.keys import KeyUse

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkTerms:
    """How long marks of a type last, and the owner's delegation where the type is another's."""

    lifetime: timedelta
    delegation: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMarkIssuer:
    """The marks of one authority; ``types`` are those that it issues."""

    own: EntityId
    vault: KeyVault
    store: Store
    types: Mapping[str, MarkTerms]

    def issue(self, mark_type: str, subject: EntityId, *, now: datetime) -> IssuedTrustMark:
        """Grant a mark. Raises ``MarkRefused`` for a type that is not issued here, or whose delegation has ended."""
        return self.store.write(lambda tx: self._put(tx, mark_type, subject, now))

    def current(self, mark_type: str, subject: EntityId, *, now: datetime) -> IssuedTrustMark | None:
        """Return the mark of a type that a subject has, renewed where its end is near; none where it has none.

        Raises ``MarkRefused`` as :meth:`issue` does.
        """
        if mark_type not in self.types:
            return None
        newest = self.store.read(lambda tx: _newest(tx, mark_type, subject))
        if newest is None or not self._due(newest, now):
            return newest
        return self.store.write(lambda tx: self._renewed(tx, mark_type, subject, now))

    def status(self, raw: bytes, *, now: datetime) -> MarkStatus | None:
        """Return the status of a mark; None for one that was not issued here."""
        issued = self.store.read(lambda tx: issued_trust_marks.get(tx, raw=raw))
        if issued is None:
            return None
        if raw != issued.raw and not self._is_own(raw):
            return MarkStatus.INVALID
        if issued.revoked_at is not None:
            return MarkStatus.REVOKED
        expired = issued.expires_at is not None and issued.expires_at <= now
        return MarkStatus.EXPIRED if expired else MarkStatus.ACTIVE

    def holders(self, mark_type: str | None, *, now: datetime) -> frozenset[str]:
        """Return the entities that have a valid mark of a type, or of any."""
        every = self.store.read(lambda tx: issued_trust_marks.list(tx, mark_type=mark_type))
        return frozenset(mark.subject for mark in every if _valid(mark, now))

    def _renewed(self, tx: Transaction, mark_type: str, subject: EntityId, now: datetime) -> IssuedTrustMark | None:
        newest = _newest(tx, mark_type, subject)
        if newest is None or not self._due(newest, now):
            return newest
        return self._put(tx, mark_type, subject, now)

    def _put(self, tx: Transaction, mark_type: str, subject: EntityId, now: datetime) -> IssuedTrustMark:
        at = now.replace(microsecond=0)
        for earlier in issued_trust_marks.list(tx, mark_type=mark_type, subject=subject):
            at = max(at, earlier.issued_at + _SECOND)  # or it would say the same, and be revoked already
        mark = self._signed(mark_type, subject, at)
        issued_trust_marks.put(tx, mark)
        return mark

    def _signed(self, mark_type: str, subject: EntityId, issued_at: datetime) -> IssuedTrustMark:
        terms = self.types.get(mark_type)
        if terms is None:
            raise MarkRefused(f"{self.own} issues no marks of the type {shown(mark_type)}; see [[marks.issues]].")
        expires_at = issued_at + terms.lifetime
        if terms.delegation is not None:
            delegated_until = peek_draft(terms.delegation, typ=DELEGATION_TYP).expires_at
            expires_at = min(expires_at, delegated_until or expires_at)
            if expires_at <= issued_at:
                raise MarkRefused(f"The delegation for marks of the type {shown(mark_type)} has ended; ask its owner.")
        draft = MarkDraft(
            issuer=self.own, subject=subject, mark_type=mark_type, issued_at=issued_at, expires_at=expires_at
        )
        raw = build_trust_mark(draft, self.vault.signer(KeyUse.FEDERATION), delegation=terms.delegation)
        return IssuedTrustMark(
            digest=mark_digest(raw),
            mark_type=mark_type,
            subject=subject,
            raw=raw,
            issued_at=issued_at,
            expires_at=expires_at,
        )

    def _due(self, mark: IssuedTrustMark, now: datetime) -> bool:
        """Say whether a mark is half through its life, or was signed with another key than the one that signs now."""
        if jose.peek_key_id(mark.raw) != self.vault.signer(KeyUse.FEDERATION).kid:
            return True
        return mark.expires_at is not None and mark.expires_at - now < (mark.expires_at - mark.issued_at) / 2

    def _is_own(self, raw: bytes) -> bool:
        """Tell whether another signature over what was signed here verifies as well."""
        keys = self.vault.published(KeyUse.FEDERATION)
        try:
            jose.open_signed(raw, typ=TYP, keys=keys, max_bytes=MAX_BYTES)
        except TrustError:
            return False
        return True


def configured_types(settings: AnchorSettings) -> Mapping[str, MarkTerms]:
    """Return the marks that an authority issues. Raises ``TrustError`` for a delegation that is not for it."""
    own = EntityId(settings.anchor.entity_id)
    return {
        issued.type: MarkTerms(
            lifetime=timedelta(days=issued.lifetime_days),
            delegation=None
            if issued.delegation is None
            else delegated((settings.base_dir / issued.delegation).read_bytes(), own=own, mark_type=issued.type),
        )
        for issued in settings.marks.issues
    }


def delegated(raw: bytes, *, own: EntityId, mark_type: str) -> bytes:
    """Return a delegation that says that this authority may issue marks of a type. Raises ``TrustError``.

    Its signature is not verified: a receiver of a mark does that, with the keys that the anchor names.
    """
    raw = raw.strip()
    draft = peek_draft(raw, typ=DELEGATION_TYP)
    if (draft.subject, draft.mark_type) != (own, mark_type):
        raise MarkRefused(f"The delegation is not for {own} to issue marks of the type {shown(mark_type)}.")
    return raw


def _newest(tx: Transaction, mark_type: str, subject: str) -> IssuedTrustMark | None:
    """Return the newest mark that was not revoked, unless its subject is a member that is not active."""
    member = members.get(tx, entity=subject)
    if member is not None and member.state != SuspensionState.ACTIVE:
        return None
    every = issued_trust_marks.list(tx, mark_type=mark_type, subject=subject)
    return next((mark for mark in reversed(every) if mark.revoked_at is None), None)


def _valid(mark: IssuedTrustMark, now: datetime) -> bool:
    return mark.revoked_at is None and (mark.expires_at is None or mark.expires_at > now)
