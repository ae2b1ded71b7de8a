"""Settings with which the ``json-file`` adapter reads the Department for Education's four custodian files."""

from pathlib import Path
from typing import Any

NHS_NUMBER = "9691292211"
"""The person who is in all four files."""
PERSON = {
    "nhs_number": "personId",
    "family_name": "payload.lastName",
    "given_names": "payload.firstName",
    "birth_date": "payload.dateOfBirth",
    "gender": "payload.birthAssignedSex",
    "postcode": "payload.address.postcode",
}
TEAMS: dict[str, object] = {
    "each": "contactDetails[]",
    "fields": {"worker": "name", "role": "description", "phone": "telephone"},
}
CONTACTS: dict[str, list[dict[str, object]]] = {
    "police-01": [TEAMS],
    "education-01": [TEAMS],
    "health-01": [
        TEAMS,
        {
            "each": "payload.camhsTeamInvolvement[]",
            "fields": {"worker": "@", "phone": "$.payload.camhsContactDetails[0]"},
            "fixed": {"service_type": "CAMHS"},
        },
    ],
    "local-authority-01": [
        {
            "each": "payload.teamInvolvement[]",
            "fields": {
                "service_type": "@",
                "worker": "$.payload.keyWorker",
                "phone": "$.contactDetails[].telephone",
                "duty_phone": "$.payload.dutyContactDetails[1]",
                "since": "$.payload.childrensServicesReferrals[].date",
                "last_contact": "$.payload.childrensServicesReferrals[].date",
            },
            "fixed": {"role": "Key worker"},
        }
    ],
}
RIGHT_CONTACTS = {
    "police-01": {("Police Records Team", "01234 555 500")},
    "education-01": {("School Records Team", "01234 555 500"), ("Education Welfare Service", "01234 555 123")},
    "health-01": {("Health Records Team", "01234 555 500"), ("Minds Matter Clinic", "01422 345926")},
    "local-authority-01": {("Alex Patel", "01234 555 500")},
}
"""The worker and phone for that person, read from the files by eye."""
WITHOUT_BIRTH_DATE = frozenset({"police-01", "education-01", "health-01"})
"""The files that say nothing of when that person was born."""


def file(shared_data: Path, name: str) -> Path:
    """Return one of the four files."""
    return shared_data / "custodians-dfe" / f"{name}.custodian.json"


def settings(path: Path, **changes: Any) -> dict[str, Any]:
    """Return the ``[services.adapter.settings]`` table that reads a file of this form, changed."""
    table = {"file": str(path), "records": "records[]", "ref": "personId", "person": PERSON, "contacts": [TEAMS]}
    return {**table, **changes}
