"""Logs and metrics that can carry nothing about a person."""

import io
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry import metrics
from gateway.telemetry.events import SentMessage
from trust.identifiers import EntityId

PERSON = "Jordan Example, 9991112223"
POLICE = EntityId("https://police.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    face: str = "peer"
    method: str = "POST"
    route: str = "/exchange/v1/messages"
    status: int = 200
    duration_s: float = 0.0123
    request_id: str = "abc"
    trace: str = "4bf92f3577b34da6a3ce929d0e0e4736"
    problem: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    peer: EntityId = POLICE
    service: str = "https://council.example#duty"
    kind: str = "involvement.query"
    outcome: str = "known"
    replayed: bool = False
    failure: str | None = None


class Lines:
    """What was written, line by line."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def __call__(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    show = warnings.showwarning
    written = Lines()
    metrics.configure_logging(written.stream)
    yield written
    structlog.reset_defaults()
    warnings.showwarning = show
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def sent(peer: EntityId) -> SentMessage:
    return SentMessage(peer=peer, outcome="answered", seconds=0.2, trace="a" * 32, peer_trace="b" * 32)


def metric(name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(metrics.exposition()[1].decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return 0.0


# ---- logs


def test_a_line_is_one_json_object(lines: Lines) -> None:
    metrics.FaceObserver().answered(Answered())
    (line,) = lines()
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


def test_a_member_outside_the_list_is_dropped_and_counted(lines: Lines) -> None:
    before = metric("hearthgate_log_fields_dropped_total")
    structlog.get_logger().info("looked_up", subject=PERSON, nhs_number="9991112223", status=200)
    (line,) = lines()
    assert set(line) == {"event", "level", "ts", "status"}
    assert PERSON not in lines.stream.getvalue()
    assert metric("hearthgate_log_fields_dropped_total") == before + 2


def test_values_are_short_inert_and_of_plain_types(lines: Lines) -> None:
    structlog.get_logger().info(
        "odd", code="a\r\nb\x1b[31m\x7f\u2028\u009b", peer="x" * 1000, status={"subject": PERSON}, at=[PERSON.encode()]
    )
    raw = lines.stream.getvalue()
    assert raw.count("\n") == 1
    assert raw.isascii()
    assert raw.strip().isprintable()
    (line,) = lines()
    assert len(line["peer"]) == metrics.MAX_VALUE
    assert line["status"] == "(dict)"
    assert line["at"] == ["(bytes)"]


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=40) | st.binary(max_size=8) | st.integers()))
def test_whatever_is_logged_is_one_ascii_line_of_known_members(event: dict[str, Any]) -> None:
    rendered = metrics._render(None, "", metrics.keep_allowed(None, "", dict(event)))
    assert rendered.isascii()
    assert rendered.isprintable()
    assert set(json.loads(rendered)) <= metrics.ALLOWED


def test_a_crash_is_told_by_class_and_place_and_not_by_its_text(lines: Lines) -> None:
    try:
        raise ValueError(PERSON)
    except ValueError as error:
        metrics.FaceObserver().crashed(error, face="case", request_id="r1")
    (line,) = lines()
    assert line["error"] == "ValueError"
    assert line["at"][0].startswith("test_metrics.py:")
    assert PERSON not in lines.stream.getvalue()


def test_another_librarys_record_loses_its_arguments(lines: Lines) -> None:
    logging.getLogger("werkzeug").warning("GET %s from %s", f"/x?name={PERSON}", "10.0.0.1")
    try:
        raise ValueError(PERSON)
    except ValueError:
        logging.getLogger("gunicorn.error").exception("failed for %s", PERSON)
    logging.getLogger("other").error(f"failed for {PERSON}")  # noqa: G004 - as libraries do
    first, second, third = lines()
    assert (first["event"], first["logger"]) == ("GET %s from %s", "werkzeug")
    assert (second["event"], second["error"]) == ("failed for %s", "ValueError")
    assert third["event"] == "(text withheld)"
    assert PERSON not in lines.stream.getvalue()


def test_our_own_records_keep_their_arguments(lines: Lines) -> None:
    logging.getLogger("hearthgate.serve").error("the %s pool ended by itself with %s", "peer", 1)
    assert lines()[0]["event"] == "the peer pool ended by itself with 1"


def test_authlib_does_not_write_tokens_even_where_all_else_is_debugged(lines: Lines) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger("authlib.oauth2").debug("token %s", "secret")
    assert not logging.getLogger("authlib").isEnabledFor(logging.DEBUG)
    assert lines() == []


def test_warnings_of_the_language_come_in_the_same_form(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = metrics._warned
        warnings.warn(PERSON, stacklevel=1)
    (line,) = lines()
    assert (line["event"], line["error"]) == ("warned", "UserWarning")
    assert line["at"][0].startswith("test_metrics.py:")
    assert PERSON not in lines.stream.getvalue()


def test_probes_of_health_are_logged_only_where_they_fail(lines: Lines) -> None:
    observer = metrics.FaceObserver()
    observer.answered(Answered(face="operations", route="/health/live"))
    observer.answered(Answered(face="operations", route="/health/ready", status=503))
    assert [line["status"] for line in lines()] == [503]


# ---- metrics


def test_requests_and_messages_are_counted_by_bounded_labels(lines: Lines) -> None:
    labels = {"face": "case", "route": "/case/v1/lookups", "method": "POST", "status": "201"}
    before = metric("hearthgate_requests_total", **labels)
    metrics.FaceObserver().answered(Answered(face="case", route="/case/v1/lookups", status=201))
    assert metric("hearthgate_requests_total", **labels) == before + 1
    metrics.message_handled(Handled(replayed=True))
    assert metric("hearthgate_messages_handled_total", kind="involvement.query", outcome="known", replayed="true") >= 1
    metrics.message_sent(sent(POLICE))
    assert metric("hearthgate_peer_seconds_count", peer=POLICE) >= 1
    metrics.notice_trust("stale", POLICE)
    assert metric("hearthgate_federation_events_total", code="stale") >= 1
    assert {line["event"] for line in lines()} == {"answered", "message_handled", "message_sent", "federation_event"}


def test_peers_beyond_the_limit_share_a_series(lines: Lines) -> None:
    for number in range(metrics.MAX_PEERS + 20):
        metrics.message_sent(sent(EntityId(f"https://n{number}.example")))
    assert metrics.exposition()[1].count(b"hearthgate_peer_seconds_count{") <= metrics.MAX_PEERS + 1
    assert metric("hearthgate_peer_seconds_count", peer="other") >= 20


def test_all_workers_metrics_are_answered_for_by_any(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from gateway.telemetry import metrics\n"
        "for _ in range(2):\n"
        "    if os.fork() == 0:\n"
        "        metrics.notice_trust('stale', 'https://police.example')\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "sys.stdout.write(metrics.exposition()[1].decode())\n"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert 'hearthgate_federation_events_total{code="stale"} 2.0' in ran.stdout
