"""``hearthgate lookup`` at the prompt keeps earlier input, and names each law once and the number to ring."""

from collections.abc import Sequence
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.administration.errors import OperationRefused
from gateway.cli.case_system.lookup import lines_of
from gateway.cli.case_system.question import QuestionForm
from trust.agreements.denial import SENTENCES, DenialCode

FIRST = ["A meeting.", "C-1", "Fell", "Ada", "2001-13-01", "", "", "", "ZE7 1QB"]


def typed(lines: Sequence[str], *problems: dict[str, Any], consent: bool = False) -> tuple[QuestionForm, list[bool]]:
    question = QuestionForm(consent=consent)
    with CliRunner().isolation(input="".join(f"{line}\n" for line in lines)):
        question.ask_all()
        again = [question.ask_again(problem) for problem in problems]
    return question, again


def test_what_was_typed_is_kept_and_only_what_is_wrong_is_asked_again() -> None:
    problem = {"code": "invalid-fields", "faults": [{"member": "subject.birth_date", "problem": "must be a date"}]}
    question, again = typed([*FIRST, "2001-12-01"], problem)
    assert again == [True]
    assert question.body() == {
        "reason": "A meeting.",
        "case_ref": "C-1",
        "subject": {
            "family_name": "Fell",
            "given_names": "Ada",
            "birth_date": "2001-12-01",
            "address": {"postcode": "ZE7 1QB"},
        },
    }


def test_a_description_that_is_too_vague_is_asked_for_where_it_was_left_empty() -> None:
    vague = ["A meeting.", "C-1", "Fell", "", "", "", "", "", ""]
    question, again = typed([*vague, "Ada", "2001-12-01", "", "", "", ""], {"code": "subject-too-vague"})
    assert again == [True]
    assert question.body()["subject"] == {"family_name": "Fell", "given_names": "Ada", "birth_date": "2001-12-01"}


def test_a_fault_in_what_was_not_typed_is_not_asked_again() -> None:
    _, again = typed(FIRST, {"code": "invalid-fields", "faults": [{"member": "from_service", "problem": "is wrong"}]})
    assert again == [False]


def test_the_record_of_consent_is_asked_for() -> None:
    question, _ = typed([*FIRST, "confidentiality", "2026-11-01", "written", "C-1/consent"], consent=True)
    assert question.body()["consent"] == {
        "roles": ["confidentiality"],
        "given_on": "2026-11-01",
        "form": "written",
        "evidence": "C-1/consent",
    }


def test_an_input_that_ends_asks_no_service() -> None:
    with pytest.raises(OperationRefused, match="No service was asked"):
        typed(FIRST[:3])


def line(**changes: Any) -> dict[str, Any]:
    good = {
        "service_name": "Tenancies",
        "organisation": "Vale Homes",
        "status": "no_reply",
        "involvements": [],
        "reason": "It did not answer in time.",
        "law": "Shared under a law.",
        "duty_phone": "01632 960108",
    }
    return good | changes


def answer(*answers: dict[str, Any]) -> list[str]:
    return lines_of({"answers": list(answers), "summary": "1 of 2 services answered", "emergency": "Ring 999."})


def test_a_law_stands_once_and_a_silent_services_duty_line_is_shown() -> None:
    note = {"note": "Our duty line is 01632 960108."}
    said = answer(line(), line(status="known", reason=None, involvements=[{"worker": "Nia"}], **note))
    assert said == [
        "Tenancies (Vale Homes): no_reply [1]",
        "  It did not answer in time.",
        "  Its duty line is 01632 960108.",
        "Tenancies (Vale Homes): known [1]",
        "  worker: Nia",
        "  Our duty line is 01632 960108.",
        "[1] Shared under a law.",
        "1 of 2 services answered.",
        "Ring 999.",
    ]


def test_a_benefit_answer_is_a_word_and_a_day() -> None:
    said = answer({**line(status="answered", answer="yes", as_of="2026-11-23", reason=None), "duty_phone": None})
    assert said[:2] == ["Tenancies (Vale Homes): answered [1]", "  yes, as of 2026-11-23"]


def test_what_would_settle_a_doubt_and_a_missing_consent_say_what_to_do() -> None:
    assert "  To settle it, ask again with: postcode." in answer(
        line(status="review", settle=["postcode"], reason=None)
    )
    missing = SENTENCES[DenialCode.CONSENT_RECORD_MISSING][0]
    assert [said for said in answer(line(status="refused", reason=missing)) if "--consent" in said]
