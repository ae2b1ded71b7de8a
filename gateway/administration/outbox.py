"""The outbox as its operators see it: list, show, try again; redirect and close by two people.

No person stands in what is shown: a message goes by its reference, its case by no name at all.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.settings import NodeSettings
from gateway.administration.administrators import current
from gateway.administration.context import Settings, now, opened_store
from gateway.administration.dual_control import Commit
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.delivery import outbox
from gateway.delivery.case_submission import SubmissionRefused
from gateway.delivery.reissue import NothingToReissue, Reissue, Reissuer
from gateway.ports import Transaction
from gateway.store.tables import delivery_events, peer_backoffs
from gateway.store.tables import outbox as rows
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.outbox import Lane, OutboxRow, OutboxState
from trust.errors import TrustError
from trust.identifiers import parse_service_ref

MESSAGE_LIFE_LEFT = "its signature counts no longer; redirect it to the same service, which makes a new message"
MAX_LISTED = 500
OpenReissuer = Callable[[NodeSettings], AbstractContextManager[Reissuer]]
_AGAIN = {OutboxState.PARKED, OutboxState.FAILED, OutboxState.HELD, OutboxState.QUEUED}


def state_of(name: str | None) -> OutboxState | None:
    """Return the state of this name."""
    return None if name is None else OutboxState(name)


def list_rows(settings: NodeSettings, *, state: OutboxState | None) -> UseCaseResult:
    """List what is in the outbox, in the order in which it was queued, and the peers that take nothing."""
    with opened_store(settings) as store:
        listed = store.read(lambda tx: rows.list(tx, state=state, limit=MAX_LISTED))
        away = store.read(peer_backoffs.list)
    lines = [_line(row) for row in listed] or ["The outbox holds nothing of that kind."]
    lines += [f"{each.peer}: takes nothing since {each.since:%Y-%m-%d %H:%M} UTC ({each.reason})" for each in away]
    return UseCaseResult(lines=lines, data={"messages": [_to_json(row) for row in listed]})


def show_row(settings: NodeSettings, reference: str) -> UseCaseResult:
    """Show one message and every step of it at this node."""
    row = _find(settings, reference)
    with opened_store(settings) as store:
        events = store.read(lambda tx: delivery_events.list(tx, message=row.message, side=DeliverySide.SENDER))
    steps = [
        f"  {each.at:%Y-%m-%d %H:%M:%S} UTC  {each.event}{'' if each.code is None else f' ({each.code})'}"
        for each in events
    ]
    return UseCaseResult(lines=[_line(row), *steps], data=_to_json(row))


def plan_retry(settings: NodeSettings, reference: str) -> ChangePlan:
    """Plan to try a message again now, with the same bytes. Raises :class:`OperationRefused`."""
    row = _find(settings, reference)
    if row.state not in _AGAIN:
        raise OperationRefused(f"{reference} is {row.state}: there is nothing to try again.")
    if row.expires_at <= now():
        raise OperationRefused(f"{reference} is too old: {MESSAGE_LIFE_LEFT}.")

    def apply() -> UseCaseResult:
        record(settings, "outbox retry", reference=reference)
        with opened_store(settings) as store:
            tried = store.write(lambda tx: outbox.retry(tx, row, now=now(), actor=current(settings).name))
        if not tried:
            raise OperationRefused(f"{reference} changed meanwhile; look at it again.")
        return UseCaseResult(lines=["The relay sends it again."], data={"reference": reference})

    return ChangePlan(effect=[_line(row)], question="Send it again?", apply=apply)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseMessage:
    """Close a message that is not delivered, so that it is never sent."""

    name: str = "outbox close"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say what is closed. Raises :class:`OperationRefused` for a message that its recipient has."""
        row = _find(settings, arguments["reference"])
        if row.state in {OutboxState.STORED, OutboxState.CLOSED}:
            raise OperationRefused(f"{row.reference} is {row.state}: it cannot be closed.")
        return [_line(row), "It will not be sent, and its sender sees that it was closed."]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Close it, in the transaction of the approval."""
        self.effect(settings, arguments)
        row, actor = _find(settings, arguments["reference"]), current(settings).name

        def effect(tx: Transaction) -> None:
            if not outbox.end(tx, row, OutboxState.CLOSED, reason="closed_by_operator", now=at, actor=actor):
                raise OperationRefused(f"{row.reference} changed meanwhile; nothing was closed.")
            commit(tx)

        with opened_store(settings) as store:
            store.write(effect)
        return [f"{row.reference} is closed."]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectMessage:
    """Send a message to another service instead, as a new message."""

    open_reissuer: OpenReissuer
    name: str = "outbox redirect"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say what goes where. Raises :class:`OperationRefused` where no agreement permits it."""
        with self.open_reissuer(_node(settings)) as reissuer:
            reissue = _prepare(settings, reissuer, arguments)
        plan = reissue.draft.plan
        return [
            _line(reissue.earlier),
            f"A new message goes to {plan.service} ({plan.organisation}).",
            f"It is sent under {plan.agreement}, clause {plan.clause}.",
            f"Fields: {', '.join(plan.fields)}. Left out: {', '.join(plan.left_out) or 'nothing'}.",
        ]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Queue the new message and close the first, in the transaction of the approval."""
        actor = current(settings).name
        with self.open_reissuer(_node(settings)) as reissuer:
            reissue = _prepare(settings, reissuer, arguments)

            def effect(tx: Transaction) -> OutboxRow:
                commit(tx)
                return reissuer.commit(tx, reissue, now=at, actor=actor)

            row = reissuer.store.write(effect)
        return [f"{reissue.earlier.reference} goes to {row.service} as {row.reference}."]


def refuse_emergency(settings: NodeSettings, reference: str) -> None:
    """Refuse an emergency for what is not red: one person alone redirects an urgent alert and nothing else."""
    if _find(settings, reference).lane is not Lane.RED:
        raise OperationRefused("Only a red message may be redirected by one person; a second one approves the others.")


def _prepare(settings: Settings, reissuer: Reissuer, arguments: Mapping[str, Any]) -> Reissue:
    row = _find(settings, arguments["reference"])
    if row.state is OutboxState.CLOSED or row.superseded_by is not None:
        raise OperationRefused(f"{row.reference} is closed, or another message took its place.")
    try:
        return reissuer.prepare(row, parse_service_ref(arguments["to"]), now=now())
    except SubmissionRefused as refused:
        raise OperationRefused(" ".join(str(fault) for fault in refused.faults)) from refused
    except NothingToReissue:
        raise OperationRefused(f"What {row.reference} said was erased; it cannot be sent again.") from None
    except TrustError as malformed:
        raise OperationRefused(f"{arguments['to']!r} names no service: {malformed.detail}") from malformed


def _find(settings: Settings, reference: str) -> OutboxRow:
    with opened_store(settings) as store:
        matching = store.read(lambda tx: rows.by_reference(tx, reference=reference))
    if not matching:
        raise OperationRefused(f"There is no message {reference} here; see `hearthgate outbox list`.")
    return matching[-1]


def _node(settings: Settings) -> NodeSettings:
    if not isinstance(settings, NodeSettings):
        raise OperationRefused("An authority has no outbox.")
    return settings


def _line(row: OutboxRow) -> str:
    reason = "" if row.reason is None else f" ({row.reason})"
    progress = "" if row.progress is None else f", {row.progress}"
    return (
        f"{row.reference}  {row.lane.name.lower()} {row.kind} to {row.service}: {row.state}{reason}{progress}, "
        f"since {row.created_at:%Y-%m-%d %H:%M} UTC, {row.attempts} attempts"
    )


def _to_json(row: OutboxRow) -> dict[str, Any]:
    return {
        "reference": row.reference,
        "type": row.typ,
        "kind": row.kind,
        "service": row.service,
        "urgency": row.lane.name.lower(),
        "state": row.state,
        "reason": row.reason,
        "progress": row.progress,
        "attempts": row.attempts,
        "created_at": row.created_at.isoformat(),
    }
