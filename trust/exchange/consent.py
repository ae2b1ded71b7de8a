"""The asker's record of a person's consent, as a question under a clause that rests on consent carries it.

The record says when and how the person agreed and where that is filed, never what they said. One act of consent may
have several roles; an agreement to engage with a service is one, and permits no sharing by itself.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from trust.exchange.reader import Reader
from trust.strict_json import JsonObject

EVIDENCE = re.compile(r"[A-Za-z0-9._~/-]{1,128}")
"""A reference into the asker's own files: no spaces, so that it holds no sentence and no full name."""
_MEMBERS = ("roles", "given_on", "form", "evidence", "expires_on")


class ConsentRole(StrEnum):
    """What a consent is in law."""

    LAWFUL_BASIS = "lawful_basis"
    """UK GDPR Article 6(1)(a) or 9(2)(a)."""
    CONFIDENTIALITY = "confidentiality"
    """The person sets the duty of confidence aside."""
    STATUTORY_CONDITION = "statutory_condition"
    """A statute asks for it, such as Housing Act 1996 s.213B."""
    ENGAGEMENT = "engagement"
    """The person agrees to work with a service."""


class ConsentForm(StrEnum):
    """How the person agreed."""

    WRITTEN = "written"
    ELECTRONIC = "electronic"
    SPOKEN = "spoken"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """One person's consent as the asking agency recorded it; both days are inclusive."""

    roles: frozenset[ConsentRole]
    given_on: date
    form: ConsentForm
    evidence: str
    expires_on: date | None = None


def read_consent(reader: Reader) -> ConsentRecord:
    """Read a record; faults go into the reader. Whether it holds today is not checked here."""
    reader.refuse_unknown(_MEMBERS)
    words = reader.texts("roles", max_items=len(ConsentRole))
    if not set(words) <= set(ConsentRole):
        reader.fault("roles", "must be some of " + ", ".join(ConsentRole))
        words = ()
    return ConsentRecord(
        roles=frozenset(ConsentRole(word) for word in words),
        given_on=reader.day("given_on"),
        form=reader.choice("form", ConsentForm) or ConsentForm.SPOKEN,
        evidence=reader.text("evidence", max_len=128, pattern=EVIDENCE),
        expires_on=reader.optional_day("expires_on"),
    )


def consent_to_json(consent: ConsentRecord) -> JsonObject:
    """Return the wire form."""
    members: JsonObject = {
        "roles": sorted(consent.roles),
        "given_on": consent.given_on.isoformat(),
        "form": str(consent.form),
        "evidence": consent.evidence,
    }
    if consent.expires_on is not None:
        members["expires_on"] = consent.expires_on.isoformat()
    return members
