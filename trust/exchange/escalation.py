"""The steps of an escalation: what is due for one message at one of its two nodes, and when to look again.

1. For a red message, and for one that is lost, only `read` stops the bell: `stored` and `in_case_system` do not.
2. Nothing but a recorded decision stops the clock: without one the message is overdue when its time ends.
3. A red message that its sender's node cannot deliver is told at once.
4. A person who closes a message, or one that takes its place, ends it all. Each step is taken once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntFlag

UNREAD_AFTER = timedelta(minutes=5)
FALLBACK_AFTER = timedelta(minutes=15)
RING_AGAIN_AFTER = timedelta(minutes=1)
"""How soon a bell that no channel took is rung again."""


class EscalationStep(IntFlag):
    """Steps, as the store keeps those that were taken."""

    UNREAD = 1
    """Warn the sender, and ring the recipient's bell."""
    FALLBACK = 2
    """Name the person to telephone."""
    OVERDUE = 4
    UNDELIVERED = 8
    LOST = 16
    """The case system does not hold the message. Set from outside: it rings for any urgency, also once it was read."""
    RUNG = 32
    """A channel took the ring of ``UNREAD``, or there is none; until then it is rung again."""
    UNPOLLED = 64
    """The case system that polls has not fetched the message. Set from outside."""
    CLAIMED = 128
    """A process is taking steps. Set by the store alone."""


NONE = EscalationStep(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationFacts:
    """What is known of a message now. ``since`` is when it was queued, at the recipient when it was stored."""

    red: bool
    since: datetime
    is_read: bool
    is_decided: bool
    is_ended: bool
    is_undelivered: bool
    decide_by: datetime | None
    steps: EscalationStep

    @property
    def awaits_reader(self) -> bool:
        """Whether a person is still to look at the message, so that the bell goes on."""
        unread = self.red and not self.is_read
        return (unread or EscalationStep.LOST in self.steps) and not self.is_ended


def due_steps(facts: EscalationFacts, now: datetime) -> EscalationStep:
    """Return the steps that are due now and were not taken."""
    due = NONE
    for step, at in _times(facts).items():
        if at <= now and step not in facts.steps:
            due |= step
    return due


def next_look(facts: EscalationFacts, now: datetime) -> datetime | None:
    """Return when the next step is due, once those due now are taken; ``None`` where none will be."""
    times = [at for step, at in _times(facts).items() if step not in facts.steps]
    if rings_again(facts):
        times.append(now + RING_AGAIN_AFTER)
    return min(times, default=None)


def rings_again(facts: EscalationFacts) -> bool:
    """Say whether the bell was to ring, and no channel took it yet."""
    rang = EscalationStep.RUNG in facts.steps
    return facts.awaits_reader and EscalationStep.UNREAD in facts.steps and not rang


def _times(facts: EscalationFacts) -> dict[EscalationStep, datetime]:
    """Return each step that may come with the time at which it is due."""
    if facts.is_ended:
        return {}
    times: dict[EscalationStep, datetime] = {}
    if facts.awaits_reader:
        waits = timedelta() if EscalationStep.LOST in facts.steps else UNREAD_AFTER
        times[EscalationStep.UNREAD] = facts.since + waits
        times[EscalationStep.FALLBACK] = facts.since + FALLBACK_AFTER
    if facts.red and facts.is_undelivered:
        times[EscalationStep.UNDELIVERED] = facts.since
    if facts.decide_by is not None and not facts.is_decided:
        times[EscalationStep.OVERDUE] = facts.decide_by
    return times
