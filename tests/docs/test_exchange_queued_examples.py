"""A node accepts every example of an alert, referral, notice and receipt, and a page shows it as the file has it."""

import json
from datetime import datetime
from typing import Any, cast

import pytest

from tests.docs import exchange_file
from tests.docs.example_keys import COUNCIL
from tests.docs.exchange_queued_examples import POLICE
from tests.docs.pages import example, profile
from trust.agreements.agreement import InForce, parse_agreement
from trust.agreements.decision import LocalPolicy, Permit, RequestFacts, ServiceKinds, decide_request
from trust.agreements.minimise import cut_message
from trust.exchange.kind import QueuedBody
from trust.exchange.kinds import KINDS
from trust.exchange.message import OpenedMessage, open_message
from trust.exchange.receipt import ReceiptState, open_receipt, peek_request
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.oauth.authorization_details import AuthorizationDetail

FILE: dict[str, Any] = json.loads(exchange_file.QUEUED_FILE.read_text(encoding="utf-8"))
NOW = datetime.fromisoformat(FILE["now"])
MESSAGES = ("alert", "referral", "notice")
RECEIPTS = tuple(name for name in FILE["signed"] if name.startswith("receipt: "))


def keys(entity: EntityId) -> KeySet:
    return KeySet.from_jwks(FILE["keys"][entity][str(KeyUse.MESSAGE)], KeyUse.MESSAGE)


def opened(name: str) -> OpenedMessage:
    own = EntityId("https://advocacy.example") if name == "referral" else POLICE
    return open_message(FILE["signed"][name].encode(), sender_keys=keys(COUNCIL), own_id=own, now=NOW)


@pytest.mark.parametrize("name", sorted(FILE["signed"]))
def test_a_page_shows_each_example_as_the_file_has_it(name: str) -> None:
    assert example(profile(), name).rstrip("\n") == exchange_file.shown_queued(FILE)[name].rstrip("\n")
    assert profile().count(f"<!-- example: {name} -->") == 1


@pytest.mark.parametrize("name", MESSAGES)
def test_each_message_is_permitted_as_it_stands(name: str) -> None:
    message = opened(name).message
    agreement = parse_agreement(FILE["agreement"].encode())
    detail = AuthorizationDetail(
        agreement_id=agreement.id,
        agreement_version=agreement.version,
        agreement_digest=agreement.ref.digest,
        purpose=message.purpose,
        kinds=frozenset({message.kind}),
    )
    facts = RequestFacts(
        sender=COUNCIL,
        caller=COUNCIL,
        message=message,
        token_details=(detail,),
        services=ServiceKinds(sender="family-support", recipient="police"),
    )
    decision = decide_request(
        facts, agreement=InForce(agreement=agreement), local=LocalPolicy(), own=message.aud, now=NOW
    )
    assert isinstance(decision, Permit)
    persons, body = cut_message(message, cast("QueuedBody", decision.query), decision.fields)
    assert (persons, body.to_body()) == (message.persons, message.body)


def test_the_advocates_are_not_told_of_the_child_and_the_alleged_perpetrator() -> None:
    assert [person.ref for person in opened("alert").message.persons] == ["p1", "p2", "p3"]
    assert [person.ref for person in opened("referral").message.persons] == ["p1"]


@pytest.mark.parametrize("name", RECEIPTS)
def test_each_receipt_is_for_the_alert(name: str) -> None:
    sent, raw = opened("alert"), FILE["signed"][name].encode()
    assert peek_request(raw) == (POLICE, sent.ref)
    receipt = open_receipt(
        raw, receiver_keys=keys(POLICE), own_id=COUNCIL, sent=sent.ref, message=sent.message, now=NOW
    )
    assert receipt.state == name.removeprefix("receipt: ").replace(" ", "_")
    if receipt.answer is not None:
        parse = KINDS[sent.message.kind].parse_answer
        assert parse is not None
        assert parse(receipt.answer).to_body() == receipt.answer


def test_there_is_an_example_of_every_state() -> None:
    assert {name.removeprefix("receipt: ").replace(" ", "_") for name in RECEIPTS} == set(ReceiptState)
