"""The checks of consent at the moment of release, as both ends need them (:mod:`gateway.consents.gate`)."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from gateway.callers import CaseCaller
from gateway.ports import Transaction
from trust.exchange.consent import ConsentRecord
from trust.exchange.message import Message
from trust.exchange.person import Subject


class ConsentEnded(Exception):
    """A consent that a message shows ended between the decision and its release."""


class ConsentChecks(Protocol):
    """Say which consents of a message have ended, and note who relies on one."""

    def ended(self, tx: Transaction, message: Message) -> frozenset[str]:
        """Return the persons of a message whose record of consent is known to have ended."""
        ...

    def note_use(self, tx: Transaction, message: Message, now: datetime) -> None:
        """Note that the recipient of a message of ours relies on the consents that it shows."""
        ...


ResolveConsent = Callable[[CaseCaller, str, Subject, str | None, datetime], ConsentRecord]
"""Return the record of a consent by its id, for the person described and, where it is known, a purpose.

Raises :class:`gateway.callers.CaseRefused` for a consent that supports no sharing now.
"""


def shows_consent(message: Message) -> bool:
    """Say whether a message shows any record of consent."""
    return message.consent is not None or any(person.consent is not None for person in message.persons)
