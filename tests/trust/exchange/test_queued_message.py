"""A message of a queued kind is about persons, has an urgency, and lives for 15 days at most."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.examples import NOW, POLICE, keys, signer
from tests.trust.exchange.queued_examples import BODIES, SAFEGUARDING, queued, statement
from tests.trust.exchange.strategies import changed
from trust import jose
from trust.errors import LivesTooLong, TooLarge, TrustError
from trust.exchange.errors import MalformedMessage
from trust.exchange.kind import kinds_by_name
from trust.exchange.kinds import KINDS
from trust.exchange.message import TYP, Message, build_message, open_message
from trust.identifiers import KindName

CLAIMS = jose.open_signed(build_message(queued(), signer("council")), typ=TYP, keys=keys("council")).claims


def opened(raw: bytes, **changes: Any) -> Message:
    return open_message(raw, **{"sender_keys": keys("council"), "own_id": POLICE, "now": NOW, **changes}).message


def signed(claims: dict[str, Any]) -> bytes:
    return jose.sign(claims, typ=TYP, signer=signer("council"))


@pytest.mark.parametrize("name", BODIES)
def test_it_is_read_back_as_it_was_written(name: str) -> None:
    message = queued(name)
    message = replace(message, practitioner=replace(message.practitioner, name="Ines Okparaebo"))
    assert opened(build_message(message, signer("council"))) == message
    assert "subject" not in CLAIMS


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"persons": None}, "persons"),
        ({"persons": []}, "persons"),
        ({"subject": {}}, "subject"),
        ({"persons": None, "subject": {"family_name": "Thistlethwaite"}}, "subject"),
        ({"consent": CLAIMS["persons"][0]["consent"]}, "consent"),
        ({"urgency": None}, "urgency"),
        ({"urgency": "mauve"}, "urgency"),
        ({"deadline": CLAIMS["iat"]}, "deadline"),
    ],
)
def test_what_its_envelope_must_and_must_not_have(changes: dict[str, Any], path: str) -> None:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    with pytest.raises(MalformedMessage) as refused:
        opened(signed(claims))
    assert path in {fault.path for fault in refused.value.faults}


def test_every_fault_of_envelope_and_persons_is_named_at_once() -> None:
    wrong = {**CLAIMS, "urgency": "mauve", "subject": {}, "jti": "../x", "persons": [{"ref": "p1"}, {"part": "child"}]}
    with pytest.raises(MalformedMessage) as refused:
        opened(signed(wrong))
    assert {fault.path for fault in refused.value.faults} == {
        "urgency",
        "subject",
        "jti",
        "persons[0].part",
        "persons[0].subject",
        "persons[1].ref",
        "persons[1].subject",
    }


def test_a_query_has_no_persons_and_names_no_worker() -> None:
    claims = {**CLAIMS, "kind": "involvement.query", "exp": CLAIMS["iat"] + 300, "subject": {"family_name": "Marlowe"}}
    claims["practitioner"] = {**CLAIMS["practitioner"], "name": "Ines Okparaebo"}
    message = opened(signed(claims))
    assert message.persons == ()
    assert message.practitioner.name is None


def test_it_lives_fifteen_days_at_most_where_its_kind_is_spoken() -> None:
    with pytest.raises(LivesTooLong):
        opened(build_message(queued(exp=CLAIMS["iat"] + 15 * 86_400 + 1), signer("council")))
    only_queries = kinds_by_name(KINDS[KindName("involvement.query")])
    with pytest.raises(MalformedMessage, match="subject"):
        opened(signed(CLAIMS), kinds=only_queries)


def test_a_message_that_no_recipient_would_read_is_not_signed() -> None:
    many = [statement("circumstances", "p1", text="x" * 4000) for _ in range(12)]
    with pytest.raises(TooLarge):
        build_message(queued(body={**SAFEGUARDING, "statements": many}), signer("council"))


def test_the_worker_has_one_name_of_one_line() -> None:
    practitioner = {**CLAIMS["practitioner"], "name": "Ines\x1b[2J"}
    with pytest.raises(MalformedMessage, match=r"practitioner\.name"):
        opened(signed({**CLAIMS, "practitioner": practitioner}))


def test_no_value_of_a_person_stands_in_a_fault_or_a_trace() -> None:
    wrong = {**CLAIMS, "persons": [{**CLAIMS["persons"][1], "subject": {"nhs_number": "9434765918"}}]}
    with pytest.raises(MalformedMessage) as refused:
        opened(signed(wrong))
    assert "9434765918" not in str(refused.value)
    shown = repr(opened(build_message(queued(), signer("council"))))
    assert not [text for text in ("Wren", "What was seen", "weekdays", "CF-2026/114") if text in shown]


@given(data=st.data())
def test_any_signed_claims_give_the_message_or_a_refusal(data: st.DataObject) -> None:
    persons = data.draw(st.lists(changed(CLAIMS["persons"][0]), max_size=2) | st.just(CLAIMS["persons"]))
    claims = data.draw(changed({**CLAIMS, "persons": persons}))
    try:
        message = opened(signed(claims))
    except TrustError:
        return
    assert opened(build_message(message, signer("council"))) == message
