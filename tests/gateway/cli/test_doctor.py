"""Each line of the doctor is a real check that fails when what it checks is broken, and says what to do."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import gethostname

import pytest

from config.loading import load
from gateway.administration.checks.machine import check_disk
from gateway.administration.context import opened_store
from gateway.store import condition
from gateway.store.engine.sqlite_files import connect
from gateway.store.inspection import DiskSpace
from gateway.store.tables import flags, pending_changes, store_epoch
from gateway.store.tables.pending_changes import Change, ChangeState
from tests.gateway.cli.conftest import COUNCIL, POLICE, Partnership, hearthgate
from tests.gateway.cli.doctor import failing, looked
from tests.support.plays import PLAY
from tests.support.tls import make_authority


def test_everything_holds_and_every_exception_is_shown(whole: Partnership) -> None:
    for name in ("council", "police", "anchor"):
        found = looked(whole, name)
        found["warning"].pop("a time service keeps the clock", None)  # this machine's own matter
        assert (found["warning"], found["fault"]) == ({}, {})
    text = hearthgate("doctor", "--config", whole.config("council"), SUDO_USER="ann").out
    assert "police.example is reached at 127.0.0.1:" in text
    assert "Reason given: tests run on one machine" in text
    assert "✓ this node is vouched for: by https://anchor.example" in text
    assert f"✓ {POLICE} is trusted and can be reached" in text
    assert "✓ families: the promises of its adapter: all " in text
    assert "✓ vale-early-help version 1: in force" in text
    assert "faults" not in text.splitlines()[-1]


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


@pytest.mark.parametrize(("name", "is_holder"), [("police", True), ("council", False)])
def test_a_service_without_adapter_only_asks_and_may_be_no_holder(
    whole: Partnership, name: str, is_holder: bool
) -> None:
    document = json.loads(whole.agreement().read_bytes())
    holders = {holder for clause in document["clauses"] for holder in clause["holders"]}
    assert any(holder.startswith(POLICE) for holder in holders)
    assert not any(holder.startswith(COUNCIL) for holder in holders)
    config = whole.config(name)
    config.write_text(config.read_text().partition("[services.adapter]")[0])
    found = looked(whole, name)
    assert any("asks others" in detail for detail in found["ok"].values())
    assert [detail.endswith("lets others ask it: they are refused") for detail in found["fault"].values()] == (
        [True] if is_holder else []
    )


def test_a_receiver_that_cannot_prove_arrival_is_a_warning(whole: Partnership) -> None:
    config = whole.config("council")
    table = '[services.receiver]\ntype = "drop-folder"\nsettings = { folder = "import"%s }\n'
    text = config.read_text()
    config.write_text(f"{text}\n{table % ''}")
    assert "folder is no folder" in failing(whole)["families: drop folder"]
    (whole.root / "council" / "import").mkdir()
    assert "cannot be proved" in looked(whole, "council")["warning"]["families: messages: proof"]
    acknowledged = ', acknowledgements = "import"'
    config.write_text(f"{text}\n{table % acknowledged}")
    found = looked(whole, "council")
    assert "families: messages: proof" not in found["warning"]
    assert found["fault"] == {}


def test_an_agreement_that_this_version_cannot_read(whole: Partnership) -> None:
    connection = connect(whole.root / "council" / "data" / "node.db")
    connection.execute("UPDATE agreements SET raw = CAST('{}' AS BLOB)")
    connection.execute("UPDATE epochs SET value = value + 1")
    connection.close()
    found = failing(whole)
    assert "1 cannot be read" in found["every agreement that is held can be read"]


def test_key_files_that_others_can_read(whole: Partnership) -> None:
    (whole.root / "council" / "keys" / "message.pem").chmod(0o644)
    assert "private keys are complete and readable by their owner only" in failing(whole)


def test_a_store_that_is_not_there(whole: Partnership) -> None:
    (whole.root / "council" / "data" / "node.db").rename(whole.root / "away.db")
    assert "hearthgate upgrade" in failing(whole)["the store can be written"]


def test_a_store_with_another_journal_mode_is_unsafe(partnership: Partnership) -> None:
    connection = connect(partnership.root / "council" / "data" / "node.db")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    assert "the store can be written" in failing(partnership)


def test_a_store_says_what_it_really_runs_with(partnership: Partnership) -> None:
    detail = looked(partnership)["ok"]["the store is migrated, safely set up and can be written"]
    assert "SQLite 3." in detail
    assert "synchronous full, journal_mode wal, tables " in detail
    (partnership.root / "council" / "data" / "node-claims.db").unlink()
    assert "node-claims.db is missing" in failing(partnership)["the store can be written"]


def test_what_the_node_has_found_out_about_itself(partnership: Partnership) -> None:
    with opened_store(load(partnership.config("council"), {})) as store:
        store.write(lambda tx: condition.record_clock(tx, host=gethostname(), off=timedelta(minutes=5)))
        assert "300 s behind" in failing(partnership)["the node found itself fit to serve"]
        store.write(lambda tx: condition.record_clock(tx, host=gethostname(), off=timedelta()))
        assert looked(partnership)["ok"]["the node found itself fit to serve"] == "store never restored"
        store.write(lambda tx: store_epoch.begin(tx, at=datetime.now(UTC)))
        assert "still catching up" in failing(partnership)["the node found itself fit to serve"]


@pytest.mark.parametrize(
    ("free", "state"), [(64, "warning"), (63, "fault"), (16 * 64, "ok"), (16 * 64 - 1, "warning"), (0, "fault")]
)
def test_the_room_on_the_disk(free: int, state: str) -> None:
    line = check_disk(DiskSpace(path=Path("/srv"), free=free * 1024 * 1024))
    assert (line.ok, line.warning) == (state != "fault", state != "ok")
    assert "below 64 MB" in line.detail


def test_a_key_that_has_signed_for_more_than_a_year(partnership: Partnership) -> None:
    assert "the age of the message key" in looked(partnership)["ok"]
    old = (datetime.now(UTC) - timedelta(days=366)).timestamp()
    os.utime(partnership.root / "council" / "keys" / "message.pem", (old, old))
    warned = looked(partnership)["warning"]
    assert warned["the age of the message key"] == "366 days"
    assert "the age of the federation key" not in warned


def test_a_federation_key_that_waits_for_its_superior(partnership: Partnership) -> None:
    name = "the next federation key is vouched for"
    words = ["--use", "federation", "--config", partnership.config("council"), "--yes"]
    made = hearthgate("trust", "key", "rotate", *words, "--out", partnership.root / "rotation.jwt", "--json")
    assert made.code == 0, made.err
    assert name not in looked(partnership)["warning"]
    state = partnership.root / "council" / "keys" / "state.json"
    record = json.loads(state.read_bytes())
    for key in record["keys"]:
        key["created_at"] -= 3 * 86_400
    state.write_text(json.dumps(record))
    assert looked(partnership)["warning"][name] == "not yet, 72 h after it was made"


def test_what_waits_for_a_review(partnership: Partnership) -> None:
    asked = datetime.now(UTC) - timedelta(hours=71)
    waits = Change(
        id="c1",
        act="suspend",
        arguments={},
        reason="x",
        state=ChangeState.PENDING,
        requested_by="ada",
        requested_known_by="login",
        requested_at=asked,
    )
    name = "every emergency was reviewed by a second administrator"
    assert looked(partnership)["ok"]["every flag was reviewed"] == "none is up"
    with opened_store(load(partnership.config("council"), {})) as store:
        store.write(lambda tx: pending_changes.put(tx, waits))
        store.write(lambda tx: flags.raise_flag(tx, code="over_budget", asker="case", at=asked))
        warned = looked(partnership)["warning"]
        assert warned[name] == "waiting for approval: c1 (suspend, 71 h ago)"
        assert warned["every flag was reviewed"] == "1 are up, the oldest for 71 h"
        made = replace(waits, id="c2", state=ChangeState.UNREVIEWED, emergency="stolen laptop")
        store.write(lambda tx: pending_changes.put(tx, made))
    assert failing(partnership)[name].startswith("c2 (suspend, 71 h ago); waiting")


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


@pytest.mark.parametrize(("age", "left", "state"), [(9, 1, "warning"), (7, 3, "ok"), (2, -1, "fault")])
def test_how_long_a_certificate_is_good_yet(partnership: Partnership, age: int, left: int, state: str) -> None:
    names = ("renewed.example", "council.example")
    files = partnership.authority.issue(*names, age=timedelta(days=age), left=timedelta(days=left))
    config = partnership.config("council")
    for old, new in zip(partnership.files["council"], files, strict=True):
        config.write_text(config.read_text().replace(str(old), str(new)))
    found = looked(partnership)
    assert "the certificate of [peer] is in time" in found[state]
    accepted = "the certificate of [peer] is accepted by a client as strict as the peers"
    assert accepted in found["fault" if state == "fault" else "ok"]


def test_a_certificate_of_an_authority_that_the_partnership_does_not_trust(
    partnership: Partnership, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = "the certificate of [peer] is accepted by a client as strict as the peers"
    assert "TLSv1.3" in looked(partnership)["ok"][name]
    other = make_authority(tmp_path_factory.mktemp("other")).certificate
    config = partnership.config("council")
    config.write_text(config.read_text().replace(str(partnership.authority.certificate), str(other)))
    assert "not by the CA of [trust]" in failing(partnership)[name]
    other.write_text("no certificate")
    assert "no handshake came about" in failing(partnership)[name]


def test_a_node_that_is_not_vouched_for(whole: Partnership) -> None:
    words = ["--reason", "x", "--emergency", "now", "--config", whole.config("anchor"), "--yes"]
    hearthgate("trust", "suspend", COUNCIL, *words)
    found = failing(whole)
    assert "does not vouch" in found["this node is vouched for"]
    assert "does not trust this node" in found[f"what {POLICE} says of this node"]


def test_a_peer_that_does_not_answer(whole: Partnership) -> None:
    config = whole.config("council")
    port = whole.ports["police"]
    config.write_text(config.read_text().replace(f"127.0.0.1:{port}", "127.0.0.1:1"))
    assert f"{POLICE} is trusted and can be reached" in failing(whole)


def test_an_agreement_without_all_its_signatures(partnership: Partnership) -> None:
    hearthgate("agreement", "add", partnership.agreement(), "--config", partnership.config("council"), "--yes")
    assert "has not been signed by Vale Council, Vale Police" in failing(partnership)["vale-early-help version 1"]


def test_a_case_system_that_is_not_there(whole: Partnership) -> None:
    (whole.root / "council" / "people.json").unlink()
    assert [name for name in failing(whole) if name.startswith("families: ")]


def test_a_play_that_no_agreement_permits_and_its_own_check(whole: Partnership) -> None:
    config = whole.config("council")
    folder = config.parent / "plays"
    assert hearthgate("play", "check", "--config", config).code == 0
    folder.mkdir()
    (folder / "one.toml").write_text(PLAY)
    answer = hearthgate("play", "check", "--config", config)
    assert (answer.code, "police: https://police.example#pvp for key-worker: " in answer.out) == (1, True)
    assert "police: https://police.example#pvp" in failing(whole)["every step of the play one is permitted"]
