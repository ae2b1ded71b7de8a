"""A briefing for the people of each party who ask, send and answer: one page, a table for each role."""

from gateway.agreements.rendering.document import Block, Bullets, Document, Heading, Paragraph, TextTable
from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause
from trust.agreements.reading import CONSENT, ONWARD, in_words, name_services
from trust.exchange.kind import is_queued, join_words
from trust.exchange.kinds import KINDS
from trust.identifiers import RoleCode

_RULES = (
    "Ask only for the purpose that applies, and only what you need now.",
    "Tell the person what you share and why, unless that puts someone at risk. Record it either way.",
    "Where the last column names consent, ask the person first and record it. No one consents for a whole family.",
    "No answer is not an answer. A service that is silent may know the person: ring its duty line.",
    "Do not pass on what you receive unless the table says that you may.",
    "In immediate danger ring 999. No agreement is needed to save a life.",
)


def briefing(agreement: Agreement) -> Document:
    """Return the briefing."""
    roles = sorted({role for clause in agreement.clauses for role in clause.fields_by_role})
    blocks: list[Block] = [
        Paragraph(text="Why: " + " ".join(purpose.description for purpose in agreement.purposes)),
        Paragraph(text=f"From {in_words(agreement.valid_from)} to {in_words(agreement.valid_until)}."),
        Heading(text="Rules for everyone"),
        Bullets(items=_RULES),
        *(block for role in roles for block in (Heading(text=f"You are a {role}"), _table(agreement, role))),
    ]
    return Document(title=f"Briefing for practitioners: {agreement.title}", blocks=tuple(blocks))


def _table(agreement: Agreement, role: RoleCode) -> TextTable:
    rows = tuple(_row(clause, agreement, role) for clause in agreement.clauses if role in clause.fields_by_role)
    columns = ("You may", "At", "With", "Fields", "Law", "Afterwards", "Consent")
    return TextTable(caption=f"What a {role} may do", columns=columns, rows=rows)


def _row(clause: Clause, agreement: Agreement, role: RoleCode) -> tuple[str, ...]:
    kind = KINDS[clause.kind]
    fields = clause.fields_by_role[role]
    words = "; ".join(
        f"{name.replace('_', ' ')}: {join_words(sorted(listed))}" for name, listed in clause.lists.items() if listed
    )
    act = f"{'send' if is_queued(KINDS, clause.kind) else 'ask'} {kind.description} for {clause.purpose}"
    return (
        f"{act} ({words})" if words else act,
        name_services(clause.askers, agreement),
        name_services(clause.holders, agreement),
        ", ".join(name.replace("_", " ").replace(".", " ") for name in sorted(fields)) or "none",
        clause.law,
        f"Kept {clause.keep_days} days at most. {ONWARD[clause.onward]}",
        ", ".join(CONSENT[each] for each in sorted(clause.consent_roles)) or "not the basis",
    )
