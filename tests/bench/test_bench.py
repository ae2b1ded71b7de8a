"""The benchmark's own parts work; its figures are not asserted."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.bench import components, page, report, timing_leak
from tests.bench.report import DELIVERIES, MEANINGS, Meaning
from tests.bench.serving import ROOT

FIGURES = {"floor_rps", "exchange_over_floor", "exchange_rps", "exchange_cpu_ms", "lookup_over_slowest", "node_pss_mb"}


def quick_run(folder: Path, *arguments: str) -> tuple[dict[str, float], str]:
    """Run the benchmark; return its figures and what it printed."""
    file = folder / "figures.json"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--json", str(file), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    figures: dict[str, float] = json.loads(file.read_text())["figures"]
    return figures, ran.stdout


@pytest.mark.e2e
def test_a_quick_run_delivers_alerts_and_loses_none(tmp_path: Path) -> None:
    figures, _ = quick_run(tmp_path, "--deliveries")
    assert figures.keys() == DELIVERIES
    assert (figures["drain_lost"], figures["drain_twice"]) == (0, 0)


@pytest.mark.e2e
def test_a_quick_run_measures_every_other_figure_and_writes_it(tmp_path: Path) -> None:
    figures, printed = quick_run(tmp_path)
    assert figures.keys() == MEANINGS.keys() - DELIVERIES
    assert figures.keys() >= FIGURES
    # Not "above 0": a share of time or a count of page faults is truly 0 on a fast machine at a quick run.
    assert all(value >= 0 for value in figures.values())
    assert all(figures[name] > 0 for name in FIGURES)
    assert "ES256" in printed


@pytest.mark.parametrize(("part", "owner", "name"), components.PARTS)
def test_every_part_whose_time_is_taken_is_there(part: str, owner: object, name: str) -> None:
    assert callable(getattr(owner, name, None)), f"'{part}' is timed around {name}, which is not there any more"


def test_the_table_says_which_targets_were_met() -> None:
    meanings = {
        "fast": Meaning(text="how fast", unit="ms", most=3),
        "strong": Meaning(text="how strong", least=0.4),
        "other": Meaning(text="no target", unit="MB"),
    }
    lines = report.table({"other": 1234.5, "strong": 0.5, "fast": 4.0}, meanings).splitlines()
    assert [line.split()[0] for line in lines] == ["fast", "strong", "other"]
    assert lines[0].endswith("MISSED: at most 3")
    assert lines[1].endswith("met: at least 0.4")
    assert lines[2].split()[1:3] == ["1234", "MB"]


def test_times_that_do_not_differ_are_a_coin_and_times_that_do_are_told_apart() -> None:
    same = timing_leak.Times(absent=[1.0, 2.0, 3.0], closed=[3.0, 1.0, 2.0])
    apart = timing_leak.Times(absent=[1.0, 2.0, 3.0], closed=[4.0, 5.0, 6.0])
    assert (same.auc, same.distance, same.difference_us) == (0.5, 0.0, 0.0)
    assert (apart.auc, apart.distance, apart.difference_us) == (1.0, 1.0, 3e6)
    assert timing_leak.Times(absent=apart.closed, closed=apart.absent).auc == 0.0
    spread = timing_leak.Times(absent=[2.0, 2.0], closed=[1.0, 3.0])
    assert (spread.auc, spread.distance) == (0.5, 0.5)  # the distance sees what the AUC does not


def test_chance_stays_within_its_bounds_nineteen_times_of_twenty() -> None:
    chance, count, runs = Random(3), 70, 1_000  # noqa: S311 - samples, no secrets
    drawn = [
        timing_leak.Times(
            absent=[chance.random() for _ in range(count)], closed=[chance.random() for _ in range(count)]
        )
        for _ in range(runs)
    ]
    within = [
        sum(abs(each.auc - 0.5) <= timing_leak.auc_by_chance(count) for each in drawn),
        sum(each.distance <= timing_leak.distance_by_chance(count) for each in drawn),
    ]
    assert all(0.93 * runs < each < 0.98 * runs for each in within)


def test_the_page_is_written_between_its_marks_from_what_a_run_wrote(tmp_path: Path) -> None:
    shares = {"signatures": 300.0, "the rest": 100.0, components.WAITING: 50.0}
    figures = dict.fromkeys(MEANINGS, 2.0) | {"exchange_over_floor": 0.31}
    written, target = tmp_path / "bench.json", tmp_path / "page.md"
    made = page.measured(figures, shares, aside=components.WAITING, load=0.5)
    written.write_text(made.to_json())
    target.write_text(f"before\n{page.FROM}\nstale tables\n{page.TO}\nafter\n")
    page.update(target, page.read(written))
    text = target.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "stale tables" not in text
    assert "| signatures | 300 us | 75% |" in text
    assert "| `exchange_over_floor` | exchange over floor, by throughput | 0.31 | **missed**: at least 0.6 |" in text
    assert "cached trust as a share of an exchange, by CPU" in text


def test_a_page_without_its_marks_is_left_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "page.md"
    target.write_text(f"nothing\n{page.TO}\n{page.FROM}\n")
    made = page.measured({}, {}, aside=components.WAITING, load=0.5)
    with pytest.raises(page.NoPlace, match="needs the lines"):
        page.update(target, made)
    assert target.read_text().startswith("nothing")


def test_the_project_page_has_a_place_for_the_tables() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    assert 0 < text.index(page.FROM) < text.index(page.TO)
