"""From an empty folder to a draft that its parties can sign: one command and its questions, and no JSON."""

import json
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import COUNCIL, POLICE, Partnership, hearthgate

ANSWERS = [
    "--answer",
    "dpia_reference=Vale DPIA 12 of 3 November 2026",
    "--answer",
    "policy_document=Each party's own, beside its privacy notice",
    "--answer",
    "individuals_informed=By the worker at the first meeting.",
    "--answer",
    "rights=Ask any party, which answers within a month.",
]
PARTIES = """
[[parties]]
entity = "https://council.example"
name = "Vale Council"
nations = ["england"]
services = [{slug = "families", kind = "childrens-social-care", name = "Families", duty_phone = "01632 960001"}]

[[parties]]
entity = "https://trust.example"
name = "Vale Mental Health"
nations = ["england"]
services = [{slug = "community-team", kind = "mental-health"}]
"""


TYPED = "\n".join([POLICE, "n", *[""] * 9, ""])
"""One other party, no further one, and the proposed answer to each other question."""


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEARTHGATE_CONFIG", raising=False)
    return tmp_path


def test_one_command_and_its_questions_make_a_draft(empty: Path) -> None:
    typed = [
        "early-help",
        *(
            "https://council.example",
            "Vale Council",
            "families",
            "childrens-social-care",
            "Families",
            "01632 960001",
            "n",
        ),
        *("https://trust.example", "Vale Mental Health", "community-team", "mental-health", "Community Team", "", "n"),
        "n",
        *("", ""),
        *("", "", "", "", ""),
        "Vale DPIA 12 of 3 November 2026",
        "Each party's own, beside its privacy notice",
        "By each party's privacy notice, and by the worker at the first meeting.",
        "People ask any party, which answers within a month.",
        *("", ""),
    ]
    answer = hearthgate("agreement", "new", "--ask", answer="\n".join([*typed, ""]))
    assert answer.code == 0, answer.out + answer.err
    assert "It has no fault." in answer.out
    text = (empty / "early-help.toml").read_text()
    assert '"families",  # Families, childrens-social-care, duty line 01632 960001' in text
    checked = hearthgate("agreement", "check", "early-help.toml")
    assert checked.code == 0
    assert "Vale Council (https://council.example, in England): families" in checked.out
    assert "{" not in checked.out


def test_a_file_of_answers_makes_the_same_without_a_question(empty: Path) -> None:
    (empty / "answers.toml").write_text('dpia_reference = "Vale DPIA 12"\n' + PARTIES)
    words = ["--template", "early-help", "--answers", "answers.toml", *ANSWERS[2:]]
    assert hearthgate("agreement", "new", "draft.toml", *words).code == 0
    again = hearthgate("agreement", "new", "draft.toml", *words)
    assert again.code == 1
    assert "exists already" in again.err


def test_what_is_not_answered_is_blank_and_refused(empty: Path) -> None:
    (empty / "answers.toml").write_text(PARTIES)
    answer = hearthgate("agreement", "new", "--template", "early-help", "--answers", "answers.toml", "--json")
    assert answer.code == 1
    assert answer.json["unanswered"] == ["dpia_reference", "policy_document", "individuals_informed", "rights"]
    checked = hearthgate("agreement", "check", "early-help.toml", "--json")
    assert checked.code == 1
    assert checked.json["faults"] == answer.json["faults"]
    assert all(fault.startswith("line ") for fault in checked.json["faults"])
    proposed = hearthgate("agreement", "check", "early-help.toml", "--out", "early-help.json")
    assert proposed.code == 1
    assert not (empty / "early-help.json").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "Give --template"),
        (["--template", "gossip"], "There is no template gossip"),
        (["--template", "early-help"], "between two agencies at least"),
        (["--template", "early-help", "--answer", "colour=green"], "No question is called colour"),
        (["--template", "early-help", "--answer", "colour"], "--answer is NAME=TEXT"),
        (["--template", "early-help", "--party", "https://police.example"], "Nothing tells of https://police.example"),
        (["--template", "early-help", "--answers", "no.toml"], "cannot be read"),
    ],
)
def test_what_cannot_be_a_draft_is_refused_and_nothing_is_written(empty: Path, words: list[str], reason: str) -> None:
    answer = hearthgate("agreement", "new", *words)
    assert answer.code in {1, 2}
    assert reason in answer.err
    assert list(empty.iterdir()) == []


def test_every_fault_of_a_file_of_answers_is_named(empty: Path) -> None:
    (empty / "answers.toml").write_text(
        'rights = ["x"]\n[[parties]]\nentity = "council"\nnations = ["mercia"]\ncolour = "red"\nservices = ["x"]\n'
    )
    words = ["--template", "early-help", "--answers", "answers.toml", "--json"]
    faults = hearthgate("agreement", "new", *words).json["faults"]
    places = [fault.partition(":")[0] for fault in faults]
    assert {"rights", "parties[0]", "parties[0].entity", "parties[0].nations", "parties[0].services[0]"} <= set(places)


def test_a_schedule_leaves_to_the_overarching_agreement_what_is_common(empty: Path) -> None:
    (empty / "answers.toml").write_text(PARTIES)
    words = ["--answers", "answers.toml"]
    assert hearthgate("agreement", "new", "--template", "overarching", *words, *ANSWERS).code == 0
    under = ["--under", "overarching.toml"]
    made = hearthgate("agreement", "new", "--template", "early-help", *under, *words, *ANSWERS[:2])
    assert made.code == 0, made.out + made.err
    text = (empty / "early-help.toml").read_text()
    assert "rights =" not in text
    checked = hearthgate("agreement", "check", "early-help.toml", *under)
    assert checked.code == 0
    assert "This is a schedule under vale-council-overarching" in checked.out
    assert "was the schedule read beside it" not in checked.out.lower()
    alone = hearthgate("agreement", "check", "early-help.toml")
    assert "The overarching agreement is not held here." in alone.out
    nested = hearthgate("agreement", "new", "x.toml", "--template", "overarching", *under, *words)
    assert nested.code == 1
    assert not (empty / "x.toml").exists()


def test_a_node_that_does_not_run_is_a_party_as_its_superior_states_it(both: Partnership) -> None:
    words = ["--template", "early-help", "--party", POLICE, *ANSWERS, "--nation", f"{POLICE}=england"]
    answer = hearthgate("agreement", "new", "draft.toml", *words, "--config", both.config("council"))
    assert answer.code == 0, answer.out + answer.err
    assert '  "neighbourhood",  # neighbourhood' in Path("draft.toml").read_text()


def test_no_agency_signs_what_is_enacted_and_not_in_force(both: Partnership) -> None:
    whole = json.loads(both.agreement().read_text())
    whole["clauses"][0]["basis"].append("ca2004-s16la")
    document = both.agreement(powers=["ca2004-s10", "ca2004-s16la"], clauses=whole["clauses"])
    config = ["--config", both.config("council"), "--name", "R. Example", "--post", "SIRO", "--yes"]
    for words in (["propose", document, *config], ["sign", document, *config, "--out", "s.jwt"]):
        refused = hearthgate("agreement", *words)
        assert refused.code == 1
        assert "ca2004-s16la was enacted on 2026-04-29 and is not in force" in refused.err
    assert not Path("s.jwt").exists()


def test_the_parties_come_from_the_federation_and_the_draft_is_signed_as_it_stands(both: Partnership) -> None:
    both.run_node("police")
    config = ["--config", both.config("council")]
    words = ["--template", "early-help", "--party", POLICE, *ANSWERS, "--nation", f"{POLICE}=england"]
    answer = hearthgate("agreement", "new", "draft.toml", *words, *config)
    assert answer.code == 0, answer.out + answer.err
    text = Path("draft.toml").read_text()
    assert '  "neighbourhood",  # Neighbourhood, neighbourhood, duty line 01632 960 001' in text
    assert f'entity = "{COUNCIL}"' in text
    signed = hearthgate(
        *(
            "agreement",
            "sign",
            "draft.toml",
            *config,
            "--name",
            "R. Example",
            "--post",
            "SIRO",
            "--out",
            "s.jwt",
            "--yes",
        )
    )
    assert signed.code == 0, signed.err
    written = hearthgate("agreement", "check", "draft.toml", "--out", "draft.json", "--json").json["digest"]
    assert hearthgate("agreement", "check", "draft.json", "--json").json["digest"] == written
    assert hearthgate("agreement", "add", "draft.json", "s.jwt", *config, "--yes").code == 0
    asked = hearthgate(
        "agreement", "new", "y.toml", "--template", "early-help", "--ask", *ANSWERS, *config, answer=TYPED
    )
    assert asked.code == 0, asked.out + asked.err
    assert f"  {POLICE}" in asked.err
    unknown = hearthgate("agreement", "new", "x.toml", *words, "--party", "https://stranger.example", *config)
    assert unknown.code == 1
    assert "could not be found in the federation" in unknown.err


def test_a_draft_of_early_help_can_let_schools_join(empty: Path) -> None:
    (empty / "answers.toml").write_text('dpia_reference = "Vale DPIA 12"\n' + PARTIES)
    words = ["--template", "early-help", "--answers", "answers.toml", *ANSWERS[2:]]
    assert hearthgate("agreement", "new", "draft.toml", *words).code == 0
    notes = ("[[joining]]", "id =", "title =", "marks =", "kinds =", "admitted_by =", "objection_days =", "joining_")
    lines = [
        line.removeprefix("# ") if line.startswith(tuple(f"# {note}" for note in notes)) else line
        for line in (empty / "draft.toml").read_text().splitlines()
    ]
    (empty / "open.toml").write_text("\n".join(lines))
    checked = hearthgate("agreement", "check", "open.toml")
    assert checked.code == 0, checked.err
    assert "Schools (schools) may join: each signs an accession, and Vale Council admits it." in checked.out
    assert "Each party must confirm each of them first" in checked.out

    faulty = [line.replace('kinds = ["school"]', "kinds = []").replace("= 14", "= 400") for line in lines]
    (empty / "faulty.toml").write_text("\n".join(faulty))
    refused = hearthgate("agreement", "check", "faulty.toml", "--json").json["faults"]
    places = [
        f"line {number}" for number, line in enumerate(faulty, 1) if line.startswith(("kinds =", "objection_days"))
    ]
    assert [fault.partition(":")[0] for fault in refused] == places
