"""Decide whether a request may be answered, and what of a person's record may then be released.

Two decisions, made in this order and apart: the first never sees whether the person is known, so its refusals can say
why; the second knows the person's restrictions, so what it withholds looks like absence wherever existence itself is
not to be told. Both are pure functions of what they are given, so every decision can be explained and replayed.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.agreements.clause import Clause, Existence
from trust.agreements.consent import deny_consent
from trust.agreements.denial import Denial, DenialCode, deny
from trust.agreements.required_marks import deny_missing, missing_marks
from trust.exchange.eligibility import EligibilityQuery
from trust.exchange.errors import MalformedBody
from trust.exchange.involvement import InvolvementQuery, InvolvementStatus, Terms
from trust.exchange.kinds import KINDS, Query, parse_body
from trust.exchange.message import AgreementRef, Message
from trust.identifiers import EntityId, RoleCode, ServiceSlug
from trust.oauth.authorization_details import AuthorizationDetail, covers

__all__ = [
    "Denial",
    "DenialCode",
    "LocalPolicy",
    "MatchOutcome",
    "Permit",
    "PersonRestrictions",
    "Release",
    "RequestFacts",
    "decide_release",
    "decide_request",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """What is known of a request before anyone is looked up.

    ``sender`` signed the message; ``caller`` was authenticated by the access token, which carried ``token_details``.
    ``sender_marks`` are the types of the sender's trust marks that are valid now.
    """

    sender: EntityId
    caller: EntityId
    message: Message
    token_details: tuple[AuthorizationDetail, ...]
    sender_marks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPolicy:
    """What this agency has withdrawn by itself. It can only narrow: nothing in it permits anything."""

    withdrawn_services: frozenset[ServiceSlug] = frozenset()
    withdrawn_clauses: frozenset[str] = frozenset()
    withdrawn_roles: frozenset[RoleCode] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to look the person up, with everything that binds the answer.

    ``fields`` is the most that may be sent; ``query`` is the parsed body; ``law`` is the legal footing in a sentence.
    """

    agreement: AgreementRef
    clause: Clause
    fields: frozenset[str]
    role: RoleCode
    query: Query
    law: str
    answered_on: date
    keep_until: date
    onward: str

    @property
    def terms(self) -> Terms:
        """What the reply tells the asker about keeping the answer and passing it on."""
        return Terms(answered_on=self.answered_on, keep_until=self.keep_until, onward=self.onward)


class MatchOutcome(StrEnum):
    """Whether the person was found: one record beyond doubt, a record that may be the person's, or none.

    ``NOT_CURRENT`` is one record beyond doubt without any current involvement.
    """

    UNIQUE = "unique"
    NOT_CURRENT = "not_current"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRestrictions:
    """What the person's own record says against releasing it: consent withdrawn, an objection, a restriction.

    ``reasons`` are codes for this agency's evidence; they never leave it.
    """

    withheld: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What to answer. ``fields`` is empty unless the status is ``known``.

    ``reasons`` explain the decision to this agency's own officers; they never leave it.
    """

    status: InvolvementStatus
    fields: frozenset[str]
    reasons: tuple[str, ...]

    @property
    def discloses(self) -> bool:
        """Whether anything from the record may leave. If not, an eligibility question is answered ``unknown``."""
        return self.status is InvolvementStatus.KNOWN


def decide_request(
    facts: RequestFacts,
    *,
    agreement: InForce | NotInForce | None,
    local: LocalPolicy,
    own: EntityId,
    now: datetime,
) -> Permit | Denial:
    """Decide whether a request may be answered at all. ``agreement`` is the one its id and version name, if we hold it.

    1. who called is who signed, and the message is for this agency;
    2. the kind and version of exchange are spoken here;
    3. the access token covers agreement, purpose and kind;
    4. we hold the agreement, both services are parties to it, the wording is the same, and it is in force;
    5. the sender holds every trust mark that the agreement requires;
    6. the clause exists and grants this kind, this purpose, this asker and this holder;
    7. the clause lets this role ask;
    8. the stated basis is the clause's own, and where it rests on consent the request shows a record that holds;
    9. the body is well formed and the question one that the clause permits;
    10. this agency has not withdrawn service, clause or role;
    11. the fields are the role's, and of these only what was asked for (assertion A48).

    Not decided here: whether the message was seen before, the caller's standing, and budgets.
    """
    message = facts.message
    if facts.caller != facts.sender or message.iss != facts.sender:  # 1
        return deny(DenialCode.CALLER_IS_NOT_SENDER)
    if message.aud != own:
        return deny(DenialCode.NOT_ADDRESSED_HERE)
    denial = _check_spoken(message)  # 2
    if denial is None and not any(covers(detail, message) for detail in facts.token_details):  # 3
        denial = deny(DenialCode.TOKEN_DOES_NOT_COVER)
    if agreement is None:
        return denial or deny(DenialCode.NO_AGREEMENT)
    denial = denial or _check_agreement(message, agreement)  # 4
    denial = denial or _check_marks(facts, agreement.agreement)  # 5
    clause = agreement.agreement.clause(message.clause)
    if clause is None:
        return denial or deny(DenialCode.CLAUSE_UNKNOWN)
    denial = denial or _check_clause(message, clause, now)  # 6, 7, 8
    return denial or _permit(message, agreement.agreement, clause, local, now)  # 9, 10, 11


def decide_release(permit: Permit, *, match: MatchOutcome, restrictions: PersonRestrictions) -> Release:
    """Decide what to answer, now that the person has been looked for.

    1. one record, unrestricted: ``known``, with the permitted fields;
    2. anything else under a conditional clause: ``nothing_to_share``, always the same;
    3. no record, under an unconditional clause: ``not_known``; one record, unrestricted, without a current
       involvement: ``no_current_involvement``;
    4. someone who may be the person, or whose record is restricted, under an unconditional clause: ``review``, because
       a human must decide and "not known" would be untrue.

    An eligibility question takes its answer from the registry in case 1 and is ``unknown`` in every other.
    """
    reasons = (f"match:{match}", *restrictions.reasons)
    if match is MatchOutcome.UNIQUE and not restrictions.withheld:  # 1
        return Release(status=InvolvementStatus.KNOWN, fields=permit.fields, reasons=reasons)
    if permit.clause.existence is Existence.CONDITIONAL:  # 2
        status = InvolvementStatus.NOTHING_TO_SHARE
    elif match is MatchOutcome.NONE:  # 3
        status = InvolvementStatus.NOT_KNOWN
    elif match is MatchOutcome.NOT_CURRENT and not restrictions.withheld:
        status = InvolvementStatus.NO_CURRENT_INVOLVEMENT
    else:  # 4
        status = InvolvementStatus.REVIEW
    return Release(status=status, fields=frozenset(), reasons=reasons)


def _check_spoken(message: Message) -> Denial | None:
    kind = KINDS.get(message.kind)
    if kind is None:
        return deny(DenialCode.UNSUPPORTED_KIND)
    if message.version not in kind.versions:
        return deny(DenialCode.UNSUPPORTED_VERSION, supported_versions=kind.versions)
    return None


def _check_agreement(message: Message, held: InForce | NotInForce) -> Denial | None:
    agreement = held.agreement
    if message.asker not in agreement.services:
        return deny(DenialCode.SERVICE_NOT_PARTY)
    if message.holder not in agreement.services:
        return deny(DenialCode.UNKNOWN_SERVICE)
    if message.agreement != agreement.ref:
        return deny(DenialCode.AGREEMENT_DIGEST_MISMATCH)
    if isinstance(held, NotInForce):
        return deny(DenialCode.AGREEMENT_NOT_IN_FORCE, detail=held.reason)
    return None


def _check_marks(facts: RequestFacts, agreement: Agreement) -> Denial | None:
    missing = missing_marks(agreement, facts.sender_marks)
    return deny_missing(facts.sender, missing) if missing else None


def _check_clause(message: Message, clause: Clause, now: datetime) -> Denial | None:
    if (message.kind, message.version) != (clause.kind, clause.version):  # 6
        return deny(DenialCode.KIND_NOT_COVERED)
    if message.purpose != clause.purpose:
        return deny(DenialCode.PURPOSE_NOT_COVERED)
    if message.asker not in clause.askers or message.holder not in clause.holders:
        return deny(DenialCode.SERVICE_NOT_COVERED)
    if message.practitioner.role not in clause.fields_by_role:  # 7
        return deny(DenialCode.ROLE_NOT_PERMITTED)
    if frozenset(message.basis) != frozenset(clause.basis):  # 8
        return deny(DenialCode.BASIS_MISMATCH)
    return deny_consent(clause.consent_roles, message.consent, now)


def _permit(
    message: Message, agreement: Agreement, clause: Clause, local: LocalPolicy, now: datetime
) -> Permit | Denial:
    try:
        query = parse_body(message.kind, message.version, message.body)  # 9
    except MalformedBody as malformed:
        return deny(DenialCode.MALFORMED_BODY, detail=f"At fault: {malformed.detail}.")
    if isinstance(query, EligibilityQuery):
        if query.question not in clause.questions:
            return deny(DenialCode.QUESTION_NOT_PERMITTED)
        if clause.benefits and query.benefit is not None and query.benefit not in clause.benefits:
            return deny(DenialCode.BENEFIT_NOT_PERMITTED, detail=f"It lists: {', '.join(sorted(clause.benefits))}.")
    role = message.practitioner.role
    if (  # 10
        message.to_service in local.withdrawn_services
        or clause.id in local.withdrawn_clauses
        or role in local.withdrawn_roles
    ):
        return deny(DenialCode.LOCAL_POLICY)
    today = now.astimezone(UTC).date()
    return Permit(
        agreement=agreement.ref,
        clause=clause,
        fields=_cut(clause.fields_by_role[role], query),  # 11
        role=role,
        query=query,
        law=clause.law,
        answered_on=today,
        keep_until=today + timedelta(days=clause.keep_days),
        onward=str(clause.onward),
    )


def _cut(permitted: frozenset[str], query: Query) -> frozenset[str]:
    if isinstance(query, InvolvementQuery) and query.fields is not None:
        return permitted & query.fields
    return permitted
