"""Messages of queued kinds as an administrator follows them."""

from dataclasses import dataclass

from config.settings import NodeSettings
from gateway.administration.context import opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.ports import Store, Transaction
from gateway.store.tables import delivery_events, outbox
from gateway.store.tables.delivery_events import DeliveryEvent, DeliverySide
from gateway.store.tables.outbox import OutboxRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTimeline:
    """The steps of one message, oldest first. ``row`` is there where this node sent it."""

    message: str
    steps: tuple[DeliveryEvent, ...]
    row: OutboxRow | None = None


def show_timeline(settings: NodeSettings, name: str) -> UseCaseResult:
    """Show every step that this node knows of a message. Raises :class:`OperationRefused` where it knows none."""
    with opened_store(settings) as store:
        timelines = _read_timelines(store, name)
    if not timelines:
        raise OperationRefused(
            "This node knows no message by that name. Use its reference (HG-...), or the id of its submission."
        )
    return UseCaseResult(
        lines=[line for each in timelines for line in _lines(each)],
        data={"messages": [_to_json(each) for each in timelines]},
    )


def _lines(timeline: MessageTimeline) -> list[str]:
    row = timeline.row
    title = timeline.message if row is None else f"{row.reference}: {row.kind} to {row.service}, {row.state}"
    steps = (
        f"  {each.at:%Y-%m-%d %H:%M:%S} UTC  {each.side}: {each.event}"
        + "".join(f" ({extra})" for extra in (each.code, each.actor) if extra)
        for each in timeline.steps
    )
    return [title, *steps]


def _to_json(timeline: MessageTimeline) -> dict[str, object]:
    row = timeline.row
    return {
        "message": timeline.message,
        "reference": None if row is None else row.reference,
        "state": None if row is None else str(row.state),
        "steps": [
            {
                "at": each.at.isoformat(),
                "side": str(each.side),
                "event": each.event,
                "code": each.code,
                "actor": each.actor,
            }
            for each in timeline.steps
        ],
    }


def _read_timelines(store: Store, name: str) -> tuple[MessageTimeline, ...]:
    """Return the timelines of the messages that are named so: several for a submission, none for an unknown name."""

    def read(tx: Transaction) -> tuple[MessageTimeline, ...]:
        row = outbox.get(tx, message=name)
        others = outbox.by_reference(tx, reference=name) or outbox.of_submission(tx, submission=name)
        rows = others if row is None else (row,)
        timelines = [_timeline(tx, each.message, each) for each in rows]
        return tuple(each for each in timelines or [_timeline(tx, name, None)] if each.row or each.steps)

    return store.read(read)


def _timeline(tx: Transaction, message: str, row: OutboxRow | None) -> MessageTimeline:
    steps = [step for side in DeliverySide for step in delivery_events.list(tx, message=message, side=side)]
    return MessageTimeline(message=message, steps=tuple(sorted(steps, key=lambda each: each.at)), row=row)
