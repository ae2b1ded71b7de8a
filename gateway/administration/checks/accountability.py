"""Overdue justifications, answers about misuse and reviews, and sign-in services whose users cannot ask."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from adapters.contract import CheckLine
from config.settings import NodeSettings
from config.sign_in import ProviderSettings
from gateway.administration.checks.lines import refused_line
from gateway.administration.context import opened_store
from gateway.administration.errors import CORRECTABLE
from gateway.ports import LocalClient, Store
from gateway.restrictions.reviews import count_place_reviews
from gateway.store.tables import (
    break_glass,
    clients,
    justifications,
    received_misuse_queries,
    sent_misuse_queries,
    sharing_decisions,
)
from gateway.store.tables.received_misuse_queries import ReceivedQueryState
from gateway.store.tables.sent_misuse_queries import SentQueryState as AskedState
from trust.agreements.due_dates import DueStage

REVIEWED_SOON = timedelta(days=7)


def check_accountability(settings: NodeSettings, now: datetime) -> list[CheckLine]:
    """Check what this agency owes about its practitioners, and what other agencies owe it."""
    try:
        with opened_store(settings) as store:
            duties = (_samples, _misuse, _reviews, _places)
            lines = [line for each in duties for line in each(store, now)]
            return [*lines, *_sign_ins(store, settings)]
    except CORRECTABLE as refused:
        name = "what is owed about practitioners can be read"
        return [refused_line(name, refused, "Correct that first.")]


def _samples(store: Store, now: datetime) -> Iterator[CheckLine]:
    vouching = [each for each in store.read(clients.list) if each.revoked_at is None and each.vouches]
    unassigned = [each.client_id for each in vouching if each.manager is None]
    detail = (
        f"none for {', '.join(unassigned)}" if unassigned else f"{len(vouching)} case systems vouch for their users"
    )
    remedy = "Name one: hearthgate client manager ID --manager NAME"
    name = "a manager justifies lookups of each case system that vouches"
    yield CheckLine(name=name, ok=not unassigned, detail=detail, remedy=remedy)
    late = store.read(lambda tx: justifications.overdue(tx, now=now))
    remedy = "hearthgate client sample list --overdue shows which, and whose they are to justify."
    yield CheckLine(
        name="no lookup waits for a justification too long", ok=not late, detail=f"{late} do", remedy=remedy
    )


def _misuse(store: Store, now: datetime) -> Iterator[CheckLine]:
    received = [each for each in store.read(received_misuse_queries.list) if each.state is ReceivedQueryState.OPEN]
    late = [each.holder for each in received if each.due_at <= now]
    detail = f"overdue: {', '.join(late)}" if late else f"{len(received)} wait, none too long"
    remedy = "hearthgate misuse list, then hearthgate misuse answer ID; a second person approves."
    yield CheckLine(name="queries about misuse are answered in time", ok=not late, detail=detail, remedy=remedy)
    owed = [each for each in store.read(sent_misuse_queries.list) if each.state is not AskedState.ANSWERED]
    late = [each.asker for each in owed if each.due_at <= now]
    detail = f"overdue: {', '.join(late)}" if late else f"{len(owed)} wait, none too long"
    remedy = "Ask again: hearthgate misuse ask; then ring the agency, and tell the trust anchor if it stays silent."
    yield CheckLine(name="others answer ours in time", ok=not late, detail=detail, remedy=remedy)


def _reviews(store: Store, now: datetime) -> Iterator[CheckLine]:
    unreviewed = store.read(lambda tx: break_glass.overdue(tx, now=now))
    yield CheckLine(
        name="break-glass is reviewed in time",
        ok=not unreviewed,
        detail=f"{unreviewed} are overdue, of {store.read(break_glass.waiting)} that wait",
        remedy="hearthgate break-glass list shows which; the reviewer or their manager reviews them.",
    )
    late = store.read(lambda tx: sharing_decisions.overdue(tx, now=now))
    soon = store.read(lambda tx: sharing_decisions.overdue(tx, now=now + REVIEWED_SOON)) - late
    yield CheckLine(
        name="decisions on sharing are reviewed in time",
        ok=not late,
        detail=f"{late} are overdue, and {soon} are due within {REVIEWED_SOON.days} days",
        remedy="hearthgate sharing list --overdue shows which; a person on duty reviews them on the case API.",
    )


def _places(store: Store, now: datetime) -> Iterator[CheckLine]:
    due = store.read(lambda tx: count_place_reviews(tx, now))
    late, week, month = (due[stage] for stage in (DueStage.PASSED, DueStage.IN_7_DAYS, DueStage.IN_30_DAYS))
    yield CheckLine(
        name="restricted places are reviewed in time",
        ok=not late,
        warning=bool(week or month),
        detail=f"{late} are overdue, {week} are due within 7 days, and {month} within 30",
        remedy="hearthgate restriction list shows the days; then `hearthgate restriction review` or `lift`.",
    )


def _sign_ins(store: Store, settings: NodeSettings) -> Iterator[CheckLine]:
    in_use = {each.client_id: each for each in store.read(clients.list) if each.revoked_at is None}
    remedy = "Correct clients and positions in [[identity.providers]], or register it: hearthgate client add"
    for provider in settings.identity.providers:
        client_ids = sorted(set(provider.clients.values()))
        faults = [fault for name in client_ids for fault in _in_the_way(name, in_use.get(name), provider)]
        detail = "; ".join(faults) or f"through {', '.join(client_ids)}"
        yield CheckLine(name=f"who signs in at {provider.issuer} can ask", ok=not faults, detail=detail, remedy=remedy)
        if provider.second_factor.declared is not None:
            detail = f"by the declared rule: {provider.second_factor.declared}"
            yield CheckLine(name=f"{provider.issuer} enforces a second factor", ok=True, detail=detail)


def _in_the_way(name: str, client: LocalClient | None, provider: ProviderSettings) -> Iterator[str]:
    if client is None:
        yield f"no case system {name} is registered"
        return
    mapped = {(row.service, row.role, row.unit) for row in provider.positions}
    if mapped.isdisjoint((each.service, each.role, each.org_unit) for each in client.positions):
        yield f"none of its positions is one that {name} is registered for"
