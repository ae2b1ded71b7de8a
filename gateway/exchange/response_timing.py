"""Response times that do not tell whether there is a record (assertion A42).

Under a conditional clause "no record", "closed", "in doubt", "restricted" and a failure that concerns one record are
one answer, in the same words and as many bytes. They take one call to the case system or two. Such an answer therefore
leaves at a multiple of the service's ``answer_after_s`` since the message came; an observer learns the multiple.

1. The work ends :data:`COMMIT_MARGIN_S` before the step at the latest; later work waits for the next step.
2. The answer is committed at that moment. A repeat of the message, another message under its id, and a message that
   takes the last of a budget all see when the commit was.
3. The answer leaves at the step. A commit that takes longer than the margin moves it to the next one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic, sleep

COMMIT_MARGIN_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTimer:
    """Wait for the next step of an answer; ``now`` is a monotonic clock, in seconds."""

    now: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = sleep

    def wait_for_step(self, *, since: float, step_s: float, margin_s: float = 0.0) -> None:
        """Return at the next multiple of ``step_s`` after ``since``, or ``margin_s`` earlier than that."""
        elapsed = self.now() - since
        self.sleep(max(1, ceil((elapsed + margin_s) / step_s)) * step_s - margin_s - elapsed)


DEFAULT = ResponseTimer()
"""The timer of a running node."""
