"""On-call bells: a service's channels, and whether each was tested in time."""

from collections.abc import Iterator
from datetime import datetime

from adapters.contract import CheckLine
from config.settings import NodeSettings
from gateway.administration.checks.lines import format_duration, refused_line
from gateway.administration.context import node_vault, opened_store
from gateway.administration.errors import CORRECTABLE
from gateway.administration.on_call import OnCallBuilder
from gateway.delivery.on_call import BellStatus


def check_on_call(settings: NodeSettings, build: OnCallBuilder, now: datetime) -> Iterator[CheckLine]:
    """Check each channel's last test; name the services that have no channel."""
    silent = [service.slug for service in settings.services if service.on_call is None]
    if silent:
        detail = f"none for {', '.join(silent)}: an urgent item that no one opens there rings for no one"
        yield CheckLine(name="services have an on-call channel", ok=True, detail=detail)
    try:
        with opened_store(settings) as store:
            statuses = build(settings, node_vault(settings), store).statuses(now)
    except CORRECTABLE as refused:
        yield refused_line("on-call channels can be read", refused)
        return
    yield from (_line(status, now) for status in statuses)


def _line(status: BellStatus, now: datetime) -> CheckLine:
    age = f"tested {format_duration(now - status.tested_at)} ago" if status.tested_at else ""
    return CheckLine(
        name=f"{status.service}: the on-call channel by {status.channel} was tested within seven days",
        ok=status.absence is None,
        detail=f"it counts as absent: {status.absence}" if status.absence else age,
        remedy="Run `hearthgate on-call test`, and ask the person on duty whether it rang.",
    )
