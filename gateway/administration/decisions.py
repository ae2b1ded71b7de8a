"""Explanation of recorded decisions: each rule with its result, replayed, and compared with today."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from config.settings import NodeSettings
from gateway.administration.context import node_vault, now, opened_store, own_entity
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.evidence.recorder import DecisionContent, open_decision
from gateway.exchange.services import NOTHING_WITHDRAWN, local_policy
from gateway.keys.sealed import SealBroken
from gateway.ports import Store, Transaction
from gateway.store.tables import evidence_index, evidence_leaves, question_signatures
from gateway.store.tables.evidence_leaves import StoredLeaf
from trust import typed_json
from trust.agreements.agreement import Agreement
from trust.agreements.comparison import INPUT_SENTENCES, changed_by
from trust.agreements.decision import (
    REQUEST_RULES,
    MatchOutcome,
    Permit,
    PersonRestrictions,
    trace_release,
)
from trust.agreements.decision_record import (
    LEGAL_REGISTER,
    RULES,
    SELECTION,
    RequestCase,
    SourceMissing,
    input_digests,
    outcome_to_json,
    replay_of,
    rules_digest,
)
from trust.agreements.legal_register import register_digest
from trust.errors import MalformedClaims, TrustError
from trust.evidence.leaf import Leaf, message_key, parse_leaf
from trust.exchange.message import AgreementRef
from trust.identifiers import EntityId, ServiceSlug, parse_entity_id
from trust.strict_json import JsonObject

_KEPT, _BROKEN, _LATER = "\u2713", "\u2717", "-"
_LEAF_BYTES = 16
_END = b"\xff" * _LEAF_BYTES
_MOST_LEAVES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A decision as the store holds it: its leaf, and what is sealed beside it."""

    stored: StoredLeaf
    leaf: Leaf
    content: DecisionContent

    @property
    def id(self) -> str:
        """The id by which an administrator names it."""
        return self.stored.id.hex()


def explain(settings: NodeSettings, decision: str, *, sender: str | None = None) -> UseCaseResult:
    """Replay one decision and show each rule in order with its result, and whether today's answer would differ.

    ``decision`` is its id, this node's own name for the message, or, with ``sender``, the id that its sender gave it.
    Raises :class:`OperationRefused` for one that is not on record.
    """
    vault = node_vault(settings)
    key = vault.evidence_hmac_key()
    names = _names(key, decision, sender, EntityId(settings.node.entity_id))
    with opened_store(settings) as store:
        recorded = store.read(lambda tx: find_decision(tx, decision, names, vault.seal_key()))
        if recorded is None:
            raise OperationRefused(
                "No decision is on record under this id. Take the id from `hearthgate account` or from "
                "`hearthgate decision export`; what is sealed with a decision is erased with its account."
            )
        if SELECTION in recorded.content.inputs:
            return UseCaseResult(lines=_selection_lines(recorded), data={"id": recorded.id})
        case = _replay(store, recorded.content)
        today = None if case is None else as_of_today(settings, store, case)
    lines = [*_headline(recorded), *_proof_lines(recorded, key)]
    if case is None:
        return UseCaseResult(lines=[*lines, "It cannot be replayed: its agreement is not held any more."], ok=False)
    same = outcome_to_json(case.decide()) == recorded.content.outcome
    return UseCaseResult(
        lines=[
            *lines,
            *_rule_lines(case),
            *_release_lines(case, recorded.content.release),
            *_replay_lines(recorded.content, same=same),
            *_today_lines(case, today),
        ],
        data=_data(recorded, case, today, same=same),
        ok=same,
    )


def find_decision(tx: Transaction, decision: str, names: tuple[str, ...], seal_key: bytes) -> RecordedDecision | None:
    """Return the decision of that id, or of the message of one of these names."""
    ids: tuple[bytes, ...] = evidence_index.find(tx, names, before=_END, limit=_MOST_LEAVES)
    leaf_id = _leaf_id(decision)
    leaves = evidence_leaves.get_all(tx, (*ids, *([] if leaf_id is None else [leaf_id])))
    records = (open_recorded(tx, stored, seal_key) for stored in leaves)
    return next((each for each in records if each is not None), None)


def open_recorded(tx: Transaction, stored: StoredLeaf, seal_key: bytes) -> RecordedDecision | None:
    """Return the decision that a leaf commits to, or none. Raises :class:`OperationRefused` for a changed record."""
    sealed = question_signatures.get(tx, leaf=stored.id)
    try:
        content = None if sealed is None else open_decision(seal_key, stored.id, sealed)
    except SealBroken as broken:
        raise OperationRefused(f"The record of decision {stored.id.hex()} was changed or moved.") from broken
    if content is None:
        return None
    return RecordedDecision(stored=stored, leaf=parse_leaf(stored.leaf), content=content)


def held_agreements(registry: AgreementRegistry, at: datetime) -> Callable[[AgreementRef], Agreement | None]:
    """Return what finds an agreement of exactly one wording, in force or not."""
    wordings = {agreement.ref: agreement for agreement in registry.documents(now=at)}
    return wordings.get


def as_of_today(settings: NodeSettings, store: Store, case: RequestCase) -> RequestCase:
    """Return the same request as it would be decided today.

    The facts about its sender stay as they were: each request proves them for itself.
    """
    at = now()
    service = ServiceSlug(case.facts.message.to_service)
    described = next((each for each in settings.services if each.slug == service), None)
    return replace(
        case,
        agreement=AgreementRegistry(store, own=own_entity(settings)).find(case.facts.message.agreement, now=at),
        local=NOTHING_WITHDRAWN if described is None else local_policy(described),
        now=at,
    )


def _names(key: bytes, decision: str, sender: str | None, own: EntityId) -> tuple[str, ...]:
    try:
        agency = None if sender is None else parse_entity_id(sender)
    except TrustError as refused:
        raise OperationRefused(f"--from: {refused.detail}") from refused
    return (decision, *(message_key(key, each, decision) for each in (own, agency) if each is not None))


def _leaf_id(text: str) -> bytes | None:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    return raw if len(raw) == _LEAF_BYTES else None


def _replay(store: Store, content: DecisionContent) -> RequestCase | None:
    try:
        return replay_of(content.inputs, held_agreements(AgreementRegistry(store), now()))
    except SourceMissing:
        return None
    except MalformedClaims as unreadable:
        raise OperationRefused(f"{unreadable.detail} Explain it with the release that recorded it.") from unreadable


def _headline(recorded: RecordedDecision) -> list[str]:
    request, outcome = recorded.content.inputs["request"], recorded.content.outcome
    agreement = request["agreement"]
    answer = "permitted" if outcome["permit"] else f"refused ({outcome['code']})"
    return [
        f"Decision {recorded.id}, {recorded.stored.at:%Y-%m-%d %H:%M:%S} UTC: {answer}",
        f"  from {request['iss']} ({request['from_service']}) to {request['to_service']}, as {request['role']}",
        f"  {request['kind']} for {request['purpose']}, on {', '.join(request['basis'])}",
        f"  under clause {request['clause']} of {agreement['id']} version {agreement['version']}",
    ]


def _selection_lines(recorded: RecordedDecision) -> list[str]:
    """Say what this agency wanted to ask and did not, and why."""
    wish, outcome = recorded.content.inputs[SELECTION], recorded.content.outcome
    return [
        f"Decision {recorded.id}, {recorded.stored.at:%Y-%m-%d %H:%M:%S} UTC: not sent ({outcome['code']})",
        f"  {wish['kind']} for {wish['purpose']}, as {wish['role']}, by {wish['asker']['service']}",
        f"  {_BROKEN} {outcome['reason']}",
        *([f"    What to do: {outcome['remedy']}"] if outcome["remedy"] else []),
    ]


def _proof_lines(recorded: RecordedDecision, key: bytes) -> list[str]:
    """Say whether the record is the one that its leaf commits to."""
    content, digests = recorded.content, recorded.leaf.decision or {}
    release = {} if content.release is None else {"release": content.release}
    if input_digests({**content.inputs, **release}, key) == digests:
        return [f"  {_KEPT} the evidence commits to these inputs, digest by digest"]
    return [f"  {_BROKEN} the evidence commits to OTHER inputs than these; treat this record as changed"]


def _rule_lines(case: RequestCase) -> list[str]:
    results = case.trace()
    lines = ["Rules of the request, in order:"]
    for result in results:
        mark = _KEPT if result.denial is None else _BROKEN
        lines.append(f"  {mark} {result.number:<3} {result.text}")
        if result.denial is not None:
            lines += [f"        {result.denial.reason}", f"        What to do: {result.denial.remedy}"]
    lines += [f"  {_LATER} {rule.number:<3} {rule.text} Not reached." for rule in REQUEST_RULES[len(results) :]]
    permit = case.decide()
    return [*lines, f"  Fields: {', '.join(sorted(permit.fields))}"] if isinstance(permit, Permit) else lines


def _release_lines(case: RequestCase, release: JsonObject | None) -> list[str]:
    permit = case.decide()
    if release is None or not isinstance(permit, Permit):
        return ["No person was searched for."]
    restrictions = typed_json.decode(PersonRestrictions, release["restrictions"])
    results = trace_release(permit, match=MatchOutcome(release["match"]), restrictions=restrictions)
    return [
        "Rules of the release, the first that applies decides:",
        *(f"  {_KEPT if applies else _LATER} {rule.number:<3} {rule.text}" for rule, applies in results),
        f"  The answer was {release['outcome']}, with {', '.join(release['fields']) or 'no field'}.",
    ]


def _replay_lines(content: DecisionContent, *, same: bool) -> list[str]:
    if same:
        return ["Replayed with its recorded inputs: the same answer."]
    current = {RULES: rules_digest(), LEGAL_REGISTER: register_digest()}
    changed = [name for name, digest in current.items() if content.inputs[name] != digest]
    through = " and ".join(name.replace("_", " ") for name in changed) or "no input: report this as a fault"
    return [f"Replayed with its recorded inputs: ANOTHER answer, through {through} of this release."]


def _today_lines(case: RequestCase, today: RequestCase | None) -> list[str]:
    names = () if today is None else changed_by(case, today)
    if today is None or not names:
        return ["Today's answer would be the same."]
    decision = today.decide()
    answer = "permitted" if isinstance(decision, Permit) else f"refused: {decision.reason}"
    return [f"Today's answer would differ ({answer}), through:", *(f"  {INPUT_SENTENCES[name]}" for name in names)]


def _data(recorded: RecordedDecision, case: RequestCase, today: RequestCase | None, *, same: bool) -> JsonObject:
    changed = () if today is None else changed_by(case, today)
    return {
        "id": recorded.id,
        "at": recorded.stored.at.isoformat(),
        "outcome": recorded.content.outcome,
        "rules": [
            {"number": each.number, "text": each.text, "denial": each.denial and str(each.denial.code)}
            for each in case.trace()
        ],
        "replayed_alike": same,
        "changed_by": list(changed),
    }
