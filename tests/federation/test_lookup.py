"""One question, a line from every service that may be asked: the whole line, in one process."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.simulator import faults
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, reply_body
from tests.simulator.town import (
    AGREEMENT,
    ASKER,
    BY_ENTITY,
    COLLEGE,
    CONDITIONAL,
    COUNCIL,
    HOLDERS,
    HOUSING,
    JOBCENTRE,
    POLICE,
    STRANGER,
    SUBJECT,
    TRUST,
    WORKERS,
)
from tests.support.people import DANIEL, GRACE
from trust.base64url import decode
from trust.exchange.person import parse_subject, subject_to_json
from trust.federation import node_metadata
from trust.keys import KeyUse
from trust.strict_json import JsonObject

ALL_FIELDS = {"organisation", "service_type", "role", "worker", "phone", "since", "last_contact_month"}


@pytest.mark.holds("S1")
def test_eight_key_workers_are_found_with_one_question(town: Network) -> None:
    view = town.case_client().look_up()
    assert view["summary"] == "8 of 8 services answered"
    assert {line["service"] for line in view["answers"]} == set(HOLDERS)
    assert {line["status"] for line in view["answers"]} == {"known"}
    assert {found["worker"] for line in view["answers"] for found in line["involvements"]} == set(WORKERS.values())


@pytest.mark.holds("S1")
def test_a_silent_service_shows_no_reply_and_never_not_known(town: Network) -> None:
    town.wire.faults[HOUSING] = faults.down
    view = town.case_client().look_up()
    assert view["summary"] == "7 of 8 services answered"
    silent = [line for line in view["answers"] if line["service"].startswith(HOUSING)]
    assert [line["status"] for line in silent] == ["no_reply"]
    assert [line["status"] for line in view["answers"] if line not in silent] == ["known"] * 7


def test_every_line_names_agreement_clause_law_and_how_long_it_may_be_kept(town: Network) -> None:
    for line in town.case_client().look_up()["answers"]:
        assert line["agreement"] == "town-early-help/1"
        assert line["clause"] == ("who-else-sensitive" if line["service"] in CONDITIONAL else "who-else")
        assert "Children Act 2004" in line["law"]
        assert line["onward"] == "none"
        assert line["as_of"] < line["keep_until"]


def test_an_unknown_person_is_not_known_and_where_that_would_tell_nothing_is_said(town: Network) -> None:
    lines = town.case_client().lines(subject=STRANGER)
    told = {service: line["status"] for service, line in lines.items()}
    assert told == {each: "nothing_to_share" if each in CONDITIONAL else "not_known" for each in HOLDERS}
    assert not any(line["involvements"] for line in lines.values())


@pytest.mark.holds("A48")
def test_another_role_is_given_fewer_fields_of_the_same_record(pair: Network) -> None:
    client, service = pair.case_client(), f"{TRUST}#mental-health"
    [full] = client.lines()[service]["involvements"]
    [less] = client.lines(practitioner=client.as_role("duty-officer"))[service]["involvements"]
    assert set(full) == ALL_FIELDS
    assert less == {"organisation": BY_ENTITY[TRUST].name, "duty_phone": BY_ENTITY[TRUST].services[0].duty_phone}
    assert [reply_body(answer)["involvements"] for _, answer in pair.wire.messages(TRUST)] == [[full], [less]]


def test_services_of_one_agency_ask_each_other_through_the_same_decision(pair: Network) -> None:
    client = pair.case_client()
    own = {service: line for service, line in client.lines().items() if service.startswith(COUNCIL)}
    assert len(own) == 3
    assert not [request for request, _ in pair.wire.messages(COUNCIL)]
    to_itself = [leaf["kind"] for leaf in pair.leaves(COUNCIL) if leaf["peer"] == COUNCIL]
    assert {kind: to_itself.count(kind) for kind in to_itself} == {"sent": 3, "received": 6, "answered": 3}
    lines = client.lines(practitioner=client.as_role("duty-officer"))
    [less] = lines[f"{COUNCIL}#youth-justice"]["involvements"]
    assert set(less) == {"organisation", "duty_phone"}


def test_what_an_agency_has_withdrawn_is_refused_inside_it_too(tmp_path: Path) -> None:
    rule = {"agreement": AGREEMENT, "clause": "who-else", "role": "key-worker", "reason": "Under review."}
    network = Network(tmp_path, [BY_ENTITY[COUNCIL]], restrictions={"youth-justice": [rule]})
    try:
        network.agree()
        client = network.case_client()
        asked = network.count(COUNCIL, "youth-justice")
        service = f"{COUNCIL}#youth-justice"
        assert client.lines()[service]["status"] == "refused"
        assert asked.finds == 0
        assert client.lines(practitioner=client.as_role("duty-officer"))[service]["status"] == "known"
    finally:
        network.close()


def test_the_asking_service_is_never_asked(town: Network) -> None:
    assert ASKER not in town.case_client().lines()


def test_a_namesake_without_an_identifier_is_left_to_a_human(town: Network) -> None:
    vague = {"family_name": GRACE.family_name, "birth_date": "1988-11-02", "address": {"postcode": "DL6 2TT"}}
    lines = town.case_client().lines(subject=vague)
    assert {lines[f"{HOUSING}#housing"]["status"]} <= {"known", "review"}


def test_the_same_key_with_the_same_body_is_one_lookup(pair: Network) -> None:
    client = pair.case_client()
    body = client.body(wait_s=20.0)
    first = client.post_lookup(body, key="the-same-key")
    again = client.post_lookup(body, key="the-same-key")
    assert first.get_json() == again.get_json()
    assert len(pair.wire.messages(TRUST)) == 1


def test_the_same_key_with_another_body_is_refused(pair: Network) -> None:
    client = pair.case_client()
    client.post_lookup(client.body(), key="the-same-key")
    other = client.post_lookup(client.body(case_ref="CF-1"), key="the-same-key")
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency-key-reused")


def test_a_lookup_can_be_read_again_by_its_own_client_only(pair: Network) -> None:
    owner, other = pair.case_client(), pair.case_client()
    view = owner.look_up()
    assert owner.get_lookup(view["id"]).get_json() == view
    absent, foreign = other.get_lookup("no-such-lookup"), other.get_lookup(view["id"])
    assert foreign.status_code == absent.status_code == 404
    assert foreign.get_json() | {"instance": None} == absent.get_json() | {"instance": None}


def test_answers_are_forgotten_when_their_keeping_ends(pair: Network) -> None:
    client = pair.case_client()
    view = client.look_up()
    pair.clock.forward(seconds=901)
    assert client.get_lookup(view["id"]).status_code == 404


def test_a_lookup_that_does_not_wait_is_collected_later(pair: Network) -> None:
    client = pair.case_client()
    begun = client.post_lookup(client.body(wait_s=0.0))
    assert begun.status_code in {201, 202}
    found = client.get_lookup(begun.get_json()["id"]).get_json()
    while found["state"] != "complete":
        found = client.get_lookup(found["id"]).get_json()
    assert found["summary"] == "4 of 4 services answered"


def test_each_holder_knows_the_practitioner_by_another_name(town: Network) -> None:
    town.case_client().look_up()
    names = [leaf["practitioner"] for entity in (TRUST, HOUSING) for leaf in town.leaves(entity)[:1]]
    assert len(set(names)) == 2
    assert "u-17" not in json.dumps(names)


KNOWN_BY_NAME = {"family_name", "given_names", "birth_date"}
FULL_SUBJECT = {**SUBJECT, "aliases": [{"family_name": "Vane"}]}


@pytest.mark.holds("A48")
def test_each_holder_is_sent_only_what_its_kind_of_service_may_be_sent(town: Network) -> None:
    client = town.case_client()
    client.lines(subject=FULL_SUBJECT)
    for holder, members in {
        JOBCENTRE: {"nino"},
        POLICE: {"pnc_id"},
        TRUST: {"nhs_number"},
        COLLEGE: {"upn"},
        HOUSING: {"address"},
    }.items():
        [(request, _)] = town.wire.messages(holder)
        told = _subject_of(request.body)
        assert set(told) == KNOWN_BY_NAME | members
        assert told.get("address", {"postcode": DANIEL.postcode}) == {"postcode": DANIEL.postcode}


@pytest.mark.holds("A48")
def test_a_benefit_question_sends_no_more_of_the_person_than_a_lookup(town: Network) -> None:
    town.case_client().post_eligibility(subject=FULL_SUBJECT)
    [(request, _)] = town.wire.messages(JOBCENTRE)
    assert set(_subject_of(request.body)) == KNOWN_BY_NAME | {"nino"}


@pytest.mark.holds("A48")
def test_a_holder_does_not_look_by_what_it_should_not_have_been_sent(town: Network) -> None:
    adapter = town.adapter(HOUSING, "housing")
    assert adapter.involvement is not None
    counted = faults.Counted(adapter.involvement)
    town.use_adapter(HOUSING, "housing", replace(adapter, involvement=counted))
    hand = PeerHand(network=town, agreement=ref_of(town), target=HOUSING, to_service="housing", clause="who-else")
    hand.ask(subject=parse_subject(dict(FULL_SUBJECT), this_year=2026))
    [looked_for] = counted.subjects
    assert set(subject_to_json(looked_for)) == KNOWN_BY_NAME | {"address"}


def _subject_of(raw: bytes) -> dict[str, Any]:
    subject: dict[str, Any] = json.loads(decode(raw.split(b".")[1], "payload"))["subject"]
    return subject


@pytest.mark.parametrize("kind", ["jobcentre", "police", "school"])
def test_a_service_that_claims_another_kind_is_sent_no_person(town: Network, kind: str) -> None:
    """Its kind decides which identifiers it may be given: it is what the anchor admitted it as, or it is not asked."""

    def pretend(metadata: JsonObject) -> None:
        metadata[node_metadata.ENTITY_TYPE]["services"][0]["kind"] = kind

    keys = town.nodes[HOUSING].vault
    town.wire.faults[HOUSING] = faults.states(keys.signer(KeyUse.FEDERATION), pretend)
    line = town.case_client().lines()[f"{HOUSING}#housing"]
    assert (line["status"], line["reason"]) == ("no_reply", "Its node no longer offers this service.")
    assert not town.wire.messages(HOUSING)
