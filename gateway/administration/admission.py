"""Admit an entity whose enrolment request waits, or dismiss the request; the thumbprints come by another channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from config.settings import AnchorSettings
from gateway.administration import member_terms, thumbprints
from gateway.administration.context import Settings, authority_signer, now, opened_store, own_entity
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.member_terms import StatedTerms
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.authority.suspension import log_state
from gateway.ports import Store, Transaction
from gateway.store.tables import enrolments, key_revocations, members, suspensions
from gateway.store.tables.enrolments import WaitingEnrolment
from gateway.store.tables.members import Member
from trust import strict_json
from trust.errors import ChainRefused, TrustError
from trust.exchange.subject_members import default_members
from trust.federation.constraints import check_constraints
from trust.federation.enrolment import EnrolmentRequest, compare, parse_enrolment_request
from trust.federation.node_metadata import ENTITY_TYPE, NodeMetadata, ServiceEntry, parse_node_metadata
from trust.federation.suspension import SuspensionState
from trust.federation.terms import SubordinateTerms, constraints_of, parse_terms, terms_to_json
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse
from trust.strict_json import JsonObject

_HTTPS = "https://"
_ITS_REQUEST = "the member asked for it"
_WELCOME = "Members may exchange messages with it from now on, as far as they have signed agreements with it."


def list_requests(settings: AnchorSettings, *, with_thumbprints: bool) -> UseCaseResult:
    """Return the requests that wait for their thumbprints to be compared, the oldest first."""
    at = now()
    with opened_store(settings) as store:
        queue = store.read(lambda tx: _queue(tx, at))
    lines: list[str] = []
    for each in queue:
        lines.append(f"{each.waiting.entity}  received {each.waiting.received_at:%Y-%m-%d %H:%M} UTC  {_kind(each)}")
        lines += thumbprints.lines(each.request.thumbprints) if with_thumbprints and each.request is not None else []
    return UseCaseResult(
        lines=[*lines, "Ring each agency, and admit it by what it reads out: hearthgate trust admit ENTITY"]
        if lines
        else ["No request waits."],
        data={"pending": [_to_json(each, with_thumbprints=with_thumbprints) for each in queue]},
    )


def needs_thumbprint(settings: AnchorSettings, who: str) -> EntityId | None:
    """Return the entity whose thumbprints have to be typed before its request is shown; None for a member's own.

    ``who`` is an entity or the file of a request. Raises :class:`OperationRefused` and ``TrustError``.
    """
    with opened_store(settings) as store:
        _, request, member = _read_request(store, who)
    return None if _is_by_member(request, member) else request.entity_id


def plan_admission(
    settings: AnchorSettings, who: str, typed: Sequence[str], *, terms: StatedTerms, emergency: str | None
) -> ChangePlan:
    """Plan to vouch for an entity or for the maker of a request in a file; a member's change takes a second person.

    ``typed`` are the thumbprints as the agency read them out. Raises :class:`OperationRefused` and ``TrustError``.
    """
    with opened_store(settings) as store:
        raw, request, member = _read_request(store, who)
        _refuse_unknown(request, member, typed)
        _refuse_hasty(request, member, store)
    bound = terms.terms(member.terms if member is not None else None)
    _refuse_silent(request, bound)
    _refuse_cut_off(request, bound)
    admission = Admission(request=request, raw=raw, member=member, terms=bound)
    if member is not None:
        return plan_request(settings, _change_of_member(admission, member, emergency))
    if emergency is not None:
        raise OperationRefused("A new member takes one administrator; leave --emergency out.")
    return ChangePlan(
        effect=[*_about(request), *_effect(admission)],
        question="Admit it?",
        apply=lambda: _admit_new(settings, admission),
    )


def _admit_new(settings: AnchorSettings, admission: "Admission") -> UseCaseResult:
    entity, kids, bound = (
        admission.request.entity_id,
        list(admission.request.thumbprints),
        terms_to_json(admission.terms),
    )
    text = strict_json.dumps(bound).decode("utf-8")
    with opened_store(settings) as store:
        if store.read(lambda tx: members.get(tx, entity=entity)) is not None:
            raise _member_changed(entity)
        record(settings, "trust admit", entity_id=entity, thumbprints=kids, terms=text)
        _admit(settings, store, admission, at=now())
    return UseCaseResult(
        lines=[f"{entity} is a member.", *_effect(admission)],
        data={"entity_id": entity, "state": SuspensionState.ACTIVE, "thumbprints": kids, "terms": bound},
    )


def plan_dismissal(settings: AnchorSettings, entity: str, *, reason: str) -> ChangePlan:
    """Plan to forget a request that waits; the entity may ask again. Raises :class:`OperationRefused`."""
    applicant = parse_entity_id(entity)
    with opened_store(settings) as store:
        waiting = _waiting(store, applicant)

    def apply() -> UseCaseResult:
        with opened_store(settings) as store:
            if _waiting(store, applicant).raw != waiting.raw:
                raise OperationRefused(f"{applicant} has sent another request meanwhile; nothing was done. Look at it.")
            record(settings, "trust dismiss", entity_id=applicant, reason=reason)
            store.write(lambda tx: _forget(tx, applicant, waiting.raw))
        return UseCaseResult(
            lines=[f"The request of {applicant} is forgotten."], data={"entity_id": applicant, "reason": reason}
        )

    effect = (
        f"The request of {applicant}, received {waiting.received_at:%Y-%m-%d %H:%M} UTC, will be forgotten. It may ask "
        "again, and is not told."
    )
    return ChangePlan(effect=[effect], question="Dismiss it?", apply=apply)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A request to be admitted on these terms; ``member`` is the member as it was, where it was one."""

    request: EnrolmentRequest
    raw: bytes
    member: Member | None
    terms: SubordinateTerms


class _MemberChange:
    """The act of admitting a known member's request: other keys, services or terms, or a removed one let in again."""

    name = "trust admit"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Return what admitting it changes. Raises :class:`OperationRefused`, ``TrustError``."""
        with opened_store(settings) as store:
            admission = _plan_admission(store, arguments)
        return [*_about(admission.request), *_effect(admission)]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Admit the request. Raises as :meth:`effect`, and ``KeyFilesRefused``."""
        with opened_store(settings) as store:
            admission = _plan_admission(store, arguments)
            _admit(settings, store, admission, at=at, commit=commit)
        return [f"{admission.request.entity_id} is a member, as shown."]


ADMIT = _MemberChange()


def _arguments(admission: Admission, member: Member) -> dict[str, str]:
    return {
        "entity_id": admission.request.entity_id,
        "was": member.state,
        "since": member.changed_at.isoformat(),
        "terms": strict_json.dumps(terms_to_json(admission.terms)).decode("utf-8"),
        "document": admission.raw.decode("ascii"),
    }


def _plan_admission(store: Store, arguments: Mapping[str, Any]) -> Admission:
    """Return the admission as it was asked for. Raises :class:`OperationRefused` where the member has changed."""
    raw, terms = arguments["document"].encode("ascii"), arguments["terms"].encode("utf-8")
    request = parse_enrolment_request(raw, now=now())
    member, revoked = store.read(
        lambda tx: (members.get(tx, entity=request.entity_id), key_revocations.kids_of(tx, subject=request.entity_id))
    )
    if member is None or (member.state, member.changed_at.isoformat()) != (arguments["was"], arguments["since"]):
        raise OperationRefused(
            f"{request.entity_id} was changed since this was asked for: nothing was changed. Decline it, and ask again."
        )
    _refuse_revoked(request, revoked)  # a key revoked since it was asked for would bring another one in its place
    return Admission(
        request=request, raw=raw, member=member, terms=parse_terms(strict_json.loads(terms, max_bytes=len(terms)))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A request in the queue; ``request`` is None where it cannot be read any more, ``member`` for a stranger's."""

    waiting: WaitingEnrolment
    request: EnrolmentRequest | None
    member: Member | None
    revoked: frozenset[str]


def _queue(tx: Transaction, at: datetime) -> list[_Waiting]:
    return [
        _Waiting(
            waiting=each,
            request=_read(each.raw, at),
            member=members.get(tx, entity=each.entity),
            revoked=key_revocations.kids_of(tx, subject=each.entity),
        )
        for each in enrolments.list(tx, now=at)
    ]


def _read(raw: bytes, at: datetime) -> EnrolmentRequest | None:
    try:
        return parse_enrolment_request(raw, now=at)
    except TrustError:
        return None


def _change_of_member(admission: Admission, member: Member, emergency: str | None) -> ChangeRequest:
    return ChangeRequest(act=ADMIT, arguments=_arguments(admission, member), reason=_ITS_REQUEST, emergency=emergency)


def _read_request(store: Store, who: str) -> tuple[bytes, EnrolmentRequest, Member | None]:
    """Return a request, from the queue or from a file, and the member that made it, where it is one."""
    if who.startswith(_HTTPS):
        raw = _waiting(store, parse_entity_id(who)).raw
    elif Path(who).exists():
        raw = read_input(Path(who), "The enrolment request")
    else:
        raise OperationRefused(
            f"{who} is neither an entity, such as https://council.example, nor the file of a request."
        )
    request = parse_enrolment_request(raw, now=now())
    return raw, request, store.read(lambda tx: members.get(tx, entity=request.entity_id))


def _waiting(store: Store, entity: EntityId) -> WaitingEnrolment:
    at = now()
    waiting = store.read(lambda tx: enrolments.get(tx, entity=entity, now=at))
    if waiting is None:
        raise OperationRefused(f"No request of {entity} waits here; `hearthgate trust pending` lists those that do.")
    return waiting


def _is_by_member(request: EnrolmentRequest, member: Member | None, revoked: frozenset[str] = frozenset()) -> bool:
    """Return whether an active member's own, vouched-for key signed the request, and not one that it ``revoked``."""
    if member is None or member.state != SuspensionState.ACTIVE or request.signed_with in revoked:
        return False
    return compare(request, keys=_keys(member), metadata=member.metadata).signed_by_member


def _refuse_unknown(request: EnrolmentRequest, member: Member | None, typed: Sequence[str]) -> None:
    """Refuse a request that was not compared, before its thumbprints are shown, so that they cannot be copied."""
    if not typed and _is_by_member(request, member):
        return
    if not thumbprints.compare(typed, request.thumbprints):
        raise OperationRefused(
            f"What you typed is not the thumbprint of the key that signed {request.entity_id}'s request. If it is what "
            "the agency read out to you, this request was not made by the agency: do not admit it, and tell them."
        )


def _refuse_hasty(request: EnrolmentRequest, member: Member | None, store: Store) -> None:
    if member is not None and member.state == SuspensionState.SUSPENDED:
        raise OperationRefused(
            f"{member.entity} is suspended. Lift that first, deliberately: hearthgate trust readmit {member.entity}"
        )
    _refuse_revoked(request, store.read(lambda tx: key_revocations.kids_of(tx, subject=request.entity_id)))


def _refuse_revoked(request: EnrolmentRequest, revoked: frozenset[str]) -> None:
    """Refuse keys that the agency itself has revoked: they never come back."""
    again = request.federation_keys.kids & revoked
    if again:
        raise OperationRefused(
            f"{request.entity_id} has revoked a key that it names, {', '.join(sorted(again))}: its node may run from "
            "an older backup. Have its administrators make a new key and ask again."
        )


def _refuse_silent(request: EnrolmentRequest, terms: SubordinateTerms) -> None:
    if terms.intermediate and request.fetch_endpoint is None:
        raise OperationRefused(
            f"{request.entity_id} does not say where it would vouch for others, so it cannot be an intermediate; leave "
            "--intermediate out, or have it ask as one."
        )


def _refuse_cut_off(request: EnrolmentRequest, terms: SubordinateTerms) -> None:
    try:
        check_constraints(constraints_of(terms), intermediates=0, below=[request.entity_id])
    except ChainRefused as refused:
        raise OperationRefused(
            f"The names leave out {request.entity_id} itself, so no member would trust it or those below it; allow its "
            "own host too: .DOMAIN is every name under DOMAIN, and not DOMAIN."
        ) from refused


def _about(request: EnrolmentRequest) -> list[str]:
    stated_of_node = request.metadata.get(ENTITY_TYPE)
    node: NodeMetadata | None = None
    if stated_of_node is not None:
        node = parse_node_metadata(stated_of_node, entity=request.entity_id, as_stated=True)
    return [
        f"{request.entity_id} asks to be admitted" + (f" as {node.name}:" if node else "."),
        *(f"  {service.name} ({service.slug}, {service.kind})" for service in (node.services if node else ())),
        "Its request was signed with the key of this thumbprint:",
        *thumbprints.lines([request.signed_with]),
    ]


def _effect(admission: Admission) -> list[str]:
    """Return what admitting changes."""
    request, member, terms = admission.request, admission.member, admission.terms
    lines = member_terms.lines(terms)
    if request.fetch_endpoint is not None and not terms.intermediate:
        lines.append("It offers to vouch for others and is not let: --intermediate lets it.")
    if member is None:
        return [_WELCOME, *lines]
    if member.state == SuspensionState.REMOVED:
        return [f"It was removed {member.changed_at:%Y-%m-%d}, and is let in again. {_WELCOME}", *lines]
    change = compare(request, keys=_keys(member), metadata=member.metadata)
    changes = [f"A key more is vouched for: {kid}" for kid in change.keys_added]
    changes += [f"A key is vouched for no longer: {kid}" for kid in change.keys_dropped]
    changes += [f"It now states {name}." for name in change.types_added]
    changes += [f"It no longer states {name}." for name in change.types_dropped]
    changes += [f"What it states as {name} is new, as shown above." for name in change.types_changed]
    changes += _kinds_opened(request, member)
    if terms != member.terms:
        changes += ["Its terms change:", *lines]
    return ["It is a member already.", *(changes or ["Nothing changes."])]


def _kinds_opened(request: EnrolmentRequest, member: Member) -> list[str]:
    """Return what members may send a service of another kind than before."""
    was = {service.slug: service.kind for service in _services(member.metadata, request.entity_id)}
    lines = []
    for service in _services(request.metadata, request.entity_id):
        if was.get(service.slug) == service.kind:
            continue
        before = f"was {was[service.slug]}" if service.slug in was else "is new"
        lines.append(f"{service.slug} {before} and will count as {service.kind}. By default members may send it:")
        lines.append(f"    {', '.join(sorted(default_members(service.kind)))}")
    return lines


def _services(metadata: Mapping[str, JsonObject], entity: EntityId) -> tuple[ServiceEntry, ...]:
    node = metadata.get(ENTITY_TYPE)
    return () if node is None else parse_node_metadata(node, entity=entity, as_stated=True).services


def _admit(
    settings: Settings, store: Store, admission: Admission, *, at: datetime, commit: Commit = lambda _: None
) -> None:
    """Store the member and forget its request; where the log last said that it may not take part, say that it may.

    Raises :class:`OperationRefused` where the member is not as it was when this was shown.
    """
    signer, issuer, request = authority_signer(settings, store), own_entity(settings), admission.request

    def work(tx: Transaction) -> None:
        if members.get(tx, entity=request.entity_id) != admission.member:
            raise _member_changed(request.entity_id)
        members.admit(
            tx,
            entity=request.entity_id,
            jwks=request.federation_keys.to_jwks(),
            metadata=request.metadata,
            state=SuspensionState.ACTIVE,
            at=at,
        )
        members.set_terms(tx, entity=request.entity_id, terms=admission.terms)
        _forget(tx, request.entity_id, admission.raw)
        last = suspensions.states(tx).get((issuer, request.entity_id), SuspensionState.ACTIVE)
        if last != SuspensionState.ACTIVE:
            log_state(tx, request.entity_id, SuspensionState.ACTIVE, at=at, issuer=issuer, signer=signer)
        commit(tx)

    store.write(work)


def _member_changed(entity: EntityId) -> OperationRefused:
    return OperationRefused(f"{entity} was changed meanwhile; nothing was done. Look at it again.")


def _forget(tx: Transaction, entity: EntityId, raw: bytes) -> None:
    """Forget this very request, and not one that came after it was shown."""
    at = now()
    waiting = enrolments.get(tx, entity=entity, now=at)
    if waiting is not None and waiting.raw == raw:
        enrolments.remove(tx, entity=entity)


def _keys(member: Member) -> KeySet:
    return KeySet.from_jwks(dict(member.jwks), KeyUse.FEDERATION)


def _kind(each: _Waiting) -> str:
    if each.request is None:
        return "cannot be read any more: dismiss it"
    what = "an authority" if each.request.fetch_endpoint is not None else "an agency"
    if _is_by_member(each.request, each.member, each.revoked):
        return f"{what} that is a member: new keys or services, signed with a key vouched for; needs no thumbprint"
    return what if each.member is None else f"{what} that is known here as {each.member.state}, with other keys"


def _to_json(each: _Waiting, *, with_thumbprints: bool) -> Mapping[str, Any]:
    request = each.request
    document: dict[str, Any] = {
        "entity_id": each.waiting.entity,
        "received_at": each.waiting.received_at.isoformat(),
        "expires_at": each.waiting.expires_at.isoformat(),
        "intermediate": request is not None and request.fetch_endpoint is not None,
        "signed_by_member": request is not None and _is_by_member(request, each.member, each.revoked),
    }
    return document | ({"thumbprints": list(request.thumbprints)} if with_thumbprints and request is not None else {})
