"""The council's three SQL case systems: normalised, one wide table, office database."""

from collections.abc import Sequence
from typing import Final

from gateway.demo.case_systems.design import Design, Rows, format_day, iso, people, staff, worker_of
from gateway.demo.case_systems.records import InvolvementRecord

UK_DAY: Final = "%d/%m/%Y"
_SEX_LETTER: Final = {"female": "F", "male": "M", "other": "X"}


def _family_rows(records: Sequence[InvolvementRecord]) -> Rows:
    workers, persons = staff(records), people(records)
    numbers = {local_id: number for number, local_id in enumerate(persons, start=1)}
    homes = {home: number for number, home in enumerate({(p.uprn, p.postcode): None for p in persons.values()}, 1)}
    return {
        "household": [(number, uprn, postcode) for (uprn, postcode), number in homes.items()],
        "person": [
            (numbers[ref], ref, homes[who.uprn, who.postcode], who.family_name, who.given_names, iso(who.birth_date),
             who.gender, who.nhs_number, who.upn)
            for ref, who in persons.items()
        ],
        "key_worker": [(number, worker.name, worker.role, worker.phone) for worker, number in workers.items()],
        "family_plan": [
            (numbers[record.local_id], workers[worker_of(record)], iso(record.since), iso(record.ended),
             iso(record.last_contact))
            for record in records
        ],
    }  # fmt: skip


CONNECTING_FAMILIES: Final = Design(
    schema="""
CREATE TABLE household (household_id INTEGER PRIMARY KEY, uprn TEXT, postcode TEXT);
CREATE TABLE person (person_id INTEGER PRIMARY KEY, reference TEXT NOT NULL UNIQUE,
    household_id INTEGER NOT NULL REFERENCES household, surname TEXT NOT NULL, forenames TEXT, date_of_birth TEXT,
    sex TEXT, nhs_no TEXT, upn TEXT);
CREATE INDEX person_birth ON person (date_of_birth);
CREATE INDEX person_name ON person (lower(trim(surname)));
CREATE INDEX person_nhs ON person (nhs_no);
CREATE INDEX person_upn ON person (upn);
CREATE TABLE key_worker (worker_id INTEGER PRIMARY KEY, display_name TEXT NOT NULL, job_title TEXT, desk_phone TEXT);
CREATE TABLE family_plan (person_id INTEGER NOT NULL REFERENCES person, worker_id INTEGER NOT NULL
    REFERENCES key_worker, opened_on TEXT NOT NULL, closed_on TEXT, last_visit_on TEXT);
CREATE INDEX plan_person ON family_plan (person_id);
""",
    rows=_family_rows,
    settings={
        "persons": {
            "query": "SELECT p.*, h.postcode, h.uprn FROM person AS p JOIN household AS h USING (household_id)",
            "ref": "person_id",
            "nhs_number": "nhs_no",
            "upn": "upn",
            "family_name": "surname",
            "given_names": "forenames",
            "birth_date": "date_of_birth",
            "gender": "sex",
            "postcode": "postcode",
            "uprn": "uprn",
        },
        "involvements": {
            "query": "SELECT f.*, w.display_name, w.job_title, w.desk_phone"
            " FROM family_plan AS f JOIN key_worker AS w USING (worker_id)",
            "ref": "person_id",
            "role": "job_title",
            "worker": "display_name",
            "phone": "desk_phone",
            "since": "opened_on",
            "last_contact": "last_visit_on",
            "ended": "closed_on",
        },
    },
)


def _money_rows(records: Sequence[InvolvementRecord]) -> Rows:
    return {
        "Clients": [
            (record.local_id, record.resident.family_name.upper(), record.resident.given_names,
             format_day(record.resident.birth_date, UK_DAY), record.resident.postcode, record.role, record.worker,
             record.phone, format_day(record.since, UK_DAY), format_day(record.last_contact, UK_DAY),
             format_day(record.ended, UK_DAY))
            for record in records
        ],
    }  # fmt: skip


MONEY_ADVICE: Final = Design(
    schema="""
CREATE TABLE Clients (ClientNo TEXT NOT NULL, Surname TEXT NOT NULL, FirstNames TEXT, DOB TEXT, PostCode TEXT,
    AdviceType TEXT, Adviser TEXT, AdviserTel TEXT, FirstSeen TEXT, LastSeen TEXT, ClosedOn TEXT);
CREATE INDEX ClientsNo ON Clients (ClientNo);
CREATE INDEX ClientsDob ON Clients (DOB);
CREATE INDEX ClientsName ON Clients (lower(trim(Surname)));
""",
    rows=_money_rows,
    settings={
        "date_format": UK_DAY,
        "persons": {
            "table": "Clients",
            "ref": "ClientNo",
            "family_name": "Surname",
            "given_names": "FirstNames",
            "birth_date": "DOB",
            "postcode": "PostCode",
        },
        "involvements": {
            "table": "Clients",
            "ref": "ClientNo",
            "role": "AdviceType",
            "worker": "Adviser",
            "phone": "AdviserTel",
            "since": "FirstSeen",
            "last_contact": "LastSeen",
            "ended": "ClosedOn",
        },
    },
)


def _youth_rows(records: Sequence[InvolvementRecord]) -> Rows:
    workers = staff(records)
    contacts = [
        (position, f"{day}T09:30:00")
        for position, record in enumerate(records, start=1)
        for day in (iso(record.since), iso(record.last_contact))
        if day
    ]
    return {
        "tblYoungPerson": [
            (ref, who.family_name, who.given_names, f"{iso(who.birth_date)} 00:00:00", _SEX_LETTER.get(who.gender),
             who.pnc_id, who.nhs_number, who.postcode)
            for ref, who in people(records).items()
        ],
        "tblStaff": [(number, worker.name, worker.phone) for worker, number in workers.items()],
        "tblIntervention": [
            (position, record.local_id, record.role, iso(record.since), iso(record.ended),
             workers[worker_of(record)])
            for position, record in enumerate(records, start=1)
        ],
        "tblContact": contacts,
    }  # fmt: skip


YOUTH_JUSTICE: Final = Design(
    schema="""
CREATE TABLE tblYoungPerson (YPID TEXT PRIMARY KEY, FamilyName TEXT, GivenName TEXT, BirthDate TEXT, Sex TEXT,
    PNCID TEXT, NHSNumber TEXT, PostCode TEXT);
CREATE INDEX idxBirth ON tblYoungPerson (substr(BirthDate, 1, 10));
CREATE INDEX idxName ON tblYoungPerson (lower(trim(FamilyName)));
CREATE INDEX idxNhs ON tblYoungPerson (NHSNumber);
CREATE INDEX idxPnc ON tblYoungPerson (PNCID);
CREATE TABLE tblStaff (StaffID INTEGER PRIMARY KEY, FullName TEXT, Telephone TEXT);
CREATE TABLE tblIntervention (InterventionID INTEGER PRIMARY KEY, YPID TEXT NOT NULL, CaseRole TEXT, StartDate TEXT,
    EndDate TEXT, StaffID INTEGER);
CREATE INDEX idxIntervention ON tblIntervention (YPID);
CREATE TABLE tblContact (InterventionID INTEGER NOT NULL, ContactAt TEXT NOT NULL);
CREATE INDEX idxContact ON tblContact (InterventionID, ContactAt);
""",
    rows=_youth_rows,
    settings={
        "persons": {
            "query": "SELECT YPID, FamilyName, GivenName, substr(BirthDate, 1, 10) AS Born, Sex, PNCID, NHSNumber,"
            " PostCode FROM tblYoungPerson",
            "ref": "YPID",
            "nhs_number": "NHSNumber",
            "pnc_id": "PNCID",
            "family_name": "FamilyName",
            "given_names": "GivenName",
            "birth_date": "Born",
            "gender": "Sex",
            "postcode": "PostCode",
        },
        "involvements": {
            "query": "SELECT i.YPID, i.CaseRole, i.StartDate, i.EndDate, s.FullName, s.Telephone,"
            " (SELECT max(c.ContactAt) FROM tblContact AS c WHERE c.InterventionID = i.InterventionID) AS LastContact"
            " FROM tblIntervention AS i JOIN tblStaff AS s USING (StaffID)",
            "ref": "YPID",
            "role": "CaseRole",
            "worker": "FullName",
            "phone": "Telephone",
            "since": "StartDate",
            "last_contact": "LastContact",
            "ended": "EndDate",
        },
    },
)
