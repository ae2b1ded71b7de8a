"""The files of a children's services department: yearly census (XML), allocations (CSV).

The census (Children in Need, Department for Education) has dates and plans but neither names nor workers. The
allocation table has these, with the local identifier ``LAchildID`` as the join key.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from io import StringIO
from pathlib import Path
from typing import Final

from lxml import etree

from gateway.demo.case_systems.design import iso, people
from gateway.demo.case_systems.records import CaseService, InvolvementRecord, ResidentRecord

ALLOCATION_COLUMNS: Final = (
    "LAchildID",
    "FamilyName",
    "GivenNames",
    "NHSNumber",
    "Postcode",
    "UPRN",
    "WorkerRole",
    "WorkerName",
    "WorkerPhone",
    "Team",
    "TeamDutyPhone",
    "AllocatedFrom",
    "LastContact",
    "AllocatedTo",
)
TEAM: Final = "Children in Need team"
_GENDER_CURRENT: Final = {"male": "1", "female": "2", "other": "9"}


def write_census(path: Path, involvements: Iterable[InvolvementRecord], *, reference_date: date) -> None:
    """Write the census return for the year that ends on ``reference_date``, without rows of other services."""
    own = [record for record in involvements if record.service == CaseService.CHILDRENS_SOCIAL_CARE]
    message = etree.Element("Message")
    _header(message, reference_date)
    children = etree.SubElement(message, "Children")
    for local_id, resident in people(own).items():
        _child(children, local_id, resident, [record for record in own if record.local_id == local_id])
    _write(path, etree.tostring(message, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def write_allocations(path: Path, involvements: Iterable[InvolvementRecord], *, duty_phone: str) -> None:
    """Write the allocation table, without rows of other services."""
    table = StringIO(newline="")
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(ALLOCATION_COLUMNS)
    for record in involvements:
        if record.service != CaseService.CHILDRENS_SOCIAL_CARE:
            continue
        who = record.resident
        writer.writerow(
            (record.local_id, who.family_name, who.given_names, who.nhs_number, who.postcode, who.uprn, record.role,
             record.worker, record.phone, TEAM, duty_phone, iso(record.since), iso(record.last_contact),
             iso(record.ended))
        )  # fmt: skip
    _write(path, table.getvalue().encode())


def _write(path: Path, raw: bytes) -> None:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_bytes(raw)


def _header(message: etree._Element, reference_date: date) -> None:
    header = etree.SubElement(message, "Header")
    details = etree.SubElement(header, "CollectionDetails")
    _add(details, "Collection", "CIN")
    _add(details, "Year", f"{reference_date.year}")
    _add(details, "ReferenceDate", iso(reference_date))
    source = etree.SubElement(header, "Source")
    _add(source, "SourceLevel", "L")
    _add(source, "LEA", "999")
    _add(source, "SoftwareCode", "Invented case system")
    _add(source, "Release", "1.0")
    _add(source, "SerialNo", "001")
    _add(source, "DateTime", datetime.combine(reference_date, time(9)).isoformat())


def _child(
    children: etree._Element, local_id: str, resident: ResidentRecord, records: Sequence[InvolvementRecord]
) -> None:
    child = etree.SubElement(children, "Child")
    identifiers = etree.SubElement(child, "ChildIdentifiers")
    _add(identifiers, "LAchildID", local_id)
    _add(identifiers, "UPN", resident.upn)
    _add(identifiers, "UPNunknown", None if resident.upn else "UN4")
    _add(identifiers, "PersonBirthDate", iso(resident.birth_date))
    _add(identifiers, "GenderCurrent", _GENDER_CURRENT.get(resident.gender, "0"))
    _add(etree.SubElement(child, "ChildCharacteristics"), "Ethnicity", "NOBT")
    for record in records:
        _episode(child, record)


def _episode(child: etree._Element, record: InvolvementRecord) -> None:
    episode = etree.SubElement(child, "CINdetails")
    _add(episode, "CINreferralDate", iso(record.since))
    _add(episode, "ReferralSource", "8")
    _add(episode, "PrimaryNeedCode", "N4")
    _add(episode, "CINclosureDate", iso(record.ended))
    _add(episode, "ReasonForClosure", "RC7" if record.ended else None)
    _add(etree.SubElement(episode, "Assessments"), "AssessmentActualStartDate", iso(record.since))
    plan = etree.SubElement(episode, "CINPlanDates")
    _add(plan, "CINPlanStartDate", iso(record.since))
    _add(plan, "CINPlanEndDate", iso(record.ended))
    _add(episode, "ReferralNFA", "false")


def _add(parent: etree._Element, name: str, text: str | None) -> None:
    if text is not None:
        etree.SubElement(parent, name).text = text
