"""A new node or anchor is made whole or not at all."""

import stat
from pathlib import Path

import pytest

from config.loading import load
from config.settings import NodeSettings
from gateway.app.wiring import profile
from gateway.keys.vault import open_vault
from gateway.store.revision import is_current
from tests.gateway.cli.conftest import ANCHOR, Partnership, hearthgate
from trust.federation.anchor_keys import parse_pin
from trust.identifiers import EntityId


def modes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*")}


def test_a_new_node_is_complete_and_only_its_owner_reads_it(partnership: Partnership) -> None:
    folder = partnership.root / "council"
    settings = load(folder / "node.toml", {})
    assert isinstance(settings, NodeSettings)
    assert settings.trust.anchors[0].entity_id == ANCHOR
    assert settings.services[0].slug == "families"
    open_vault(folder / "keys")
    assert is_current(settings.store.url, base_dir=folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(modes(folder).values()) == {"0o600", "0o700"}


def test_init_says_what_to_compare_and_what_to_do_next(partnership: Partnership) -> None:
    answer = partnership.set_up("police", "neighbourhood")
    assert answer.code == 0
    assert "Compare these thumbprints" in answer.out
    assert "hearthgate trust join" in answer.out
    assert "\n  1. " in answer.out


def test_what_exists_is_never_overwritten(partnership: Partnership) -> None:
    before = (partnership.root / "council" / "keys" / "federation.pem").read_bytes()
    answer = partnership.set_up("council", "families")
    assert answer.code == 1
    assert "exists already" in answer.err
    assert (partnership.root / "council" / "keys" / "federation.pem").read_bytes() == before


def test_an_empty_folder_may_be_filled(partnership: Partnership) -> None:
    (partnership.root / "police").mkdir()
    assert partnership.set_up("police", "neighbourhood").code == 0


def test_a_refused_init_leaves_nothing_behind_and_names_every_mistake(partnership: Partnership) -> None:
    words = partnership.init_words("police", "neighbourhood")
    tables = partnership.root / "police-tables.toml"
    tables.write_text(tables.read_text().replace("01632 960 001", "ring Sam").replace('kind = "', 'kind = "Not A '))
    before = set(partnership.root.iterdir())
    answer = hearthgate(*words, "--json")
    assert answer.code == 1
    faults = " ".join(answer.json["faults"])
    assert "kind" in faults
    assert "duty_phone" in faults
    assert "ring Sam" not in answer.out
    assert set(partnership.root.iterdir()) == before


def test_settings_outside_a_table_would_land_in_another_one(partnership: Partnership) -> None:
    words = partnership.init_words("police", "neighbourhood")
    (partnership.root / "police-tables.toml").write_text("workers = 4\n")
    answer = hearthgate(*words)
    assert answer.code == 1
    assert "workers" in answer.err


def test_services_may_be_named_on_the_command_line_and_await_their_adapters(partnership: Partnership) -> None:
    described = 'money-advice:money-advice:Money "first" Advice:01632 960 002'
    words = partnership.init_words("police", "neighbourhood")
    place = words.index("--tables")
    del words[place : place + 2]
    assert hearthgate(*words, "--service", described).code == 0
    settings = load(partnership.config("police"), {})
    assert isinstance(settings, NodeSettings)
    assert settings.services[0].name == 'Money "first" Advice'
    checked = hearthgate("adapter", "check", "--config", partnership.config("police"))
    assert checked.code == 1
    assert "json-file" in checked.out


def test_a_node_that_only_asks_has_no_adapter_and_says_so(partnership: Partnership) -> None:
    words = partnership.init_words("police", "neighbourhood")
    made = hearthgate(*words, "--asks-only", "--service", "advice:money-advice:Advice:01632 960 009")
    assert made.code == 0, made.err
    assert "adapter" not in made.out
    config = partnership.config("police")
    settings = load(config, {})
    assert isinstance(settings, NodeSettings)
    assert {service.slug: service.adapter is None for service in settings.services}["advice"]
    assert {str(service.slug): service.asks_only for service in profile(settings).services}["advice"]
    checked = hearthgate("adapter", "check", "advice", "--config", config)
    assert checked.code == 0
    assert "advice:\n  ✓ case system: None is set up: this service asks others" in checked.out
    files = ["--census", "census.xml", "--allocations", "allocations.csv"]
    refused = hearthgate("adapter", "import", "advice", "--config", config, *files)
    assert "it only asks" in refused.err


def test_a_certificate_may_come_later(partnership: Partnership) -> None:
    words = partnership.init_words("police", "neighbourhood")
    place = words.index("--certificate")
    del words[place : place + 4]
    answer = hearthgate(*words)
    assert answer.code == 0
    assert "1. Put the certificate chain" in answer.out
    refused = hearthgate("upgrade", "--config", partnership.config("police"))
    assert refused.code == 1
    assert "peer.certificate: there is no such file" in refused.err


def test_a_certificate_without_its_key_is_refused_before_anything_is_made(partnership: Partnership) -> None:
    words = partnership.init_words("police", "neighbourhood")
    words[words.index("--key") + 1] = str(partnership.files["council"][1])
    before = set(partnership.root.iterdir())
    answer = hearthgate(*words)
    assert answer.code == 1
    assert "cannot be used together" in answer.err
    assert set(partnership.root.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--entity-id", "http://x.example"], "--entity-id"),
        (["--service", "a:b:c"], "SLUG:KIND:NAME:PHONE"),
        (["--service", "Not A Slug:b:c:01632 960 001"], "--service"),
    ],
)
def test_what_was_not_understood_ends_with_2(partnership: Partnership, words: list[str], said: str) -> None:
    answer = hearthgate(*partnership.init_words("police", "neighbourhood"), *words)
    assert answer.code == 2
    assert said in answer.err
    assert not (partnership.root / "police").exists()


def test_a_node_without_a_pinned_anchor_or_a_service_is_not_understood(tmp_path: Path) -> None:
    words = ["init", tmp_path / "x", "--entity-id", "https://x.example", "--name", "X"]
    assert hearthgate(*words).code == 2
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "content",
    [
        '{"keys": []}',
        f'{{"entity_id": "{ANCHOR}", "keys": []}}',
        '{"entity_id": "anchor", "keys": []}',
        "no JSON",
        "[]",
    ],
)
def test_what_is_no_pin_is_refused(partnership: Partnership, content: str) -> None:
    words = partnership.init_words("police", "neighbourhood")
    (partnership.root / "anchor" / "anchor-pin.json").write_text(content)
    assert hearthgate(*words).code == 1
    assert not (partnership.root / "police").exists()


def test_the_recovery_key_is_pinned_with_the_others(partnership: Partnership) -> None:
    pinned = (partnership.root / "council" / "anchors" / "anchor.example.json").read_bytes()
    assert parse_pin(pinned, EntityId(ANCHOR)).recovery is not None
    assert pinned == (partnership.root / "anchor" / "anchor-pin.json").read_bytes()
