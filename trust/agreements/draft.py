"""Rules for an agreement that is about to be signed, beyond those that every document keeps.

They name faults of drafting. An agreement that every party has signed is read without them, so that a rule that came
later unmakes no agreement.
"""

from collections.abc import Iterator

from trust.agreements.agreement import Agreement, parse_agreement
from trust.agreements.lawful_basis import LegalPart, lookup
from trust.agreements.overlap import overlaps
from trust.exchange.errors import Fault, MalformedAgreement


def parse_draft(raw: bytes) -> Agreement:
    """Read an agreement that is to be signed. Raises as :func:`parse_agreement` does, and for these faults.

    1. no two clauses of different existence let one service ask another the same for the same purpose;
    2. every power that a clause relies on is among the agreement's powers.
    """
    agreement = parse_agreement(raw)
    faults = [*_overlapping(agreement), *_unnamed_powers(agreement)]
    if faults:
        raise MalformedAgreement(faults)
    return agreement


def _overlapping(agreement: Agreement) -> Iterator[Fault]:  # 1
    for position, clause in enumerate(agreement.clauses):
        for found in overlaps([clause], agreement.clauses[:position]):
            yield Fault(
                path=f"clauses[{position}].existence",
                problem=f"differs from that of {found.second.id}, under which {found.asker} may ask {found.holder} the "
                "same: what one of them hides the other tells",
            )


def _unnamed_powers(agreement: Agreement) -> Iterator[Fault]:  # 2
    for position, clause in enumerate(agreement.clauses):
        for code in clause.basis:
            if lookup(code, agreement.valid_from).part is LegalPart.POWER and code not in agreement.powers:
                yield Fault(
                    path=f"clauses[{position}].basis",
                    problem=f"names {code}, which is not among the agreement's powers; add it there, or leave it out",
                )
