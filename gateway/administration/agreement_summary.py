"""Agreements as text and as JSON, with how each stands; the sentences are in :mod:`trust.agreements.reading`."""

from collections.abc import Iterable, Sequence
from typing import Any

from trust.agreements.accession import Accession
from trust.agreements.agreement import Agreement, AgreementSignature, Closure, InForce, NotInForce
from trust.agreements.clause import Clause
from trust.agreements.confirmation import why_confirmed
from trust.agreements.difference import compare
from trust.agreements.joining import JoiningClass
from trust.agreements.location import silent_fields
from trust.agreements.party import Party
from trust.agreements.reading import read_out, signatories
from trust.exchange.kinds import KINDS


def read_out_lines(agreement: Agreement) -> list[str]:
    """Return the whole document as lines for people."""
    return [line for section in read_out(agreement) for line in (f"{section.heading}:", *_indented(section.lines))]


def signed_lines(agreement: Agreement, signatures: Iterable[AgreementSignature]) -> list[str]:
    """Return who signed, in which post and on which day."""
    return ["Signatories:", *_indented(signatories(agreement, signatures))]


_MOST_NAMES = 20
"""Agencies that one sentence names."""


def change_lines(agreement: Agreement, before: Agreement | None) -> list[str]:
    """Return what changes from an earlier version; nothing where there is none."""
    if before is None:
        return []
    sentences = [*compare(before, agreement).sentences, *_joiners_left_behind(agreement, before)]
    return [f"What changes from version {before.version}:", *_indented(sentences)]


def _joiners_left_behind(agreement: Agreement, before: Agreement) -> list[str]:
    """Return which agencies joined an earlier version and are no party of this one: an accession is to one wording."""
    names = [each.party.name for entity, each in before.joiners.items() if agreement.party(entity) is None]
    if not names:
        return []
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    again = (
        "Each joins again, and is admitted and confirmed again" if agreement.joining else "No agency may join this one"
    )
    return [f"Not carried over, of those that joined: {', '.join(names[:_MOST_NAMES])}{more}. {again}."]


def version_before(agreement: Agreement, standings: Iterable[InForce | NotInForce]) -> Agreement | None:
    """Return the lower version that is in force, else the highest lower one that was not withdrawn."""
    lower = [
        standing
        for standing in standings
        if standing.agreement.id == agreement.id and standing.agreement.version < agreement.version
    ]
    for standing in lower:
        if isinstance(standing, InForce):
            return standing.agreement
    ran = [each.agreement for each in lower if isinstance(each, InForce) or each.closure is not Closure.WITHDRAWN]
    return max(ran, key=lambda each: each.version, default=None)


def joiner_lines(view: Agreement, waiting: Iterable[Accession]) -> list[str]:
    """Return who joined, what each pair with this node waits for, and whose accession waits for admission."""
    lines = [
        f"{each.party.name} ({each.party.entity}) joined as {each.class_id}: {', '.join(each.party.services)}"
        for each in view.joiners.values()
    ]
    lines += [pair.reason for pair in view.pairs.values() if pair.reason]
    lines += [f"{each.party.name} ({each.issuer}) asks to join as {each.class_id}." for each in waiting]
    return ["Joined:", *_indented(lines)] if lines else []


def joiners_json(view: Agreement, waiting: Iterable[Accession]) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "joined": [
            {**_party_to_json(each.party), "class": each.class_id, "accession": each.accession}
            for each in view.joiners.values()
        ],
        "pairs": [
            {
                "entity_id": other,
                "state": pair.state,
                "joiner": pair.joiner,
                "decided_by": pair.decided_by,
                "opens_on": pair.opens_on.isoformat() if pair.opens_on is not None else None,
            }
            for other, pair in view.pairs.items()
        ],
        "waiting": [
            {**_party_to_json(each.party), "class": each.class_id, "accession": each.digest} for each in waiting
        ],
    }


def question_lines(questions: Sequence[str]) -> list[str]:
    """Return what a signatory should ask about; nothing where there is nothing."""
    return ["To be asked about before it is signed:", *_indented(questions)] if questions else []


def signatures_json(signatures: Iterable[AgreementSignature]) -> list[dict[str, Any]]:
    """Return who signed, for machines; ``signed_at`` is in seconds since 1970."""
    return [
        {
            "entity_id": each.party,
            "name": each.signatory.name,
            "post": each.signatory.post,
            "signed_at": each.signed_at,
        }
        for each in signatures
    ]


def standing_lines(standing: InForce | NotInForce) -> list[str]:
    """Return whether it binds, for people."""
    if isinstance(standing, InForce):
        leavers = [f"  {sentence}" for _, sentence in sorted(standing.agreement.leavers.items())]
        return [f"  It is in force until {standing.agreement.valid_until}.", *leavers]
    if standing.closure is not None:
        return [f"  It is not in force, and never comes into force again: {standing.reason}"]
    return [f"  It is not in force, and nothing flows under it: {standing.reason}"]


def standing_json(standing: InForce | NotInForce) -> dict[str, Any]:
    """Return the same for machines."""
    agreement = standing.agreement
    missing = list(standing.missing) if isinstance(standing, NotInForce) else []
    return {
        "id": agreement.id,
        "version": agreement.version,
        "digest": agreement.ref.digest,
        "title": agreement.title,
        "valid_until": agreement.valid_until.isoformat(),
        "in_force": isinstance(standing, InForce),
        "reason": standing.reason if isinstance(standing, NotInForce) else None,
        "closed": standing.closure if isinstance(standing, NotInForce) else None,
        "missing_signatures": missing,
        "leavers": sorted(agreement.leavers),
    }


def agreement_json(agreement: Agreement) -> dict[str, Any]:
    """Return what the summary says, for machines."""
    return {
        "id": agreement.id,
        "version": agreement.version,
        "digest": agreement.ref.digest,
        "title": agreement.title,
        "valid_from": agreement.valid_from.isoformat(),
        "valid_until": agreement.valid_until.isoformat(),
        "review_date": agreement.review_date.isoformat(),
        "parties": [_party_to_json(party) for party in agreement.parties],
        "powers": list(agreement.powers),
        "items": list(agreement.items),
        "benefits": agreement.benefits,
        "individuals_informed": agreement.individuals_informed,
        "consent_text": agreement.consent_text,
        "rights": agreement.rights,
        "retention": agreement.retention,
        "security": agreement.security,
        "dpia_reference": agreement.dpia_reference,
        "purposes": [{"code": purpose.code, "description": purpose.description} for purpose in agreement.purposes],
        "required_marks": list(agreement.required_marks),
        "policy_document": agreement.policy_document,
        "overarching": agreement.overarching,
        "ended_by": list(agreement.ended_by),
        "suspended_by": list(agreement.suspended_by),
        "joining": [_class_to_json(each) for each in agreement.joining],
        "under": {"id": agreement.under.id, "digest": agreement.under.digest} if agreement.under else None,
        "clauses": [_clause_to_json(clause) for clause in agreement.clauses],
    }


def _party_to_json(party: Party) -> dict[str, Any]:
    return {
        "entity_id": party.entity,
        "name": party.name,
        "services": list(party.services),
        "nations": sorted(party.nations),
        "complaints": party.complaints,
        "processors": list(party.processors),
    }


def _class_to_json(joining: JoiningClass) -> dict[str, Any]:
    return {
        "id": joining.id,
        "title": joining.title,
        "marks": list(joining.marks),
        "kinds": list(joining.kinds),
        "admitted_by": list(joining.admitted_by),
        "objection_days": joining.objection_days,
    }


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


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
        **{each.name: sorted(clause.lists.get(each.name, ())) for kind in KINDS.values() for each in kind.clause_lists},
        "basis": list(clause.basis),
        "law": clause.law,
        "existence": clause.existence,
        "keep_days": clause.keep_days,
        "onward": clause.onward,
        "consent_roles": sorted(clause.consent_roles),
        "urgent": clause.urgent,
        "location_recipients": sorted(str(service) for service in clause.location_recipients),
        "joining_askers": sorted(clause.joining_askers),
        "joining_holders": sorted(clause.joining_holders),
        "joiners_confirmed_because": list(why_confirmed(clause)) if clause.lets_join else [],
        "silent_for_restricted": sorted(silent_fields(clause)),
    }
