"""An agreement in plain English: who are the parties, what for, and what each clause lets whom ask, under which law."""

from collections.abc import Iterable
from typing import Any

from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause, Existence, Onward
from trust.federation.trust_mark import name_mark
from trust.identifiers import ServiceRef

_EXISTENCE = {
    Existence.UNCONDITIONAL: "A holder says so when it does not know the person.",
    Existence.CONDITIONAL: "A holder never says whether it knows the person unless it shares: silence means nothing.",
}
_ONWARD = {
    Onward.NONE: "It may not be passed on.",
    Onward.WITHIN_AGENCY: "It may be passed on within the asking agency.",
}

_DEFAULT = (
    "of the person: the names, birth date and gender, the identifiers of its own sector, and the postcode where it is "
    "sent no identifier"
)


def summary(agreement: Agreement) -> list[str]:
    """Return the agreement as lines for people."""
    lines = [
        f"{agreement.title}",
        f"  {agreement.id}, version {agreement.version}, digest {agreement.ref.digest}",
        f"  from {agreement.valid_from} to {agreement.valid_until}, to be reviewed on {agreement.review_date}",
        "Parties:",
        *(f"  {party.name} ({party.entity}): {', '.join(party.services)}" for party in agreement.parties),
        "Purposes:",
        *(f"  {purpose.code}: {purpose.description}" for purpose in agreement.purposes),
        *_marks(agreement),
        "Clauses:",
    ]
    for clause in agreement.clauses:
        lines += _clause(clause)
    return lines


def to_json(agreement: Agreement) -> dict[str, Any]:
    """Return what the summary says, for machines."""
    return {
        "id": agreement.id,
        "version": agreement.version,
        "digest": agreement.ref.digest,
        "title": agreement.title,
        "valid_from": agreement.valid_from.isoformat(),
        "valid_until": agreement.valid_until.isoformat(),
        "review_date": agreement.review_date.isoformat(),
        "parties": [
            {"entity_id": party.entity, "name": party.name, "services": list(party.services)}
            for party in agreement.parties
        ],
        "purposes": [{"code": purpose.code, "description": purpose.description} for purpose in agreement.purposes],
        "required_marks": list(agreement.required_marks),
        "clauses": [_clause_to_json(clause) for clause in agreement.clauses],
    }


def _marks(agreement: Agreement) -> list[str]:
    if not agreement.required_marks:
        return []
    return [
        "Nobody asks or is asked under it without holding:",
        *(f"  {name_mark(mark_type)}" for mark_type in agreement.required_marks),
    ]


def _clause(clause: Clause) -> list[str]:
    lines = [
        f"  {clause.id}: {clause.kind} for {clause.purpose}",
        f"    who may ask: {_services(clause.askers)}",
        f"    whom: {_services(clause.holders)}",
    ]
    if clause.questions:
        lines.append(f"    only these questions: {', '.join(sorted(clause.questions))}")
    for role, fields in sorted(clause.fields_by_role.items()):
        lines.append(f"    a {role} is told: {', '.join(sorted(fields)) or 'nothing'}")
    for holder, members in sorted(clause.subject_by_holder.items(), key=str):
        lines.append(f"    {holder} is sent of the person: {', '.join(sorted(members))}")
    if clause.holders - clause.subject_by_holder.keys():
        lines.append(f"    {'each other holder' if clause.subject_by_holder else 'each holder'} is sent {_DEFAULT}")
    days = "1 day" if clause.keep_days == 1 else f"{clause.keep_days} days"
    lines += [
        f"    {_EXISTENCE[clause.existence]}",
        f"    The answer is kept for {days} at most. {_ONWARD[clause.onward]}",
        f"    {clause.law}",
    ]
    if clause.consent_roles:
        lines.append(
            "    It rests on the person's consent: each question shows the asker's record of it, as "
            f"{', '.join(sorted(clause.consent_roles))}, or is refused."
        )
    if clause.urgent:
        lines.append("    Urgent: never refused for the number of questions, and goes on while the anchor is away.")
    return lines


def _clause_to_json(clause: Clause) -> dict[str, Any]:
    return {
        "id": clause.id,
        "kind": clause.kind,
        "version": clause.version,
        "purpose": clause.purpose,
        "askers": sorted(str(service) for service in clause.askers),
        "holders": sorted(str(service) for service in clause.holders),
        "fields_by_role": {role: sorted(fields) for role, fields in sorted(clause.fields_by_role.items())},
        "subject_by_holder": {
            str(holder): sorted(members) for holder, members in sorted(clause.subject_by_holder.items(), key=str)
        },
        "questions": sorted(clause.questions),
        "basis": list(clause.basis),
        "law": clause.law,
        "existence": clause.existence,
        "keep_days": clause.keep_days,
        "onward": clause.onward,
        "consent_roles": sorted(clause.consent_roles),
        "urgent": clause.urgent,
    }


def _services(services: Iterable[ServiceRef]) -> str:
    return ", ".join(sorted(str(service) for service in services))
