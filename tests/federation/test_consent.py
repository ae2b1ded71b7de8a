"""Under a clause that rests on consent no person is looked up without the asker's record of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.misuse.evidence import received_messages, signature_and_consent
from tests.simulator import faults
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import BY_ENTITY, COUNCIL, HOUSING, TRUST
from trust import jose
from trust.exchange.consent import ConsentForm, ConsentRecord, ConsentRole
from trust.exchange.message import TYP

TEAM = f"{TRUST}#mental-health"
BASIS = ("6-1-e", "9-2-h", "confidentiality.consent")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST], BY_ENTITY[HOUSING]])
    document = made.document()
    for clause in document["clauses"]:
        if TEAM in clause["holders"]:
            clause["holders"], clause["basis"] = [TEAM], list(BASIS)
    made.agree(document)
    yield made
    made.close()


@pytest.fixture
def record(network: Network) -> dict[str, Any]:
    given_on = network.clock.now().date() - timedelta(days=30)
    return {
        "roles": ["confidentiality"],
        "given_on": given_on.isoformat(),
        "form": "written",
        "evidence": "CF-2291/consent/3",
    }


def sent_consents(network: Network, holder: str) -> list[object]:
    claims = [jose.peek(request.body, typ=TYP, max_bytes=65_536).claims for request, _ in network.wire.messages(holder)]
    return [each.get("consent") for each in claims]


def test_without_a_record_the_line_is_refused_and_the_service_is_not_asked(network: Network) -> None:
    lines = network.case_client().lines()
    assert lines[TEAM]["status"] == "refused"
    assert "no record of it" in lines[TEAM]["reason"]
    assert not network.wire.messages(TRUST)
    assert lines[f"{HOUSING}#housing"]["status"] == "known"


@pytest.mark.parametrize(
    "change", [{"roles": ["engagement"]}, {"given_on": "2999-01-01"}, {"expires_on": "2020-01-01"}]
)
def test_with_a_record_that_does_not_hold_the_service_is_not_asked(
    network: Network, record: dict[str, Any], change: dict[str, Any]
) -> None:
    lines = network.case_client().lines(consent={**record, **change})
    assert lines[TEAM]["status"] == "refused"
    assert not network.wire.messages(TRUST)


def test_the_record_goes_to_the_service_whose_clause_rests_on_consent_and_to_no_other(
    network: Network, record: dict[str, Any]
) -> None:
    lines = network.case_client().lines(consent=record)
    assert lines[TEAM]["status"] == "known"
    assert sent_consents(network, TRUST) == [record]
    assert sent_consents(network, HOUSING) == [None]


def test_the_record_rests_in_clear_at_neither_node(network: Network, record: dict[str, Any]) -> None:
    network.case_client().lines(consent=record)
    files = [path for path in network.folder.rglob("*") if path.is_file() and "cases" not in path.name]
    assert len(files) > 4
    assert not [path.name for path in files if b"CF-2291" in path.read_bytes()]


def test_the_holder_keeps_the_record_sealed_to_show_what_it_answered_on(
    network: Network, record: dict[str, Any]
) -> None:
    network.case_client().lines(consent=record)
    node, now = network.nodes[TRUST], network.clock.now()
    span = {"since": now - timedelta(hours=1), "until": now + timedelta(hours=1)}
    [found] = node.store.read(lambda tx: list(received_messages(tx, **span)))
    signature, consent = signature_and_consent(node.store, node.vault, found)
    assert consent == record
    assert "consent" not in (signature or {})


@pytest.mark.parametrize("consent", ["none", "engagement", "run out"])
def test_a_holder_refuses_before_anyone_is_looked_up(network: Network, consent: str) -> None:
    today = network.clock.now().date()
    good = ConsentRecord(
        roles=frozenset({ConsentRole.CONFIDENTIALITY}), given_on=today, form=ConsentForm.SPOKEN, evidence="CF-1"
    )
    shown = {
        "none": None,
        "engagement": replace(good, roles=frozenset({ConsentRole.ENGAGEMENT})),
        "run out": replace(good, given_on=today - timedelta(days=9), expires_on=today - timedelta(days=2)),
    }[consent]
    adapter = network.adapter(TRUST, "mental-health")
    assert adapter.involvement is not None
    counted = faults.Counted(adapter.involvement)
    network.use_adapter(TRUST, "mental-health", replace(adapter, involvement=counted))
    hand = PeerHand(network=network, agreement=ref_of(network))
    refused = hand.ask(basis=BASIS, consent=shown)
    assert refused["reason"]["code"] == ("consent_record_missing" if shown is None else "consent_not_valid")
    assert counted.finds == 0
    assert hand.ask(basis=BASIS, consent=good)["status"] == "known"
