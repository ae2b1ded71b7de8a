"""The SQL case systems of a mental health trust, a landlord, a college and a Jobcentre."""

from collections.abc import Sequence
from typing import Final

from gateway.demo.case_systems.design import Design, Rows, format_day, iso, people, staff, worker_of
from gateway.demo.case_systems.records import InvolvementRecord

COMPACT_DAY: Final = "%Y%m%d"
_GENDER_CODE: Final = {"male": "1", "female": "2", "other": "9"}


def _trust_rows(records: Sequence[InvolvementRecord]) -> Rows:
    workers = staff(records)
    return {
        "PATIENT": [
            (ref, who.nhs_number, who.family_name, who.given_names, format_day(who.birth_date, COMPACT_DAY),
             _GENDER_CODE.get(who.gender, "X"), who.postcode)
            for ref, who in people(records).items()
        ],
        "CARE_PROFESSIONAL": [(number, worker.name, worker.role, worker.phone) for worker, number in workers.items()],
        "SERVICE_REFERRAL": [
            (record.local_id, workers[worker_of(record)], format_day(record.since, COMPACT_DAY),
             format_day(record.ended, COMPACT_DAY), format_day(record.last_contact, COMPACT_DAY))
            for record in records
        ],
    }  # fmt: skip


MENTAL_HEALTH: Final = Design(
    schema="""
CREATE TABLE PATIENT (LOCAL_PATIENT_ID TEXT PRIMARY KEY, NHS_NUMBER TEXT, PERSON_FAMILY_NAME TEXT,
    PERSON_GIVEN_NAME TEXT, PERSON_BIRTH_DATE TEXT, PERSON_STATED_GENDER_CODE TEXT, POSTCODE_OF_USUAL_ADDRESS TEXT);
CREATE INDEX PATIENT_NHS ON PATIENT (NHS_NUMBER);
CREATE INDEX PATIENT_BIRTH ON PATIENT (PERSON_BIRTH_DATE);
CREATE INDEX PATIENT_NAME ON PATIENT (lower(trim(PERSON_FAMILY_NAME)));
CREATE TABLE CARE_PROFESSIONAL (CARE_PROF_ID INTEGER PRIMARY KEY, FULL_NAME TEXT, JOB_ROLE TEXT, TELEPHONE TEXT);
CREATE TABLE SERVICE_REFERRAL (LOCAL_PATIENT_ID TEXT NOT NULL REFERENCES PATIENT, CARE_PROF_ID INTEGER NOT NULL
    REFERENCES CARE_PROFESSIONAL, REFERRAL_RECEIVED_DATE TEXT, DISCHARGE_DATE TEXT, LAST_CARE_CONTACT_DATE TEXT);
CREATE INDEX REFERRAL_PATIENT ON SERVICE_REFERRAL (LOCAL_PATIENT_ID);
""",
    rows=_trust_rows,
    settings={
        "date_format": COMPACT_DAY,
        "persons": {
            "table": "PATIENT",
            "ref": "LOCAL_PATIENT_ID",
            "nhs_number": "NHS_NUMBER",
            "family_name": "PERSON_FAMILY_NAME",
            "given_names": "PERSON_GIVEN_NAME",
            "birth_date": "PERSON_BIRTH_DATE",
            "gender": "PERSON_STATED_GENDER_CODE",
            "postcode": "POSTCODE_OF_USUAL_ADDRESS",
        },
        "involvements": {
            "query": "SELECT * FROM SERVICE_REFERRAL JOIN CARE_PROFESSIONAL USING (CARE_PROF_ID)",
            "ref": "LOCAL_PATIENT_ID",
            "role": "JOB_ROLE",
            "worker": "FULL_NAME",
            "phone": "TELEPHONE",
            "since": "REFERRAL_RECEIVED_DATE",
            "last_contact": "LAST_CARE_CONTACT_DATE",
            "ended": "DISCHARGE_DATE",
        },
    },
)


def _housing_rows(records: Sequence[InvolvementRecord]) -> Rows:
    patches = {worker: f"PATCH-{number:03}" for worker, number in staff(records).items()}
    return {
        "patch": [(code, worker.name, worker.role, worker.phone) for worker, code in patches.items()],
        "tenancy": [
            (position, patches[worker_of(record)], record.resident.uprn, record.resident.postcode, iso(record.since),
             iso(record.ended), iso(record.last_contact))
            for position, record in enumerate(records, start=1)
        ],
        "occupant": [
            (record.local_id, position, record.resident.family_name, record.resident.given_names.split()[0],
             iso(record.resident.birth_date))
            for position, record in enumerate(records, start=1)
        ],
    }  # fmt: skip


HOUSING: Final = Design(
    schema="""
CREATE TABLE patch (patch_code TEXT PRIMARY KEY, officer TEXT, officer_role TEXT, mobile TEXT);
CREATE TABLE tenancy (tenancy_no INTEGER PRIMARY KEY, patch_code TEXT REFERENCES patch, uprn TEXT, postcode TEXT,
    start_date TEXT, end_date TEXT, last_visit TEXT);
CREATE TABLE occupant (occupant_ref TEXT NOT NULL, tenancy_no INTEGER NOT NULL REFERENCES tenancy, last_name TEXT,
    first_name TEXT, dob TEXT);
CREATE INDEX occupant_ref ON occupant (occupant_ref);
CREATE INDEX occupant_dob ON occupant (dob);
CREATE INDEX occupant_name ON occupant (lower(trim(last_name)));
""",
    rows=_housing_rows,
    settings={
        "persons": {
            "query": "SELECT o.*, t.uprn, t.postcode FROM occupant AS o JOIN tenancy AS t USING (tenancy_no)",
            "ref": "occupant_ref",
            "family_name": "last_name",
            "given_names": "first_name",
            "birth_date": "dob",
            "postcode": "postcode",
            "uprn": "uprn",
        },
        "involvements": {
            "query": "SELECT o.occupant_ref, t.start_date, t.end_date, t.last_visit, p.officer, p.officer_role,"
            " p.mobile FROM occupant AS o JOIN tenancy AS t USING (tenancy_no) JOIN patch AS p USING (patch_code)",
            "ref": "occupant_ref",
            "role": "officer_role",
            "worker": "officer",
            "phone": "mobile",
            "since": "start_date",
            "last_contact": "last_visit",
            "ended": "end_date",
        },
    },
)


def _college_rows(records: Sequence[InvolvementRecord]) -> Rows:
    groups = {worker: f"TG{number:03}" for worker, number in staff(records).items()}
    return {
        "Learner": [
            (ref, who.upn, who.family_name, who.given_names, iso(who.birth_date), who.gender[:1].upper(), who.postcode)
            for ref, who in people(records).items()
        ],
        "TutorGroup": [(code, worker.name, worker.role, worker.phone) for worker, code in groups.items()],
        "LearningDelivery": [
            (record.local_id, groups[worker_of(record)], iso(record.since), iso(record.ended), iso(record.last_contact))
            for record in records
        ],
    }


COLLEGE: Final = Design(
    schema="""
CREATE TABLE Learner (LearnRefNumber TEXT PRIMARY KEY, UPN TEXT, FamilyName TEXT, GivenNames TEXT, DateOfBirth TEXT,
    Sex TEXT, Postcode TEXT);
CREATE INDEX LearnerUpn ON Learner (UPN);
CREATE INDEX LearnerBirth ON Learner (DateOfBirth);
CREATE INDEX LearnerName ON Learner (lower(trim(FamilyName)));
CREATE TABLE TutorGroup (GroupCode TEXT PRIMARY KEY, TutorName TEXT, TutorRole TEXT, TutorTel TEXT);
CREATE TABLE LearningDelivery (LearnRefNumber TEXT NOT NULL REFERENCES Learner, GroupCode TEXT NOT NULL
    REFERENCES TutorGroup, LearnStartDate TEXT, LearnActEndDate TEXT, LastAttended TEXT);
CREATE INDEX DeliveryLearner ON LearningDelivery (LearnRefNumber);
""",
    rows=_college_rows,
    settings={
        "persons": {
            "table": "Learner",
            "ref": "LearnRefNumber",
            "upn": "UPN",
            "family_name": "FamilyName",
            "given_names": "GivenNames",
            "birth_date": "DateOfBirth",
            "gender": "Sex",
            "postcode": "Postcode",
        },
        "involvements": {
            "query": "SELECT * FROM LearningDelivery JOIN TutorGroup USING (GroupCode)",
            "ref": "LearnRefNumber",
            "role": "TutorRole",
            "worker": "TutorName",
            "phone": "TutorTel",
            "since": "LearnStartDate",
            "last_contact": "LastAttended",
            "ended": "LearnActEndDate",
        },
    },
)


def _jobcentre_rows(records: Sequence[InvolvementRecord]) -> Rows:
    workers = staff(records)
    return {
        "claimant": [
            (ref, who.nino, who.family_name, who.given_names, iso(who.birth_date), who.gender, who.postcode)
            for ref, who in people(records).items()
        ],
        "work_coach": [(number, worker.name, worker.role, worker.phone) for worker, number in workers.items()],
        "allocation": [
            (
                record.local_id,
                workers[worker_of(record)],
                iso(record.since),
                iso(record.ended),
                iso(record.last_contact),
            )
            for record in records
        ],
    }


JOBCENTRE: Final = Design(
    schema="""
CREATE TABLE claimant (claimant_id TEXT PRIMARY KEY, nino TEXT, last_name TEXT, first_names TEXT, birth_dt TEXT,
    gender TEXT, post_code TEXT);
CREATE INDEX claimant_nino ON claimant (nino);
CREATE INDEX claimant_birth ON claimant (birth_dt);
CREATE INDEX claimant_name ON claimant (lower(trim(last_name)));
CREATE TABLE work_coach (coach_id INTEGER PRIMARY KEY, coach_name TEXT, coach_role TEXT, coach_phone TEXT);
CREATE TABLE allocation (claimant_id TEXT NOT NULL REFERENCES claimant, coach_id INTEGER NOT NULL
    REFERENCES work_coach, allocated_from TEXT, allocated_to TEXT, last_appointment TEXT);
CREATE INDEX allocation_claimant ON allocation (claimant_id);
""",
    rows=_jobcentre_rows,
    settings={
        "persons": {
            "table": "claimant",
            "ref": "claimant_id",
            "nino": "nino",
            "family_name": "last_name",
            "given_names": "first_names",
            "birth_date": "birth_dt",
            "gender": "gender",
            "postcode": "post_code",
        },
        "involvements": {
            "query": "SELECT * FROM allocation JOIN work_coach USING (coach_id)",
            "ref": "claimant_id",
            "role": "coach_role",
            "worker": "coach_name",
            "phone": "coach_phone",
            "since": "allocated_from",
            "last_contact": "last_appointment",
            "ended": "allocated_to",
        },
    },
)
