"""A capability: one kind of exchange as a node serves it, on both sides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import Blueprint

from gateway.exchange.kinds import Responder, ServedKinds
from gateway.exchange.query_log import AskingSide
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


def served_kinds(capabilities: Iterable[Capability]) -> ServedKinds:
    """Return the kinds of these capabilities with their responders."""
    every = tuple(capabilities)
    return ServedKinds(
        kinds=kinds_by_name(*(each.kind for each in every)),
        responders={each.kind.name: each.respond for each in every},
    )
