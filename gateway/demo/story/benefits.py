"""Point 3, scenario S19: a benefit question is answered yes, no or unknown, with a date and nothing else."""

from random import Random
from typing import Any, Final

from gateway.demo.agencies import ASKER
from gateway.demo.agreement import KEY_WORKER, WELFARE
from gateway.demo.case_client import UNIT
from gateway.demo.case_systems.records import CaseService
from gateway.demo.filling import BENEFIT
from gateway.demo.people.truth import Person
from gateway.demo.story.scene import Scene

_OK: Final = 200
# What a line may hold: who answered, on which footing, and the word and its date.
_ABOUT_THE_LINE: Final = {"service", "service_name", "organisation", "status"}
_FOOTING: Final = {"agreement", "clause", "law", "keep_until", "onward"}
_ABOUT_THE_PERSON: Final = {"answer", "as_of"}
_CASES: Final = (
    ("in payment", "in_payment", ("yes", "yes")),
    ("suspended: entitled", "entitled", ("yes", "no")),
    ("suspended: in payment", "in_payment", ("yes", "no")),
    ("ended", "entitled", ("no", "no")),
    ("not in the registry", "entitled", ("unknown", "unknown")),
)


def tell(scene: Scene) -> None:
    """Ask about one resident of each kind."""
    narrator = scene.narrator
    narrator.section("3. S19: a benefit question")
    narrator.say(
        "The key worker asks the Jobcentre whether Universal Credit is in place, so that the family need not look for "
        "letters. Five residents, one question each. The registry behind the Jobcentre's node holds awards and "
        "payments, and none of them travels."
    )
    narrator.gap()
    dice = Random(scene.seed)  # noqa: S311 - who is asked about
    rows, faults = [], {}
    line: dict[str, Any] = {}
    for what, question, truth in _CASES:
        person = dice.choice([each for each in scene.truth.people if _suits(each, truth)])
        right = person.benefit[question]
        answer = scene.federation.case_client.ask_eligibility(question_body(person, question))
        line = next(iter(answer.document.get("answers", [])), {})
        told = str(line.get("answer", line.get("reason", answer.status)))
        rows.append((person.name, question, told, str(line.get("as_of", "")), f"{right} ({what})"))
        faults[f"{person.name}, {question}"] = _faults(answer.status, line, right)
    narrator.table(("resident", "question", "answer", "as of", "truth"), rows)
    narrator.gap()
    narrator.show("the whole of the last answer: " + ", ".join(sorted(line)))
    narrator.say(f"law: {line.get('law')}", indent=4)
    narrator.expect_each("each answer is true, and holds a word and a date and nothing else of the person", faults)


def _suits(person: Person, truth: tuple[str, str]) -> bool:
    """Pick among those whom Connecting Families works with, and who would be in the registry under their own name."""
    if ASKER not in person.works or (person.benefit["entitled"], person.benefit["in_payment"]) != truth:
        return False
    return person.pair is None


def question_body(person: Person, question: str) -> dict[str, Any]:
    """Write a benefit question as a case system posts it."""
    return {
        "subject": dict(person.subject),
        "purpose": WELFARE,
        "reason": "Is anything in place before we apply to the hardship fund?",
        "case_ref": f"CF-{person.number}",
        "practitioner": {"id": "key-worker-17", "role": KEY_WORKER, "org_unit": UNIT, "second_factor": True},
        "question": question,
        "benefit": BENEFIT,
    }


def _faults(status: int, line: dict[str, Any], right: str) -> list[str]:
    if status != _OK or line.get("status") != "answered":
        return [f"it was answered {status}, {line.get('status')}: {line.get('reason')}"]
    faults = [] if line["answer"] == right else [f"the truth is {right}, not {line['answer']}"]
    more = line.keys() - _ABOUT_THE_LINE - _FOOTING - _ABOUT_THE_PERSON
    faults += [f"it also holds {', '.join(sorted(more))}"] if more else []
    return faults if line["service"].endswith(f"#{CaseService.JOBCENTRE}") else [*faults, "somebody else answered"]
