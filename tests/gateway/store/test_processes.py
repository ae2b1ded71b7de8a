"""The store's promises between processes, and when one of them dies."""

import subprocess
from collections import Counter
from pathlib import Path
from time import sleep

import pytest

from gateway.ports import Store
from gateway.store.engine.sqlite_writer import EXIT_IO_ERROR
from gateway.store.factory import open_store
from gateway.store.tables import evidence_leaves
from tests.gateway.store.processes import start


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output.splitlines()


def first_line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def run_together(role: str, url: str, count: int = 3) -> list[str]:
    processes = [start(role, url, str(number)) for number in range(count)]
    return [line for process in processes for line in lines_of(process)]


@pytest.mark.holds("A3")
def test_of_many_claims_on_one_message_exactly_one_wins_and_the_others_get_its_bytes(store_url: str) -> None:
    answers = [line.split() for line in run_together("claim-messages", store_url)]

    winners = {number: name for number, outcome, name in answers if outcome == "won"}
    assert Counter(number for number, outcome, _ in answers if outcome == "won") == Counter(map(str, range(50)))
    assert len(answers) == 50 * 6
    assert all(name == winners[number] for number, _, name in answers)


@pytest.mark.holds("A22")
def test_of_many_claims_on_one_identifier_exactly_one_wins(store_url: str) -> None:
    assert Counter(run_together("claim-identifiers", store_url)) == Counter(map(str, range(200)))


def test_a_forked_child_and_its_parent_both_go_on(store_url: str) -> None:
    assert lines_of(start("fork-after-use", store_url)) == ["before sees 1", "child sees 2", "parent sees 3"]


def test_what_was_acknowledged_survives_kill_9(store_url: str, tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for number in range(3):
        processes = [start("acknowledge", store_url, f"{number}{name}") for name in "ab"]
        for process in processes:
            acknowledged.add(first_line_of(process))
        sleep(0.05 * (number + 1))
        for process in processes:
            process.kill()
        for process in processes:
            assert process.stdout is not None
            # a line cut short by the kill was not told to anyone
            acknowledged.update(line.strip() for line in process.stdout if line.endswith("\n"))
            process.communicate(timeout=60)

    store: Store = open_store(store_url, base_dir=tmp_path)
    found = Counter(leaf.leaf.decode() for leaf in store.read(lambda tx: evidence_leaves.recent(tx, limit=10**6)))
    store.close()
    assert len(acknowledged) > 8
    assert acknowledged <= set(found)
    assert set(found.values()) == {1}


@pytest.mark.holds("A11")
def test_a_failed_fsync_ends_the_process_before_it_acknowledges(sqlite_url: str, tmp_path: Path) -> None:
    process = start("meet-failing-fsync", sqlite_url)
    output, errors = process.communicate(timeout=60)

    assert "acknowledged good" in output
    assert "acknowledged bad" not in output
    assert "survived" not in output
    assert process.returncode == EXIT_IO_ERROR, errors
    assert "store_io_error" in output + errors

    store: Store = open_store(sqlite_url, base_dir=tmp_path)
    found = [leaf.leaf for leaf in store.read(lambda tx: evidence_leaves.recent(tx, limit=9))]
    assert found.count(b"a-good") == 1  # the other was not acknowledged, so it may be there or not
    store.close()
