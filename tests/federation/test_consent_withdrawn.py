"""Consent recorded, relied on, previewed, withdrawn and run out, over several nodes (scenario S7)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.store.tables.inbox import InboxState
from tests.simulator.agreements import ref_of
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, reply_body
from tests.simulator.town import ASKER, BY_ENTITY, COUNCIL, HOUSING, KNOWN, NOBODY, PURPOSE, SUBJECT, TRUST
from trust.exchange.consent import read_consent
from trust.exchange.person import Subject
from trust.exchange.reader import Reader
from trust.identifiers import EntityId, ServiceSlug

TEAM, HOMES = f"{TRUST}#mental-health", f"{HOUSING}#housing"
CONSENTING = ("6-1-e", "9-2-h", "confidentiality.consent")
WORKER = {
    "id": "u-17",
    "role": "key-worker",
    "org_unit": "north-team",
    "second_factor": True,
    "name": "Nia Harding",
    "call_back": "01632 960117",
}
ENQUIRY = "child-protection"
NOTICE_FIELDS = ["persons.other", "persons.child", "consent", "consent_ended_on", "consent_ended_by"]


def terms(network: Network) -> dict[str, Any]:
    """Return an agreement under which the trust answers early help on consent, and enquiries under section 47."""
    document = network.document()
    document["purposes"].append({"code": ENQUIRY, "description": "To find out whether a child is at risk."})
    early_help = next(each for each in document["clauses"] if TEAM in each["holders"])
    early_help |= {"holders": [TEAM], "basis": list(CONSENTING), "existence": "conditional"}
    enquiry = {**early_help, "id": "enquiry", "purpose": ENQUIRY, "basis": ["6-1-e", "ca1989-s47"], "urgent": True}
    notice = {
        "id": "consent-ended",
        "kind": "notice",
        "version": 1,
        "purpose": PURPOSE,
        "askers": [ASKER],
        "holders": [TEAM],
        "fields_by_role": {"key-worker": NOTICE_FIELDS},
        "basis": ["6-1-e", "ca2004-s10"],
        "existence": "conditional",
        "keep_days": 90,
        "onward": "none",
        "notice_types": ["consent.withdrawn"],
    }
    document["clauses"] += [enquiry, notice]
    return document


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST], BY_ENTITY[HOUSING]])
    made.agree(terms(made))
    yield made
    made.close()


@pytest.fixture
def client(network: Network) -> CaseClient:
    return network.case_client()


def post(client: CaseClient, path: str, body: dict[str, Any], key: str | None = None) -> TestResponse:
    headers = client.headers(**{"Idempotency-Key": key or token_urlsafe(16)})
    return client.http.post(f"/case/v1/{path}", base_url=client.base_url, json=body, headers=headers)


def get(client: CaseClient, path: str) -> dict[str, Any]:
    answer = client.http.get(f"/case/v1/{path}", base_url=client.base_url, headers=client.headers())
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.get_json()
    return view


def consent_body(network: Network, **changes: Any) -> dict[str, Any]:
    given_on = network.clock.now().date() - timedelta(days=30)
    return {
        "subject": SUBJECT,
        "roles": ["confidentiality", "engagement"],
        "purposes": [PURPOSE],
        "jurisdiction": "england-and-wales",
        "given_by": {"relation": "person"},
        "given_on": given_on.isoformat(),
        "form": "written",
        "evidence": "CF-2291/form",
        "notice": "early-help-notice/4",
        "case_ref": "CF-2291",
        "practitioner": WORKER,
        "from_service": "connecting-families",
        **changes,
    }


def recorded(network: Network, client: CaseClient, **changes: Any) -> str:
    answer = post(client, "consents", consent_body(network, **changes))
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def withdraw(client: CaseClient, consent: str, **giver: Any) -> TestResponse:
    body = {"given_by": {"relation": "person", **giver}, "practitioner": WORKER, "from_service": "connecting-families"}
    return post(client, f"consents/{consent}/withdraw", body)


def drain(network: Network) -> None:
    for node in network.nodes.values():
        node.delivery.relay.drain()


def in_inbox(network: Network, entity: EntityId, service: str) -> list[str]:
    kept = network.nodes[entity].receiving.inbox
    return [each.topic for each in kept.page(ServiceSlug(service), state=InboxState.OPEN, after=None, limit=9)]


def line(client: CaseClient, consent: str | None = None, **changes: Any) -> dict[str, Any]:
    named = {} if consent is None else {"consent": {"id": consent}}
    return client.lines(**{**named, **changes, "holders": [TEAM]})[TEAM]


@pytest.mark.holds("S7")
@pytest.mark.holds("A45")
def test_withdrawn_consent_stops_early_help_everywhere_and_the_enquiry_goes_on(
    network: Network, client: CaseClient
) -> None:
    consent = recorded(network, client)
    assert line(client, consent)["status"] == "known"
    preview = get(client, f"consents/{consent}/preview")
    assert [each["clause"] for each in preview["stops"] if each["holder"] == TEAM] != []
    assert {each["reason"] for each in preview["goes_on"]} == {"It rests on no consent."}
    assert "enquiry" in {each["clause"] for each in preview["goes_on"]}
    assert not [each for each in preview["read_out"] if "protection" in each or "47" in each]
    view = withdraw(client, consent).get_json()
    assert (view["state"], view["relied_on_by"]) == ("withdrawn", [TEAM])
    refused = post(client, "lookups", client.body(consent={"id": consent}))
    assert (refused.status_code, refused.get_json()["detail"]) == (403, "The person has withdrawn this consent.")
    assert line(client, purpose=ENQUIRY)["status"] == "known"
    drain(network)
    assert in_inbox(network, TRUST, "mental-health") == ["consent.withdrawn"]
    assert in_inbox(network, HOUSING, "housing") == []
    work = get(client, "work-list")["items"]
    told = [each for each in work if each["topic"] == "tell-person"]
    assert [each["id"] for each in told] == [consent]
    assert view["tasks"][0]["worker"] == "Nia Harding"
    done = post(client, f"consents/{consent}/told", {"is_told": False, "why": "unsafe"}).get_json()
    assert done["tasks"][0]["outcome"] == "unsafe"
    assert not [each for each in get(client, "work-list")["items"] if each["topic"] == "tell-person"]


def shown(consent: str, network: Network, days: int = 0) -> dict[str, Any]:
    return {
        "roles": ["confidentiality"],
        "given_on": (network.clock.now().date() - timedelta(days=days)).isoformat(),
        "form": "written",
        "evidence": f"consents/{consent}",
    }


@pytest.mark.holds("A45")
def test_both_ends_refuse_a_consent_that_is_known_to_have_ended(network: Network, client: CaseClient) -> None:
    consent = recorded(network, client)
    line(client, consent)
    withdraw(client, consent)
    asked = len(network.wire.messages(TRUST))
    assert client.lines(consent=shown(consent, network), holders=[TEAM])[TEAM]["status"] == "refused"
    assert len(network.wire.messages(TRUST)) == asked  # the council does not send it
    hand = PeerHand(network=network, agreement=ref_of(network))
    record = read_consent(Reader(shown(consent, network)))
    assert hand.ask(basis=CONSENTING, consent=record)["status"] == "known"  # the notice has not come yet
    drain(network)
    assert hand.ask(basis=CONSENTING, consent=record)["reason"]["code"] == "consent_withdrawn"
    other = read_consent(Reader(shown("z" * 22, network)))
    assert hand.ask(basis=CONSENTING, consent=other)["status"] == "known"


def refused_at(network: Network, entity: EntityId, **changes: Any) -> CaseClient:
    client = network.case_client(entity)
    answer = post(client, "consents", consent_body(network, decision="refused", **changes))
    assert answer.status_code == 201, answer.text
    return client


@pytest.mark.holds("A42")
@pytest.mark.holds("A45")
def test_a_person_who_told_the_holder_no_is_told_of_like_no_record(network: Network) -> None:
    hand = PeerHand(network=network, agreement=ref_of(network))
    record = read_consent(Reader(shown("z" * 22, network, days=1)))

    def ask(subject: Subject) -> tuple[dict[str, Any], int]:
        answer = hand.post(hand.signed(hand.message(subject=subject, basis=CONSENTING, consent=record)))
        return reply_body(answer), len(answer.body)

    absent = ask(NOBODY)
    assert ask(KNOWN)[0]["status"] == "known"
    refused_at(network, TRUST, from_service="mental-health", recipients=[ASKER])
    assert ask(KNOWN) == absent
    assert line(network.case_client(), purpose=ENQUIRY)["status"] == "known"
    reasons = {reason for leaf in network.leaves(TRUST) for reason in leaf["reasons"]}
    assert "consent:withdrawn" in reasons


@pytest.mark.holds("A45", "S7")
def test_a_refusal_told_to_the_holder_between_question_and_repeat_withholds_the_answer(network: Network) -> None:
    hand = PeerHand(network=network, agreement=ref_of(network))
    record = read_consent(Reader(shown("z" * 22, network, days=1)))

    def signed(subject: Subject) -> bytes:
        return hand.signed(hand.message(subject=subject, basis=CONSENTING, consent=record))

    question = signed(KNOWN)
    first, absent = hand.post(question), hand.post(signed(NOBODY))
    assert reply_body(first)["status"] == "known"
    assert hand.post(question).body == first.body
    refused_at(network, TRUST, from_service="mental-health", recipients=[ASKER])
    again = hand.post(question)
    assert (reply_body(again), len(again.body)) == (reply_body(absent), len(absent.body))
    assert hand.post(question).body == again.body  # the new answer stands in the place of the first
    (leaf,) = [
        each for each in network.leaves(TRUST) if each["kind"] == "answered" and "consent:withdrawn" in each["reasons"]
    ]
    assert (leaf["outcome"], leaf["fields"]) == ("nothing_to_share", [])


def test_a_twins_refusal_withholds_nothing_of_the_other(network: Network) -> None:
    hand = PeerHand(network=network, agreement=ref_of(network))
    record = read_consent(Reader(shown("z" * 22, network, days=1)))
    twin = {**{name: SUBJECT[name] for name in ("family_name", "birth_date")}, "given_names": "Zebedee"}
    refused_at(network, TRUST, from_service="mental-health", subject=twin)
    assert hand.ask(basis=CONSENTING, consent=record)["status"] == "known"
    old = read_consent(Reader(shown("z" * 22, network, days=2_922)))
    assert hand.ask(basis=CONSENTING, consent=old)["status"] == "nothing_to_share"  # what was said since may be erased


def test_a_consent_given_on_a_later_day_stands(network: Network) -> None:
    refused_at(network, TRUST, from_service="mental-health")
    network.clock.forward(days=2)
    hand = PeerHand(network=network, agreement=ref_of(network))
    assert hand.ask(basis=CONSENTING, consent=read_consent(Reader(shown("z" * 22, network))))["status"] == "known"


def test_a_consent_that_runs_out_is_told_like_a_withdrawal(network: Network, client: CaseClient) -> None:
    last = network.clock.now().date() + timedelta(days=1)
    consent = recorded(network, client, expires_on=last.isoformat())
    assert line(client, consent)["status"] == "known"
    notices = network.nodes[COUNCIL].delivery.consents.notices
    notices.round(network.clock.now())
    assert get(client, f"consents/{consent}")["state"] == "granted"
    network.clock.forward(days=2)
    for _ in range(2):
        notices.round(network.clock.now())
    view = get(client, f"consents/{consent}")
    assert (view["state"], [each["kind"] for each in view["tasks"]]) == ("expired", ["consent-ends", "tell-person"])
    drain(network)
    assert in_inbox(network, TRUST, "mental-health") == ["consent.withdrawn"]
    refused = post(client, "lookups", client.body(consent={"id": consent}))
    assert refused.get_json()["detail"] == "This consent has run out."


def test_a_service_that_no_notice_can_reach_becomes_a_workers_task(network: Network, client: CaseClient) -> None:
    consent = recorded(network, client)
    line(client, consent)
    document = terms(network)
    document |= {"version": 2, "clauses": [each for each in document["clauses"] if each["kind"] != "notice"]}
    network.agree(document)
    view = withdraw(client, consent).get_json()
    assert [(each["kind"], each.get("about")) for each in view["tasks"]] == [
        ("tell-person", None),
        ("tell-service", TEAM),
    ]
    post(client, f"consents/{consent}/services-told", {"is_told": True})
    view = get(client, f"consents/{consent}")
    assert [each.get("outcome") for each in view["tasks"]] == [None, "told"]


CHILD = {"family_name": "Farrow", "given_names": "Mina", "birth_date": "2019-05-02"}


@pytest.mark.holds("S7")
def test_an_alleged_perpetrator_withdraws_for_no_child(network: Network, client: CaseClient) -> None:
    parent = {"relation": "parental-responsibility", "evidence": "CF-2291/pr", "is_alleged_perpetrator": False}
    consent = recorded(network, client, subject=CHILD, given_by=parent)
    accused = withdraw(client, consent, **{**parent, "is_alleged_perpetrator": True})
    assert accused.status_code == 422
    assert [fault["member"] for fault in accused.get_json()["faults"]] == ["given_by"]
    assert get(client, f"consents/{consent}")["state"] == "granted"
    assert withdraw(client, consent, **parent).get_json()["state"] == "withdrawn"


def test_to_an_alleged_perpetrator_only_what_stops_is_read_out(network: Network, client: CaseClient) -> None:
    own = {"relation": "person", "is_alleged_perpetrator": True}
    texts = get(client, f"consents/{recorded(network, client, given_by=own)}/preview")["read_out"]
    assert not [text for text in texts if "goes on" in text]
    texts = get(client, f"consents/{recorded(network, client)}/preview")["read_out"]
    assert [text for text in texts if "goes on" in text]


BAD: list[tuple[dict[str, Any], str | None]] = [
    ({"given_on": "2999-01-01"}, "given_on"),
    ({"expires_on": "2020-01-01"}, "expires_on"),
    ({"purposes": ["marketing"]}, "purposes"),
    ({"recipients": ["https://stranger.example#desk"]}, "recipients"),
    ({"subject": CHILD}, "given_by"),
    ({"subject": CHILD, "given_by": {"relation": "parental-responsibility"}}, "given_by.is_alleged_perpetrator"),
    ({"given_by": {"relation": "welfare-guardian", "is_alleged_perpetrator": False}}, "given_by"),
    ({"subject": {"family_name": "Farrow"}}, "subject"),
    ({"roles": ["everything"]}, "roles[0]"),
    ({"decision": "perhaps"}, "decision"),
    ({"from_service": "youth-club"}, None),
]


def test_a_consent_that_cannot_count_is_refused_with_its_reason(network: Network, client: CaseClient) -> None:
    for change, member in BAD:
        answer = post(client, "consents", consent_body(network, **change))
        problem = answer.get_json()
        assert answer.status_code in {403, 422}, (change, answer.text)
        if member is not None:
            assert member in [fault["member"] for fault in problem["faults"]]
        assert "Farrow" not in answer.text
    assert get(client, "consents")["items"] == []


def test_a_consent_supports_only_its_own_person_and_purpose(network: Network, client: CaseClient) -> None:
    consent = recorded(network, client)
    for change, reason in (
        ({"subject": CHILD}, "another person's"),
        ({"purpose": ENQUIRY}, "another purpose"),
    ):
        refused = post(client, "lookups", client.body(consent={"id": consent}, **change))
        assert (refused.status_code, reason in refused.get_json()["detail"]) == (403, True)
    unknown = post(client, "lookups", client.body(consent={"id": "z" * 22}))
    assert "no consent of that id" in unknown.get_json()["detail"]
    both = post(client, "lookups", client.body(consent={"id": consent, "form": "written"}))
    assert [fault["member"] for fault in both.get_json()["faults"]] == ["consent"]


@pytest.mark.holds("A49")
def test_another_clients_consent_is_as_one_that_does_not_exist(network: Network, client: CaseClient) -> None:
    consent, other = recorded(network, client), network.case_client()
    answers = [
        other.http.get(f"/case/v1/consents/{name}", base_url=other.base_url, headers=other.headers())
        for name in (consent, "z" * 22)
    ]
    assert [each.status_code for each in answers] == [404, 404]
    assert withdraw(other, consent).status_code == 404
    assert get(other, "consents")["items"] == []


def test_one_key_stands_for_one_consent_and_pages_follow_one_another(network: Network, client: CaseClient) -> None:
    body = consent_body(network)
    first, second = (post(client, "consents", body, key="a-key-of-one").get_json()["id"] for _ in range(2))
    assert first == second
    assert post(client, "consents", {**body, "form": "spoken"}, key="a-key-of-one").status_code == 422
    ids = {first, *(recorded(network, client) for _ in range(2))}
    page = get(client, "consents?limit=2")
    rest = get(client, f"consents?limit=2&after={page['next']}")
    assert {each["id"] for each in (*page["items"], *rest["items"])} == ids
    assert [each["created_at"] for each in page["items"]] == sorted(
        (each["created_at"] for each in page["items"]), reverse=True
    )


@pytest.mark.holds("A50")
def test_a_consent_rests_in_clear_at_no_node(network: Network, client: CaseClient) -> None:
    consent = recorded(network, client)
    line(client, consent)
    withdraw(client, consent)
    drain(network)
    files = [path for path in network.folder.rglob("*") if path.is_file() and "cases" not in path.name]
    assert not [path.name for path in files if b"CF-2291" in path.read_bytes()]
    record = get(client, f"consents/{consent}")["record"]
    assert str(SUBJECT["family_name"]) not in str(record)


REFERRAL_FIELDS = ["persons.victim", "reason", "need_by", "item", "delivery_restricted"]


def refer(network: Network, client: CaseClient, consent: str) -> TestResponse:
    today = network.clock.now().date().isoformat()
    body = {
        "recipients": [TEAM],
        "purpose": PURPOSE,
        "urgency": "amber",
        "service_type": "essentials",
        "agreement_to_engage": "yes",
        "reason": "She asked for it.",
        "case_ref": "CF-2291",
        "practitioner": WORKER,
        "from_service": "connecting-families",
        "persons": [
            {
                "ref": "p1",
                "part": "victim",
                "subject": SUBJECT,
                "views": {"sought": True},
                "told": {"told": True},
                "safe_contact": {"method": "none"},
                "consent": {"id": consent},
            }
        ],
        "details": {"item": "fridge", "need_by": today, "delivery_restricted": False},
        "statements": [
            {
                "field": "reason",
                "text": "There is none.",
                "about": ["p1"],
                "standing": "fact",
                "source": "home visit",
                "on": today,
            }
        ],
    }
    return post(client, "referrals", body)


@pytest.mark.holds("A45")
def test_a_referral_that_waits_is_held_once_its_consent_has_ended(network: Network, client: CaseClient) -> None:
    document = terms(network)
    [notice] = [each for each in document["clauses"] if each["kind"] == "notice"]
    referral = {
        **{name: value for name, value in notice.items() if name != "notice_types"},
        "id": "essentials",
        "kind": "referral",
        "basis": list(CONSENTING),
        "fields_by_role": {"key-worker": REFERRAL_FIELDS},
        "service_types": ["essentials"],
    }
    document |= {"version": 2, "clauses": [*document["clauses"], referral]}
    network.agree(document)
    consent = recorded(network, client)
    first = refer(network, client, consent)
    assert first.status_code == 201, first.text
    withdraw(client, consent)
    drain(network)
    [delivery] = get(client, f"referrals/{first.get_json()['id']}")["deliveries"]
    assert (delivery["state"], delivery.get("reason")) == ("held", "consent_withdrawn")
    assert in_inbox(network, TRUST, "mental-health") == ["consent.withdrawn"]
    refused = refer(network, client, consent)
    assert (refused.status_code, refused.get_json()["detail"]) == (403, "The person has withdrawn this consent.")
