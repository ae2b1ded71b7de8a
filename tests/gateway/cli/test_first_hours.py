"""A new user's first commands say what is missing, and what happened."""

from pathlib import Path

import pytest

from tests.gateway.cli.conftest import ANCHOR, COUNCIL, Partnership, hearthgate, seconded

UNPINNED = "a trust anchor is pinned here"


@pytest.fixture
def unpinned(partnership: Partnership) -> Path:
    """Give the council's configuration before it joined anything."""
    config = partnership.config("council")
    kept = [
        line
        for line in config.read_text().splitlines()
        if not line.startswith(('entity_id = "https://anchor', "jwks ="))
    ]
    config.write_text("\n".join(line for line in kept if line != "[[trust.anchors]]") + "\n")
    return config


def test_the_doctor_says_that_no_anchor_is_pinned(unpinned: Path) -> None:
    answer = hearthgate("doctor", "--config", unpinned, "--json")
    assert answer.code == 1
    faults = [line for section in answer.json["sections"].values() for line in section if line["state"] == "fault"]
    assert any("none is" in line["detail"] and "trust join" in line["remedy"] for line in faults)


def test_a_check_of_a_chain_without_an_anchor_shows_that_step_and_fails(unpinned: Path) -> None:
    checked = hearthgate("trust", "check", COUNCIL, "--config", unpinned)
    assert checked.code == 1
    assert UNPINNED in checked.out


def test_a_node_without_an_anchor_is_not_started(unpinned: Path) -> None:
    refused = hearthgate("serve", "--config", unpinned)
    assert refused.code == 1
    assert "hearthgate trust join" in refused.err


def test_joining_tells_what_was_sent_where_the_pin_cannot_be_written(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    partnership.run_anchor()
    monkeypatch.setattr("gateway.administration.join.replace", _refuse)
    words = ("trust", "join", ANCHOR, "--config", partnership.config("council"), "--yes")
    refused = hearthgate(*words)
    assert refused.code == 1
    assert f"{ANCHOR} has the request, and the anchor is not pinned here yet" in refused.err
    monkeypatch.undo()
    assert hearthgate("trust", "pending", "--config", partnership.config("anchor"), "--json").json["pending"]


def _refuse(*_arguments: object, **_options: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_role_that_no_agreement_names_is_refused_with_those_that_are(both: Partnership) -> None:
    agreement = both.agreement()
    signatures = [both.signature(name, agreement) for name in ("council", "police")]
    config = both.config("council")
    assert hearthgate("agreement", "add", agreement, *signatures, "--config", config, "--yes").code == 0
    words = ["client", "add", "--id", "case", "--name", "Case", "--service", "families", "--unit", "north"]
    words += ["--generate-key", str(both.root / "case.pem")]
    refused = seconded(config, *words, "--role", "keyworker")
    assert refused.code == 1
    assert "known: key-worker" in refused.json["faults"][0]
    assert not (both.root / "case.pem").exists()
    assert seconded(config, *words, "--role", "key-worker").code == 0
