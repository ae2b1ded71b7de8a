"""Point 3, scenario S19: benefit questions, answered by yes, no or unknown, and a date."""

from random import Random
from typing import Any, Final

from gateway.demo.agencies import ASKER
from gateway.demo.agreement import KEY_WORKER, WELFARE
from gateway.demo.case_client import UNIT
from gateway.demo.case_system_setup import BENEFIT
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people.truth import Person
from gateway.demo.story.scene import Scene

_OK: Final = 200
# The fields that a row may hold: the service, the legal grounds, and the answer with its date.
_ABOUT_THE_SERVICE: Final = {"service", "service_name", "organisation", "status"}
_GROUNDS: Final = {"agreement", "clause", "law", "keep_until", "onward"}
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
        "letters: one question for each of five residents. The registry behind the Jobcentre's node holds awards and "
        "payments, and the node sends none of them."
    )
    narrator.gap()
    dice = Random(scene.seed)  # noqa: S311 - who is asked about
    rows, faults = [], {}
    row: dict[str, Any] = {}
    for situation, question, truth in _CASES:
        person = dice.choice([each for each in scene.truth.people if _suits(each, truth)])
        right = person.benefit[question]
        response = scene.federation.case_client.ask_eligibility(question_body(person, question))
        row = next(iter(response.document.get("answers", [])), {})
        answer = str(row.get("answer", row.get("reason", response.status)))
        rows.append((person.name, question, answer, str(row.get("as_of", "")), f"{right} ({situation})"))
        faults[f"{person.name}, {question}"] = _faults(response.status, row, right)
    narrator.table(("resident", "question", "answer", "as of", "truth"), rows)
    narrator.gap()
    narrator.show("fields of the last answer: " + ", ".join(sorted(row)))
    narrator.say(f"law: {row.get('law')}", indent=4)
    narrator.expect_each("each answer is true, and holds only a word and a date about the person", faults)


def _suits(person: Person, truth: tuple[str, str]) -> bool:
    """Accept a resident of Connecting Families without a twin or namesake, with this truth about the benefit."""
    if ASKER not in person.works or (person.benefit["entitled"], person.benefit["in_payment"]) != truth:
        return False
    return person.pair is None


def question_body(person: Person, question: str) -> dict[str, Any]:
    """Return a benefit question as a case system posts it."""
    return {
        "subject": dict(person.subject),
        "purpose": WELFARE,
        "reason": "Is anything in place before we apply to the hardship fund?",
        "case_ref": f"CF-{person.number}",
        "practitioner": {"id": "key-worker-17", "role": KEY_WORKER, "org_unit": UNIT, "second_factor": True},
        "question": question,
        "benefit": BENEFIT,
    }


def _faults(status: int, row: dict[str, Any], right: str) -> list[str]:
    if status != _OK or row.get("status") != "answered":
        return [f"the response was {status}, {row.get('status')}: {row.get('reason')}"]
    faults = [] if row["answer"] == right else [f"the truth is {right}, not {row['answer']}"]
    more = row.keys() - _ABOUT_THE_SERVICE - _GROUNDS - _ABOUT_THE_PERSON
    faults += [f"it also holds {', '.join(sorted(more))}"] if more else []
    return faults if row["service"].endswith(f"#{CaseService.JOBCENTRE}") else [*faults, "another service answered"]
