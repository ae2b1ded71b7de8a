"""Controllers and processors of an agreement, with the way to complain to each (Data Protection Act 2018 s.164A)."""

from gateway.agreements.rendering.document import Document, Gap, Paragraph, TextTable
from trust.agreements.agreement import Agreement, Party
from trust.agreements.clause import Clause
from trust.exchange.kind import is_queued
from trust.exchange.kinds import KINDS

_NOT_STATED = "not stated"


def controllers(agreement: Agreement) -> Document:
    """Return the table as a document."""
    note = Paragraph(
        text="Each party is a controller of its own records and of what it is sent. The gateway of each party runs on "
        "that party's own instructions, and no shared database exists."
    )
    title = f"Controllers and processors: {agreement.title}"
    return Document(title=title, blocks=(note, controller_table(agreement), *missing_routes(agreement)))


def controller_table(agreement: Agreement) -> TextTable:
    """Return one row for each party."""
    rows = tuple(
        (
            party.name,
            "controller",
            ", ".join(_clauses(agreement, party, discloses=True)) or "nothing",
            ", ".join(_clauses(agreement, party, discloses=False)) or "nothing",
            ", ".join(party.processors) or _NOT_STATED,
            party.complaints or _NOT_STATED,
        )
        for party in agreement.parties
    )
    columns = ("Party", "Role", "Discloses under", "Receives under", "Processors", "Complaints")
    return TextTable(caption="Controllers and processors", columns=columns, rows=rows)


def missing_routes(agreement: Agreement) -> tuple[Gap, ...]:
    """Return a gap for each party whose complaints route or processors the agreement does not state."""
    gaps = [Gap(text=f"How a person complains to {each.name}.") for each in agreement.parties if not each.complaints]
    gaps += [
        Gap(text=f"Processors of {each.name}, or that it has none.")
        for each in agreement.parties
        if not each.processors
    ]
    return tuple(gaps)


def _clauses(agreement: Agreement, party: Party, *, discloses: bool) -> list[str]:
    return [clause.id for clause in agreement.clauses if party.entity in _entities(clause, discloses=discloses)]


def _entities(clause: Clause, *, discloses: bool) -> frozenset[str]:
    """Return the agencies at one end; the holder of a query discloses, and the sender of a queued message."""
    sends = is_queued(KINDS, clause.kind) == discloses
    return frozenset(str(service.entity) for service in (clause.askers if sends else clause.holders))
