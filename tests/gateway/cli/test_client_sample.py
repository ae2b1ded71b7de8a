"""The lookups that were chosen are shown to the manager, settled by them, and overdue without a decision."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.loading import load
from config.settings import NodeSettings
from gateway.accountability.access_record import seal_account
from gateway.administration.checks import accountability
from gateway.administration.context import node_vault, opened_store
from gateway.store.tables import justifications, lookups
from gateway.store.tables.justifications import SampledLookup
from tests.gateway.cli.conftest import Answer, Partnership, hearthgate, seconded

MANAGER = "Maud Ellery"
LOOKUP = "-XkD10gwz7Il5pwi1ncr-A"
"""One in 64 ids begins like an option."""
ACCOUNT = {
    "purpose": "early-help",
    "reason": "A canary reason.",
    "case_ref": "C-1",
    "practitioner": {"id": "u-17", "role": "key-worker", "org_unit": "north", "call_back": None},
}


def run(partnership: Partnership, *words: Any) -> Answer:
    return hearthgate("client", *words, "--config", partnership.config("council"), "--json")


def settings(partnership: Partnership) -> NodeSettings:
    loaded = load(partnership.config("council"), {})
    assert isinstance(loaded, NodeSettings)
    return loaded


def add(partnership: Partnership, *more: str, client_id: str = "case") -> Answer:
    words = ["client", "add", "--id", client_id, "--name", "Case system", "--service", "families"]
    words += ["--role", "key-worker", "--unit", "north"]
    key = partnership.root / f"{client_id}.pem"
    return seconded(partnership.config("council"), *words, "--generate-key", key, *more)


@pytest.fixture
def chosen(partnership: Partnership) -> Partnership:
    """Give the council with one lookup that was chosen a week ago."""
    assert add(partnership, "--manager", MANAGER).code == 0
    at = datetime.now(UTC) - timedelta(days=8)
    loaded = settings(partnership)
    row = lookups.LookupRow(
        id=LOOKUP,
        client_id="case",
        idempotency_key="k",
        request_digest="d",
        sealed_request=seal_account(node_vault(loaded).seal_key(), LOOKUP, ACCOUNT),
        created_at=at,
        keep_until=at,
        expected=1,
        state=lookups.COMPLETE,
    )
    with opened_store(loaded) as store:
        store.write(lambda tx: lookups.create(tx, row))
        store.write(
            lambda tx: justifications.put(
                tx, SampledLookup(lookup_id=LOOKUP, client_id="case", taken_at=at, due_at=at + timedelta(days=7))
            )
        )
    return partnership


def test_a_sample_names_practitioner_and_case_and_never_the_person(chosen: Partnership) -> None:
    (found,) = run(chosen, "sample", "list").json["samples"]
    assert found["practitioner"]["id"] == "u-17"
    assert (found["case_ref"], found["reason"], found["manager"]) == ("C-1", "A canary reason.", MANAGER)
    assert found["overdue"] is True
    assert run(chosen, "sample", "list", "--overdue").json["samples"] == [found]
    shown = hearthgate("client", "sample", "list", "--config", chosen.config("council"))
    assert "OVERDUE" in shown.out


def test_what_is_overdue_is_a_fault_to_the_doctor(chosen: Partnership) -> None:
    def overdue() -> bool:
        lines = accountability.check_accountability(settings(chosen), datetime.now(UTC))
        (line,) = [each for each in lines if "too long" in each.name]
        return not line.ok

    assert overdue()
    justified = run(chosen, "sample", "justify", LOOKUP, "--by", MANAGER, "--reason", "On duty.", "--yes")
    assert justified.code == 0, justified.err
    assert not overdue()


def test_the_managers_finding_is_kept_sealed_and_only_the_act_in_the_journal(chosen: Partnership) -> None:
    words = ("sample", "justify", LOOKUP, "--by", MANAGER, "--reason", "A canary finding.", "--yes")
    assert run(chosen, *words).code == 0
    assert run(chosen, "sample", "list").json["samples"] == []
    (found,) = run(chosen, "sample", "list", "--all").json["samples"]
    assert found["justified"] is True
    assert found["finding"]["reason"] == "A canary finding."
    folder = chosen.root / "council" / "data"
    journal = (folder / "administration.jsonl").read_text().splitlines()[-1]
    assert json.loads(journal)["act"] == "client sample justify"
    assert json.loads(journal)["manager"] == MANAGER
    assert "canary" not in journal
    assert b"canary" not in b"".join(file.read_bytes() for file in folder.glob("node.db*"))


def test_a_revoked_case_systems_lookups_get_another_manager_too(chosen: Partnership) -> None:
    assert run(chosen, "revoke", "case", "--yes").code == 0
    assert run(chosen, "manager", "case", "--manager", "Somebody Else", "--yes").code == 0
    words = ("sample", "justify", LOOKUP, "--by", "Somebody Else", "--reason", "on duty", "--yes")
    assert run(chosen, *words).code == 0


def test_only_the_named_manager_settles_and_only_once(chosen: Partnership) -> None:
    refused = run(chosen, "sample", "justify", LOOKUP, "--by", "Somebody Else", "--reason", "Fine.", "--yes")
    assert refused.code == 1
    assert MANAGER in refused.json["error"]
    assert run(chosen, "manager", "case", "--manager", "Somebody Else", "--yes").code == 0
    words = ("sample", "justify", LOOKUP, "--by", "Somebody Else", "--reason", "Fine.", "--yes")
    assert run(chosen, *words).code == 0
    assert "already" in run(chosen, *words).json["error"]
    assert run(chosen, "sample", "justify", "-another", *words[3:]).code == 1


def test_what_was_not_justified_puts_up_a_flag_that_can_be_matched_to_the_practitioner(chosen: Partnership) -> None:
    words = ("sample", "justify", LOOKUP, "--by", MANAGER, "--reason", "No case.", "--not-justified", "--yes")
    assert run(chosen, *words).code == 0
    config = ("--config", chosen.config("council"), "--json")
    (flag,) = hearthgate("flag", "list", *config).json["flags"]
    assert flag["code"] == "unjustified"
    named = hearthgate("flag", "name", "case", "--id", "u-17", *config).json["asker"]
    assert [each["asker"] for each in flag["askers"]] == [named]


@pytest.mark.parametrize("by", ["u-17", "U-17"])
def test_the_practitioner_who_asked_settles_nothing(chosen: Partnership, by: str) -> None:
    words = ("client", "sample", "justify", LOOKUP, "--by", MANAGER, "--reason", "It was right.", "--yes", "--json")
    refused = hearthgate(*words, "--config", chosen.config("council"), SUDO_USER=by)
    assert refused.code == 1
    assert "cannot settle this" in refused.json["error"]


def test_a_manager_is_always_named_unless_users_sign_in_themselves(partnership: Partnership) -> None:
    assert add(partnership).json["arguments"]["manager"]
    alone = add(partnership, "--signed-in-only", client_id="portal").json
    assert (alone["vouches"], alone["manager"], alone["sample_percent"]) == (False, None, 0)
    assert add(partnership, "--signed-in-only", "--manager", MANAGER, client_id="other").code == 2
    assert run(partnership, "manager", "portal", "--manager", MANAGER, "--yes").code == 1
