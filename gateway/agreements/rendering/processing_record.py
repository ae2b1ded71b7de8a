"""Rows for the record of processing activities (UK GDPR Article 30(1)), one for each controller, as CSV."""

from gateway.runtime.spreadsheet import write_csv
from trust.agreements.agreement import Agreement, Party
from trust.agreements.lawful_basis import LegalEntry, LegalPart
from trust.agreements.reading import cited_entries

COLUMNS = (
    "controller",
    "contact of the controller and its data protection officer",
    "purposes",
    "people",
    "personal data",
    "recipients",
    "transfers abroad and safeguards",
    "time limits for erasure",
    "security measures",
    "lawful basis",
    "condition for special category or criminal offence data",
    "power or duty",
    "consent",
    "impact assessment",
    "source",
)
_GAP = "TO COMPLETE"


def processing_record(agreement: Agreement) -> bytes:
    """Return the rows; what the agreement does not state says so."""
    return write_csv([COLUMNS, *(_row(agreement, party) for party in agreement.parties)])


def _row(agreement: Agreement, party: Party) -> tuple[str, ...]:
    entries = cited_entries(agreement)
    others = [each.name for each in agreement.parties if each.entity != party.entity]
    return (
        party.name,
        _GAP,
        "; ".join(purpose.description for purpose in agreement.purposes),
        _GAP,
        "; ".join(agreement.items),
        "; ".join(others),
        _GAP,
        agreement.retention,
        agreement.security,
        _titles(entries, LegalPart.LAWFUL_BASIS),
        _titles(entries, LegalPart.SPECIAL_CATEGORY, LegalPart.CONDITION) or _GAP,
        _titles(entries, LegalPart.POWER),
        agreement.consent_text,
        agreement.dpia_reference,
        f"agreement {agreement.id} version {agreement.version}, {agreement.ref.digest}",
    )


def _titles(entries: tuple[LegalEntry, ...], *parts: LegalPart) -> str:
    return "; ".join(entry.title for entry in entries if entry.part in parts)
