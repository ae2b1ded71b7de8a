"""The kit passes an adapter that keeps the contract, and names the promise that another one breaks."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import psycopg
import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.conformance import ABSENT_PERSON, Samples, run
from adapters.contract import (
    Adapter,
    AdapterContext,
    Candidate,
    CheckLine,
    Deadline,
    InvolvementSource,
    SourceUnavailable,
)
from adapters.sectors import social_care
from adapters.sectors.social_care_import import import_census
from adapters.sources import json_file, sql
from tests.simulator.clocks import MonotonicClock
from trust.exchange.eligibility import Answer, EligibilityAnswer, EligibilityQuery
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject

OCTAVIA = Subject(nhs_number="9691292211", family_name="Chislett", given_names="Octavia", birth_date=date(2008, 9, 20))
TABLES = (
    "CREATE TABLE client (id INTEGER PRIMARY KEY, nhs TEXT, surname TEXT, born {day})",
    "CREATE TABLE work (client INTEGER, worker TEXT)",
    "INSERT INTO client VALUES (7, '9691292211', 'Chislett', '2008-09-20')",
    "INSERT INTO work VALUES (7, 'Alex Patel')",
)
SETTINGS = {
    "persons": {"table": "client", "ref": "id", "nhs_number": "nhs", "family_name": "surname", "birth_date": "born"},
    "involvements": {"table": "work", "ref": "client", "worker": "worker"},
}


def broken(lines: Sequence[CheckLine]) -> list[str]:
    return [line.name for line in lines if not line.ok]


class TestOurAdaptersKeepIt:
    def test_sql_on_sqlite(self, tmp_path: Path, context: AdapterContext) -> None:
        connection = sqlite.connect(str(tmp_path / "case.db"), isolation_level=None)
        for statement in TABLES:
            connection.execute(statement.format(day="TEXT"))
        connection.close()
        settings = sql.SqlSettings.model_validate({"file": "case.db", **SETTINGS})
        assert broken(run(sql.FACTORY.build(settings, context), Samples(known=OCTAVIA))) == []

    def test_sql_on_postgresql_with_a_true_date_column(self, postgres_url: str, context: AdapterContext) -> None:
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            for statement in TABLES:
                connection.execute(statement.format(day="DATE").encode())
            settings = sql.SqlSettings.model_validate({"url": postgres_url, **SETTINGS})
            lines = run(sql.FACTORY.build(settings, context), Samples(known=OCTAVIA))
            connection.execute("DROP TABLE client, work")
        assert broken(lines) == []

    def test_json_file(self, tmp_path: Path, context: AdapterContext) -> None:
        (tmp_path / "case.json").write_text(
            json.dumps({"cases": [{"nhs": "9691292211", "born": "2008-09-20", "by": "Alex"}]})
        )
        settings = json_file.JsonFileSettings.model_validate(
            {
                "file": "case.json",
                "records": "cases[]",
                "ref": "nhs",
                "person": {"nhs_number": "nhs", "birth_date": "born"},
                "contacts": [{"fields": {"worker": "by"}}],
            }
        )
        assert broken(run(json_file.FACTORY.build(settings, context), Samples(known=OCTAVIA))) == []

    def test_social_care(self, tmp_path: Path, context: AdapterContext) -> None:
        schema = Path(__file__).parents[2] / "config" / "schemas" / "cin-census-reduced.xsd"
        settings = social_care.SocialCareSettings(database=Path("care.db"), schemas={2022: schema})
        (tmp_path / "census.xml").write_text(
            "<Message><Header><CollectionDetails><Year>2022</Year></CollectionDetails></Header><Children><Child>"
            "<ChildIdentifiers><LAchildID>C1</LAchildID><PersonBirthDate>2008-09-20</PersonBirthDate>"
            "<GenderCurrent>2</GenderCurrent></ChildIdentifiers>"
            "<ChildCharacteristics><Ethnicity>NOBT</Ethnicity></ChildCharacteristics><CINdetails>"
            "<CINreferralDate>2024-02-01</CINreferralDate><ReferralSource>1A</ReferralSource>"
            "<ReferralNFA>false</ReferralNFA></CINdetails></Child></Children></Message>"
        )
        (tmp_path / "allocations.csv").write_text("LAchildID,FamilyName,NHSNumber\nC1,Chislett,9691292211\n")
        import_census(
            settings,
            base_dir=tmp_path,
            census=tmp_path / "census.xml",
            allocations=tmp_path / "allocations.csv",
            now=datetime(2026, 11, 23, tzinfo=UTC),
        )
        assert broken(run(social_care.FACTORY.build(settings, context), Samples(known=OCTAVIA))) == []


@dataclass
class Honest:
    """A source that keeps the contract."""

    person: Subject = OCTAVIA
    numbers: count = field(default_factory=count)

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable("The case system did not answer in time.")
        return [Candidate(ref="1", person=self.person)] if subject.nhs_number == self.person.nhs_number else []

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable("The case system did not answer in time.")
        return [Involvement(worker="Alex Patel")] if ref == "1" else []


class Slow(Honest):
    clock = MonotonicClock()

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        if deadline.remaining_s() <= 0:
            self.clock.forward(2.6)
        return super().find(subject, deadline=Deadline.after(1))


class Chatty(Honest):
    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        logging.getLogger("case").debug("looking for %s", subject.family_name)
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable(f"No answer about {subject.nhs_number}.")
        return super().find(subject, deadline=deadline)


class Careless(Honest):
    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        return [Involvement(worker="Alex Patel")]


class Crashing(Honest):
    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        raise KeyError(ref)


class Forgetful(Honest):
    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        return [replace(found, ref=f"{next(self.numbers)}") for found in super().find(subject, deadline=deadline)]


class Refusing(Honest):
    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        if subject.nhs_number != self.person.nhs_number:
            raise SourceUnavailable("There is no such person.")
        return super().find(subject, deadline=deadline)


@pytest.mark.parametrize(
    ("source", "promises"),
    [
        (Honest(), []),
        (Slow(), ["involvement: deadline"]),
        (Chatty(), ["involvement: silence"]),
        (Careless(), ["involvement: keys"]),
        (Crashing(), ["involvement: keys", "involvement: errors"]),
        (Forgetful(), ["involvement: presence", "involvement: threads"]),
        (Refusing(), ["involvement: absence"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_broken_promise_is_named(
    source: InvolvementSource, promises: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Slow.clock.install(monkeypatch)
    lines = run(Adapter(name="x", involvement=source), Samples(known=OCTAVIA))
    assert broken(lines) == promises
    for line in lines:
        assert bool(line.remedy) is not line.ok
        assert "Chislett" not in line.detail
        assert "9691292211" not in line.detail


@dataclass
class Registry(Honest):
    """A registry that knows one person, and says the same word of every record."""

    word: Answer = Answer.NO

    def answer(self, ref: str, query: EligibilityQuery, *, deadline: Deadline) -> EligibilityAnswer:
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable("The case system did not answer in time.")
        return EligibilityAnswer(answer=self.word, as_of=query.as_of)


@pytest.mark.parametrize(
    ("word", "promises"), [(Answer.NO, []), (Answer.UNKNOWN, []), (Answer.YES, ["eligibility: keys"])]
)
def test_a_registry_says_yes_of_no_record_that_it_has_not(word: Answer, promises: list[str]) -> None:
    lines = run(Adapter(name="x", eligibility=Registry(word=word)), Samples(known=OCTAVIA))
    assert broken(lines) == promises


def test_without_a_known_person_it_still_tries_the_rest() -> None:
    lines = run(Adapter(name="x", involvement=Honest()), Samples())
    assert broken(lines) == []
    assert any("no known person was given" in line.detail for line in lines)


def test_the_absent_person_is_enough_to_ask_about() -> None:
    assert ABSENT_PERSON.birth_date is not None
    assert "9998135745" not in repr(ABSENT_PERSON)
