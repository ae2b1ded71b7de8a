"""Content sealed for a day is unreadable two days later, with every byte of the store and every key left."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from gateway.keys.daily_seal import FILE, DailySeal, SealExpired, is_daily
from gateway.keys.files import KeyFilesRefused
from gateway.keys.sealed import SealBroken

NOON = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
PLACE = b"a place"


class Clock:
    """The time, as a test moves it."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def days(self, days: float) -> None:
        self.at += timedelta(days=days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Callable[[], DailySeal]:
    """Make what one process has."""
    tmp_path.chmod(0o700)
    return lambda: DailySeal(tmp_path, now=clock)


def test_a_record_opens_for_a_day_at_every_process(make: Callable[[], DailySeal], clock: Clock) -> None:
    sealed = make().seal(b"a name", PLACE)
    assert is_daily(sealed)
    for _ in range(2):
        assert make().open(sealed, PLACE) == b"a name"
        with pytest.raises(SealBroken):
            make().open(sealed, b"another place")
        clock.days(1)


def test_after_two_days_it_cannot_be_opened_by_any_process_or_any_key_that_is_left(
    make: Callable[[], DailySeal], clock: Clock, tmp_path: Path
) -> None:
    old = make()
    sealed = old.seal(b"a name", PLACE)
    before = (tmp_path / FILE).read_bytes()
    clock.days(2)
    old.destroy_old()
    for each in (old, make()):
        with pytest.raises(SealExpired):
            each.open(sealed, PLACE)
    held = (tmp_path / FILE).read_bytes()
    assert before[4:] not in held
    clock.at = NOON  # even with the clock set back
    with pytest.raises(SealBroken):
        make().open(sealed, PLACE)


def test_the_bytes_of_the_old_file_are_overwritten(make: Callable[[], DailySeal], clock: Clock, tmp_path: Path) -> None:
    make().seal(b"a name", PLACE)
    with (tmp_path / FILE).open("rb") as kept:  # as a file system that keeps the old blocks
        key = kept.read()
        clock.days(2)
        make().destroy_old()
        kept.seek(0)
        assert kept.read() == bytes(len(key))
    assert os.listdir(tmp_path) == [FILE]  # noqa: PTH208 - names alone
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_hosts_that_begin_with_one_file_stay_together(clock: Clock, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir(mode=0o700)
    one, other = (DailySeal(folder, now=clock) for folder in folders)
    one.seal(b"", PLACE)
    (folders[1] / FILE).write_bytes((folders[0] / FILE).read_bytes())
    (folders[1] / FILE).chmod(0o600)
    for days in (0, 1, 5):
        clock.days(days)
        assert other.open(one.seal(b"a name", PLACE), PLACE) == b"a name"
    yesterday = Clock()
    yesterday.at = clock.at
    behind = DailySeal(folders[1], now=yesterday)
    behind.seal(b"", PLACE)
    clock.days(1)
    assert behind.open(one.seal(b"a name", PLACE), PLACE) == b"a name"  # whose clock is a little behind at midnight


def test_a_clock_that_went_far_ahead_leaves_no_key_that_lasts(make: Callable[[], DailySeal], clock: Clock) -> None:
    clock.days(4_000)
    make().seal(b"", PLACE)
    clock.at = NOON
    sealed = make().seal(b"a name", PLACE)
    clock.days(2)
    with pytest.raises(SealExpired):
        make().open(sealed, PLACE)


def test_threads_and_processes_that_begin_together_have_one_key(make: Callable[[], DailySeal]) -> None:
    each = [make() for _ in range(8)]
    sealed: list[bytes] = []
    threads = [Thread(target=lambda one=one: sealed.append(one.seal(b"a name", PLACE))) for one in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.open(record, PLACE) for one in each for record in sealed} == {b"a name"}


def test_a_damaged_or_an_open_file_is_refused(make: Callable[[], DailySeal], tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"short")
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(KeyFilesRefused, match="damaged"):
        make().seal(b"", PLACE)
    (tmp_path / FILE).write_bytes(bytes(36))
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(KeyFilesRefused):
        make().seal(b"", PLACE)
