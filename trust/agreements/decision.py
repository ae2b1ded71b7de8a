"""Decide whether a request may be answered, and what of a person's record may then be released.

Two decisions, made in this order and apart: the first never sees whether the person is known, so its refusals can say
why; the second knows the person's restrictions, so what it withholds looks like absence wherever existence itself is
not to be told. Both are pure functions of what they are given, so every decision can be explained and replayed.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import cast

from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.agreements.clause import Clause, Existence
from trust.agreements.consent import deny_consent
from trust.agreements.denial import Denial, DenialCode, deny, deny_unlisted
from trust.agreements.queued import ServiceKinds, permit_content
from trust.agreements.required_marks import deny_missing, missing_marks
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import ExchangeKind, Kinds, Query, QueuedBody, ReplyTerms, parse_query
from trust.exchange.kinds import KINDS
from trust.exchange.message import AgreementRef, Message
from trust.identifiers import EntityId, RoleCode
from trust.oauth.authorization_details import AuthorizationDetail, covers

__all__ = [
    "Denial",
    "DenialCode",
    "LocalPolicy",
    "MatchOutcome",
    "Permit",
    "PersonRestrictions",
    "Release",
    "ReleaseStatus",
    "RequestFacts",
    "Restriction",
    "ServiceKinds",
    "decide_release",
    "decide_request",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """What is known of a request before anyone is looked up.

    ``sender`` signed the message; ``caller`` was authenticated by the access token, which carried ``token_details``.
    ``sender_marks`` are the types of the sender's trust marks that are valid now. ``services`` are the kinds of both
    services; only queued kinds need them.
    """

    sender: EntityId
    caller: EntityId
    message: Message
    token_details: tuple[AuthorizationDetail, ...]
    sender_marks: frozenset[str] = frozenset()
    services: ServiceKinds = field(default_factory=ServiceKinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A clause that this agency has withdrawn: for one role, or for every role where ``role`` is ``None``."""

    agreement: str
    clause: str
    role: RoleCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPolicy:
    """What this agency has withdrawn from one of its services. It can only narrow: nothing in it permits anything."""

    restrictions: tuple[Restriction, ...] = ()

    def withdraws(self, message: Message) -> bool:
        """Say whether the clause that the message names is withdrawn for its role."""
        clause, role = (message.agreement.id, message.clause), message.practitioner.role
        return any((each.agreement, each.clause) == clause and each.role in (None, role) for each in self.restrictions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to look the person up, with everything that binds the answer.

    ``fields`` is the most that may be sent; ``query`` is the parsed body, of a queued kind already cut to them; ``law``
    is the legal footing in a sentence.
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
    def terms(self) -> ReplyTerms:
        """What the reply tells the asker about keeping the answer and passing it on."""
        return ReplyTerms(answered_on=self.answered_on, keep_until=self.keep_until, onward=self.onward)


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


class ReleaseStatus(StrEnum):
    """What an answer may tell; each kind has its own words for it."""

    KNOWN = "known"
    NOT_KNOWN = "not_known"
    NOT_CURRENT = "not_current"
    REVIEW = "review"
    NOTHING_TO_SHARE = "nothing_to_share"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What to answer. ``fields`` is empty unless the status is ``known``.

    ``reasons`` explain the decision to this agency's own officers; they never leave it.
    """

    status: ReleaseStatus
    fields: frozenset[str]
    reasons: tuple[str, ...]

    @property
    def discloses(self) -> bool:
        """Whether anything from the record may leave."""
        return self.status is ReleaseStatus.KNOWN


def decide_request(
    facts: RequestFacts,
    *,
    agreement: InForce | NotInForce | None,
    local: LocalPolicy,
    own: EntityId,
    now: datetime,
    kinds: Kinds = KINDS,
) -> Permit | Denial:
    """Decide whether a request may be answered at all. ``agreement`` is the one its id and version name, if we hold it.

    1. who called is who signed, and the message is for this agency;
    2. the kind and version of exchange are spoken here;
    3. the access token covers agreement, purpose and kind;
    4. we hold the agreement, both services are parties to it, the wording is the same, and it is in force;
    5. the sender holds every trust mark that the agreement requires;
    6. the clause exists and grants this kind, this purpose, this asker and this holder;
    7. the clause lets this role ask;
    8. the stated basis is the clause's own, and where it rests on consent a query shows a record that holds;
    9. the body is well formed, and the lists that its kind adds to the clause permit what it asks;
    10. this agency has not withdrawn the clause from the service, for every role or for this one;
    11. the fields are the role's, and of these only what was asked for (assertion A48). Of a queued kind recipient,
        persons and what is left of the body are decided with them (:func:`trust.agreements.queued.permit_content`).

    Not decided here: whether the message was seen before, the caller's standing, and budgets.
    """
    message = facts.message
    if facts.caller != facts.sender or message.iss != facts.sender:  # 1
        return deny(DenialCode.CALLER_IS_NOT_SENDER)
    if message.aud != own:
        return deny(DenialCode.NOT_ADDRESSED_HERE)
    denial = _check_spoken(message, kinds)  # 2
    if denial is None and not any(covers(detail, message) for detail in facts.token_details):  # 3
        denial = deny(DenialCode.TOKEN_DOES_NOT_COVER)
    if agreement is None:
        return denial or deny(DenialCode.NO_AGREEMENT)
    denial = denial or _check_agreement(message, agreement)  # 4
    denial = denial or _check_marks(facts, agreement.agreement)  # 5
    clause = agreement.agreement.clause(message.clause)
    if clause is None:
        return denial or deny(DenialCode.CLAUSE_UNKNOWN)
    denial = denial or _check_clause(message, clause)  # 6, 7, 8
    if denial is None and not kinds[message.kind].queued:
        denial = deny_consent(clause.consent_roles, message.consent, now)
    query = denial or _check_query(message, clause, local, kinds)  # 9, 10
    content = query if isinstance(query, Denial) else _content(facts, clause, query, kinds[message.kind], now)  # 11
    if isinstance(content, Denial):
        return content
    return _permit(agreement.agreement.ref, clause, message.practitioner.role, content, now)


def decide_release(permit: Permit, *, match: MatchOutcome, restrictions: PersonRestrictions) -> Release:
    """Decide what to answer, now that the person has been looked for.

    1. one record, unrestricted: ``known``, with the permitted fields;
    2. anything else under a conditional clause: ``nothing_to_share``, always the same;
    3. no record, under an unconditional clause: ``not_known``; one record, unrestricted, without a current
       involvement: ``not_current``;
    4. someone who may be the person, or whose record is restricted, under an unconditional clause: ``review``, because
       a human must decide and "not known" would be untrue.
    """
    reasons = (f"match:{match}", *restrictions.reasons)
    if match is MatchOutcome.UNIQUE and not restrictions.withheld:  # 1
        return Release(status=ReleaseStatus.KNOWN, fields=permit.fields, reasons=reasons)
    if permit.clause.existence is Existence.CONDITIONAL:  # 2
        status = ReleaseStatus.NOTHING_TO_SHARE
    elif match is MatchOutcome.NONE:  # 3
        status = ReleaseStatus.NOT_KNOWN
    elif match is MatchOutcome.NOT_CURRENT and not restrictions.withheld:
        status = ReleaseStatus.NOT_CURRENT
    else:  # 4
        status = ReleaseStatus.REVIEW
    return Release(status=status, fields=frozenset(), reasons=reasons)


def _check_spoken(message: Message, kinds: Kinds) -> Denial | None:
    kind = kinds.get(message.kind)
    if kind is None:
        return deny(DenialCode.UNSUPPORTED_KIND)
    if message.version not in kind.versions:
        return deny(DenialCode.UNSUPPORTED_VERSION, supported_versions=kind.versions)
    return None


def _check_agreement(message: Message, standing: InForce | NotInForce) -> Denial | None:
    agreement = standing.agreement
    if message.asker not in agreement.services:
        return deny(DenialCode.SERVICE_NOT_PARTY)
    if message.holder not in agreement.services:
        return deny(DenialCode.UNKNOWN_SERVICE)
    if message.agreement != agreement.ref:
        return deny(DenialCode.AGREEMENT_DIGEST_MISMATCH)
    if isinstance(standing, NotInForce):
        return deny(DenialCode.AGREEMENT_NOT_IN_FORCE, detail=standing.reason)
    return None


def _check_marks(facts: RequestFacts, agreement: Agreement) -> Denial | None:
    missing = missing_marks(agreement, facts.sender_marks)
    return deny_missing(facts.sender, missing) if missing else None


def _check_clause(message: Message, clause: Clause) -> Denial | None:
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
    return None


def _check_query(message: Message, clause: Clause, local: LocalPolicy, kinds: Kinds) -> Query | Denial:
    try:
        query = parse_query(kinds, message.kind, message.version, message.body)  # 9
    except MalformedBody as malformed:
        return deny(DenialCode.MALFORMED_BODY, detail=f"At fault: {malformed.detail}.")
    for each in kinds[message.kind].clause_lists:
        if not each.permits(clause.lists, query):
            words = ", ".join(sorted(clause.lists.get(each.name, ())))
            return deny_unlisted(each, detail="" if each.required else f"It lists: {words}.")
    if local.withdraws(message):  # 10
        return deny(DenialCode.LOCAL_POLICY)
    return query


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The fields that are permitted, and the body they belong to."""

    fields: frozenset[str]
    body: Query


def _content(facts: RequestFacts, clause: Clause, query: Query, kind: ExchangeKind, now: datetime) -> _Content | Denial:
    if not kind.queued:
        fields = clause.fields_by_role[facts.message.practitioner.role]
        return _Content(fields=fields if query.fields is None else fields & query.fields, body=query)
    body = cast("QueuedBody", query)  # the parsers of a queued kind return one
    content = permit_content(facts.message, body, clause=clause, kind=kind, services=facts.services, now=now)
    return content if isinstance(content, Denial) else _Content(fields=content.fields, body=content.body)


def _permit(agreement: AgreementRef, clause: Clause, role: RoleCode, content: _Content, now: datetime) -> Permit:
    today = now.astimezone(UTC).date()
    return Permit(
        agreement=agreement,
        clause=clause,
        fields=content.fields,
        role=role,
        query=content.body,
        law=clause.law,
        answered_on=today,
        keep_until=today + timedelta(days=clause.keep_days),
        onward=str(clause.onward),
    )
