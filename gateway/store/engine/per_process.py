"""Connections and threads by process; a forked child opens its own."""

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """One value for each process, made when it is first asked for.

    What a parent made stays untouched in its child: closing an inherited connection would disturb the parent's.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._by_process: dict[int, T] = {}

    def get(self) -> T:
        """Return this process's value. ``make`` may be called by two threads at once; one of the results is used."""
        process = os.getpid()
        value = self._by_process.get(process)
        return value if value is not None else self._by_process.setdefault(process, self._make())

    def release(self) -> T | None:
        """Forget and return this process's value, so that the next :meth:`get` makes another."""
        return self._by_process.pop(os.getpid(), None)
