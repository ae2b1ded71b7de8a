#!/bin/sh
# Expected: A library that reads a birth date of a year alone, or of a year and a month, keeps that precision. FHIR R4
#   (2.24.0.1, date) and HL7 v2.5 (2.A.21, DT) both permit such dates.
# Actual: fhirclient, hl7 and hl7apy return the first day of the year or the month. The result equals the birth date of
#   a person who was born on that day. fhir.resources returns text for such a value, and a date for a whole one.
# Versions: fhirclient 4.4.0, hl7 0.4.5, hl7apy 1.3.5, fhir.resources 8.3.0
# Date: 2026-12-01, the output under `expected`.
# Consequence: A person whose record holds a birth year alone is matched with people who were born on 1 January, the
#   most frequent birth date of all. Read the text that was received, and give a partial date no weight for its day.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
fhirclient: 1970 is 1970-01-01, 1970-06 is 1970-06-01, equal to a whole date: yes
hl7: 1970 is 1970-01-01, 1970-06 is 1970-06-01, equal to a whole date: yes
hl7apy: 1970 is 1970-01-01, 1970-06 is 1970-06-01, equal to a whole date: yes
fhir.resources: 1970 is 1970, 1970-06 is 1970-06, equal to a whole date: no
TEXT
python_packages fhirclient==4.4.0 hl7==0.4.5 hl7apy==1.3.5 fhir.resources==8.3.0
python_prints <<'PY'
from datetime import datetime

import hl7
from fhir.resources.R4B.patient import Patient
from fhirclient.models.patient import Patient as ClientPatient
from hl7apy.utils import get_date_info


def by_fhirclient(text):
    return ClientPatient({"resourceType": "Patient", "birthDate": text}).birthDate.date


def by_hl7(text):
    return hl7.parse_datetime(text.replace("-", ""))


def by_hl7apy(text):
    return get_date_info(text.replace("-", ""))[0]


def by_fhir_resources(text):
    return Patient.model_validate({"resourceType": "Patient", "birthDate": text}).birthDate


def show(value):
    return value.date() if isinstance(value, datetime) else value


READERS = {
    "fhirclient": by_fhirclient,
    "hl7": by_hl7,
    "hl7apy": by_hl7apy,
    "fhir.resources": by_fhir_resources,
}
for name, read in READERS.items():
    equal = "yes" if read("1970") == read("1970-01-01") else "no"
    print(f"{name}: 1970 is {show(read('1970'))}, 1970-06 is {show(read('1970-06'))}, equal to a whole date: {equal}")
PY
