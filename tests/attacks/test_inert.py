"""Line breaks, terminal escapes and formulas in fields end nowhere as anything but text (assertion A51)."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.output import command_output, show_plan
from gateway.telemetry.logging import configure_logging, log, redirect
from tests.architecture.source import ROOT
from tests.simulator import faults
from tests.simulator.network import Network
from tests.simulator.town import SUBJECT, TRUST
from trust.keys import KeyUse
from trust.strict_json import JsonObject

SERVICE = f"{TRUST}#mental-health"
OBEYED = {
    "CRLF": "a\r\nSet-Cookie: b=c",
    "LF": 'a\n{"event": "forged"}',
    "escape": "\x1b[2J\x1b]0;title\x07",
    "C1": "a\x9b31mb",
    "delete": "a\x7fb",
    "turned": "a\u202ebc",
    "separator": "a\u2028b",
}
PRACTITIONER = {"id": "u-17", "role": "key-worker", "org_unit": "north-team", "second_factor": True}
FORMULAS = ('=HYPERLINK("http://x.example","a")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\tx")
MEMBERS: tuple[Callable[[str], dict[str, Any]], ...] = (
    lambda text: {"reason": f"why{text}"},
    lambda text: {"case_ref": f"CF-1{text}"},
    lambda text: {"practitioner": {**PRACTITIONER, "id": f"u-17{text}"}},
    lambda text: {"practitioner": {**PRACTITIONER, "call_back": f"01632 960117{text}"}},
    lambda text: {"subject": {**SUBJECT, "family_name": f"Hartley{text}"}},
)


@pytest.mark.holds("A51")
@pytest.mark.parametrize("text", OBEYED.values(), ids=OBEYED)
def test_a_case_systems_text_is_one_line_without_controls_or_is_refused(standing: Network, text: str) -> None:
    client = standing.case_client()
    for member in MEMBERS:
        assert client.post_lookup(client.body(**member(""))).status_code in {201, 202}
        answer = client.post_lookup(client.body(**member(text)))
        assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-fields")
        assert text not in answer.text
        assert "Set-Cookie" not in answer.headers


@pytest.mark.holds("A51")
@pytest.mark.parametrize("text", OBEYED.values(), ids=OBEYED)
def test_what_a_peer_sends_to_be_obeyed_is_no_answer(pair: Network, text: str) -> None:
    signer = pair.nodes[TRUST].vault.signer(KeyUse.MESSAGE)

    def spoil(claims: JsonObject) -> None:
        claims["body"]["involvements"][0]["worker"] = text

    pair.wire.faults[TRUST] = faults.replies(faults.resigned(signer, spoil))
    assert pair.case_client().lines()[SERVICE]["status"] == "no_reply"


@pytest.mark.holds("A51")
@pytest.mark.parametrize("text", FORMULAS[:-1])
def test_a_formula_is_text_in_json_that_no_browser_takes_for_anything_else(pair: Network, text: str) -> None:
    signer = pair.nodes[TRUST].vault.signer(KeyUse.MESSAGE)

    def spoil(claims: JsonObject) -> None:
        claims["body"]["involvements"][0]["worker"] = text

    pair.wire.faults[TRUST] = faults.replies(faults.resigned(signer, spoil))
    client = pair.case_client()
    answer = client.post_lookup(client.body(wait_s=20.0))
    line = next(line for line in answer.get_json()["answers"] if line["service"] == SERVICE)
    assert line["involvements"][0]["worker"] == text
    assert (answer.mimetype, answer.headers["X-Content-Type-Options"]) == ("application/json", "nosniff")


@pytest.mark.holds("A51")
def test_no_table_that_a_spreadsheet_would_open_is_written_but_two() -> None:
    """One is what an invented council drops for us; the other makes its cells inert."""
    writing = [
        path.relative_to(ROOT).as_posix()
        for folder in ("gateway", "adapters", "config", "trust")
        for path in (ROOT / folder).rglob("*.py")
        if "csv.writer" in path.read_text(encoding="utf-8") or "DictWriter" in path.read_text(encoding="utf-8")
    ]
    assert sorted(writing) == [
        "gateway/demo/case_systems/social_care_files.py",
        "gateway/runtime/spreadsheet.py",
    ]


@click.command()
@command_output
def says() -> UseCaseResult:
    """Say what others wrote."""
    show_plan("about " + "".join(OBEYED.values()))
    return UseCaseResult(lines=[*OBEYED.values(), *FORMULAS], data={"said": list(OBEYED.values())})


@click.command()
@command_output
def refuses() -> UseCaseResult:
    """Refuse with what others wrote."""
    raise OperationRefused("about " + "".join(OBEYED.values()).replace("\n", ""), list(OBEYED.values()))


@pytest.mark.holds("A51")
def test_a_terminal_obeys_nothing_that_a_command_prints() -> None:
    plain, machine = CliRunner().invoke(says, []), CliRunner().invoke(says, ["--json"])
    assert plain.exit_code == machine.exit_code == 0
    assert_inert(plain.stdout, plain.stderr, machine.stdout)
    assert json.loads(machine.stdout)["said"] == list(OBEYED.values())


@pytest.mark.holds("A51")
def test_a_terminal_obeys_nothing_in_a_refusal_either() -> None:
    plain, machine = CliRunner().invoke(refuses, []), CliRunner().invoke(refuses, ["--json"])
    assert plain.exit_code == machine.exit_code == 1
    assert_inert(plain.stderr, machine.stdout)


def assert_inert(*printed: str) -> None:
    for each in printed:
        assert "Set-Cookie" in each
        assert not [char for char in "\r\x07\x1b\x7f\x9b\u2028\u202e\t" if char in each]


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    configure_logging(stream)
    yield stream
    root.handlers[:], _ = before
    root.setLevel(before[1])
    redirect(None)


@pytest.mark.holds("A51")
@pytest.mark.parametrize("text", OBEYED.values(), ids=OBEYED)
def test_a_log_line_is_one_line_of_plain_characters(logged: io.StringIO, text: str) -> None:
    log("info", "answered", failure=text, peer=text)
    logging.getLogger("hearthgate.test").warning("what a case system said: %s", text)
    lines = logged.getvalue().splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["event"] != "forged"
