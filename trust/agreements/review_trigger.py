"""The trigger by which parties look at a clause again: too few of its alerts were useful to those who got them."""

from dataclasses import dataclass

from trust.exchange.reader import Reader

MOST_CLOSED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTrigger:
    """A clause is due for a review when fewer than `useful_below` of 100 closed alerts were useful, of `of` or more."""

    useful_below: int
    of: int

    def is_met(self, *, useful: int, closed: int) -> bool:
        """Say whether the clause is due for a review."""
        return closed >= self.of and 100 * useful < self.useful_below * closed

    def __str__(self) -> str:
        return f"fewer than {self.useful_below} of 100 alerts were useful, of {self.of} or more that recipients closed"


def read_review_trigger(reader: Reader) -> ReviewTrigger | None:
    """Read the member `review_when` of a clause; faults go into the reader."""
    nested = reader.child("review_when", required=False)
    if nested is None:
        return None
    nested.refuse_unknown(("useful_below", "of"))
    return ReviewTrigger(
        useful_below=nested.whole("useful_below", least=1, most=100), of=nested.whole("of", least=1, most=MOST_CLOSED)
    )
