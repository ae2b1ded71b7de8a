"""A capability: one kind of exchange as a node serves it, on both sides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import Blueprint

from gateway.delivery.inbox_view import ServiceInbox
from gateway.delivery.submission import Submitter
from gateway.delivery.submission_view import SentMessages
from gateway.exchange.consent_checks import ResolveConsent
from gateway.exchange.kinds import Responder, ServedKinds
from gateway.exchange.query_log import AskingSide
from gateway.sharing.decisions import SharingDecisions
from gateway.web.case_openapi import ApiOperation
from gateway.web.guards import CaseGuard
from trust.exchange.kind import ExchangeKind, kinds_by_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """The rules of a kind, its responder at the holding side, and its routes on the case API at the asking side."""

    kind: ExchangeKind
    respond: Responder
    operations: tuple[ApiOperation, ...]
    case_api: Callable[[AskingSide, CaseGuard], Blueprint]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedSide:
    """The parts that send messages of any queued kind, show what became of them, and answer those that came.

    ``sharing`` keeps the decisions of named persons on what is sent without an agreement.
    """

    submitter: Submitter
    sent_messages: SentMessages
    inbox: ServiceInbox
    consents: ResolveConsent
    sharing: SharingDecisions


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedCapability:
    """The rules of a queued kind and its routes on the case API. Every inbox takes its messages in the same way."""

    kind: ExchangeKind
    operations: tuple[ApiOperation, ...]
    case_api: Callable[[QueuedSide, CaseGuard], Blueprint]


AnyCapability = Capability | QueuedCapability


def served_kinds(capabilities: Iterable[AnyCapability]) -> ServedKinds:
    """Return the kinds of these capabilities, and the responders of those that are queries."""
    every = tuple(capabilities)
    return ServedKinds(
        kinds=kinds_by_name(*(each.kind for each in every)),
        responders={each.kind.name: each.respond for each in every if isinstance(each, Capability)},
    )
