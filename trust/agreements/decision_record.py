"""Record of a decision with every input, from which it can be replayed.

1. Each field of :class:`trust.agreements.decision.RequestFacts` and each other argument of ``decide_request`` is one
   input, by its own name. Of the message only what a rule reads is an input: no description of a person, no id, no word
   of a narrative (:meth:`trust.exchange.kind.QueuedBody.without_narrative`).
2. The agreement is an input by reference: its document is kept in its own right.
3. Inputs in :data:`PLAIN` say nothing of a person, so their digests are SHA-256 and any party can compare them. The
   digests of all others are keyed.
4. A body that could not be read is recorded by its faults, and replayed to the same faults.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any, Final, cast

from trust import typed_json
from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.agreements.clause_selection import QuerySpec
from trust.agreements.decision import (
    GROUND_RULES,
    REQUEST_RULES,
    LocalPolicy,
    Permit,
    RequestFacts,
    Restriction,
    RuleResult,
    decide_request,
    trace_request,
)
from trust.agreements.denial import Denial
from trust.agreements.joined import with_joined
from trust.agreements.joining import JoinedParty, Pair
from trust.agreements.leaving import without_parties
from trust.agreements.legal_register import register_digest
from trust.claims import digest, from_seconds, keyed_digest, to_seconds
from trust.errors import MalformedClaims
from trust.exchange.consent import ConsentRecord
from trust.exchange.envelope import AgreementRef
from trust.exchange.errors import Fault, MalformedBody
from trust.exchange.kind import Kinds, Query, QueuedBody, parse_query, supported
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message, PseudonymousPractitioner
from trust.exchange.person import Subject
from trust.exchange.persons import ConcernedPerson, SafeContact
from trust.identifiers import ClauseId, EntityId, KindName, PurposeCode, RoleCode, ServiceSlug
from trust.strict_json import JsonObject, dumps

AGREEMENT, BODY, CLOCK, KINDS_SPOKEN = "agreement", "body", "clock", "kinds"
SELECTION = "selection"
"""What was wanted, where this agency sent nothing because no clause permits it."""
LEGAL_REGISTER, LOCAL_POLICY, OWN, REQUEST, RULES = "legal_register", "local_policy", "own", "request", "rules"
CONSENT, PERSONS = "consent", "persons"
_DIGESTS: Final = frozenset({KINDS_SPOKEN, LEGAL_REGISTER, RULES})
"""Inputs that are recorded as the digest of a text that all nodes of a release have."""
PLAIN: Final = frozenset(
    {
        *_DIGESTS,
        SELECTION,
        AGREEMENT,
        CLOCK,
        LOCAL_POLICY,
        OWN,
        REQUEST,
        "sender",
        "caller",
        "token_details",
        "sender_marks",
    }
)
"""Inputs that say nothing of a person."""
NOT_READ: Final = frozenset({"exp", "jti", "subject", "correlation", "supersedes", "urgency", "deadline", "handling"})
"""Members of a message that no rule reads."""
_NO_EVIDENCE = "-"
_REPETITION_BYTES = 16
_MALFORMED = "malformed"
_JOINED, _PAIR, _LEFT = "joined", "pair", "left"
Inputs = Mapping[str, Any]
"""The inputs of a decision by name, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCase:
    """One decision on a request: the arguments of ``decide_request``, as they were or as they would be."""

    facts: RequestFacts
    agreement: InForce | NotInForce | None
    local: LocalPolicy
    own: EntityId
    now: datetime
    kinds: Kinds = field(default_factory=lambda: KINDS)

    def decide(self) -> Permit | Denial:
        """Decide."""
        return decide_request(
            self.facts, agreement=self.agreement, local=self.local, own=self.own, now=self.now, kinds=self.kinds
        )

    def trace(self) -> tuple[RuleResult, ...]:
        """Return how each rule ends."""
        return trace_request(
            self.facts, agreement=self.agreement, local=self.local, own=self.own, now=self.now, kinds=self.kinds
        )


def decision_inputs(case: RequestCase) -> Inputs:
    """Return every input of a decision as JSON. An input that is empty is left out."""
    facts, agreement, message = case.facts, case.agreement, case.facts.message
    consent = None if message.consent is None else replace(message.consent, evidence=_NO_EVIDENCE)
    of_facts = typed_json.encode_fields(facts, leave_out=("message",))  # one that is there without members stays
    inputs = {
        REQUEST: _request_to_json(message),
        BODY: _body_to_json(message, case.kinds),
        PERSONS: [typed_json.encode(_without_identity(person)) for person in message.persons],
        CONSENT: typed_json.encode(consent),
        AGREEMENT: None if agreement is None else _standing_to_json(agreement, message),
        LOCAL_POLICY: [typed_json.encode(each) for each in case.local.about(message)],
        OWN: case.own,
        CLOCK: typed_json.encode(case.now.replace(microsecond=0)),
        KINDS_SPOKEN: kinds_digest(case.kinds),
        LEGAL_REGISTER: register_digest(),
        RULES: rules_digest(),
    }
    return of_facts | {name: value for name, value in inputs.items() if value not in (None, [], {})}


def selection_inputs(spec: QuerySpec, now: datetime, kinds: Kinds = KINDS) -> Inputs:
    """Return what an asker wanted that it did not send, as the inputs of its refusal. A query says nothing of a person.

    A message of a queued kind is recorded without its body.
    """
    wish = typed_json.encode_fields(spec, leave_out=("kind", "query"))
    query = None if spec.query is None or spec.kind.queued else spec.query.to_body()
    return {
        SELECTION: {**wish, "kind": spec.kind.name, **({} if query is None else {"query": query})},
        CLOCK: typed_json.encode(now.replace(microsecond=0)),
        KINDS_SPOKEN: kinds_digest(kinds),
        LEGAL_REGISTER: register_digest(),
        RULES: rules_digest(),
    }


def spec_of(inputs: Inputs, kinds: Kinds = KINDS) -> QuerySpec | None:
    """Return what was wanted, or none for a kind that is not spoken here."""
    wish = inputs[SELECTION]
    kind = kinds.get(KindName(wish["kind"]))
    if kind is None:
        return None
    body = wish.get("query")
    query = None if body is None else parse_query(kinds, kind.name, max(kind.versions), body)
    others = {name: value for name, value in wish.items() if name not in {"kind", "query"}}
    return typed_json.decode_fields(QuerySpec, others, kind=kind, query=query)


def input_digests(inputs: Inputs, key: bytes) -> dict[str, str]:
    """Return the digest of each input; those that may be about a person are keyed."""
    return {name: _digest(name, value, key) for name, value in inputs.items()}


def repetition_key(inputs: Inputs, digests: Mapping[str, str], key: bytes) -> bytes:
    """Return what is equal for decisions whose inputs are equal but for the time of day: 16 bytes.

    ``digests`` are those of the inputs. The rules read the clock by days, in UTC and in the United Kingdom's summer
    time, which is an hour ahead.
    """
    moment = inputs[CLOCK]
    parts = (moment[:10], str(moment[11:13] == "23"), *(f"{name} {digests[name]}" for name in sorted(digests)))
    text = "\n".join(part for part in parts if not part.startswith(f"{CLOCK} "))
    return hmac.digest(key, text.encode(), sha256)[:_REPETITION_BYTES]


def outcome_to_json(decision: Permit | Denial) -> JsonObject:
    """Return what was decided."""
    if isinstance(decision, Denial):
        return {"permit": False, "code": str(decision.code), "reason": decision.reason, "remedy": decision.remedy}
    return {
        "permit": True,
        "clause": decision.clause.id,
        "fields": sorted(decision.fields),
        "keep_until": decision.keep_until.isoformat(),
        "onward": decision.onward,
        "law": decision.law,
    }


def replay_of(inputs: Inputs, find: Callable[[AgreementRef], Agreement | None], kinds: Kinds = KINDS) -> RequestCase:
    """Return the decision with these inputs; ``find`` returns an agreement of exactly this wording.

    Raises :class:`trust.errors.MalformedClaims` for inputs that this release cannot read, and :class:`SourceMissing`.
    """
    try:
        return _replay_of(inputs, find, kinds)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise MalformedClaims("The inputs of the decision are not those of this release.") from None


class SourceMissing(Exception):
    """A decision cannot be replayed because a document that it was made on is not held any more."""


def _replay_of(inputs: Inputs, find: Callable[[AgreementRef], Agreement | None], kinds: Kinds) -> RequestCase:
    message = _message_of(inputs)
    facts = typed_json.decode_fields(RequestFacts, {"token_details": [], **inputs}, message=message)
    local = typed_json.decode(tuple[Restriction, ...], inputs.get(LOCAL_POLICY, []))
    faults = inputs.get(BODY, {}).get(_MALFORMED)
    return RequestCase(
        facts=facts,
        agreement=_standing_of(inputs, find),
        local=LocalPolicy(restrictions=local),
        own=EntityId(inputs[OWN]),
        now=typed_json.decode(datetime, inputs[CLOCK]),
        kinds=kinds if faults is None else _with_faults(kinds, message, faults),
    )


@cache
def rules_digest() -> str:
    """Return the digest of the rules of this release: their numbers and sentences, in order."""
    return digest(dumps([[rule.number, rule.text] for rule in (*REQUEST_RULES, *GROUND_RULES)]))


def kinds_digest(kinds: Kinds) -> str:
    """Return the digest of the kinds and versions of exchange that a node speaks."""
    return _own_kinds_digest() if kinds is KINDS else _digest_kinds(kinds)


@cache
def _own_kinds_digest() -> str:
    return _digest_kinds(KINDS)


def _digest_kinds(kinds: Kinds) -> str:
    return digest(dumps({str(name): list(versions) for name, versions in supported(kinds).items()}))


def _digest(name: str, value: object, key: bytes) -> str:
    if name in _DIGESTS:
        return str(value)
    return digest(dumps([value])) if name in PLAIN else keyed_digest(key, dumps([name, value]))


def _request_to_json(message: Message) -> JsonObject:
    return {
        "iss": message.iss,
        "aud": message.aud,
        "kind": message.kind,
        "version": message.version,
        "agreement": typed_json.encode(message.agreement),
        "clause": message.clause,
        "purpose": message.purpose,
        "basis": list(message.basis),
        "from_service": message.from_service,
        "to_service": message.to_service,
        "role": message.practitioner.role,
        "sent_on": from_seconds(message.iat).date().isoformat(),
        **({} if message.ground is None else {"ground": message.ground}),
    }


def _body_to_json(message: Message, kinds: Kinds) -> JsonObject | None:
    kind = kinds.get(message.kind)
    if kind is None or message.version not in kind.versions:
        return None
    try:
        query = parse_query(kinds, message.kind, message.version, message.body)
    except MalformedBody as malformed:
        return {_MALFORMED: [[fault.path, fault.problem] for fault in malformed.faults]}
    return (cast("QueuedBody", query).without_narrative() if kind.queued else query).to_body()


def _without_identity(person: ConcernedPerson) -> ConcernedPerson:
    contact, consent = person.safe_contact, person.consent
    return replace(
        person,
        subject=Subject(address_restricted=person.subject.address_restricted),
        safe_contact=None if contact is None else SafeContact(method=contact.method),
        consent=None if consent is None else replace(consent, evidence=_NO_EVIDENCE),
    )


def _standing_to_json(standing: InForce | NotInForce, message: Message) -> JsonObject:
    """Return how the agreement stood, with the accessions, the pair and the leaving of the two agencies alone."""
    agreement, ends = standing.agreement, (message.iss, message.aud)
    joiners = [typed_json.encode(agreement.joiners[each]) for each in ends if each in agreement.joiners]
    pair = next((agreement.pairs[each] for each in ends if each in agreement.pairs), None)
    leavers = {each: agreement.leavers[each] for each in ends if each in agreement.leavers}
    return {
        **typed_json.encode_fields(agreement.ref),
        "in_force": isinstance(standing, InForce),
        "standing": typed_json.encode_fields(standing, leave_out=("agreement",)),
        **({_JOINED: joiners} if joiners else {}),
        **({} if pair is None else {_PAIR: typed_json.encode(pair)}),
        **({_LEFT: leavers} if leavers else {}),
    }


def _standing_of(inputs: Inputs, find: Callable[[AgreementRef], Agreement | None]) -> InForce | NotInForce | None:
    record = inputs.get(AGREEMENT)
    if record is None:
        return None
    ref = typed_json.decode_fields(AgreementRef, record)
    agreement = find(ref)
    if agreement is None:
        raise SourceMissing(f"Agreement {ref.id} version {ref.version} is not held any more.")
    agreement = without_parties(_with_accessions(agreement, record, inputs), record.get(_LEFT, {}))
    if record["in_force"]:
        return typed_json.decode_fields(InForce, record["standing"], agreement=agreement)
    return typed_json.decode_fields(NotInForce, {"missing": [], **record["standing"]}, agreement=agreement)


def _with_accessions(document: Agreement, record: JsonObject, inputs: Inputs) -> Agreement:
    """Return the agreement as this node saw it, as far as the two agencies of the message go."""
    if _JOINED not in record and _PAIR not in record:
        return document
    joiners = typed_json.decode(tuple[JoinedParty, ...], record.get(_JOINED, []))
    ends = (inputs[REQUEST]["iss"], inputs[REQUEST]["aud"])
    other = EntityId(next((each for each in ends if each != inputs[OWN]), inputs[OWN]))
    pairs = {other: typed_json.decode(Pair, record[_PAIR])} if _PAIR in record else {}
    return with_joined(document, joiners, pairs)


def _with_faults(kinds: Kinds, message: Message, faults: list[list[str]]) -> Kinds:
    """Return the kinds with a parser that finds the faults that are on record."""

    def parse(_: JsonObject) -> Query:
        raise MalformedBody([Fault(path=path, problem=problem) for path, problem in faults])

    kind = kinds[message.kind]
    return {**kinds, kind.name: replace(kind, parsers={**kind.parsers, message.version: parse})}


def _message_of(inputs: Inputs) -> Message:
    record = inputs[REQUEST]
    issued = to_seconds(datetime.fromisoformat(record["sent_on"]).replace(tzinfo=UTC))
    body = inputs.get(BODY, {})
    consent = inputs.get(CONSENT)
    return Message(
        iss=EntityId(record["iss"]),
        aud=EntityId(record["aud"]),
        iat=issued,
        exp=issued,
        jti="",
        kind=KindName(record["kind"]),
        version=record["version"],
        agreement=typed_json.decode(AgreementRef, record["agreement"]),
        clause=ClauseId(record["clause"]),
        purpose=PurposeCode(record["purpose"]),
        basis=tuple(record["basis"]),
        ground=record.get("ground"),
        from_service=ServiceSlug(record["from_service"]),
        to_service=ServiceSlug(record["to_service"]),
        practitioner=PseudonymousPractitioner(sub="", role=RoleCode(record["role"]), org_unit=""),
        body=body,
        persons=typed_json.decode(tuple[ConcernedPerson, ...], inputs.get(PERSONS, [])),
        consent=None if consent is None else typed_json.decode(ConsentRecord, consent),
    )
