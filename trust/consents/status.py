"""Standing of a consent that a message names.

1. By reference: an agency that recorded a consent says when it ended, and no other agency can.
2. By person: what the person refused or withdrew ends every earlier consent in the same roles, for the same purpose and
   recipient. A consent given on a later day stands: the person changed their mind. One of the same day does not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from trust.consents.record import Consent, ConsentState
from trust.exchange.consent import ConsentRole


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedConsent:
    """What a person withdrew or refused at this agency, and the day on which that was."""

    consent: Consent
    ended_on: date


def withdrawn_roles(
    ended: Iterable[EndedConsent], *, purpose: str, service: str, given_on: date
) -> frozenset[ConsentRole]:
    """Return the roles in which a consent given on a day counts no longer, for a purpose and a recipient."""
    return frozenset(
        role
        for each in ended
        if each.ended_on >= given_on and each.consent.covers(purpose=purpose, service=service)
        for role in each.consent.roles
    )


class Unusable(StrEnum):
    """Why a consent of ours cannot support what is asked."""

    WITHDRAWN = "consent_withdrawn"
    EXPIRED = "consent_expired"
    REFUSED = "consent_refused"
    OTHER_PERSON = "consent_of_another_person"
    OTHER_PURPOSE = "consent_for_another_purpose"


_ENDED = {
    ConsentState.WITHDRAWN: Unusable.WITHDRAWN,
    ConsentState.EXPIRED: Unusable.EXPIRED,
    ConsentState.REFUSED: Unusable.REFUSED,
}
SENTENCES = {
    Unusable.WITHDRAWN: ("The person has withdrawn this consent.", "Ask under a clause that rests on no consent."),
    Unusable.EXPIRED: ("This consent has run out.", "Ask the person again, and record the new consent."),
    Unusable.REFUSED: ("The person refused this consent.", "Ask under a clause that rests on no consent."),
    Unusable.OTHER_PERSON: (
        "This consent is another person's: consent is per person, never per household.",
        "Name the consent of the person who is described.",
    ),
    Unusable.OTHER_PURPOSE: (
        "This consent was given for another purpose.",
        "Ask the person for this purpose, and record the new consent.",
    ),
}
"""Code -> (why, what to do)."""


def deny_use(
    consent: Consent, state: ConsentState, *, purpose: str | None, is_same_person: bool, on: date
) -> Unusable | None:
    """Return why a consent of ours does not support a question or message, or ``None`` where it does.

    ``purpose`` is ``None`` where it is not known yet.
    """
    if not is_same_person:
        return Unusable.OTHER_PERSON
    if state is not ConsentState.GRANTED:
        return _ENDED[state]
    if consent.expires_on is not None and consent.expires_on < on:
        return Unusable.EXPIRED
    return None if purpose is None or purpose in consent.purposes else Unusable.OTHER_PURPOSE
