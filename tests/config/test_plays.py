"""Plays are read whole or not at all, with every fault of every file."""

from pathlib import Path

import pytest

from config.loading import ConfigError
from config.plays import VictimSaysNo, load_plays
from tests.support.plays import EXAMPLES, PLAY


def faults_of(folder: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refused:
        load_plays(folder)
    return refused.value.faults


def test_the_example_is_read() -> None:
    (play,) = load_plays(EXAMPLES)
    assert [step.id for step in play.steps] == ["police", "advocacy", "school", "school-move", "rehousing", "fridge"]
    assert play.steps[0].if_victim_says_no is VictimSaysNo.SEND
    assert "persons.alleged_perpetrator" in play.steps[0].fields


def test_without_a_folder_there_are_no_plays(tmp_path: Path) -> None:
    assert load_plays(tmp_path / "plays") == ()


def test_every_fault_of_every_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(PLAY.replace('urgency = "red"', 'urgency = "scarlet"\ncolour = "red"'))
    (tmp_path / "two.toml").write_text(PLAY)
    (tmp_path / "three.toml").write_text("steps = [")
    named = "\n".join(faults_of(tmp_path))
    assert "one.toml: steps[1].urgency" in named
    assert "one.toml: steps[1].colour: there is no such setting" in named
    assert "two.toml: id: must be the file's name without .toml" in named
    assert "three.toml: the file is not TOML" in named


@pytest.mark.parametrize(
    ("line", "other", "sentence"),
    [
        ('to = "https://police.example#pvp"', 'to = "police"', "steps[1].to"),
        ('if_victim_says_no = "send"', 'if_victim_says_no = "send-without"', "list in without what is left out"),
        ('if_victim_says_no = "send"', 'if_victim_says_no = "send"\nwithout = ["circumstances"]', "list in without"),
        (
            'if_victim_says_no = "send"',
            'if_victim_says_no = "send-without"\nwithout = ["dash_score"]',
            "without names dash_score, which the step does not take",
        ),
        (
            'to = "https://police.example#pvp"',
            'to = "https://p.example#a"\nalternate = "https://p.example#a"',
            "another service than to",
        ),
        ('if_victim_says_no = "send"\n', "", "steps[1].if_victim_says_no: this setting is required"),
        ("[steps.statements]", '[steps.values]\ncircumstances = "x"\n[steps.statements]', "is taken from one place"),
    ],
)
def test_a_play_that_contradicts_itself_is_refused(tmp_path: Path, line: str, other: str, sentence: str) -> None:
    (tmp_path / "one.toml").write_text(PLAY.replace(line, other))
    assert sentence in "\n".join(faults_of(tmp_path))
