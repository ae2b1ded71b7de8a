"""The account by command: the person is typed and kept nowhere, the reason is journaled."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest

from config.loading import load
from config.settings import NodeSettings
from gateway.accountability.subject_buckets import person_keys
from gateway.administration.context import node_vault, opened_store
from gateway.evidence import recorder
from tests.gateway.cli.conftest import COUNCIL, POLICE, Answer, Partnership, hearthgate
from trust.evidence.leaf import Leaf, LeafKind, message_key
from trust.exchange.person import Subject
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceSlug

NUMBER = "9691292211"
TYPED = f"{NUMBER}\n\n\n\n\n\n\n"


@pytest.fixture
def told(both: Partnership) -> Partnership:
    """Give a police node that answered one question and refused another."""
    settings = load(both.config("police"), environment={})
    assert isinstance(settings, NodeSettings)
    key, at = node_vault(settings).evidence_hmac_key(), datetime.now(UTC) - timedelta(hours=1)
    entries = []
    for number, (kind, outcome, reasons) in enumerate(
        [(LeafKind.ANSWERED, "known", ("match:unique",)), (LeafKind.REFUSED, "refused", ("role_not_permitted",))]
    ):
        leaf = Leaf(
            kind=kind,
            at=at,
            peer=EntityId(COUNCIL),
            message_iss=EntityId(COUNCIL),
            message_id=message_key(key, COUNCIL, f"m-{number}"),
            message_digest="d" * 43,
            answer_digest="a" * 43,
            outcome_code=outcome,
            reason_codes=reasons,
            purpose=PurposeCode("early-help"),
            from_service=ServiceSlug("families"),
            to_service=ServiceSlug("custody"),
            role=RoleCode("key-worker"),
            fields=("worker",) if outcome == "known" else (),
        )
        entries.append(recorder.build_entry(leaf, person_keys(key, Subject(nhs_number=NUMBER))))
    with opened_store(settings) as store:
        store.write(lambda tx: recorder.record(tx, *entries))
    return both


def account(told: Partnership, *words: object, answer: str | None = None) -> Answer:
    return hearthgate("account", *words, "--config", told.config("police"), answer=answer)


def test_the_account_of_a_person_says_what_was_told_and_is_journaled_without_the_person(told: Partnership) -> None:
    said = account(told, "person", "--reason", "Subject access request 12.", "--json", answer=TYPED)
    assert said.code == 0, said.err
    assert {(each["agency"], each["outcome"], tuple(each["told"])) for each in said.json["disclosures"]} == {
        (COUNCIL, "known", ("worker",)),
        (COUNCIL, "refused", ()),
    }
    assert NUMBER not in said.out
    journal = (told.root / "police" / "data" / "administration.jsonl").read_text()
    entry = json.loads(journal.splitlines()[-1])
    assert (entry["act"], entry["reason"]) == ("account person", "Subject access request 12.")
    assert NUMBER not in journal


def test_the_reason_is_asked_for_and_nothing_is_shown_without_one(told: Partnership) -> None:
    asked = account(told, "person", answer="Subject access request 12.\n" + TYPED)
    assert asked.code == 0
    assert "asked us (families to custody), as key-worker, for early-help" in asked.out
    assert "why: The agreement does not let this role ask." in asked.out
    for nothing in ("", " \n" + TYPED):
        refused = account(told, "person", answer=nothing)
        assert refused.code == 1
        assert COUNCIL not in refused.out


@pytest.mark.parametrize("typed", ["\n" * 7, "12\n" + "\n" * 6, "\n\n\n\nFell\n\n\n"])
def test_what_describes_no_person_is_refused_before_anything_is_looked_for(told: Partnership, typed: str) -> None:
    refused = account(told, "person", "--reason", "A request.", answer=typed)
    assert (refused.code, refused.out) == (1, "")


def test_a_request_is_shown_by_our_name_for_it_and_by_its_senders(told: Partnership) -> None:
    by_sender = account(told, "request", "m-1", "--from", COUNCIL, "--json")
    [refused] = by_sender.json["disclosures"]
    assert refused["reasons"] == ["role_not_permitted"]
    by_name = account(told, "request", refused["id"], "--json")
    assert by_name.json == by_sender.json
    assert "No disclosure is on record." in account(told, "request", "m-1", "--from", POLICE).out
    assert account(told, "request", "m-1", "--from", "nonsense").code == 1


def test_the_account_is_written_as_a_table_in_which_nothing_is_a_formula(told: Partnership) -> None:
    target = told.root / "account.csv"
    assert account(told, "request", "m-0", "--from", COUNCIL, "--csv", target).code == 0
    [row] = list(csv.DictReader(target.read_text().splitlines()))
    assert (row["agency"], row["told"], row["role"]) == (COUNCIL, "worker", "key-worker")
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    assert target.stat().st_mode & 0o777 == 0o600
    assert account(told, "request", "m-0", "--from", COUNCIL, "--csv", target).code == 1


def test_an_agreement_is_named_with_or_without_its_version(told: Partnership) -> None:
    assert "No disclosure is on record." in account(told, "agreement", "vale-early-help/3").out
    assert account(told, "agreement", "vale-early-help/three").code == 1
    assert account(told, "agreement", "vale-early-help", "--before", "xy").code == 1
