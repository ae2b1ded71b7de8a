"""Each line of the doctor is a real check that fails when what it checks is broken, and says what to do."""

import json
from typing import Any

import pytest

from gateway.store.sqlite_files import connect
from tests.gateway.cli.conftest import COUNCIL, POLICE, Partnership, hearthgate


@pytest.fixture
def whole(both: Partnership) -> Partnership:
    """Everything in order: both agencies admitted and running, and an agreement in force."""
    for name in ("council", "police"):
        both.run_node(name)
    document = both.agreement()
    signatures = [both.signature(name, document) for name in ("council", "police")]
    hearthgate("agreement", "add", document, *signatures, "--config", both.config("council"))
    return both


def failing(partnership: Partnership, name: str = "council") -> dict[str, str]:
    answer = hearthgate("doctor", "--config", partnership.config(name), "--json")
    lines: list[dict[str, Any]] = [line for section in answer.json["sections"].values() for line in section]
    found = {line["name"]: line["detail"] for line in lines if not line["ok"]}
    assert answer.code == (1 if found else 0)
    assert all(line["remedy"] for line in lines if not line["ok"])
    return found


def test_everything_holds_and_every_exception_is_shown(whole: Partnership) -> None:
    assert failing(whole) == {}
    assert failing(whole, "anchor") == {}
    text = hearthgate("doctor", "--config", whole.config("council")).out
    assert "police.example is reached at 127.0.0.1:" in text
    assert "Reason given: tests run on one machine" in text
    assert "✓ this node is vouched for: by https://anchor.example" in text
    assert f"✓ {POLICE} is trusted and can be reached" in text
    assert "✓ vale-early-help version 1: in force" in text
    assert text.endswith("Everything holds.\n")


def test_a_wrong_configuration_is_told_whole_and_nothing_else_is_tried(partnership: Partnership) -> None:
    config = partnership.config("council")
    config.write_text(config.read_text().replace('name = "Council"', "").replace("[store]\n", "[store]\ncolour = 1\n"))
    answer = hearthgate("doctor", "--config", config, "--json")
    assert answer.code == 1
    assert list(answer.json["sections"]) == ["Configuration"]
    assert len(answer.json["sections"]["Configuration"]) == 2


@pytest.mark.parametrize(
    ("names", "effective"),
    [
        ({}, True),
        ({"agreement": "vale-early-hlep"}, False),
        ({"clause": "nothing-like-it"}, False),
        ({"role": "nobody"}, False),
    ],
    ids=["right", "agreement", "clause", "role"],
)
def test_a_restriction_that_withdraws_nothing_is_no_restriction(
    whole: Partnership, names: dict[str, str], effective: bool
) -> None:
    document = json.loads(whole.agreement().read_bytes())
    clause = document["clauses"][0]
    rule = {"agreement": document["id"], "clause": clause["id"], "role": next(iter(clause["fields_by_role"])), **names}
    config = whole.config("council")
    lines = "".join(f'{name} = "{value}"\n' for name, value in rule.items())
    config.write_text(f'{config.read_text()}\n[[services.restrictions]]\n{lines}reason = "A local decision"\n')
    found = [detail for name, detail in failing(whole).items() if name.startswith("a restriction of")]
    assert bool(found) is not effective


def test_an_agreement_that_this_version_cannot_read(whole: Partnership) -> None:
    connection = connect(whole.root / "council" / "data" / "node.db")
    connection.execute("UPDATE agreements SET raw = CAST('{}' AS BLOB)")
    connection.execute("UPDATE epochs SET value = value + 1")
    connection.close()
    found = failing(whole)
    assert "1 cannot be read" in found["every agreement that is held can be read"]


def test_key_files_that_others_can_read(whole: Partnership) -> None:
    (whole.root / "council" / "keys" / "message.pem").chmod(0o644)
    assert "private keys are complete and nobody else's to read" in failing(whole)


def test_a_store_that_is_not_there(whole: Partnership) -> None:
    (whole.root / "council" / "data" / "node.db").rename(whole.root / "away.db")
    assert "hearthgate upgrade" in failing(whole)["the store can be written"]


def test_a_store_with_another_journal_mode_is_unsafe(partnership: Partnership) -> None:
    connection = connect(partnership.root / "council" / "data" / "node.db")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    assert "the store can be written" in failing(partnership)


def test_a_certificate_for_another_name_and_a_key_that_is_open(whole: Partnership) -> None:
    certificate, key = whole.authority.issue("other.example")
    config = whole.config("council")
    for old, new in zip(whole.files["council"], (certificate, key), strict=True):
        config.write_text(config.read_text().replace(str(old), str(new)))
    key.chmod(0o644)
    found = failing(whole)
    assert "its names: other.example" in found["the certificate of [peer] is for council.example"]
    assert "the certificate of [case] is for case.council.example" in found
    assert "the key of [peer]" in found


def test_a_certificate_whose_key_is_another(whole: Partnership) -> None:
    _, key = whole.authority.issue("other.example")
    config = whole.config("council")
    config.write_text(config.read_text().replace(str(whole.files["council"][1]), str(key)))
    assert "cannot be used together" in failing(whole)["the certificate of [peer]"]


def test_a_node_that_is_not_vouched_for(whole: Partnership) -> None:
    words = ["--reason", "x", "--emergency", "now", "--config", whole.config("anchor"), "--yes"]
    hearthgate("trust", "suspend", COUNCIL, *words)
    assert "does not vouch" in failing(whole)["this node is vouched for"]


def test_a_peer_that_does_not_answer(whole: Partnership) -> None:
    config = whole.config("council")
    port = whole.ports["police"]
    config.write_text(config.read_text().replace(f"127.0.0.1:{port}", "127.0.0.1:1"))
    assert f"{POLICE} is trusted and can be reached" in failing(whole)


def test_an_agreement_without_all_its_signatures(partnership: Partnership) -> None:
    hearthgate("agreement", "add", partnership.agreement(), "--config", partnership.config("council"))
    assert "has not been signed by Vale Council, Vale Police" in failing(partnership)["vale-early-help version 1"]


def test_a_case_system_that_is_not_there(whole: Partnership) -> None:
    (whole.root / "council" / "people.json").unlink()
    assert [name for name in failing(whole) if name.startswith("families: ")]
