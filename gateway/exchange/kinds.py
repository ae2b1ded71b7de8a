"""The kinds of exchange that a node serves: queries with their responders, and what accepts the queued ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapters.contract import Deadline
from gateway.callers import PeerCaller
from gateway.exchange.answer import RecordRestrictions, ServiceAnswer
from gateway.exchange.services import HostedService
from gateway.ports import Transaction
from trust.agreements.decision import Denial, Permit
from trust.exchange.kind import Kinds
from trust.exchange.message import Message, OpenedMessage
from trust.exchange.person import Subject
from trust.identifiers import KindName


class Responder(Protocol):
    """Answer permitted queries of one kind from a service's own case system."""

    def __call__(
        self,
        permit: Permit,
        service: HostedService,
        subject: Subject,
        *,
        restrictions_of: RecordRestrictions,
        deadline: Deadline,
    ) -> ServiceAnswer:
        """Find the person, decide on the release, minimise and word the answer. Raises nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedKinds:
    """The kinds by name, and the responder of each."""

    kinds: Kinds
    responders: Mapping[KindName, Responder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A message that is about to be stored.

    ``effect`` stores it, in the transaction of its claim and evidence. ``fields`` names what the service is given.
    """

    effect: Callable[[Transaction], None]
    fields: tuple[str, ...]


class AfterRefusal(Protocol):
    """Take note of a denial that is signed and on record."""

    def __call__(self, denial: Denial, message: Message, now: datetime, /) -> None:
        """Do what follows later: the answer waits for nothing that this does."""
        ...


def without_consequence(_denial: Denial, _message: Message, _now: datetime) -> None:
    """Take no note."""


class HandleQueued(Protocol):
    """Handle an opened message of a queued kind (:mod:`gateway.exchange.acceptance`)."""

    def __call__(self, opened_message: OpenedMessage, caller: PeerCaller, now: datetime) -> bytes:
        """Return the signed receipt; it is durable by then."""
        ...


class AcceptMessage(Protocol):
    """Store permitted messages of queued kinds for their services."""

    def __call__(
        self, permit: Permit, service: HostedService, opened_message: OpenedMessage, now: datetime
    ) -> Acceptance:
        """Cut the message to what the clause permits, and return the effect that stores it. Does no I/O."""
        ...
