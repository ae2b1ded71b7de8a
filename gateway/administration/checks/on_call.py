"""On-call bells: whether services that receive messages have one, and whether each was tested in time."""

from collections.abc import Iterator
from datetime import datetime

from adapters.contract import CheckLine
from config.settings import NodeSettings
from gateway.administration.checks.lines import format_duration, refused_line
from gateway.administration.context import node_vault, opened_store, own_entity
from gateway.administration.errors import CORRECTABLE
from gateway.administration.on_call import OnCallBuilder
from gateway.agreements.registry import AgreementRegistry
from gateway.delivery.on_call import BellStatus
from trust.agreements.agreement import InForce
from trust.exchange.kind import is_queued
from trust.exchange.kinds import KINDS


def check_on_call(settings: NodeSettings, build: OnCallBuilder, now: datetime) -> Iterator[CheckLine]:
    """Check each channel's last test; name the services that receive messages and have no channel."""
    try:
        with opened_store(settings) as store:
            statuses = build(settings, node_vault(settings), store).statuses(now)
            receiving = _receiving(settings, AgreementRegistry(store, own=own_entity(settings)).in_force(now=now))
    except CORRECTABLE as refused:
        yield refused_line("on-call channels can be read", refused)
        return
    silent = [service.slug for service in settings.services if service.on_call is None and service.slug in receiving]
    detail = f"none for {', '.join(silent)}: an urgent item that no one opens there rings for no one"
    yield CheckLine(
        name="services that receive messages have an on-call channel",
        ok=True,
        warning=bool(silent),
        detail=detail if silent else f"{len(receiving)} services receive messages",
        remedy="Set one up in [services.on_call], and run `hearthgate on-call test`.",
    )
    yield from (_line(status, now) for status in statuses)


def _receiving(settings: NodeSettings, standings: tuple[InForce, ...]) -> frozenset[str]:
    """Return the services to which agreements in force let others send alerts, referrals or notices."""
    return frozenset(
        holder.service
        for standing in standings
        for clause in standing.agreement.clauses
        if is_queued(KINDS, clause.kind)
        for holder in clause.holders
        if holder.entity == settings.node.entity_id
    )


def _line(status: BellStatus, now: datetime) -> CheckLine:
    age = f"tested {format_duration(now - status.tested_at)} ago" if status.tested_at else ""
    return CheckLine(
        name=f"{status.service}: the on-call channel by {status.channel} was tested within seven days",
        ok=status.absence is None,
        detail=f"it counts as absent: {status.absence}" if status.absence else age,
        remedy="Run `hearthgate on-call test`, and ask the person on duty whether it rang.",
    )
