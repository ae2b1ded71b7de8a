"""The tools that the story is told with: they find what is there, count what fails, and leave no process behind."""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import monotonic, sleep

import pytest

from config.loading import load
from config.settings import NodeSettings
from gateway.demo import agreement, case_system_setup, configuration
from gateway.demo.agencies import AGENCIES, MEMBERS, RESPONDERS, ReceivingService, service_ref
from gateway.demo.case_systems.records import CaseService
from gateway.demo.commands import hearthgate, run_together
from gateway.demo.narrator import Narrator
from gateway.demo.people import generator
from gateway.demo.processes import DemoError, Processes, free_ports
from gateway.demo.story.personal_details import find_kinds
from trust.agreements.agreement import parse_agreement

DETAILS = {"NHS numbers": ["9991000003"], "PNC ids": ["2024/0000012D"], "workers": ["Priya Fairbeck"]}


class TestSearch:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            (b"\x00\x0119991000003\xff", "NHS numbers"),
            (b"...2024/0000012D...", "PNC ids"),
            (b"worker: PRIYA FAIRBECK;", "workers"),
        ],
    )
    @pytest.mark.parametrize("lead", [b"", b"a", b"ab", b"abc"])
    def test_a_detail_is_found_as_it_is_and_encoded(self, text: bytes, kind: str, lead: bytes) -> None:
        padded = b"nothing of interest stands here " + text
        assert find_kinds([b"first", padded], DETAILS) == [kind]
        assert find_kinds([b"." + lead + base64.urlsafe_b64encode(padded + b"!!!")], DETAILS) == [kind]

    def test_nothing_is_found_where_nothing_is(self) -> None:
        assert find_kinds([os.urandom(10_000), b"9991000004 2024/0000012E Priya Fair"], DETAILS) == []


class TestNarrator:
    def test_what_does_not_hold_is_counted_and_named(self) -> None:
        lines: list[str] = []
        narrator = Narrator(lines.append)
        assert narrator.expect("the sky is blue", holds=True)
        assert not narrator.expect("the sky is green", holds=False, instead="blue")
        narrator.expect_each("each is well", {"one": [], "two": ["ill"], "three": []})
        assert narrator.met_count == 3
        assert narrator.failed == ["the sky is green", "each is well: two"]
        assert any("two: ill" in line for line in lines)


class TestProcesses:
    CHILD = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']); "

    def test_everything_a_server_forked_ends_with_it(self, tmp_path: Path) -> None:
        processes = Processes(tmp_path)
        others = set(_children(os.getpid()))  # such as the database server of other tests
        processes.start("stubborn", [sys.executable, "-c", self.CHILD + "time.sleep(99)"])
        try:
            (parent,) = set(_children(os.getpid())) - others
            assert _soon(lambda: bool(_children(parent)))
            grandchildren = _children(parent)
        finally:
            processes.stop_all()
        assert _soon(lambda: not any(_alive(pid) for pid in [parent, *grandchildren]))

    def test_a_server_that_ends_by_itself_is_reported_with_its_log(self, tmp_path: Path) -> None:
        processes = Processes(tmp_path)
        (port,) = free_ports(1)
        processes.start("brief", [sys.executable, "-c", "raise SystemExit(3)"])
        try:
            with pytest.raises(DemoError, match=r"brief ended by itself with code 3; see .*brief\.log"):
                processes.wait_until_ready({"brief": port})
        finally:
            processes.stop_all()

    def test_a_port_that_was_given_is_given_to_no_other_demo_while_its_server_is_stopped(self) -> None:
        (port,) = free_ports(1)
        other = (
            "from gateway.demo import processes as p; import sys; first = int(sys.argv[1]); "
            "p._PORTS = range(first, first + 1); print(p.free_ports(1))"
        )
        said = subprocess.run([sys.executable, "-c", other, str(port)], capture_output=True, text=True, check=True)
        assert said.stdout == "[]\n"

    def test_a_server_that_was_stopped_is_told_once_and_starts_again(self, tmp_path: Path) -> None:
        processes = Processes(tmp_path)
        processes.start("node", [sys.executable, "-c", "import time; time.sleep(99)"])
        try:
            first = processes.pid("node")
            os.kill(first, signal.SIGKILL)
            os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
            assert [processes.remove_ended(), processes.remove_ended()] == [["node"], []]
            processes.start_again("node")
            assert processes.pid("node") != first
            processes.require_alive()
        finally:
            processes.stop_all()

    def test_one_that_never_gets_ready_is_not_waited_for_for_ever(self, tmp_path: Path) -> None:
        processes = Processes(tmp_path)
        (port,) = free_ports(1)
        processes.start("mute", [sys.executable, "-c", "import time; time.sleep(99)"])
        try:
            with pytest.raises(DemoError, match="Not ready within 1 seconds: mute"):
                processes.wait_until_listening({"mute": port}, within_s=1)
        finally:
            processes.stop_all()

    def test_a_refused_command_ends_the_demo_with_what_it_said(self, tmp_path: Path) -> None:
        with pytest.raises(DemoError, match=r"hearthgate agreement check .* failed:\n.*cannot be read"):
            run_together([hearthgate("agreement", "check", tmp_path / "absent.json")])


def test_no_role_of_the_agreement_is_given_a_plan() -> None:
    parsed = parse_agreement(agreement.document(date(2026, 11, 23)))
    given = {field for clause in parsed.clauses for fields in clause.fields_by_role.values() for field in fields}
    assert "service_type" in given
    assert "plan" not in given


def test_the_agreement_names_every_agency_and_service_of_the_demo() -> None:
    parsed = parse_agreement(agreement.document(date(2026, 11, 23)))
    assert {party.entity: party.name for party in parsed.parties} == {each.entity_id: each.name for each in AGENCIES}
    assert {str(ref.service) for ref in parsed.services} == {str(service) for service in CaseService}


def test_the_agreement_on_domestic_abuse_is_among_those_that_respond_and_each_receives_something() -> None:
    parsed = parse_agreement(agreement.document(date(2026, 11, 23), agreement.DOMESTIC_ABUSE))
    assert {party.entity: party.name for party in parsed.parties} == {each.entity_id: each.name for each in RESPONDERS}
    holders = {str(holder) for clause in parsed.clauses for holder in clause.holders}
    receivers = (*ReceivingService, CaseService.POLICE, CaseService.HOUSING, CaseService.COLLEGE)
    assert holders == {service_ref(service) for service in receivers}


def test_only_the_police_may_be_told_of_the_alleged_perpetrator() -> None:
    parsed = parse_agreement(agreement.document(date(2026, 11, 23), agreement.DOMESTIC_ABUSE))
    told = [
        clause.id
        for clause in parsed.clauses
        if any("persons.alleged_perpetrator" in fields for fields in clause.fields_by_role.values())
    ]
    assert told == ["incident.police"]


def test_every_node_gets_a_valid_configuration_with_exact_hosts_only(tmp_path: Path) -> None:
    systems = case_system_setup.create(tmp_path, generator.generate_population(date(2026, 11, 23), size=600))
    (tmp_path / "anchor.json").write_text("{}")
    (tmp_path / "tls.pem").write_text("")
    for agency in MEMBERS:
        tables = configuration.tables(agency, systems, {"other.example": "127.0.0.1:9"}, "tls.pem")
        path = tmp_path / f"{agency.slug}.toml"
        path.write_text(HEAD.format(entity=agency.entity_id, name=agency.name) + tables)
        settings = load(path, {})
        assert isinstance(settings, NodeSettings)
        assert [service.slug for service in settings.services] == [each.service for each in agency.every_service]
        assert settings.hosts["other.example"].address == "127.0.0.1:9"


HEAD = """
node = {{ entity_id = "{entity}", name = "{name}" }}
peer = {{ bind = "127.0.0.1:1", certificate = "tls.pem", key = "tls.pem" }}
case = {{ bind = "127.0.0.1:2", base_url = "https://case.example", certificate = "tls.pem", key = "tls.pem" }}
operations = {{ bind = "127.0.0.1:3" }}
trust = {{ anchors = [{{ entity_id = "https://anchor.example", jwks = "anchor.json" }}] }}
"""


def _children(parent: int) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _parent(entry) == parent]


def _alive(pid: int) -> bool:
    return _parent(Path("/proc") / str(pid)) is not None


def _parent(entry: Path) -> int | None:
    """Return a process's parent, or nothing where it has ended, zombies included."""
    try:
        state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else int(parent)


def _soon(holds: Callable[[], bool]) -> bool:
    deadline = monotonic() + 5
    while not holds() and monotonic() < deadline:
        sleep(0.05)
    return holds()
