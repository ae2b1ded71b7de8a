"""``hearthgate adapter try``: why a person is found or not, asked for at the terminal and recorded with its reason."""

import json
from collections.abc import Mapping

import pytest

from tests.gateway.cli.conftest import Answer, Partnership, hearthgate

PEOPLE = {
    "people": [
        {
            "id": "1",
            "family": "Fell",
            "given": "Ada",
            "born": "2001-01-02",
            "nhs": "9691292211",
            "work": [
                {"worker": "Femi Cole", "ended": ""},
                {"worker": "Noor Hale", "ended": "2020-05-05"},
                {"worker": "Sol Reed", "ended": "Whitsun"},
            ],
        },
        {"id": "2", "family": "Fell", "given": "Ida", "born": "2001-01-02", "work": []},
        {"id": "3", "family": "Crag", "given": "Pia", "born": "1999-03-04", "nhs": "9434765919", "work": []},
    ]
}
SETTINGS = """
[services.adapter]
type = "json-file"

[services.adapter.settings]
file = "people.json"
records = "people[]"
ref = "id"
person = { family_name = "family", given_names = "given", birth_date = "born", nhs_number = "nhs" }
contacts = [{ each = "work[]", fields = { worker = "worker", ended = "ended" } }]
"""
ASKED = (
    "family_name",
    "given_names",
    "birth_date",
    "gender",
    "nhs_number",
    "upn",
    "nino",
    "pnc_id",
    "postcode",
    "uprn",
)
REASON = "Ticket 17: a partner was told not known"
ADA = {"family_name": "Fell", "given_names": "Ada", "birth_date": "2001-01-02", "nhs_number": "969 129 2211"}


@pytest.fixture
def families(partnership: Partnership) -> Partnership:
    config = partnership.config("council")
    config.write_text(config.read_text().partition("[services.adapter]")[0] + SETTINGS)
    (partnership.root / "council" / "people.json").write_text(json.dumps(PEOPLE))
    return partnership


def look(families: Partnership, person: Mapping[str, str], *options: str, reason: str = REASON) -> Answer:
    typed = "".join(f"{text}\n" for text in (reason, *(person.get(name, "") for name in ASKED)))
    return hearthgate("adapter", "try", "families", "--config", families.config("council"), *options, answer=typed)


def journal(families: Partnership) -> list[dict[str, object]]:
    path = families.root / "council" / "data" / "administration.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [entry for line in lines if (entry := json.loads(line))["act"] == "adapter try"]


def test_it_shows_how_a_record_was_linked_and_which_rows_are_current_and_why_not(families: Partnership) -> None:
    answer = look(families, ADA)
    assert answer.code == 0, answer.err
    for line in (
        "Record 1: linked beyond doubt.",
        "  NHS number: same.",
        "  Date of birth: same.",
        "Record 2: not like the person.",
        "Together: linked beyond doubt.",
        "Involvement 1: current.",
        "Involvement 2: not current, because it has ended.",
        "Involvement 3: not current, because ended is not a date in the form %Y-%m-%d.",
        "A partner who may be told of a record would be told: known.",
    ):
        assert line in answer.out
    assert "worker: Femi Cole" in answer.out
    assert "Whitsun" not in answer.out
    for value in ("Fell", "Ada", "Ida", "2001-01-02", "9691292211"):
        assert value not in answer.out


@pytest.mark.parametrize(
    ("person", "status", "said"),
    [
        (ADA, "known", "linked beyond doubt"),
        (ADA | {"nhs_number": "", "given_names": "Adda"}, "review", "this may be a twin"),
        (ADA | {"nhs_number": ""}, "review", "What agrees would fit more than one person."),
        (ADA | {"birth_date": "1980-01-01"}, "review", "The date of birth contradicts the identifier."),
        ({"nhs_number": "9434765919", "birth_date": "1999-03-04"}, "no_current_involvement", "linked beyond doubt"),
        ({"family_name": "Wren", "given_names": "Zoe", "birth_date": "1970-01-02"}, "not_known", "has 0 records"),
    ],
)
def test_it_says_what_a_partner_would_be_told_and_why(
    families: Partnership, person: Mapping[str, str], status: str, said: str
) -> None:
    answer = look(families, person)
    assert said in answer.out
    assert f"would be told: {status}.\n" in answer.out
    assert look(families, person, "--json").json["status"] == status


def test_it_says_what_partners_do_not_send_to_such_a_service(families: Partnership) -> None:
    answer = look(families, ADA | {"nino": "JT518427C"})
    assert "partners do not send a service of this kind: nhs_number, nino" in answer.out


def test_the_reason_is_recorded_before_the_search_and_the_person_nowhere(families: Partnership) -> None:
    (families.root / "council" / "people.json").unlink()
    assert look(families, ADA).code == 1
    (entry,) = journal(families)
    assert (entry["service"], entry["reason"]) == ("families", REASON)
    assert not any(value in json.dumps(entry) for value in ("Fell", "Ada", "2001", "969"))


@pytest.mark.parametrize(
    "reason",
    ["why", "Ticket 17 about Ada", "FELL was not found", "No answer for 9691292211", "about 969 129 2211 again"],
)
def test_a_reason_that_says_nothing_or_names_the_person_is_refused_and_nothing_is_searched(
    families: Partnership, reason: str
) -> None:
    answer = look(families, ADA, reason=reason)
    assert answer.code == 1
    assert "reason" in answer.err
    assert journal(families) == []


def test_a_description_that_no_partner_could_send_is_refused_with_what_to_correct(families: Partnership) -> None:
    answer = look(families, ADA | {"birth_date": "2 January"})
    assert answer.code == 1
    assert "birth_date" in answer.err
    assert look(families, {"family_name": "Fell"}).code == 1
    assert journal(families) == []


def test_without_a_terminal_nothing_is_searched(families: Partnership) -> None:
    answer = hearthgate("adapter", "try", "families", "--config", families.config("council"), answer="")
    assert answer.code == 1
    assert "Run it in a terminal" in answer.err
    assert journal(families) == []


def test_a_service_that_only_asks_has_nothing_to_try(families: Partnership) -> None:
    config = families.config("council")
    config.write_text(config.read_text().partition("[services.adapter]")[0])
    assert "only asks" in look(families, ADA).err
