"""Consent as a clause needs it: which roles its legal basis calls for, and whether a record fills them."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from trust.agreements.denial import Denial, DenialCode, deny
from trust.agreements.legal_entry import LegalEntry, LegalPart
from trust.exchange.consent import ConsentForm, ConsentRecord, ConsentRole

__all__ = ["SUBJECT", "consent_roles", "deny_consent", "deny_ended", "deny_unsigned"]

SUBJECT = "subject"
"""The name of a question's person where persons go by their references."""

_SUMMER_TIME = timedelta(hours=1)
"""A day begins this much earlier in the United Kingdom's summer than in UTC."""
_ROLES = {
    LegalPart.LAWFUL_BASIS: ConsentRole.LAWFUL_BASIS,
    LegalPart.SPECIAL_CATEGORY: ConsentRole.LAWFUL_BASIS,
    LegalPart.CONFIDENTIALITY: ConsentRole.CONFIDENTIALITY,
}


def consent_roles(basis: Iterable[LegalEntry]) -> frozenset[ConsentRole]:
    """Return the roles that a consent must have for this basis; none where the basis rests on no consent."""
    return frozenset(_ROLES.get(entry.part, ConsentRole.STATUTORY_CONDITION) for entry in basis if entry.consent_needed)


def deny_consent(needed: Collection[ConsentRole], record: ConsentRecord | None, now: datetime) -> Denial | None:
    """Return why a question with this record may not be asked or answered, or none.

    1. a clause that rests on consent needs a record; 2. the record has every role that the basis calls for; 3. it was
    given today or earlier; 4. it has not run out. An agreement to engage fills no other role. Not checked here: whether
    the person has withdrawn it (:func:`deny_ended`).
    """
    if not needed:
        return None
    if record is None:  # 1
        return deny(DenialCode.CONSENT_RECORD_MISSING, detail=f"Its role must be: {_listed(needed)}.")
    if not set(needed) <= record.roles:  # 2
        return deny(DenialCode.CONSENT_NOT_VALID, detail=f"Its role must be: {_listed(needed)}.")
    if record.given_on > (now.astimezone(UTC) + _SUMMER_TIME).date():  # 3
        return deny(DenialCode.CONSENT_NOT_VALID, detail="The day on which it was given lies ahead.")
    ends = record.expires_on
    if ends is not None and (ends < record.given_on or ends < now.astimezone(UTC).date()):  # 4
        return deny(DenialCode.CONSENT_NOT_VALID, detail="It has run out.")
    return None


def deny_ended(needed: Collection[ConsentRole], ref: str, ended: Collection[str]) -> Denial | None:
    """Return why a person's consent supports nothing, or none; ``ended`` names those whose consent is known to end."""
    return deny(DenialCode.CONSENT_WITHDRAWN) if needed and ref in ended else None


def deny_unsigned(record: ConsentRecord | None) -> Denial | None:
    """Return why a record is no evidence of signed consent, or none: what was only spoken is not signed."""
    if record is None or record.form is ConsentForm.SPOKEN:
        return deny(DenialCode.CONSENT_NOT_VALID, detail="It must be signed: written or electronic.")
    return None


def _listed(roles: Collection[ConsentRole]) -> str:
    return ", ".join(sorted(roles))
