"""Decide whether a request may be answered, and what of a person's record may then be released.

Two decisions, made in this order and apart: the first never sees whether the person is known, so its refusals can say
why; the second knows the person's restrictions, so what it withholds looks like absence wherever existence itself is
not to be told. Both are pure functions of what they are given, so every decision can be explained and replayed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.agreements.clause import Clause
from trust.agreements.consent import SUBJECT, deny_consent, deny_ended
from trust.agreements.decision_facts import (
    LocalPolicy,
    MatchOutcome,
    Permit,
    PersonRestrictions,
    Release,
    ReleaseStatus,
    RequestFacts,
    Restriction,
)
from trust.agreements.denial import Denial, DenialCode, deny, deny_unlisted
from trust.agreements.ground_clause import clause_of_ground
from trust.agreements.location import LocationRuling, rule_on_location
from trust.agreements.queued import PermittedContent, ServiceKinds, deny_ended_persons, hide_place, permit_content
from trust.agreements.release_decision import (
    RELEASE_RULES,
    ReleaseRule,
    decide_release,
    rule_on_place,
    trace_release,
)
from trust.agreements.required_marks import deny_missing, missing_marks
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import ExchangeKind, Kinds, Query, QueuedBody, parse_query
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message
from trust.identifiers import EntityId
from trust.oauth.authorization_details import covers

__all__ = [
    "GROUND_RULES",
    "RELEASE_RULES",
    "REQUEST_RULES",
    "Denial",
    "DenialCode",
    "LocalPolicy",
    "MatchOutcome",
    "Permit",
    "PersonRestrictions",
    "Release",
    "ReleaseRule",
    "ReleaseStatus",
    "RequestFacts",
    "Restriction",
    "RuleResult",
    "ServiceKinds",
    "decide_release",
    "decide_request",
    "rule_on_place",
    "trace_release",
    "trace_request",
]


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

    The rules are those of :func:`rules_of`, in their order; the first that is broken refuses. The fields are the
    role's, and of these only what was asked for (assertion A48).

    Not decided here: whether the message was seen before, the caller's standing, and budgets.
    """
    case = _Case(facts=facts, agreement=agreement, local=local, own=own, now=now, kinds=kinds)
    for rule in rules_of(facts.message, kinds):
        denial = rule.check(case)
        if denial is not None:
            return denial
    return _permit(case)


def trace_request(
    facts: RequestFacts,
    *,
    agreement: InForce | NotInForce | None,
    local: LocalPolicy,
    own: EntityId,
    now: datetime,
    kinds: Kinds = KINDS,
) -> tuple["RuleResult", ...]:
    """Return how each rule of :func:`decide_request` ends for a request, to the first that refuses it."""
    case, results = _Case(facts=facts, agreement=agreement, local=local, own=own, now=now, kinds=kinds), []
    for rule in rules_of(facts.message, kinds):
        denial = rule.check(case)
        results.append(RuleResult(number=rule.number, text=rule.text, denial=denial))
        if denial is not None:
            break
    return tuple(results)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """How one rule of a decision ended: kept, or the denial of the request that breaks it."""

    number: str
    text: str
    denial: Denial | None


@dataclass(slots=True, kw_only=True)
class _Case:
    """A request under decision, with what the rules have established of it so far."""

    facts: RequestFacts
    agreement: InForce | NotInForce | None
    local: LocalPolicy
    own: EntityId
    now: datetime
    kinds: Kinds
    terms: Agreement = field(init=False)
    clause: Clause = field(init=False)
    query: Query = field(init=False)
    content: "_Content" = field(init=False)

    @property
    def message(self) -> Message:
        return self.facts.message

    @property
    def kind(self) -> ExchangeKind:
        return self.kinds[self.message.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRule:
    """One rule of :func:`decide_request`, in the words that explain it. ``check`` returns the denial of a breach.

    A rule may rely on what the rules before it have established, and on nothing else but its case.
    """

    number: str
    text: str
    check: Callable[[_Case], Denial | None]


def _check_caller(case: _Case) -> Denial | None:
    facts = case.facts
    is_sender = facts.caller == facts.sender == facts.message.iss
    return None if is_sender else deny(DenialCode.CALLER_IS_NOT_SENDER)


def _check_addressed(case: _Case) -> Denial | None:
    return None if case.message.aud == case.own else deny(DenialCode.NOT_ADDRESSED_HERE)


def _check_spoken(case: _Case) -> Denial | None:
    kind = case.kinds.get(case.message.kind)
    if kind is None:
        return deny(DenialCode.UNSUPPORTED_KIND)
    if case.message.version not in kind.versions:
        return deny(DenialCode.UNSUPPORTED_VERSION, supported_versions=kind.versions)
    return None


def _check_token(case: _Case) -> Denial | None:
    is_covered = any(covers(detail, case.message) for detail in case.facts.token_details)
    return None if is_covered else deny(DenialCode.TOKEN_DOES_NOT_COVER)


def _check_held(case: _Case) -> Denial | None:
    if case.agreement is None:
        return deny(DenialCode.NO_AGREEMENT)
    case.terms = case.agreement.agreement
    return None


def _check_ground(case: _Case) -> Denial | None:
    """Grant what the body brings, to the service that it is for, where the stated ground permits that today."""
    body = cast("QueuedBody", case.query)
    clause = clause_of_ground(case.message, body, sender_kind=case.facts.services.sender, now=case.now)
    if isinstance(clause, Denial):
        return clause
    case.clause = clause
    return None


def _check_parties(case: _Case) -> Denial | None:
    if case.message.asker not in case.terms.services:
        return deny(DenialCode.SERVICE_NOT_PARTY, detail=case.terms.why_closed(case.message.iss))
    return None if case.message.holder in case.terms.services else deny(DenialCode.UNKNOWN_SERVICE)


def _check_wording(case: _Case) -> Denial | None:
    same = case.message.agreement == case.terms.ref
    return None if same else deny(DenialCode.AGREEMENT_DIGEST_MISMATCH)


def _check_in_force(case: _Case) -> Denial | None:
    standing = case.agreement
    if isinstance(standing, NotInForce):
        return deny(DenialCode.AGREEMENT_NOT_IN_FORCE, detail=standing.reason)
    return None


def _check_marks(case: _Case) -> Denial | None:
    missing = missing_marks(case.terms.marks_of(case.facts.sender), case.facts.sender_marks)
    return deny_missing(case.facts.sender, missing) if missing else None


def _check_clause(case: _Case) -> Denial | None:
    clause = case.terms.clause(case.message.clause)
    if clause is None:
        return deny(DenialCode.CLAUSE_UNKNOWN)
    case.clause = clause
    if (case.message.kind, case.message.version) != (clause.kind, clause.version):
        return deny(DenialCode.KIND_NOT_COVERED)
    return None


def _check_purpose(case: _Case) -> Denial | None:
    same = case.message.purpose == case.clause.purpose
    return None if same else deny(DenialCode.PURPOSE_NOT_COVERED)


def _check_services(case: _Case) -> Denial | None:
    is_granted = case.message.asker in case.clause.askers and case.message.holder in case.clause.holders
    closed = "" if is_granted else case.terms.why_closed(case.message.iss, case.clause)
    return None if is_granted else deny(DenialCode.SERVICE_NOT_COVERED, detail=closed)


def _check_role(case: _Case) -> Denial | None:
    is_listed = case.message.practitioner.role in case.clause.fields_by_role
    return None if is_listed else deny(DenialCode.ROLE_NOT_PERMITTED)


def _check_basis(case: _Case) -> Denial | None:
    same = frozenset(case.message.basis) == frozenset(case.clause.basis)
    return None if same else deny(DenialCode.BASIS_MISMATCH)


def _check_consent(case: _Case) -> Denial | None:
    """Leave the consent that belongs to each person of a queued message to :func:`permit_content`."""
    if case.kind.queued:
        return None
    return deny_ended(case.clause.consent_roles, SUBJECT, case.facts.ended_consents) or deny_consent(
        case.clause.consent_roles, case.message.consent, case.now
    )


def _check_body(case: _Case) -> Denial | None:
    message = case.message
    try:
        case.query = parse_query(case.kinds, message.kind, message.version, message.body)
    except MalformedBody as malformed:
        return deny(DenialCode.MALFORMED_BODY, detail=f"At fault: {malformed.detail}.")
    return None


def _check_lists(case: _Case) -> Denial | None:
    lists = case.clause.lists
    for each in case.kind.clause_lists:
        if not each.permits(lists, case.query):
            words = ", ".join(sorted(lists.get(each.name, ())))
            return deny_unlisted(each, detail="" if each.required else f"It lists: {words}.")
    return None


def _check_local(case: _Case) -> Denial | None:
    return deny(DenialCode.LOCAL_POLICY) if case.local.withdraws(case.message) else None


def _check_content(case: _Case) -> Denial | None:
    content = _content(case.facts, case.clause, case.query, case.kind, case.now)
    if isinstance(content, Denial):
        return content
    case.content = content
    return None


def _check_place(case: _Case) -> Denial | None:
    """Hide a restricted place from the recipient of a queued message, or deny what cannot be sent without it."""
    restriction, content = case.facts.location, case.content.queued
    if restriction is None or content is None:
        return None
    ruling = rule_on_location(restriction, case.clause, case.message.holder)
    rest = hide_place(content, case.message, case.kind, restriction) if ruling.hides else content
    if isinstance(rest, Denial):
        return rest
    case.content = _Content(fields=rest.fields, body=rest.body, queued=rest, place=ruling)
    return None


REQUEST_RULES: Final[tuple[RequestRule, ...]] = (
    RequestRule(number="1a", text="The caller is the agency that signed the message.", check=_check_caller),
    RequestRule(number="1b", text="The message is addressed to this agency.", check=_check_addressed),
    RequestRule(number="2", text="This node speaks the kind of exchange in its version.", check=_check_spoken),
    RequestRule(number="3", text="The access token covers agreement, purpose and kind.", check=_check_token),
    RequestRule(number="4a", text="This agency holds the agreement that the message names.", check=_check_held),
    RequestRule(number="4b", text="Both services take part in the agreement.", check=_check_parties),
    RequestRule(number="4c", text="Both agencies hold the same wording of it.", check=_check_wording),
    RequestRule(number="4d", text="The agreement is in force.", check=_check_in_force),
    RequestRule(number="5", text="The sender holds every trust mark that it requires.", check=_check_marks),
    RequestRule(number="6a", text="The clause exists and grants this kind of exchange.", check=_check_clause),
    RequestRule(number="6b", text="The clause grants it for this purpose.", check=_check_purpose),
    RequestRule(number="6c", text="The clause lets this service ask that service.", check=_check_services),
    RequestRule(number="7", text="The clause names the role of the person who asks.", check=_check_role),
    RequestRule(number="8a", text="The stated legal basis is the clause's own.", check=_check_basis),
    RequestRule(number="8b", text="Consent is on record where the clause rests on it.", check=_check_consent),
    RequestRule(number="9a", text="The body is well formed.", check=_check_body),
    RequestRule(number="9b", text="The clause lists what the body asks for.", check=_check_lists),
    RequestRule(number="10", text="This agency has not withdrawn the clause or the role.", check=_check_local),
    RequestRule(number="11", text="What the clause gives this role may go to this recipient.", check=_check_content),
    RequestRule(number="12", text="Nothing that is sent tells a restricted place.", check=_check_place),
)
"""The rules of a request, in order. A new rule goes here, with a number of its own, and calls its own module."""
_BEFORE_GROUND: Final = ("1a", "1b", "2", "3", "9a")
_AFTER_GROUND: Final = ("11", "12")
GROUND_RULES: Final[tuple[RequestRule, ...]] = (
    *(rule for rule in REQUEST_RULES if rule.number in _BEFORE_GROUND),
    RequestRule(number="G", text="The stated ground permits it without an agreement.", check=_check_ground),
    *(rule for rule in REQUEST_RULES if rule.number in _AFTER_GROUND),
)
"""The rules of a message of a kind that needs no agreement, in order."""


def rules_of(message: Message, kinds: Kinds = KINDS) -> tuple[RequestRule, ...]:
    """Return the rules that decide on a message: those of its kind."""
    kind = kinds.get(message.kind)
    return GROUND_RULES if kind is not None and kind.without_agreement else REQUEST_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The fields that are permitted, and the body they belong to; ``queued`` has the persons of a queued message."""

    fields: frozenset[str]
    body: Query
    queued: PermittedContent | None = None
    place: LocationRuling | None = None


def _content(facts: RequestFacts, clause: Clause, query: Query, kind: ExchangeKind, now: datetime) -> _Content | Denial:
    if not kind.queued:
        fields = clause.fields_by_role[facts.message.practitioner.role]
        return _Content(fields=fields if query.fields is None else fields & query.fields, body=query)
    body = cast("QueuedBody", query)  # the parsers of a queued kind return one
    content = permit_content(facts.message, body, clause=clause, kind=kind, services=facts.services, now=now)
    if isinstance(content, Denial):
        return content
    return deny_ended_persons(content, clause, facts.ended_consents) or _Content(
        fields=content.fields, body=content.body, queued=content
    )


def _permit(case: _Case) -> Permit:
    today, clause = case.now.astimezone(UTC).date(), case.clause
    return Permit(
        agreement=case.message.agreement,
        clause=clause,
        fields=case.content.fields,
        role=case.message.practitioner.role,
        query=case.content.body,
        law=clause.law,
        answered_on=today,
        keep_until=today + timedelta(days=clause.keep_days),
        onward=str(clause.onward),
        asker=case.message.asker,
        place=case.content.place,
    )
