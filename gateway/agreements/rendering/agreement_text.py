"""The whole agreement under the headings of the Information Commissioner's data sharing code.

Every passage of :mod:`trust.agreements.reading` stands under one heading; those that no heading names stand under the
last one, so that a new member of an agreement is never left out.
"""

from collections.abc import Iterable

from gateway.agreements.rendering.controllers import controller_table, missing_routes
from gateway.agreements.rendering.document import Block, Bullets, Document, Heading, Paragraph
from trust.agreements.agreement import Agreement, AgreementSignature
from trust.agreements.lawful_basis import LegalPart
from trust.agreements.reading import PASSAGES, cited_entries, read_clause_out, signatories

_HEADINGS = {
    "Parties": frozenset({"parties"}),
    "Purpose of the data sharing initiative": frozenset({"purposes", "benefits"}),
    "Other organisations involved": frozenset({"accession"}),
    "Data items": frozenset({"items"}),
    "Lawful basis": frozenset({"powers"}),
    "Special category, sensitive and criminal offence data": frozenset({"policy_document"}),
    "Access and individual rights": frozenset({"individuals_informed", "consent_text", "rights"}),
    "Information governance arrangements": frozenset({"retention", "security", "dpia_reference", "required_marks"}),
}
_FURTHER = "Further details"
_SENSITIVE = (LegalPart.SPECIAL_CATEGORY, LegalPart.CONDITION)


def agreement_text(agreement: Agreement, signatures: Iterable[AgreementSignature]) -> Document:
    """Return the document with the verified ``signatures`` under it."""
    blocks: list[Block] = []
    for heading, fields in _HEADINGS.items():
        blocks += [Heading(text=heading), *(_additions(heading, agreement)), *_passages(agreement, fields)]
        if heading == "Other organisations involved":
            blocks += _controllers(agreement)
    blocks += [Heading(text=_FURTHER), *_passages(agreement, None)]
    for clause in agreement.clauses:
        lines = tuple(read_clause_out(clause, agreement))
        blocks += [Heading(text=f"Clause {clause.id}", level=3), Bullets(items=lines)]
    blocks += [Heading(text="Signatories"), Bullets(items=tuple(signatories(agreement, signatures)))]
    return Document(title=agreement.title, blocks=tuple(blocks))


def _passages(agreement: Agreement, fields: frozenset[str] | None) -> list[Block]:
    """Return the passages that read out some of ``fields``, or for ``None`` those that no heading names."""
    headed_fields = frozenset().union(*_HEADINGS.values())
    blocks: list[Block] = []
    for passage in PASSAGES:
        chosen = headed_fields.isdisjoint(passage.fields) if fields is None else not fields.isdisjoint(passage.fields)
        lines = tuple(passage.read(agreement)) if chosen else ()
        if lines:
            blocks += [Heading(text=passage.heading, level=3), Bullets(items=lines)]
    return blocks


def _additions(heading: str, agreement: Agreement) -> list[Block]:
    """Return what a heading asks and no passage says."""
    entries = cited_entries(agreement)
    if heading == "Other organisations involved":
        return [Paragraph(text="No organisation takes part that this document does not name or admit.")]
    if heading == "Lawful basis":
        bases = tuple(f"{each.title}: {each.power}" for each in entries if each.part is LegalPart.LAWFUL_BASIS)
        return [Bullets(items=bases)]
    if heading == "Special category, sensitive and criminal offence data":
        conditions = tuple(f"{each.title}: {each.power}" for each in entries if each.part in _SENSITIVE)
        return [
            Bullets(items=conditions or ("No clause cites a condition for such data, so the agreement covers none.",))
        ]
    return []


def _controllers(agreement: Agreement) -> list[Block]:
    gaps = missing_routes(agreement)
    return [Heading(text="Sharing along with another controller"), controller_table(agreement), *gaps]
