"""Logs and metrics that can carry nothing about a person."""

import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry import events, metrics
from gateway.telemetry import logging as logging_path
from gateway.telemetry.events import HttpRequestEvent, InboundMessageEvent, OutboundMessageEvent, RequestObserver
from gateway.telemetry.logging import MAX_VALUE, configure_logging, log, redirect
from tests.support.logs import LogStream
from trust.identifiers import EntityId

PERSON = "Jordan Example, 9991112223"
POLICE = EntityId("https://police.example")


def request(**changed: Any) -> HttpRequestEvent:
    stated = HttpRequestEvent(
        face="peer",
        method="POST",
        route="/exchange/v1/messages",
        status=200,
        duration_s=0.0123,
        request_id="abc",
        trace="4bf92f3577b34da6a3ce929d0e0e4736",
        problem=None,
        reason=None,
    )
    return replace(stated, **changed)


@pytest.fixture
def log_stream() -> Iterator[LogStream]:
    root = logging.getLogger()
    handlers, level, show = root.handlers[:], root.level, warnings.showwarning
    stream = LogStream()
    configure_logging(stream)
    yield stream
    redirect(None)
    warnings.showwarning = show
    root.handlers[:] = handlers
    root.setLevel(level)


def sent(peer: EntityId) -> OutboundMessageEvent:
    return OutboundMessageEvent(peer=peer, outcome="answered", seconds=0.2, trace="a" * 32, peer_trace="b" * 32)


def metric(name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(metrics.exposition()[1].decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return 0.0


# ---- logs


def test_a_line_is_one_json_object(log_stream: LogStream) -> None:
    RequestObserver().record_request(request())
    (line,) = log_stream.lines
    assert line.pop("ts").endswith("Z")
    assert line == {
        "event": "answered",
        "level": "info",
        "face": "peer",
        "method": "POST",
        "route": "/exchange/v1/messages",
        "status": 200,
        "duration_ms": 12.3,
        "request_id": "abc",
        "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
        "problem": None,
        "reason": None,
    }


def test_a_member_outside_the_list_is_dropped_and_counted(log_stream: LogStream) -> None:
    before = metric("hearthgate_log_fields_dropped_total")
    log("info", "looked_up", subject=PERSON, nhs_number="9991112223", status=200)
    (line,) = log_stream.lines
    assert set(line) == {"event", "level", "ts", "status"}
    assert PERSON not in log_stream.getvalue()
    assert metric("hearthgate_log_fields_dropped_total") == before + 2


def test_values_are_short_inert_and_of_plain_types(log_stream: LogStream) -> None:
    log(
        "info",
        "odd",
        code="a\r\nb\x1b[31m\x7f\u2028\u009b",
        peer="x" * 1000,
        status={"subject": PERSON},
        at=[PERSON.encode()],
    )
    raw = log_stream.getvalue()
    assert raw.count("\n") == 1
    assert raw.isascii()
    assert raw.strip().isprintable()
    (line,) = log_stream.lines
    assert len(line["peer"]) == MAX_VALUE
    assert line["status"] == "(dict)"
    assert line["at"] == ["(bytes)"]


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=40) | st.binary(max_size=8) | st.integers()))
def test_every_event_is_one_ascii_line_of_known_fields(event: dict[str, Any]) -> None:
    rendered = logging_path._render(event)
    assert rendered.isascii()
    assert rendered.isprintable()
    assert set(json.loads(rendered)) <= logging_path.ALLOWED


def test_a_crash_is_told_by_class_and_place_and_not_by_its_text(log_stream: LogStream) -> None:
    try:
        raise ValueError(PERSON)
    except ValueError as error:
        RequestObserver().record_error(error, face="case", request_id="r1")
    (line,) = log_stream.lines
    assert line["error"] == "ValueError"
    assert line["at"][0].startswith("test_events.py:")
    assert PERSON not in log_stream.getvalue()


def test_another_librarys_record_loses_its_arguments(log_stream: LogStream) -> None:
    logging.getLogger("werkzeug").warning("GET %s from %s", f"/x?name={PERSON}", "10.0.0.1")
    try:
        raise ValueError(PERSON)
    except ValueError:
        logging.getLogger("gunicorn.error").exception("failed for %s", PERSON)
    logging.getLogger("other").error(f"failed for {PERSON}")  # noqa: G004 - as libraries do
    first, second, third = log_stream.lines
    assert (first["event"], first["logger"]) == ("GET %s from %s", "werkzeug")
    assert (second["event"], second["error"]) == ("failed for %s", "ValueError")
    assert third["event"] == "(text withheld)"
    assert PERSON not in log_stream.getvalue()


def test_our_own_records_keep_their_arguments(log_stream: LogStream) -> None:
    logging.getLogger("hearthgate.serve").error("the %s pool ended by itself with %s", "peer", 1)
    assert log_stream.lines[0]["event"] == "the peer pool ended by itself with 1"


def test_authlib_does_not_write_tokens_even_where_all_else_is_debugged(log_stream: LogStream) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger("authlib.oauth2").debug("token %s", "secret")
    assert not logging.getLogger("authlib").isEnabledFor(logging.DEBUG)
    assert log_stream.lines == []


def test_warnings_of_the_language_come_in_the_same_form(log_stream: LogStream) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = logging_path._log_warning
        warnings.warn(PERSON, stacklevel=1)
    (line,) = log_stream.lines
    assert (line["event"], line["error"]) == ("warned", "UserWarning")
    assert line["at"][0].startswith("test_events.py:")
    assert PERSON not in log_stream.getvalue()


def test_probes_of_health_are_logged_only_where_they_fail(log_stream: LogStream) -> None:
    observer = RequestObserver()
    observer.record_request(request(face="operations", route="/health/live"))
    observer.record_request(request(face="operations", route="/health/ready", status=503))
    assert [line["status"] for line in log_stream.lines] == [503]


# ---- metrics


def test_requests_and_messages_are_counted_by_bounded_labels(log_stream: LogStream) -> None:
    labels = {"face": "case", "route": "/case/v1/lookups", "method": "POST", "status": "201"}
    before = metric("hearthgate_requests_total", **labels)
    RequestObserver().record_request(request(face="case", route="/case/v1/lookups", status=201))
    assert metric("hearthgate_requests_total", **labels) == before + 1
    service, kind = "https://council.example#duty", "involvement.query"
    events.record_inbound_message(
        InboundMessageEvent(peer=POLICE, service=service, kind=kind, outcome="known", replayed=True)
    )
    assert metric("hearthgate_messages_handled_total", kind="involvement.query", outcome="known", replayed="true") >= 1
    events.record_outbound_message(sent(POLICE))
    assert metric("hearthgate_peer_seconds_count", peer=POLICE) >= 1
    events.record_federation_event("stale", POLICE)
    assert metric("hearthgate_federation_events_total", code="stale") >= 1
    assert {line["event"] for line in log_stream.lines} == {
        "answered",
        "message_handled",
        "message_sent",
        "federation_event",
    }


def test_peers_beyond_the_limit_share_a_series(log_stream: LogStream) -> None:
    for number in range(metrics.MAX_PEERS + 20):
        events.record_outbound_message(sent(EntityId(f"https://n{number}.example")))
    assert metrics.exposition()[1].count(b"hearthgate_peer_seconds_count{") <= metrics.MAX_PEERS + 1
    assert metric("hearthgate_peer_seconds_count", peer="other") >= 20


def test_all_workers_metrics_are_answered_for_by_any(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from gateway.telemetry import events, metrics\n"
        "for _ in range(2):\n"
        "    if os.fork() == 0:\n"
        "        events.record_federation_event('stale', 'https://police.example')\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "sys.stdout.write(metrics.exposition()[1].decode())\n"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert 'hearthgate_federation_events_total{code="stale"} 2.0' in ran.stdout
