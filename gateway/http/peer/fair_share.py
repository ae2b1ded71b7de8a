"""How many threads of one worker of the peer face one member may hold at once.

A question under a conditional clause is held for a quarter of a second, and a slow case system keeps one for seconds.
Whoever sent enough of them would hold every thread, and nobody else would be heard, with an urgent question neither: a
message is opened only once it has a thread, so what is urgent cannot go first.

So a member begins another message only while it holds fewer threads than are free. One member alone never holds more
than half of them, a second never more than half of what the first left, and so on (a dynamic threshold: Choudhury and
Hahne, IEEE/ACM Transactions on Networking 6(2), 1998). What is free is the reserve: whoever holds nothing is always let
in, and of 16 threads five members must flood together before one who is not among them waits. A member that floods
delays its own urgent questions, and nobody else's.

Messages are counted by the member whose token and proof were verified, in each worker by itself. Whatever else is
posted to the face, token requests before all, is from nobody yet, and may wait: it names a party, whose superior may be
slow to say that it vouches for it. All of that together is counted as one more member, and leaves the others theirs.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from flask import Blueprint, g, request

from gateway.web import problem
from gateway.web.problem import Problem
from trust.identifiers import EntityId

STRANGERS = EntityId("")
"""Whoever is not known yet, all of them together; no member has this name."""
RETRY_AFTER_S = "1"
"""Most messages are answered within a second; the sender waits within its own deadline."""


class FairShare:
    """The threads of one worker, and who holds how many. Safe for several threads; starts empty in each worker."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = Lock()
        self._held: Counter[EntityId] = Counter()

    @contextmanager
    def held_by(self, member: EntityId) -> Iterator[None]:
        """Count one request of ``member`` while it is answered. Raises :class:`Problem` for one too many."""
        self.take(member)
        try:
            yield
        finally:
            self.give_back(member)

    def take(self, member: EntityId) -> None:
        """Begin to count a request, which :meth:`give_back` must end. Raises :class:`Problem` for one too many."""
        with self._lock:
            held, free = self._held[member], self._threads - self._held.total()
            if held > 0 and held >= free:
                raise Problem(problem.TOO_MANY_AT_ONCE, headers={"Retry-After": RETRY_AFTER_S})
            self._held[member] = held + 1

    def give_back(self, member: EntityId) -> None:
        """End to count a request."""
        with self._lock:
            self._held[member] -= 1
            if not self._held[member]:
                del self._held[member]


def share_with_strangers(blueprint: Blueprint, share: FairShare, *, but: str) -> None:
    """Count whatever is posted to the face of ``blueprint`` as the strangers' share, ``but`` for one address."""

    def begin() -> None:
        if request.method == "POST" and request.path != but:
            share.take(STRANGERS)
            g.among_strangers = True

    def end(_failed: BaseException | None) -> None:
        if g.pop("among_strangers", False):
            share.give_back(STRANGERS)

    blueprint.before_app_request(begin)
    blueprint.teardown_app_request(end)
