"""No member is vouched for before its thumbprint came by another channel; the reasons for trust can be seen."""

import json
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import ANCHOR, COUNCIL, POLICE, Answer, Partnership, hearthgate
from trust.spoken_digits import digits, spoken


@pytest.fixture
def request_file(partnership: Partnership) -> Path:
    return partnership.root / "council-enrolment.jwt"


@pytest.fixture
def thumbprint(partnership: Partnership, request_file: Path) -> str:
    answer = join(partnership, request_file, "--json")
    assert answer.code == 0
    (kid,) = answer.json["thumbprints"]
    return str(kid)


def join(partnership: Partnership, out: Path, *words: str) -> Answer:
    """Write the request of the council, whose anchor is pinned, to a file: no network is needed."""
    config = partnership.config("council")
    return hearthgate("trust", "join", ANCHOR, "--config", config, "--out", out, "--yes", *words)


def admit(partnership: Partnership, request_file: Path, *words: str, answer: str | None = None) -> Answer:
    return hearthgate("trust", "admit", request_file, "--config", partnership.config("anchor"), *words, answer=answer)


def members(partnership: Partnership) -> list[dict[str, str]]:
    found: list[dict[str, str]] = hearthgate("trust", "list", "--config", partnership.config("anchor"), "--json").json[
        "members"
    ]
    return found


def journal(partnership: Partnership, name: str) -> list[dict[str, object]]:
    text = (partnership.root / name / "data" / "administration.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_the_request_and_what_is_read_out(partnership: Partnership) -> None:
    out = partnership.root / "request.jwt"
    answer = join(partnership, out)
    assert answer.code == 0
    assert "read out" in answer.err
    assert out.read_bytes().count(b".") == 2
    again = join(partnership, out)
    assert again.code == 1
    assert "exists already" in again.err


def test_an_agency_is_admitted_by_the_thumbprint_it_read_out(
    partnership: Partnership, request_file: Path, thumbprint: str
) -> None:
    answer = admit(partnership, request_file, "--thumbprint", spoken(digits(thumbprint)), "--yes")
    assert answer.code == 0
    assert "Families (families, families)" in answer.err
    (member,) = members(partnership)
    assert (member["entity_id"], member["state"]) == (COUNCIL, "active")
    (entry,) = journal(partnership, "anchor")
    assert (entry["act"], entry["entity_id"], entry["thumbprints"]) == ("trust admit", COUNCIL, [thumbprint])


def test_another_thumbprint_is_refused_and_the_requests_own_is_not_shown(
    partnership: Partnership, request_file: Path, thumbprint: str
) -> None:
    answer = admit(partnership, request_file, "--thumbprint", "0" * 43, "--yes")
    assert answer.code == 1
    assert "do not admit it" in answer.err
    assert thumbprint not in answer.out + answer.err
    assert spoken(digits(thumbprint)) not in answer.out + answer.err
    assert members(partnership) == []


def test_a_thumbprint_is_required(partnership: Partnership, request_file: Path, thumbprint: str) -> None:
    """The command asks for a missing thumbprint, and admits no member without one, even with --yes."""
    answer = admit(partnership, request_file, "--yes")
    assert answer.code == 1
    assert "Nothing was changed: type the digits" in answer.err
    assert thumbprint not in answer.out + answer.err
    assert members(partnership) == []


@pytest.mark.parametrize("typed", ["n\n", ""], ids=["no", "nobody"])
def test_nothing_is_changed_unless_the_administrator_says_so(
    partnership: Partnership, request_file: Path, thumbprint: str, typed: str
) -> None:
    answer = admit(partnership, request_file, "--thumbprint", thumbprint, answer=typed)
    assert answer.code == 1
    assert "Nothing was changed" in answer.err
    assert members(partnership) == []
    assert admit(partnership, request_file, "--thumbprint", thumbprint, answer="y\n").code == 0


def test_a_request_that_was_touched_is_refused(partnership: Partnership, request_file: Path, thumbprint: str) -> None:
    raw = request_file.read_bytes()
    request_file.write_bytes(raw[:-8] + b"AAAAAAAA")
    answer = admit(partnership, request_file, "--thumbprint", thumbprint, "--yes")
    assert answer.code == 1
    assert members(partnership) == []


def steps(answer: Answer) -> list[bool]:
    return [step["ok"] for step in answer.json["steps"]]


def test_each_step_of_a_chain_is_ticked(both: Partnership) -> None:
    answer = hearthgate("trust", "check", COUNCIL, "--config", both.config("council"), "--json")
    assert answer.code == 0
    assert answer.json["trusted"] is True
    assert steps(answer) == [True] * 7
    assert answer.json["services"][0]["slug"] == "families"


def test_the_step_that_does_not_hold_says_why_and_what_to_do(partnership: Partnership) -> None:
    config = partnership.config("council")
    unreachable = hearthgate("trust", "check", POLICE, "--config", config)
    assert unreachable.code == 1
    assert f"✗ {ANCHOR} answers" in unreachable.out
    assert "To do: Check the name" in unreachable.out
    partnership.run_anchor()
    stranger = hearthgate("trust", "check", POLICE, "--config", config, "--json")
    assert stranger.code == 1
    assert steps(stranger) == [True, False]
    assert "does not vouch" in stranger.json["steps"][1]["detail"]


def test_a_member_that_does_not_answer_itself_is_told_apart_from_a_stranger(both: Partnership) -> None:
    answer = hearthgate("trust", "check", POLICE, "--config", both.config("council"), "--json")
    assert steps(answer) == [True, True, False]


def test_an_anchor_whose_key_is_not_the_pinned_one_is_refused(partnership: Partnership) -> None:
    other = partnership.root / "other"
    words = ["--entity-id", ANCHOR, "--name", "Not it", *partnership.words("anchor")]
    assert hearthgate("trust", "anchor", "init", other, *words).code == 0
    pinned = partnership.root / "council" / "anchors" / "anchor.example.json"
    pinned.write_bytes((other / "anchor-pin.json").read_bytes())
    partnership.run_anchor()
    answer = hearthgate("trust", "check", COUNCIL, "--config", partnership.config("council"), "--json")
    assert answer.code == 1
    assert steps(answer) == [False]
    assert "thumbprints" in answer.json["steps"][0]["remedy"]


def test_what_is_known_is_shown_without_asking_anybody(partnership: Partnership) -> None:
    answer = hearthgate("trust", "show", "--config", partnership.config("council"))
    assert answer.code == 0
    assert ANCHOR in answer.out
    assert "has not been vouched for yet" in answer.out
    assert "None is known yet" in answer.out
