"""Announced maintenance: tell peers in time when this node is away, and until when."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from config.settings import NodeSettings
from gateway.administration.context import now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.store.tables import maintenance
from trust.federation.maintenance import LONGEST, Maintenance

KNOWN_AFTER = timedelta(minutes=10)
"""How long it takes until peers know: this node signs its configuration afresh, and they refresh their chains."""
_ZONE = ZoneInfo("Europe/London")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def read_moment(text: str, *, after: datetime) -> datetime:
    """Read "14:00", the next one after a moment, or a date and time; local, unless it states an offset.

    Raises :class:`OperationRefused`.
    """
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        local = after.astimezone(_ZONE).replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return local if local > after else local + timedelta(days=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OperationRefused("Write the time as 14:00, or as 2026-12-01T14:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=_ZONE)


def plan_announcement(settings: NodeSettings, *, begins: str | None, until: str) -> ChangePlan:
    """Plan to announce a maintenance. Raises :class:`OperationRefused` for one that is over, or too long."""
    at = now()
    first = at if begins is None else read_moment(begins, after=at)
    announced = Maintenance(begins=first, ends=read_moment(until, after=first))
    if announced.ends <= at or not timedelta() < announced.ends - announced.begins <= LONGEST:
        raise OperationRefused("It must end in the future, after it begins, and last 72 hours at most.")

    def apply() -> UseCaseResult:
        record(settings, "maintenance announce", begins=_iso(announced.begins), until=_iso(announced.ends))
        with opened_store(settings) as store:
            store.write(lambda tx: maintenance.put(tx, announced))
        peers_know = max(announced.begins, now() + KNOWN_AFTER)
        return UseCaseResult(
            lines=[f"Announced: {_span(announced)}.", f"Peers know by {_local(peers_know)}; stop the node no sooner."],
            data=_to_json(announced),
        )

    effect = f"Peers are told that this node is away {_span(announced)}. They send and escalate as before."
    return ChangePlan(effect=[effect], question="Announce it?", apply=apply)


def plan_end(settings: NodeSettings) -> ChangePlan:
    """Plan to announce no maintenance any more. Raises :class:`OperationRefused` where none is announced."""
    with opened_store(settings) as store:
        announced = store.read(maintenance.get)
    if announced is None:
        raise OperationRefused("No maintenance is announced.")

    def apply() -> UseCaseResult:
        record(settings, "maintenance end")
        with opened_store(settings) as store:
            store.write(maintenance.end)
        return UseCaseResult(lines=["No maintenance is announced any more; peers know in 10 minutes."], data={})

    return ChangePlan(effect=[f"The maintenance {_span(announced)} is over."], question="End it?", apply=apply)


def show(settings: NodeSettings) -> UseCaseResult:
    """Return what is announced."""
    with opened_store(settings) as store:
        announced = store.read(maintenance.get)
    if announced is None:
        return UseCaseResult(lines=["No maintenance is announced."], data={})
    state = "over" if announced.ends <= now() else "on" if announced.is_on(now()) else "to come"
    return UseCaseResult(lines=[f"Maintenance {_span(announced)}: {state}."], data=_to_json(announced))


def _span(announced: Maintenance) -> str:
    return f"from {_local(announced.begins)} to {_local(announced.ends)}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(_ZONE):%Y-%m-%d %H:%M}"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _to_json(announced: Maintenance) -> dict[str, str]:
    return {"from": _iso(announced.begins), "until": _iso(announced.ends)}
