"""When an answer leaves that must not tell whether there is a record (assertion A42).

Under a conditional clause "no record", "closed", "in doubt" and "restricted" are one answer, in the same words and as
many bytes. They take different times to find, by a question or two to the case system; so such an answer waits for the
next whole step since the message came, and an observer learns the number of steps. A case system slow enough to need
another step for one of them still tells that much; :data:`STEP_S` is several times what a local one takes.

It waits twice. Before the answer is written down: whoever sends the message again, or another under its id, or one that
takes the last of a budget, sees when that was. And after it, for what is written down, and told to the log, is not
always as long: until :data:`SETTLED_S` past a step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic, sleep

STEP_S, SETTLED_S = 0.2, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Hold answers back until a whole step is over; ``now`` is a monotonic clock, in seconds."""

    step_s: float = STEP_S
    now: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = sleep

    def hold(self, *, since: float, past_s: float = 0.0) -> None:
        """Return at the next whole step after ``since``, or so many seconds past it."""
        taken = self.now() - since
        self.sleep(max(1, ceil((taken - past_s) / self.step_s)) * self.step_s + past_s - taken)


AT_WHOLE_STEPS = Pace()
"""The pace of a running node."""
