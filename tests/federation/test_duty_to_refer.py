"""Duty to refer without consent or choice: refused with the reason, and the lawful routes that are left (S8)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.administration.agreement_templates import load_template
from gateway.administration.drafting import DraftParty, DraftService, compose, default_answers
from gateway.store.tables.inbox import InboxState
from tests.simulator.alerts import CLAUSES, SAFEGUARDING, alert, get, post, referral
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.town import ASKER, BY_ENTITY, COUNCIL, HOUSING, TRUST
from trust.agreements.legal_entry import UkNation
from trust.agreements.toml_draft import read_toml, to_signed_form
from trust.identifiers import EntityId, ServiceSlug

HOMES, TEAM = f"{HOUSING}#housing", f"{TRUST}#mental-health"
DUTY = "duty-to-refer"
REFER: dict[str, Any] = {
    "id": "refer",
    "kind": "referral",
    "version": 1,
    "purpose": DUTY,
    "service_types": ["rehousing"],
    "askers": [ASKER],
    "holders": [HOMES],
    "basis": ["6-1-e", "ha1996-s213b"],
    "existence": "conditional",
    "keep_days": 90,
    "onward": "none",
    "fields_by_role": {
        role: ["persons.victim", "chosen_authority", "accommodation_status", "reason"]
        for role in ("key-worker", "duty-officer")
    },
}


def agree(network: Network, **alert_changes: Any) -> None:
    """Have all sign an agreement on the duty to refer, and on alerts, with the clause on alerts changed."""
    document = network.document()
    purposes = [
        *document["purposes"],
        {"code": DUTY, "description": "To refer a person who may be homeless."},
        {"code": SAFEGUARDING, "description": "To keep people safe."},
    ]
    clauses = [REFER, {**CLAUSES[0], **alert_changes}]
    network.agree(network.document(id="homes", purposes=purposes, clauses=clauses))


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path, [BY_ENTITY[each] for each in (COUNCIL, TRUST, HOUSING)])
    yield made
    made.close()


def rehousing(network: Network, consent: dict[str, Any] | None, **details: Any) -> dict[str, Any]:
    """Return a referral to the housing authority, which the person chose unless ``details`` says another."""
    body = referral(recipients=[HOMES], purpose=DUTY, service_type="rehousing")
    body["details"] = {"accommodation_status": "at-risk-of-homelessness", "chosen_authority": HOUSING, **details}
    shown = {} if consent is None else {"consent": {**signed(network), **consent}}
    return {**body, "persons": [{**body["persons"][0], **shown}]}


def signed(network: Network) -> dict[str, Any]:
    given_on = network.clock.now().date() - timedelta(days=3)
    return {
        "roles": ["statutory_condition"],
        "given_on": given_on.isoformat(),
        "form": "written",
        "evidence": "CF-2291/form",
    }


def send(client: CaseClient, path: str, body: dict[str, Any]) -> TestResponse:
    return post(client, path, body, key=token_urlsafe(16))


def inbox(network: Network, entity: EntityId, service: str) -> list[str]:
    for node in network.nodes.values():
        node.delivery.relay.drain()
    kept = network.nodes[entity].receiving.inbox
    return [each.topic for each in kept.page(ServiceSlug(service), state=InboxState.OPEN, after=None, limit=9)]


def refusal_of(answer: TestResponse) -> str:
    assert answer.status_code == 403, answer.text
    (fault,) = answer.get_json()["faults"]
    assert fault["member"] == f"recipients ({HOMES})"
    return str(fault["problem"])


@pytest.mark.holds("S8")
@pytest.mark.parametrize(
    ("consent", "details", "reason"),
    [
        (None, {}, "shows no record of it"),
        ({"roles": ["engagement"]}, {}, "Its role must be: statutory_condition."),
        ({"form": "spoken"}, {}, "It must be signed"),
        ({"expires_on": "2026-01-31", "given_on": "2026-01-01"}, {}, "It has run out."),
        ({}, {"chosen_authority": TRUST}, "The person chose another authority"),
    ],
    ids=["none", "engagement only", "spoken", "expired", "another authority"],
)
def test_it_is_refused_with_the_reason_and_the_offered_alert_arrives(
    network: Network, consent: dict[str, Any] | None, details: dict[str, Any], reason: str
) -> None:
    agree(network)
    client = network.case_client()
    body = rehousing(network, consent, **details)
    refusal = refusal_of(send(client, "referrals", body))
    assert reason in refusal
    assert f"safeguarding alert to {BY_ENTITY[TRUST].name} ({TEAM}) for the purpose {SAFEGUARDING}" in refusal
    shown = send(client, "referrals/preview", body).get_json()["recipients"][0]
    assert reason in shown["refusal"]
    (route,) = shown["routes"]
    assert inbox(network, HOUSING, "housing") == []

    offered = {name: route[name] for name in ("topic", "purpose")}
    sent = send(client, f"{route['kind']}s", alert(recipients=[route["service"]], **offered))
    assert sent.status_code == 201, sent.text
    (delivery,) = sent.get_json()["deliveries"]
    assert (delivery["agreement"], delivery["clause"]) == (route["agreement"], route["clause"])
    assert inbox(network, TRUST, "mental-health") == ["safeguarding"]


@pytest.mark.holds("S8")
def test_without_a_chosen_authority_it_is_refused_and_the_worker_reads_what_is_left(network: Network) -> None:
    agree(network)
    body = rehousing(network, {})
    del body["details"]["chosen_authority"]
    answer = send(network.case_client(), "referrals", body)
    assert answer.status_code == 422, answer.text
    (fault,) = answer.get_json()["faults"]
    assert fault["member"] == "details.chosen_authority"
    for words in ("the person chooses", "apply to an authority themselves", "safeguarding alert"):
        assert words in fault["problem"]
    assert inbox(network, HOUSING, "housing") == []


@pytest.mark.holds("S8")
def test_with_signed_consent_and_choice_it_arrives(network: Network) -> None:
    agree(network)
    sent = send(network.case_client(), "referrals", rehousing(network, {}))
    assert sent.status_code == 201, sent.text
    assert inbox(network, HOUSING, "housing") == ["rehousing"]


@pytest.mark.parametrize(
    ("changes", "role"),
    [
        ({"basis": ["6-1-e", "ca2004-s10", "confidentiality.consent"]}, "key-worker"),
        ({"topics": ["worker-risk"], "fields_by_role": {"key-worker": ["alert_code", "persons.other"]}}, "key-worker"),
        ({}, "duty-officer"),
    ],
    ids=["rests on consent", "another topic", "another role"],
)
def test_no_route_is_offered_that_the_worker_could_not_take(
    network: Network, changes: dict[str, Any], role: str
) -> None:
    agree(network, **changes)
    body = rehousing(network, None)
    body["practitioner"] |= {"role": role}
    refusal = refusal_of(send(network.case_client(), "referrals", body))
    assert "shows no record of it" in refusal
    assert "Needs no consent:" not in refusal


def recorded(network: Network, client: CaseClient) -> str:
    """Record the person's signed consent to the referral, and return its id."""
    asked = rehousing(network, None)
    body = {
        **signed(network),
        "subject": asked["persons"][0]["subject"],
        "purposes": [DUTY],
        "jurisdiction": "england-and-wales",
        "given_by": {"relation": "person"},
        "notice": "duty-to-refer-notice/1",
        "case_ref": "CF-2291",
        "practitioner": asked["practitioner"],
        "from_service": asked["from_service"],
    }
    answer = send(client, "consents", body)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def withdrawn(client: CaseClient, asked: dict[str, Any], consent: str) -> TestResponse:
    """Withdraw it as the same worker."""
    worker = {name: asked[name] for name in ("practitioner", "from_service")}
    return send(client, f"consents/{consent}/withdraw", {"given_by": {"relation": "person"}, **worker})


@pytest.mark.holds("S8")
def test_a_consent_named_by_id_that_ended_is_refused_with_what_needs_none(network: Network) -> None:
    agree(network)
    client = network.case_client()
    consent, body = recorded(network, client), rehousing(network, None)
    body["persons"][0]["consent"] = {"id": consent}
    assert withdrawn(client, body, consent).status_code == 200
    refused = send(client, "referrals", body)
    assert refused.status_code == 403, refused.text
    (route,) = refused.get_json()["routes"]
    assert (route["kind"], route["service"], route["purpose"]) == ("alert", TEAM, SAFEGUARDING)
    sent = send(client, "alerts", alert(recipients=[route["service"]], topic=route["topic"], purpose=route["purpose"]))
    assert sent.status_code == 201, sent.text


KINDS = {"connecting-families": "family-support"}


def _party(entity: EntityId) -> DraftParty:
    agency = BY_ENTITY[entity]
    services = tuple(
        DraftService(
            slug=each.service, kind=KINDS.get(each.service, each.service), name=each.service, duty_phone="01632 960001"
        )
        for each in agency.services
    )
    return DraftParty(entity=entity, name=agency.name, services=services, nations=frozenset({UkNation.ENGLAND}))


def _signed_form(network: Network, name: str) -> bytes:
    """Return the signed form of a template's draft between two agencies of the town."""
    template = load_template(name, is_schedule=False)
    members = tuple(_party(entity) for entity in (COUNCIL, HOUSING))
    today = network.clock.now().date()
    answers = {
        **default_answers(template, members),
        "valid_from": (today - timedelta(days=1)).isoformat(),
        "valid_until": (today + timedelta(days=300)).isoformat(),
        "review_date": (today + timedelta(days=200)).isoformat(),
        "dpia_reference": "Vale DPIA 12",
        "policy_document": "Each party's own",
        "individuals_informed": "By the worker at the first meeting.",
        "rights": "Ask any party.",
    }
    draft = compose(template, members, answers, file="draft.toml", under=None)
    return to_signed_form(read_toml(draft.text).document)


def test_a_withdrawal_reaches_the_authority_that_was_referred_to(tmp_path: Path) -> None:
    network = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[HOUSING]])
    try:
        network.agree(json.loads(_signed_form(network, DUTY)))
        client = network.case_client()
        consent = recorded(network, client)
        body = rehousing(network, None)
        body["persons"][0]["consent"] = {"id": consent}
        sent = send(client, "referrals", body)
        assert sent.status_code == 201, sent.text
        assert withdrawn(client, body, consent).status_code == 200
        assert "consent.withdrawn" in inbox(network, HOUSING, "housing")
        shown = get(client, f"consents/{consent}").get_json()
        assert [each["kind"] for each in shown["tasks"]] == ["tell-person"]
    finally:
        network.close()
