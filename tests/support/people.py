"""Invented residents for tests of the case systems."""

from datetime import date

from gateway.demo.case_systems.records import AwardRecord, CaseService, InvolvementRecord, ResidentRecord

# The identifiers have right check digits and belong to no person: the NHS numbers are in the range for tests.
DANIEL = ResidentRecord(
    nhs_number="9990000018",
    upn="H801200001001",
    nino="JT518427C",
    pnc_id="2021/0001234K",
    family_name="Hartley",
    given_names="Daniel James",
    birth_date=date(2004, 3, 14),
    gender="male",
    postcode="YO7 1AB",
    uprn="100050123456",
)
GRACE = ResidentRecord(
    nhs_number="9990000026",
    upn=None,
    nino=None,
    pnc_id=None,
    family_name="O'Hara-Smythe",
    given_names="Grace",
    birth_date=date(1988, 11, 2),
    gender="female",
    postcode="DL6 2TT",
    uprn="100050654321",
)


def involvement(
    service: CaseService, resident: ResidentRecord = DANIEL, *, local_id: str = "L-1001", **changes: object
) -> InvolvementRecord:
    """Make an involvement of an invented worker, with the given changes."""
    values: dict[str, object] = {
        "service": service,
        "resident": resident,
        "role": "Key worker",
        "worker": "Priya Nair",
        "phone": "01609 555 0101",
        "since": date(2025, 2, 3),
        "last_contact": date(2026, 6, 18),
        "local_id": local_id,
    }
    return InvolvementRecord(**(values | changes))  # type: ignore[arg-type]


def award(resident: ResidentRecord = DANIEL, **changes: object) -> AwardRecord:
    """Make an award, with the given changes."""
    values: dict[str, object] = {
        "resident": resident,
        "claimant_ref": "CLM-000117",
        "programme": "UC",
        "enrolled": date(2024, 9, 1),
    }
    return AwardRecord(**(values | changes))  # type: ignore[arg-type]


def nhs(body: int) -> str:
    """Return the next number from nine digits on that has a check digit."""
    digits = f"{body:09d}"
    check = (11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11) % 11
    return nhs(body + 1) if check == 10 else f"{digits}{check}"
