"""Adapters are checked on their real source, with an invented person, and every mistake is named at once."""

import json
from pathlib import Path

from tests.gateway.cli.conftest import PEOPLE, Partnership, hearthgate
from tests.support.cin_census import HEADER, OCTAVIA_ROW, REDUCED, case, census, child


def config_with(partnership: Partnership, old: str, new: str) -> Path:
    config = partnership.config("council")
    config.write_text(config.read_text().replace(old, new))
    return config


def test_a_working_adapter_keeps_every_promise(partnership: Partnership) -> None:
    (partnership.root / "council" / "people.json").write_text(str(PEOPLE).replace("'", '"'))
    answer = hearthgate("adapter", "check", "families", "--config", partnership.config("council"), "--json")
    assert answer.code == 0
    assert len(answer.json["services"]["families"]) > 5


def test_a_check_looks_for_the_sources_own_records_again_and_shows_no_value(partnership: Partnership) -> None:
    people = [
        {"id": "1", "family": "Fell", "born": "2001-01-02", "worker": "Ada Tarn"},
        {"id": "2", "family": "Ash", "born": "Whitsun", "worker": "Ada Tarn"},
    ]
    (partnership.root / "council" / "people.json").write_text(json.dumps({"people": people}))
    answer = hearthgate("adapter", "check", "families", "--config", partnership.config("council"))
    assert "sample: 2 rows were read, of 2 people; 2 of them were looked for again." in answer.out
    assert "born is not a date in the form %Y-%m-%d" in answer.out
    for value in ("Fell", "Ash", "Whitsun", "2001", "Tarn"):
        assert value not in answer.out + answer.err


def test_a_source_that_is_not_there_fails_its_line(partnership: Partnership) -> None:
    answer = hearthgate("adapter", "check", "--config", partnership.config("council"))
    assert answer.code == 1
    assert "✗" in answer.out
    assert "To do:" in answer.out


def test_all_mistakes_in_the_settings_are_named_at_once(partnership: Partnership) -> None:
    config = config_with(partnership, 'file = "people.json"', 'fiel = "people.json"')
    config_with(partnership, 'ref = "id"', "ref = 7")
    answer = hearthgate("adapter", "check", "--config", config, "--json")
    assert answer.code == 1
    faults = " ".join(line["detail"] for line in answer.json["services"]["families"])
    assert all(name in faults for name in ("file", "fiel", "ref"))


def test_an_unknown_service_or_one_that_is_not_imported_is_refused(partnership: Partnership) -> None:
    config = partnership.config("council")
    assert "it hosts families" in hearthgate("adapter", "check", "gardening", "--config", config).err
    words = ["--census", "census.xml", "--allocations", "allocations.csv"]
    answer = hearthgate("adapter", "import", "families", "--config", config, *words)
    assert answer.code == 1
    assert "social-care-cin" in answer.err


RECEIVER = """
[services.receiver]
type = "drop-folder"

[services.receiver.settings]
folder = "import"
acknowledgements = "imported"
"""


def with_receiver(partnership: Partnership, *, asks_only: bool) -> Path:
    config = partnership.config("council")
    text = config.read_text()
    config.write_text((text.partition("[services.adapter]")[0] if asks_only else text) + RECEIVER)
    return config


def test_a_receiver_is_checked_beside_its_adapter_and_nothing_is_written(partnership: Partnership) -> None:
    root = partnership.root / "council"
    (root / "people.json").write_text(str(PEOPLE).replace("'", '"'))
    config = with_receiver(partnership, asks_only=False)
    assert "folder is no folder" in hearthgate("adapter", "check", "--config", config).out
    (root / "import").mkdir()
    (root / "imported").mkdir()
    answer = hearthgate("adapter", "check", "--config", config)
    assert answer.code == 0, answer.out
    assert "messages: proof" in answer.out
    assert "answer_after_s" in answer.out
    assert [*(root / "import").iterdir(), *(root / "imported").iterdir()] == []


def test_a_service_that_only_asks_may_receive(partnership: Partnership) -> None:
    config = with_receiver(partnership, asks_only=True)
    for name in ("import", "imported"):
        (partnership.root / "council" / name).mkdir()
    answer = hearthgate("adapter", "check", "--config", config)
    assert answer.code == 0, answer.out
    assert "this service asks others" in answer.out
    assert "answer_after_s" not in answer.out
    assert "messages: proof" in answer.out


def test_a_receiver_that_is_named_as_an_adapter_is_refused(partnership: Partnership) -> None:
    config = partnership.config("council")
    text = config.read_text().partition("[services.adapter]")[0]
    config.write_text(text + RECEIVER.replace("receiver", "adapter"))
    assert "name it in [services.receiver]" in hearthgate("adapter", "check", "--config", config).out


CARE = f"""
[services.adapter]
type = "social-care-cin"

[services.adapter.settings]
database = "data/care.db"
schemas = {{ 2022 = "{REDUCED}" }}
"""


def social_care(partnership: Partnership, *children: str, rows: str = OCTAVIA_ROW) -> list[str]:
    """Make the council's service one of children's social care, and return what its import is called with."""
    config = partnership.config("council")
    text = config.read_text()
    config.write_text(text[: text.index("[services.adapter]")] + CARE)
    (partnership.root / "census.xml").write_text(census(*children))
    (partnership.root / "allocations.csv").write_text(f"{HEADER}\n{rows}\n")
    files = ["--census", str(partnership.root / "census.xml"), "--allocations"]
    return ["adapter", "import", "families", "--config", str(config), *files, str(partnership.root / "allocations.csv")]


def test_an_import_says_which_lines_were_left_out_and_why(partnership: Partnership) -> None:
    words = social_care(partnership, child("C1", case()), rows=f"{OCTAVIA_ROW}\n,Nobody,No,,,,,,,,")
    answer = hearthgate(*words)
    assert answer.code == 0, answer.err
    assert "1 children, 1 open cases" in answer.out
    assert "allocations.csv, line 3" in answer.out
    assert hearthgate("adapter", "check", "--config", partnership.config("council")).code == 0


def test_a_census_that_fails_its_schema_is_refused_with_every_fault_and_nothing_about_a_child(
    partnership: Partnership,
) -> None:
    words = social_care(partnership, child("C1", case(referred="soon")), child("C2", case(closed="never")))
    answer = hearthgate(*words, "--json")
    assert answer.code == 1
    assert len(answer.json["faults"]) >= 2
    assert "Chislett" not in answer.out


def test_an_import_that_would_empty_the_service_is_refused_and_the_journal_says_who_accepts_one(
    partnership: Partnership,
) -> None:
    words = social_care(partnership, child("C1", case()))
    assert hearthgate(*words).code == 0
    (partnership.root / "allocations.csv").write_text(f"{HEADER}\nC1,Chislett,Octavia,,,Alex Patel,,,,2020-01-01,\n")
    refused = hearthgate(*words)
    assert refused.code == 1
    assert "would keep 0 children with an open case and a current worker where the last one kept 1" in refused.err
    assert hearthgate(*words, "--accept-fewer").code == 0
    journal = (partnership.root / "council" / "data" / "administration.jsonl").read_text()
    assert '"accept_fewer": 1' in journal
    (partnership.root / "allocations.csv").write_text(f"{HEADER}\nC1,Chislett,Octavia,,,Alex Patel,,,,,31/10/2026\n")
    refused = hearthgate(*words)
    assert refused.code == 1
    assert "written dd/mm/yyyy, as Excel saves dates" in refused.err
