"""On-call bells: what rings for a person when an urgent item waits, and whether each would work.

1. A bell says that something waits, under which reference, and nothing about a person.
2. Every channel of a service rings. One that fails keeps no other from ringing.
3. A channel that has had no successful test for seven days counts as absent. It rings all the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from prometheus_client import Gauge

from gateway.ports import Store, StoreBusy, StoreFull, StoreOutcomeUnknown, Transaction
from gateway.store.tables import bells
from gateway.store.tables.bells import BellRecord
from gateway.telemetry.metrics import shared_registry
from trust.federation.opening_hours import Fallback
from trust.identifiers import ServiceSlug

_absent = Gauge(
    "hearthgate_on_call_absent",
    "On-call channels that count as absent, for want of a successful test in seven days.",
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)
TEST_AFTER = timedelta(days=7)
"""How old the last successful test of a channel may be."""


class BellStep(StrEnum):
    """Why a bell rings."""

    TEST = "test"
    UNREAD = "unread"
    FALLBACK = "fallback"
    UNPOLLED = "unpolled"
    UNANSWERED = "unanswered"
    UNDELIVERED = "undelivered"
    LOST = "lost"
    OVERDUE = "overdue"
    BREAK_GLASS = "break_glass"
    BREAK_GLASS_LATE = "break_glass_late"
    ACCESS_ALERT = "access_alert"


SENTENCES = {
    BellStep.TEST: "This is a test of the on-call channel. Nothing waits.",
    BellStep.UNREAD: "No one has opened it for five minutes.",
    BellStep.FALLBACK: "No one has opened it.",
    BellStep.UNPOLLED: "The case system has not fetched its inbox for five minutes.",
    BellStep.UNANSWERED: "No one at the recipient has opened it. Telephone the recipient: its page shows the number.",
    BellStep.UNDELIVERED: "It could not be delivered. Telephone the recipient.",
    BellStep.LOST: "The case system does not hold it.",
    BellStep.OVERDUE: "It is overdue: no decision is recorded.",
    BellStep.BREAK_GLASS: "Break-glass was used. Review it within 72 hours: hearthgate break-glass show.",
    BellStep.BREAK_GLASS_LATE: "A use of break-glass was not reviewed within 72 hours. That person's is suspended.",
    BellStep.ACCESS_ALERT: "A colleague, a relative or a marked record was looked up: hearthgate flag list.",
}
"""What each ring says beside the reference."""


def sentence(step: BellStep, fallback: Fallback) -> str:
    """Return what a ring says beside the reference; the last ring names the person to telephone."""
    if step is BellStep.FALLBACK:
        return f"{SENTENCES[step]} Telephone {fallback.name} on {fallback.phone} now."
    return SENTENCES[step]


def headline(reference: str, step: BellStep) -> str:
    """Return the first line of a ring."""
    if step is BellStep.TEST:
        return "Test of the on-call channel"
    return f"Urgent item waiting, open {reference}"


class BellFailed(Exception):
    """A channel did not take a ring; ``str()`` says why, without content, and is safe to show."""


class Bell(Protocol):
    """One channel on which a person is rung."""

    @property
    def channel(self) -> str:
        """The name of the channel: ``mail`` or ``webhook``."""
        ...

    def ring(self, reference: str, step: BellStep, now: datetime) -> None:
        """Ring, within seconds. Raises :class:`BellFailed` where the channel did not take it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BellResult:
    """What became of one ring; ``failure`` says why the channel did not take it."""

    service: ServiceSlug
    channel: str
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BellStatus:
    """Whether a channel counts as present; ``absence`` says why not."""

    service: ServiceSlug
    channel: str
    tested_at: datetime | None
    absence: str | None


class OnCall:
    """The bells of this node's services, with the record of their tests."""

    def __init__(self, bells_by_service: Mapping[ServiceSlug, Sequence[Bell]], store: Store) -> None:
        self._bells = bells_by_service
        self._store = store

    def ring(self, service: ServiceSlug, reference: str, step: BellStep, now: datetime) -> tuple[BellResult, ...]:
        """Ring every channel of a service, and record which took it; no result where it has no channel."""
        results = tuple(_ring(bell, service, reference, step, now) for bell in self._bells.get(service, ()))
        took = [each.channel for each in results if each.failure is None]

        def record(tx: Transaction) -> None:
            for channel in took:
                bells.note_ring(tx, service=service, channel=channel, at=now)

        with suppress(StoreBusy, StoreFull, StoreOutcomeUnknown):  # the ring counts, and the record shows it only
            self._store.write(record)
        return results

    def test(self, service: ServiceSlug, now: datetime) -> tuple[BellResult, ...]:
        """Ring every channel of a service as a test, and record the outcome."""
        results = tuple(_ring(bell, service, "", BellStep.TEST, now) for bell in self._bells.get(service, ()))

        def record(tx: Transaction) -> None:
            for each in results:
                worked = each.failure is None
                bells.note_test(tx, service=service, channel=each.channel, at=now, worked=worked)

        self._store.write(record)
        return results

    def is_present(self, service: ServiceSlug, now: datetime) -> bool:
        """Say whether a service has a channel that counts as present."""
        return any(each.absence is None for each in self.statuses(now) if each.service == service)

    def statuses(self, now: datetime) -> tuple[BellStatus, ...]:
        """Return every channel of every service, and whether it counts as present."""
        records = {(each.service, each.channel): each for each in self._store.read(bells.list)}
        return tuple(self._statuses(records, now))

    def set_absent(self, now: datetime) -> None:
        """Set the gauge of absent channels. Called by one process, for all."""
        _absent.set(sum(each.absence is not None for each in self.statuses(now)))

    def _statuses(self, records: Mapping[tuple[str, str], BellRecord], now: datetime) -> Iterator[BellStatus]:
        for service, channels in self._bells.items():
            for bell in channels:
                record = records.get((service, bell.channel))
                yield BellStatus(
                    service=service,
                    channel=bell.channel,
                    tested_at=record.tested_at if record else None,
                    absence=_absence(record, now),
                )


def _ring(bell: Bell, service: ServiceSlug, reference: str, step: BellStep, now: datetime) -> BellResult:
    try:
        bell.ring(reference, step, now)
    except BellFailed as failed:
        return BellResult(service=service, channel=bell.channel, failure=str(failed))
    except Exception as fault:  # noqa: BLE001 - a fault in one channel must not keep the others from ringing
        return BellResult(service=service, channel=bell.channel, failure=f"it failed inside ({type(fault).__name__})")
    return BellResult(service=service, channel=bell.channel)


def _absence(record: BellRecord | None, now: datetime) -> str | None:
    if record is None or record.tested_at is None:
        return "it was never tested"
    if not record.worked:
        return "its last test failed"
    if now - record.tested_at > TEST_AFTER:
        return f"it was last tested {(now - record.tested_at).days} days ago"
    return None
