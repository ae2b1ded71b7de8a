"""An anchor and nodes as real processes: they start, exchange over TLS, and end without a trace."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.settings import LimitsSettings
from tests.simulator.case_client import CaseClient
from tests.simulator.faults import locked
from tests.simulator.processes import END_WITHIN_S, Served, served, start
from tests.simulator.town import ANCHOR, COUNCIL, TRUST

pytestmark = pytest.mark.e2e
SERVICE = f"{TRUST}#mental-health"
AS_SHIPPED = {name: field.default for name, field in LimitsSettings.model_fields.items() if name.endswith("_s")}
"""The time limits of a node whose administrator set none."""


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, [COUNCIL, TRUST], workers=2, threads=4) as made:
        made.network.agree()
        yield made


@pytest.mark.holds("S1")
def test_a_lookup_crosses_real_processes_and_a_stopped_node_is_silent(federation: Served) -> None:
    client = federation.network.case_client()
    federation.start(ANCHOR, COUNCIL, TRUST)
    view = federation.look_up(client)
    assert view["summary"] == "4 of 4 services answered"
    assert {line["status"] for line in view["answers"]} == {"known"}
    assert federation.processes[TRUST].stop() == 0
    later = federation.look_up(client)
    assert later["summary"] == "3 of 4 services answered"
    assert {line["service"]: line["status"] for line in later["answers"]}[SERVICE] == "no_reply"


def test_a_node_that_hangs_costs_its_own_line_and_answers_again_when_it_goes_on(federation: Served) -> None:
    client = federation.network.case_client()
    federation.start(ANCHOR, COUNCIL, TRUST)
    token = federation.case_token(client)
    assert federation.look_up(client, token=token)["summary"] == "4 of 4 services answered"
    process = federation.processes[TRUST]
    family = [process.process.pid, *process.descendants()]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        view = federation.look_up(client, token=token)  # complete while the peer is still stopped
    finally:
        for pid in reversed(family):
            os.kill(pid, signal.SIGCONT)
    silent = {line["service"]: line["status"] for line in view["answers"] if line["status"] != "known"}
    assert silent == {SERVICE: "no_reply"}
    assert federation.look_up(client, token=token)["summary"] == "4 of 4 services answered"


@pytest.mark.holds("A65")
def test_a_stopped_peer_and_a_locked_case_system_release_their_workers_within_ten_seconds(tmp_path: Path) -> None:
    assert max(AS_SHIPPED[name] for name in ("lookup_s", "peer_s", "case_system_s")) <= 10
    with served(tmp_path, [COUNCIL, TRUST], workers=1, threads=2, limits=AS_SHIPPED) as federation:
        federation.network.agree()
        client = federation.network.case_client()
        federation.start(ANCHOR, COUNCIL, TRUST)
        token = federation.case_token(client)
        assert federation.look_up(client, token=token)["summary"] == "4 of 4 services answered"
        process = federation.processes[TRUST]
        family = [process.process.pid, *process.descendants()]
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert silent_once_released(federation, client, token) == {SERVICE: "no_reply"}
        finally:
            for pid in reversed(family):
                os.kill(pid, signal.SIGCONT)
        with locked(next(federation.network.folder_of(TRUST).glob("*-cases.db"))):
            assert silent_once_released(federation, client, token) == {SERVICE: "no_reply"}
            # and the holder's only worker, whose two threads waited for the case system, has one for the next caller
            answer = federation.call(TRUST + "/.well-known/openid-federation", method="GET")
            assert answer.status == 200
        assert federation.look_up(client, token=token)["summary"] == "4 of 4 services answered"


def silent_once_released(federation: Served, client: CaseClient, token: str) -> dict[str, str]:
    """Fill both of the only worker's threads, and return who was silent once they are free again."""
    with ThreadPoolExecutor(2) as pool:
        views = list(pool.map(lambda _: federation.look_up(client, token=token), range(2)))
    return {line["service"]: line["status"] for view in views for line in view["answers"] if line["status"] != "known"}


def test_a_node_that_is_told_to_stop_leaves_no_process_behind(federation: Served) -> None:
    federation.start(ANCHOR, COUNCIL)
    for process in federation.processes.values():
        family = process.descendants()
        assert len(family) >= 3
        assert process.stop() == 0
        assert not [pid for pid in family if alive(pid)]


def test_a_node_starts_without_the_others(federation: Served) -> None:
    client = federation.network.case_client()
    federation.start(COUNCIL)
    first = federation.look_up(client)
    assert {line["status"] for line in first["answers"]} == {"no_reply"}


def test_a_killed_worker_costs_at_most_what_it_had_in_hand(federation: Served) -> None:
    client = federation.network.case_client()
    federation.start(ANCHOR, COUNCIL, TRUST)
    token = federation.case_token(client)
    with ThreadPoolExecutor(4) as pool:
        lookups = [pool.submit(federation.look_up, client, token=token) for _ in range(24)]
        victim = federation.processes[TRUST].workers()[0]
        os.kill(victim, signal.SIGKILL)
        views = [lookup.result() for lookup in lookups]
    statuses = {line["status"] for view in views for line in view["answers"]}
    assert statuses <= {"known", "no_reply"}
    assert federation.look_up(client)["summary"] == "4 of 4 services answered"
    answered = [leaf for leaf in federation.network.leaves(TRUST) if leaf["kind"] == "answered"]
    received = [leaf for leaf in federation.network.leaves(TRUST) if leaf["kind"] == "received"]
    ids = [leaf["message"]["id"] for leaf in answered]
    assert len(ids) == len(set(ids)) == len(received)
    assert len(ids) <= 25
    known = sum(line["status"] == "known" for view in views for line in view["answers"] if line["service"] == SERVICE)
    assert known <= len(ids) - 1


@pytest.mark.holds("A60")
def test_serve_refuses_a_key_that_others_may_read(federation: Served) -> None:
    folder = federation.network.folder_of(TRUST)
    (folder / "keys" / "message.pem").chmod(0o640)
    process = start(folder)
    assert process.process.wait(END_WITHIN_S) == 1
    assert "chmod 600" in process.said()
    assert "Traceback" not in process.said()


def test_serve_tells_every_mistake_of_a_configuration(federation: Served) -> None:
    folder = federation.network.folder_of(TRUST)
    path = folder / "hearthgate.toml"
    text = path.read_text()
    for right, wrong in (
        ('"https://mental-health.example"', '"http://mental-health.example"'),
        ('"workers" = 2', '"workers" = "two"'),
        ('"threads" = 4', '"threads" = 0'),
        ('"slug" = "mental-health"', '"slug" = "Community Team"'),
        ('"jwks" = "anchor.example.jwks"', '"jwk" = "anchor.example.jwks"'),
    ):
        assert right in text
        text = text.replace(right, wrong, 1)
    path.write_text(text)
    process = start(folder)
    assert process.process.wait(END_WITHIN_S) == 1
    for place in ("node.entity_id", "workers", "threads", "services[1].slug", "trust.anchors[1].jwk"):
        assert place in process.said()
    assert "Traceback" not in process.said()


@pytest.mark.holds("A50")
def test_real_processes_say_nothing_of_the_person(federation: Served) -> None:
    client = federation.network.case_client()
    federation.start(ANCHOR, COUNCIL, TRUST)
    federation.look_up(client)
    federation.processes[TRUST].stop()
    federation.look_up(client)
    federation.stop()
    for process in federation.processes.values():
        said = process.said()
        assert "answered" in said
        assert not [
            word for word in ("9990000018", "Hartley", "Daniel", "2004-03-14", "CF-2291", "u-17") if word in said
        ]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
