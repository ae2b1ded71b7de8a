"""The kinds of exchange that a node serves, each with its responder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from adapters.contract import Deadline
from gateway.exchange.answer import ServiceAnswer
from gateway.exchange.services import HostedService
from trust.agreements.decision import Permit
from trust.exchange.kind import Kinds
from trust.exchange.person import Subject
from trust.identifiers import KindName


class Responder(Protocol):
    """Answer permitted queries of one kind from a service's own case system."""

    def __call__(
        self, permit: Permit, service: HostedService, subject: Subject, *, deadline: Deadline
    ) -> ServiceAnswer:
        """Find the person, decide on the release, minimise and word the answer. Raises nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedKinds:
    """The kinds by name, and the responder of each."""

    kinds: Kinds
    responders: Mapping[KindName, Responder]
