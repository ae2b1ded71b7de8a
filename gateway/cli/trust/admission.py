"""``hearthgate trust pending``, ``admit`` and ``dismiss``: requests to be vouched for, and what becomes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import Settings, authority_signer, now, opened_store, own_entity
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.authority.suspension import log_state
from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import apply_plan, command_output, confirm, emergency_option, show_plan, yes_option
from gateway.cli.trust import terms as stated
from gateway.cli.trust.terms import GivenTerms, terms_options
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
from trust.federation.terms import SubordinateTerms, constraints_of, parse_terms
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse
from trust.strict_json import JsonObject

_HTTPS = "https://"
_ITS_REQUEST = "the member asked for it"
_WELCOME = "Members may exchange messages with it from now on, as far as they have signed agreements with it."


@click.command()
@click.option("--thumbprints", "shown", is_flag=True, help="Show them, to compare; what `admit` takes is read out.")
@config_option
@command_output
def pending(*, config: Path | None, shown: bool) -> UseCaseResult:
    """Show the requests that wait for their thumbprints to be compared, the oldest first. Strangers wrote them."""
    at = now()
    with opened_store(load_anchor(config)) as store:
        found = store.read(lambda tx: _inbox(tx, at))
    lines: list[str] = []
    for each in found:
        lines.append(f"{each.waiting.entity}  received {each.waiting.received_at:%Y-%m-%d %H:%M} UTC  {_kind(each)}")
        lines += fingerprints.lines(each.asked.thumbprints) if shown and each.asked is not None else []
    return UseCaseResult(
        lines=[*lines, "Ring each agency, and admit it by what it reads out: hearthgate trust admit ENTITY"]
        if lines
        else ["No request waits."],
        data={"pending": [_to_json(each, shown=shown) for each in found]},
    )


@click.command()
@click.argument("who", metavar="ENTITY|FILE")
@config_option
@click.option(
    "--thumbprint", "thumbprints", multiple=True, help="As the agency read it out to you [default: asked for]."
)
@terms_options
@emergency_option
@yes_option
@command_output
def admit(
    *,
    who: str,
    config: Path | None,
    thumbprints: tuple[str, ...],
    given: GivenTerms,
    emergency: str | None,
    yes: bool,
) -> UseCaseResult:
    """Vouch for ENTITY, whose enrolment request waits here, or for the agency that made the request in FILE.

    Ring the agency on a number that did not come with the request, have its administrator read out the thumbprint, and
    type it here: it is what ties the request to the agency. A member that changes its keys or services signs with a key
    that is vouched for already, and needs no thumbprint.

    A new member takes one administrator. A change of a member, or another admission of one that was removed, takes a
    second, or an emergency.
    """
    settings = load_anchor(config)
    with opened_store(settings) as store:
        raw = _request(store, who)
        asked = parse_enrolment_request(raw, now=now())
        held = store.read(lambda tx: members.get(tx, entity=asked.entity_id))
        _refuse_unknown(asked, held, thumbprints)
        _refuse_hasty(asked, held, store)
        terms = given.terms(held.terms if held is not None else None)
        _refuse_silent(asked, terms)
        _refuse_cut_off(asked, terms)
        admission = Admission(asked=asked, raw=raw, held=held, terms=terms)
        if held is not None:
            change = _change_of_member(admission, held, emergency)
            return apply_plan(plan_request(settings, change), yes=yes)
        if emergency is not None:
            raise OperationRefused("A new member takes one administrator; leave --emergency out.")
        show_plan(*_about(asked), *_effect(admission))
        confirm("Admit it?", yes=yes)
        kids, bound = list(asked.thumbprints), stated.to_json(terms)
        record(
            settings,
            "trust admit",
            entity_id=asked.entity_id,
            thumbprints=kids,
            terms=strict_json.dumps(bound).decode("utf-8"),
        )
        _admit(settings, store, admission, at=now())
    return UseCaseResult(
        lines=[f"{asked.entity_id} is a member.", *_effect(admission)],
        data={"entity_id": asked.entity_id, "state": SuspensionState.ACTIVE, "thumbprints": kids, "terms": bound},
    )


@click.command()
@click.argument("entity")
@click.option("--reason", required=True, help="Why; it is kept in the journal.")
@config_option
@yes_option
@command_output
def dismiss(*, entity: str, config: Path | None, reason: str, yes: bool) -> UseCaseResult:
    """Forget the request that waits of ENTITY; it may ask again."""
    settings, named = load_anchor(config), parse_entity_id(entity)
    with opened_store(settings) as store:
        waiting = _waiting(store, named)
        show_plan(
            f"The request of {named}, received {waiting.received_at:%Y-%m-%d %H:%M} UTC, will be forgotten. It may ask "
            "again, and is not told."
        )
        confirm("Dismiss it?", yes=yes)
        record(settings, "trust dismiss", entity_id=named, reason=reason)
        store.write(lambda tx: _forget(tx, named, waiting.raw))
    return UseCaseResult(lines=[f"The request of {named} is forgotten."], data={"entity_id": named, "reason": reason})


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A request that is to be admitted, on these terms; ``held`` is the member as it was, where it was one."""

    asked: EnrolmentRequest
    raw: bytes
    held: Member | None
    terms: SubordinateTerms


class _Change:
    """The act of admitting a known member's request: other keys, services or terms, or a removed one let in again."""

    name = "trust admit"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say what admitting it changes. Raises :class:`OperationRefused`, ``TrustError``."""
        with opened_store(settings) as store:
            admission = _planned(store, arguments)
        return [*_about(admission.asked), *_effect(admission)]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Admit the request. Raises as :meth:`effect`, and ``KeyFilesRefused``."""
        with opened_store(settings) as store:
            admission = _planned(store, arguments)
            _admit(settings, store, admission, at=at, commit=commit)
        return [f"{admission.asked.entity_id} is a member, as shown."]


ADMIT = _Change()


def _arguments(admission: Admission, held: Member) -> dict[str, str]:
    return {
        "entity_id": admission.asked.entity_id,
        "was": held.state,
        "since": held.changed_at.isoformat(),
        "terms": strict_json.dumps(stated.to_json(admission.terms)).decode("utf-8"),
        "document": admission.raw.decode("ascii"),
    }


def _planned(store: Store, arguments: Mapping[str, Any]) -> Admission:
    """Return the admission as it was asked for. Raises :class:`OperationRefused` where the member is another by now."""
    raw, terms = arguments["document"].encode("ascii"), arguments["terms"].encode("utf-8")
    asked = parse_enrolment_request(raw, now=now())
    held, revoked = store.read(
        lambda tx: (members.get(tx, entity=asked.entity_id), key_revocations.kids_of(tx, subject=asked.entity_id))
    )
    if held is None or (held.state, held.changed_at.isoformat()) != (arguments["was"], arguments["since"]):
        raise OperationRefused(
            f"{asked.entity_id} was changed since this was asked for: nothing was changed. Decline it, and ask again."
        )
    _refuse_revoked(asked, revoked)  # a key revoked since it was asked for would bring another one in its place
    return Admission(asked=asked, raw=raw, held=held, terms=parse_terms(strict_json.loads(terms, max_bytes=len(terms))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A request in the inbox; ``asked`` is None where it cannot be read any more, and ``held`` for a stranger's."""

    waiting: WaitingEnrolment
    asked: EnrolmentRequest | None
    held: Member | None
    revoked: frozenset[str]


def _inbox(tx: Transaction, at: datetime) -> list[_Waiting]:
    return [
        _Waiting(
            waiting=each,
            asked=_read(each.raw, at),
            held=members.get(tx, entity=each.entity),
            revoked=key_revocations.kids_of(tx, subject=each.entity),
        )
        for each in enrolments.list(tx, now=at)
    ]


def _read(raw: bytes, at: datetime) -> EnrolmentRequest | None:
    try:
        return parse_enrolment_request(raw, now=at)
    except TrustError:
        return None


def _change_of_member(admission: Admission, held: Member, emergency: str | None) -> ChangeRequest:
    return ChangeRequest(act=ADMIT, arguments=_arguments(admission, held), reason=_ITS_REQUEST, emergency=emergency)


def _request(store: Store, who: str) -> bytes:
    if who.startswith(_HTTPS):
        return _waiting(store, parse_entity_id(who)).raw
    if not Path(who).exists():
        raise OperationRefused(
            f"{who} is neither an entity, such as https://council.example, nor the file of a request."
        )
    return read_input(Path(who), "The enrolment request")


def _waiting(store: Store, entity: EntityId) -> WaitingEnrolment:
    at = now()
    waiting = store.read(lambda tx: enrolments.get(tx, entity=entity, now=at))
    if waiting is None:
        raise OperationRefused(f"No request of {entity} waits here; `hearthgate trust pending` lists those that do.")
    return waiting


def _proves_itself(asked: EnrolmentRequest, held: Member | None, revoked: frozenset[str] = frozenset()) -> bool:
    """Tell whether an active member's own, vouched-for key signed the request, and not one that it ``revoked``."""
    if held is None or held.state != SuspensionState.ACTIVE or asked.signed_with in revoked:
        return False
    return compare(asked, keys=_keys(held), metadata=held.metadata).signed_by_member


def _refuse_unknown(asked: EnrolmentRequest, held: Member | None, thumbprints: tuple[str, ...]) -> None:
    """Refuse what was not compared, before its own thumbprints are shown, so that nobody can copy them from there."""
    if not thumbprints and _proves_itself(asked, held):
        return
    given = thumbprints or fingerprints.typed(asked.entity_id)
    if not fingerprints.compare(given, asked.thumbprints):
        raise OperationRefused(
            f"What you typed is not the thumbprint of the key that signed {asked.entity_id}'s request. If it is what "
            "the agency read out to you, this request was not made by the agency: do not admit it, and tell them."
        )


def _refuse_hasty(asked: EnrolmentRequest, held: Member | None, store: Store) -> None:
    if held is not None and held.state == SuspensionState.SUSPENDED:
        raise OperationRefused(
            f"{asked.entity_id} is suspended. Lift that first, deliberately: hearthgate trust readmit {asked.entity_id}"
        )
    _refuse_revoked(asked, store.read(lambda tx: key_revocations.kids_of(tx, subject=asked.entity_id)))


def _refuse_revoked(asked: EnrolmentRequest, revoked: frozenset[str]) -> None:
    """Refuse keys that the agency itself has revoked: they never come back."""
    again = asked.federation_keys.kids & revoked
    if again:
        raise OperationRefused(
            f"{asked.entity_id} has revoked a key that it names, {', '.join(sorted(again))}: its node may run from an "
            "older backup. Have its administrators make a new key and ask again."
        )


def _refuse_silent(asked: EnrolmentRequest, terms: SubordinateTerms) -> None:
    if terms.intermediate and asked.fetch_endpoint is None:
        raise OperationRefused(
            f"{asked.entity_id} does not say where it would vouch for others, so it cannot be an intermediate; leave "
            "--intermediate out, or have it ask as one."
        )


def _refuse_cut_off(asked: EnrolmentRequest, terms: SubordinateTerms) -> None:
    try:
        check_constraints(constraints_of(terms), intermediates=0, below=[asked.entity_id])
    except ChainRefused as refused:
        raise OperationRefused(
            f"The names leave out {asked.entity_id} itself, so nobody would trust it or anybody below it; allow its "
            "own host too: .DOMAIN is every name under DOMAIN, and not DOMAIN."
        ) from refused


def _about(asked: EnrolmentRequest) -> list[str]:
    stated_of_node = asked.metadata.get(ENTITY_TYPE)
    node: NodeMetadata | None = None
    if stated_of_node is not None:
        node = parse_node_metadata(stated_of_node, entity=asked.entity_id, as_stated=True)
    return [
        f"{asked.entity_id} asks to be admitted" + (f" as {node.name}:" if node else "."),
        *(f"  {service.name} ({service.slug}, {service.kind})" for service in (node.services if node else ())),
        "Its request was signed with the key of this thumbprint:",
        *fingerprints.lines([asked.signed_with]),
    ]


def _effect(admission: Admission) -> list[str]:
    """Say what admitting changes."""
    asked, held, terms = admission.asked, admission.held, admission.terms
    lines = stated.lines(terms)
    if asked.fetch_endpoint is not None and not terms.intermediate:
        lines.append("It offers to vouch for others and is not let: --intermediate lets it.")
    if held is None:
        return [_WELCOME, *lines]
    if held.state == SuspensionState.REMOVED:
        return [f"It was removed {held.changed_at:%Y-%m-%d}, and is let in again. {_WELCOME}", *lines]
    change = compare(asked, keys=_keys(held), metadata=held.metadata)
    said = [f"A key more is vouched for: {kid}" for kid in change.keys_added]
    said += [f"A key is vouched for no longer: {kid}" for kid in change.keys_dropped]
    said += [f"It now states {name}." for name in change.types_added]
    said += [f"It no longer states {name}." for name in change.types_dropped]
    said += [f"What it states as {name} is new, as shown above." for name in change.types_changed]
    said += _kinds_opened(asked, held)
    if terms != held.terms:
        said += ["Its terms change:", *lines]
    return ["It is a member already.", *(said or ["Nothing changes."])]


def _kinds_opened(asked: EnrolmentRequest, held: Member) -> list[str]:
    """Say what members may send a service of another kind than before."""
    was = {service.slug: service.kind for service in _services(held.metadata, asked.entity_id)}
    lines = []
    for service in _services(asked.metadata, asked.entity_id):
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
    signer, issuer, asked = authority_signer(settings, store), own_entity(settings), admission.asked

    def work(tx: Transaction) -> None:
        if members.get(tx, entity=asked.entity_id) != admission.held:
            raise OperationRefused(f"{asked.entity_id} was changed meanwhile; nothing was done. Look at it again.")
        members.admit(
            tx,
            entity=asked.entity_id,
            jwks=asked.federation_keys.to_jwks(),
            metadata=asked.metadata,
            state=SuspensionState.ACTIVE,
            at=at,
        )
        members.set_terms(tx, entity=asked.entity_id, terms=admission.terms)
        _forget(tx, asked.entity_id, admission.raw)
        last = suspensions.states(tx).get((issuer, asked.entity_id), SuspensionState.ACTIVE)
        if last != SuspensionState.ACTIVE:
            log_state(tx, asked.entity_id, SuspensionState.ACTIVE, at=at, issuer=issuer, signer=signer)
        commit(tx)

    store.write(work)


def _forget(tx: Transaction, entity: EntityId, raw: bytes) -> None:
    """Forget this very request, and not one that came after it was shown."""
    at = now()
    waiting = enrolments.get(tx, entity=entity, now=at)
    if waiting is not None and waiting.raw == raw:
        enrolments.remove(tx, entity=entity)


def _keys(held: Member) -> KeySet:
    return KeySet.from_jwks(dict(held.jwks), KeyUse.FEDERATION)


def _kind(each: _Waiting) -> str:
    if each.asked is None:
        return "cannot be read any more: dismiss it"
    what = "an authority" if each.asked.fetch_endpoint is not None else "an agency"
    if _proves_itself(each.asked, each.held, each.revoked):
        return f"{what} that is a member: new keys or services, signed with a key vouched for; needs no thumbprint"
    return what if each.held is None else f"{what} that is known here as {each.held.state}, with other keys"


def _to_json(each: _Waiting, *, shown: bool) -> Mapping[str, Any]:
    asked = each.asked
    found: dict[str, Any] = {
        "entity_id": each.waiting.entity,
        "received_at": each.waiting.received_at.isoformat(),
        "expires_at": each.waiting.expires_at.isoformat(),
        "intermediate": asked is not None and asked.fetch_endpoint is not None,
        "signed_by_member": asked is not None and _proves_itself(asked, each.held, each.revoked),
    }
    return found | ({"thumbprints": list(asked.thumbprints)} if shown and asked is not None else {})
