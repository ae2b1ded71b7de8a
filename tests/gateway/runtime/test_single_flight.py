"""Doing a piece of work once for all threads that want it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from time import sleep

import pytest

from gateway.runtime.single_flight import SingleFlight


def test_those_who_come_meanwhile_share_the_result() -> None:
    flights: SingleFlight[int] = SingleFlight()
    together, calls = Barrier(5), []

    def work() -> int:
        calls.append(1)
        sleep(0.1)
        return len(calls)

    def ask() -> int:
        together.wait(5)
        return flights.run("key", work, timeout_s=5)

    with ThreadPoolExecutor(5) as threads:
        assert {each.result() for each in [threads.submit(ask) for _ in range(5)]} == {1}
    assert flights.run("key", work, timeout_s=5) == 2


def test_those_who_come_meanwhile_share_the_error_and_the_next_tries_again() -> None:
    flights: SingleFlight[int] = SingleFlight()
    together = Barrier(3)

    def fail() -> int:
        sleep(0.1)
        raise ValueError("no")

    def ask() -> int:
        together.wait(5)
        return flights.run("key", fail, timeout_s=5)

    with ThreadPoolExecutor(3) as threads:
        for each in [threads.submit(ask) for _ in range(3)]:
            with pytest.raises(ValueError, match="no"):
                each.result()
    assert flights.run("key", lambda: 7, timeout_s=5) == 7


def test_other_keys_do_not_wait_and_no_caller_waits_for_ever() -> None:
    flights: SingleFlight[int] = SingleFlight()
    release, begun = Event(), Event()

    def hang() -> int:
        begun.set()
        release.wait(5)
        return 1

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(flights.run, "slow", hang, timeout_s=5)
        begun.wait(5)
        assert flights.run("other", lambda: 2, timeout_s=5) == 2
        with pytest.raises(TimeoutError):
            flights.run("slow", lambda: 3, timeout_s=0.05)
        release.set()
        assert slow.result() == 1
