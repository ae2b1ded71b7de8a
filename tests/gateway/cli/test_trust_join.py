"""Asking to be vouched for, over the network: a node, and an intermediate."""

import tomllib
from pathlib import Path

from config.loading import load
from gateway.administration.context import now
from gateway.keys.files import KeyFile, create_keys
from gateway.store.factory import open_store
from gateway.store.tables import enrolments
from gateway.store.tables.enrolments import WaitingEnrolment
from tests.gateway.cli.conftest import ANCHOR, Answer, Partnership, hearthgate
from trust.federation.enrolment import parse_enrolment_request

COUNTY = "https://county.example"


def join(config: Path, *words: str) -> Answer:
    return hearthgate("trust", "join", ANCHOR, "--config", config, "--yes", "--json", *words)


def waiting(partnership: Partnership) -> list[WaitingEnrolment]:
    settings = load(partnership.config("anchor"), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    found = store.read(lambda tx: enrolments.list(tx, now=now()))
    store.close()
    return list(found)


def thumbprints(partnership: Partnership) -> list[str]:
    out = partnership.root / "pin.json"
    given = hearthgate("trust", "anchor", "pin", "--config", partnership.config("anchor"), "--out", out, "--json").json
    return [word for kid in given["key_ids"] for word in ("--thumbprint", kid)]


def test_a_node_asks_over_the_network_and_is_told_what_to_read_out(partnership: Partnership) -> None:
    partnership.run_anchor()
    answer = join(partnership.config("council"))
    assert answer.code == 0, answer.err
    (request,) = waiting(partnership)
    asked = parse_enrolment_request(request.raw, now=now())
    assert asked.entity_id == "https://council.example"
    assert answer.json["thumbprints"] == list(asked.thumbprints)
    assert join(partnership.config("council")).code == 0, "asking again is no fault"
    assert len(waiting(partnership)) == 1


def test_an_intermediate_asks_as_a_node_does_and_pins_the_anchor(partnership: Partnership) -> None:
    partnership.run_anchor()
    folder = partnership.root / "county"
    words = partnership.words("county")[:-2]  # without a case face
    made = hearthgate(
        *("trust", "anchor", "init", folder, "--entity-id", COUNTY, "--name", "County", "--superior", ANCHOR),
        *("--ca", partnership.authority.certificate, "--reason", "tests run on one machine"),
        *("--host", f"anchor.example=127.0.0.1:{partnership.ports['anchor']}"),
        *words,
    )
    assert made.code == 0, made.err
    answer = join(folder / "anchor.toml", *thumbprints(partnership))
    assert answer.code == 0, answer.err
    (request,) = waiting(partnership)
    asked = parse_enrolment_request(request.raw, now=now())
    assert (asked.entity_id, asked.fetch_endpoint) == (COUNTY, f"{COUNTY}/federation/v1/fetch")
    (pinned,) = tomllib.loads((folder / "anchor.toml").read_text(encoding="utf-8"))["trust"]["anchors"]
    assert pinned["entity_id"] == ANCHOR


def test_a_trust_anchor_joins_no_superior(partnership: Partnership) -> None:
    answer = hearthgate("trust", "join", COUNTY, "--config", partnership.config("anchor"), "--yes")
    assert answer.code == 1
    assert "has no superior" in answer.err


def test_a_request_that_is_not_taken_changes_nothing_and_says_why(partnership: Partnership) -> None:
    partnership.run_anchor()
    assert partnership.set_up("police", "neighbourhood").code == 0
    before = partnership.config("police").read_text(encoding="utf-8")
    # another party asked in the name of the police
    words = ("--config", partnership.config("police"), "--yes", "--json")
    assert hearthgate("trust", "join", ANCHOR, *words).code == 0
    keys = partnership.root / "police" / "keys" / "federation.pem"
    keys.unlink()
    create_keys(keys.parent, names=[KeyFile.FEDERATION])
    refused = hearthgate("trust", "join", ANCHOR, *words)
    assert refused.code == 1
    assert "answered 409" in refused.json["error"]
    assert "signed with another key waits already" in refused.json["error"]
    assert partnership.config("police").read_text(encoding="utf-8") == before
