"""Every command answers alike: lines or one JSON object, an exact exit code, and no traceback."""

import os
import re
from pathlib import Path

import click
import pytest

from gateway.cli.main import LazyGroup, main
from tests.gateway.cli.conftest import ANCHOR, Partnership, hearthgate

_SUMMARY = 60
"""Characters of the line that lists a command."""


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
        else:
            found.append((*path, name))
    return found


@pytest.mark.parametrize("words", commands(main), ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    answer = hearthgate(*words, "--help")
    assert answer.code == 0
    assert "Usage:" in answer.out


@pytest.mark.parametrize(
    "words", [words for words in commands(main) if words not in {("serve",), ("relay",), ("demo",)}], ids=" ".join
)
def test_every_command_that_answers_does_so_for_machines_too(words: tuple[str, ...]) -> None:
    assert "--json" in hearthgate(*words, "--help").out


def test_every_command_is_named_in_one_short_line() -> None:
    def long(group: LazyGroup) -> list[str]:
        entries = [group.get_command(click.Context(group), name) for name in group.list_commands(click.Context(group))]
        below = [line for each in entries if isinstance(each, LazyGroup) for line in long(each)]
        lines = [group.summary(name) for name in group.list_commands(click.Context(group))]
        return [*(line for line in lines if len(line) > _SUMMARY), *below]

    assert isinstance(main, LazyGroup)
    assert long(main) == []


def test_the_list_of_commands_needs_none_of_them() -> None:
    answer = hearthgate("--help")
    assert answer.code == 0
    assert re.search(r"agreement +Write, check, sign, add and end", answer.out)


def test_an_unknown_command_is_not_understood() -> None:
    assert hearthgate("trsut").code == 2
    assert hearthgate("trust", "admti").code == 2


def test_a_missing_configuration_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = hearthgate("client", "list", "--json")
    assert answer.code == 1
    assert answer.json["ok"] is False
    assert "--config" in answer.json["error"]


def test_the_configuration_may_be_named_by_the_environment_or_lie_here(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = hearthgate("client", "list", HEARTHGATE_CONFIG=str(partnership.config("council")))
    assert named.code == 0
    monkeypatch.chdir(partnership.root / "council")
    assert hearthgate("client", "list").code == 0
    monkeypatch.chdir(partnership.root / "anchor")
    assert hearthgate("trust", "list").code == 0


def test_a_setting_of_the_environment_is_heard_by_the_commands_too(partnership: Partnership) -> None:
    answer = hearthgate("client", "list", "--config", partnership.config("council"), HEARTHGATE_PEER__WORKERS="none")
    assert answer.code == 1
    assert "peer.workers" in answer.err


def test_a_nodes_command_is_refused_at_an_anchor_and_the_other_way_round(partnership: Partnership) -> None:
    assert "trust anchor" in hearthgate("client", "list", "--config", partnership.config("anchor")).err
    assert "of a node" in hearthgate("trust", "list", "--config", partnership.config("council")).err


def test_an_unmigrated_store_is_refused_until_it_is_migrated(partnership: Partnership) -> None:
    config = partnership.config("council")
    for path in (partnership.root / "council" / "data").iterdir():
        path.unlink()
    refused = hearthgate("client", "list", "--config", config)
    assert refused.code == 1
    assert "hearthgate upgrade" in refused.err
    assert hearthgate("upgrade", "--config", config, "--yes").code == 0
    assert hearthgate("client", "list", "--config", config).code == 0


def test_a_change_that_cannot_be_recorded_is_not_made(partnership: Partnership) -> None:
    config = partnership.config("council")
    (partnership.root / "council" / "data" / "administration.jsonl").mkdir()
    words = ["client", "add", "--config", config, "--id", "case", "--name", "Case", "--yes", "--service", "families"]
    words += ["--role", "key-worker", "--unit", "north", "--generate-key", partnership.root / "case.pem"]
    answer = hearthgate(*words)
    assert answer.code == 1
    assert "cannot be recorded" in answer.err
    assert not (partnership.root / "case.pem").exists(), "a key of nobody is left behind"
    assert hearthgate("client", "list", "--config", config, "--json").json["clients"] == []


@pytest.mark.holds("A60")
def test_key_files_that_others_can_read_are_refused_by_every_command_that_uses_them(partnership: Partnership) -> None:
    key = partnership.root / "council" / "keys" / "federation.pem"
    key.chmod(0o640)
    out = partnership.root / "request.jwt"
    refused = hearthgate("trust", "join", ANCHOR, "--config", partnership.config("council"), "--out", out, "--yes")
    assert refused.code == 1
    assert f"chmod 600 {key}" in refused.err
    assert not os.path.lexists(out)
    document = partnership.agreement()
    words = ["--name", "R. Example", "--post", "SIRO", "--out", out, "--yes"]
    assert hearthgate("agreement", "sign", document, "--config", partnership.config("council"), *words).code == 1
    assert not os.path.lexists(out)
