"""Personal data that is easy to find again must never be found where it does not belong (assertion A50)."""

import io
import json
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.telemetry.logging import configure_logging, redirect
from tests.simulator import faults
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import COUNCIL, TRUST
from trust.exchange.person import parse_subject
from trust.keys import KeyUse

SUBJECT: dict[str, Any] = {
    "nhs_number": "9691292211",
    "family_name": "Canaryfeather",
    "given_names": "Zebedee",
    "birth_date": "1987-06-05",
    "address": {"postcode": "ZE1 0AA"},
}
CANARIES = (
    "9691292211",
    "Canaryfeather",
    "CANARYFEATHER",
    "Zebedee",
    "1987-06-05",
    "ZE1 0AA",
    "Farouk Linton",
    "u-canary-practitioner",
    "A reason that nobody else needs",
    "CASE-CANARY-1",
)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Log as a running node does, everything, into memory."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging(stream)
    root.setLevel(logging.DEBUG)
    for handler in root.handlers:
        handler.setLevel(logging.DEBUG)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    redirect(None)


def found_in(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


def bodies(network: Network) -> dict[str, Any]:
    client = network.case_client()
    practitioner = {
        "id": "u-canary-practitioner",
        "role": "key-worker",
        "org_unit": "north-team",
        "second_factor": True,
    }
    return client.body(
        subject=SUBJECT,
        practitioner=practitioner,
        reason="A reason that nobody else needs",
        case_ref="CASE-CANARY-1",
        wait_s=20.0,
    )


def ask_in_every_way(network: Network) -> list[str]:
    """Ask for a canary, well and badly, and return the texts of every error."""
    client, body = network.case_client(), bodies(network)
    errors = [client.post_lookup(body).text[:0]]
    bad: list[dict[str, Any]] = [
        {**body, "subject": {**SUBJECT, "nhs_number": "9691292212"}},
        {**body, "subject": {**SUBJECT, "birth_date": "1987-06-05T00:00:00"}},
        {**body, "subject": {"family_name": "Canaryfeather", "height": "Zebedee"}},
        {**body, "purpose": "Canaryfeather"},
        {**body, "practitioner": {**body["practitioner"], "role": "volunteer"}},
        {**body, "wait_s": "Zebedee"},
        {"another": body},
    ]
    errors += [client.post_lookup(each).text for each in bad]
    headers = client.headers(**{"Idempotency-Key": "Canaryfeather?"})
    for path in (
        "/case/v1/lookups",
        "/case/v1/lookups/Canaryfeather",
        "/case/v1/Zebedee",
        "/case/v1/lookups?q=Zebedee",
    ):
        options: dict[str, Any] = {"base_url": client.base_url, "headers": headers}
        errors.append(client.http.post(path, data=json.dumps(body), content_type="application/json", **options).text)
        errors.append(client.http.get(path, **options).text)
    return errors + broken_nodes(network, body) + bad_messages(network)


def broken_nodes(network: Network, body: dict[str, Any]) -> list[str]:
    """Ask while peers, case systems and stores fail; the whole answers count as errors."""
    client = network.case_client()
    texts = []
    for fault in (faults.down, faults.redirecting, faults.replies(faults.badly_signed)):
        network.wire.faults[TRUST] = fault
        texts.append(client.post_lookup(body).text)
    network.wire.faults.clear()
    with faults.locked(network.folder_of(TRUST) / "mental-health-cases.db"):
        texts.append(client.post_lookup(body).text)
    adapter = network.adapter(TRUST, "mental-health")
    network.use_adapter(TRUST, "mental-health", faults.failing(adapter, f"no such person: {SUBJECT}"))
    texts.append(client.post_lookup(body).text)
    network.use_adapter(TRUST, "mental-health", adapter)
    return texts


def bad_messages(network: Network) -> list[str]:
    hand = PeerHand(network=network, agreement=ref_of(network))
    subject = parse_subject(dict(SUBJECT), this_year=2026)
    message = hand.message(subject=subject)
    raw = hand.signed(message)
    texts = [hand.post(raw[:-4] + b"AAAA"), hand.post(raw + b"Canaryfeather"), hand.post(b"Canaryfeather")]
    texts.append(hand.post(hand.signed(message, signer=hand.signer(KeyUse.OAUTH))))
    hand.post(raw)
    texts.append(hand.post(hand.signed(hand.message(jti=message.jti, subject=subject, correlation="other"))))
    texts.append(hand.post(hand.signed(hand.message(subject=subject, body={"Canaryfeather": "Zebedee"}))))
    return [answer.body.decode(errors="replace") for answer in texts if answer.content_type != "application/jwt"]


@pytest.mark.holds("A50")
def test_a_person_leaves_no_trace_in_logs_errors_addresses_or_metrics(
    pair: Network, logged: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    errors = ask_in_every_way(pair)
    assert len([error for error in errors if error]) > 15
    assert not [found_in(error) for error in errors if found_in(error)]
    assert logged.getvalue().count("\n") > 50
    assert not found_in(logged.getvalue())
    assert not [url for url in pair.wire.asked if found_in(url)]
    for entity in (COUNCIL, TRUST):
        metrics = pair.nodes[entity].operations_app.test_client().get("/metrics").text
        assert "hearthgate_messages_handled_total" in metrics
        assert not found_in(metrics)
    assert not list(temporary.rglob("*"))


@pytest.mark.holds("A50")
def test_a_person_rests_in_no_store_in_the_clear(pair: Network, logged: io.StringIO) -> None:
    ask_in_every_way(pair)
    for entity in (COUNCIL, TRUST):
        for path in (pair.folder_of(entity) / "data").iterdir():
            assert not found_in(path.read_bytes().decode("latin-1")), path.name
