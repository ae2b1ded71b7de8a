"""Limit on the threads of one worker of the peer API that one member may occupy at once.

1. A member may begin another message only while it holds fewer threads than are free.
2. Messages are counted by the member whose token and proof were verified, in each worker by itself.
3. All other requests, token requests above all, come from no verified member. They share one limit, as if one more
   member had sent them.

One member alone never holds more than half of the threads, a second never more than half of the rest, and so on (a
dynamic threshold: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998). The free threads are the
reserve: a member that holds none is always let in. Of 16 threads, five members must flood together before another one
waits.

A message is opened only once it has a thread, so an urgent one cannot go first. A question under a conditional clause
keeps its thread for a quarter of a second, and a slow case system keeps one for seconds.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Lock

from flask import Blueprint, g, request

from gateway.web import problem
from gateway.web.problem import Problem
from trust.identifiers import EntityId

STRANGERS = EntityId("")
"""All callers that are not verified yet; no member has this name."""
RETRY_AFTER_S = "1"
"""Most messages are answered within a second; the sender waits within its own deadline."""


class FairShare:
    """The threads of one worker, counted by member. Safe for several threads; starts empty in each worker."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = Lock()
        self._threads_by_member: Counter[EntityId] = Counter()

    @contextmanager
    def held_by(self, member: EntityId) -> Iterator[None]:
        """Hold a thread for one request of ``member``. Raises :class:`Problem` for one too many."""
        self.acquire(member)
        try:
            yield
        finally:
            self.release(member)

    def acquire(self, member: EntityId) -> None:
        """Acquire a thread for a request, which :meth:`release` must free. Raises :class:`Problem` for one too many."""
        with self._lock:
            own, free = self._threads_by_member[member], self._threads - self._threads_by_member.total()
            if own > 0 and own >= free:
                raise Problem(problem.TOO_MANY_AT_ONCE, headers={"Retry-After": RETRY_AFTER_S})
            self._threads_by_member[member] = own + 1

    def release(self, member: EntityId) -> None:
        """Release the thread acquired by :meth:`acquire`."""
        with self._lock:
            self._threads_by_member[member] -= 1
            if not self._threads_by_member[member]:
                del self._threads_by_member[member]


def share_with_strangers(blueprint: Blueprint, share: FairShare, *, but: Collection[str]) -> None:
    """Count every POST to the API of ``blueprint`` as the strangers' share, ``but`` for some addresses."""

    def begin() -> None:
        if request.method == "POST" and request.path not in but:
            share.acquire(STRANGERS)
            g.among_strangers = True

    def end(_failed: BaseException | None) -> None:
        if g.pop("among_strangers", False):
            share.release(STRANGERS)

    blueprint.before_app_request(begin)
    blueprint.teardown_app_request(end)
