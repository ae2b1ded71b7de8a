"""Join an agreement that names a class for this agency, admit an agency that joins, and confirm it or object."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.administration import agreement_summary as summary
from gateway.administration.agreement_exchange import (
    exchange_of,
    journal_facts,
    offer_json,
    offer_lines,
    offer_to_all,
    signer_of,
)
from gateway.administration.agreements import versions_of
from gateway.administration.context import node_vault, now
from gateway.administration.draft_check import read_draft
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.agreements.accessions import member_facts
from gateway.agreements.fetch import fetch_agreement
from gateway.agreements.signature_exchange import DeliveryStatus, SignatureExchange
from gateway.store.tables import agreements
from trust.agreements.accession import (
    Accession,
    Ruling,
    build_accession,
    build_admission,
    build_ruling,
    check_accession,
    may_admit,
)
from trust.agreements.agreement import Agreement, InForce, Party, parse_agreement
from trust.agreements.joined import HeldAccession, counts, may_rule, with_joined
from trust.agreements.joining import JoinedParty, JoiningClass
from trust.agreements.legal_entry import UkNation
from trust.agreements.signature import Signatory
from trust.agreements.signing import advise
from trust.claims import from_seconds
from trust.errors import TrustError
from trust.exchange.envelope import AgreementRef
from trust.federation.trust_mark import name_mark
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeyUse

_OUTCOMES = {
    DeliveryStatus.DELIVERED: "has it",
    DeliveryStatus.NOT_HELD: "does not hold this agreement",
    DeliveryStatus.REFUSED: "did not take it; this node goes on telling it",
    DeliveryStatus.SILENT: "did not answer; this node goes on telling it",
}
_VERBS = {Ruling.CONFIRMED: "confirm", Ruling.OBJECTED: "object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessionRequest:
    """What the joiner says of itself. Without services, all of its own that the class takes; a class, if it has one."""

    class_id: str | None
    services: Sequence[str]
    nations: Sequence[UkNation]
    complaints: str


def plan_joining(
    federation: FederationContext, source: str, request: AccessionRequest, signatory: Signatory
) -> ChangePlan:
    """Plan to sign an accession to the agreement at an address, in a file or held here, and to bring it for admission.

    Raises ``TrustError``, and :class:`OperationRefused` for what this agency cannot join.
    """
    raw = _read(federation, source)
    agreement, at = parse_agreement(raw), now()
    joining = _class_of(agreement, request.class_id)
    party = _own_party(federation, agreement, joining, request)
    own_entry = JoinedParty(party=party, class_id=joining.id, accession="")
    as_joined = with_joined(agreement, [own_entry], {})
    advice = advise(as_joined, signer_of(federation, as_joined, at), today=at.date())
    if advice.faults:
        raise OperationRefused(f"{party.name} cannot join {_version_name(agreement.ref)}:", list(advice.faults))
    signer = node_vault(federation.settings).signer(KeyUse.FEDERATION)

    def sign() -> bytes:
        return build_accession(agreement.ref, joining.id, party=party, signatory=signatory, signer=signer, now=now())

    questions = [*advice.questions, *_own_doubts(federation, joining, party, at)]
    effect = [
        *summary.read_out_lines(as_joined),
        *summary.question_lines(questions),
        "",
        f"{signatory.name}, {signatory.post}, joins for {party.name} ({federation.own}) as {joining.id}:",
        f"  {_version_name(agreement.ref)}, digest {agreement.ref.digest}",
        f"  with: {', '.join(party.services)}",
    ]

    def apply() -> UseCaseResult:
        return _join(federation, agreement, raw, sign(), joining)

    return ChangePlan(effect=effect, question="Join it all the same?" if questions else "Join it?", apply=apply)


def plan_admission(
    federation: FederationContext, agreement_id: str, joiner: EntityId, signatory: Signatory
) -> ChangePlan:
    """Plan to admit an agency whose accession waits here. Raises ``TrustError``, and :class:`OperationRefused`."""
    agreement, at = _document(federation, agreement_id), now()
    waiting = [each.accession for each in _records(federation, agreement, joiner, at) if each.admission is None]
    if not waiting:
        raise OperationRefused(f"No accession of {joiner} waits here; see `hearthgate agreement show {agreement_id}`.")
    accession = waiting[-1]
    if not may_admit(agreement, accession.class_id, federation.own):
        raise OperationRefused(f"{federation.own} does not admit agencies to class {accession.class_id}.")
    _refuse_reasons(federation, agreement, accession, at)

    def apply() -> UseCaseResult:
        exchange, signed_at = exchange_of(federation), now()
        signer = node_vault(federation.settings).signer(KeyUse.FEDERATION)
        record(federation.settings, "agreement admit", **journal_facts(agreement.ref), party=joiner)
        raw = build_admission(accession, party=federation.own, signatory=signatory, signer=signer, now=signed_at)
        if not exchange.accessions.admit(agreement, accession, raw, now=signed_at):
            raise OperationRefused(f"{joiner} has been admitted already; nothing was changed.")
        return _deliver(federation, exchange, agreement, f"{accession.party.name} is admitted.")

    effect = [*_accession_lines(accession), f"{signatory.name}, {signatory.post}, admits it for this agency."]
    return ChangePlan(effect=effect, question="Admit it?", apply=apply)


def plan_ruling(
    federation: FederationContext, agreement_id: str, joiner: EntityId, ruling: Ruling, signatory: Signatory
) -> ChangePlan:
    """Plan to confirm an agency that joined, or to object to it. Raises :class:`OperationRefused`."""
    agreement, at = _document(federation, agreement_id), now()
    records = [each for each in _records(federation, agreement, joiner, at) if counts(agreement, each)]
    if not records:
        raise OperationRefused(f"{joiner} has not joined {agreement_id}, or is not admitted yet.")
    if not may_rule(agreement, federation.agreements.joiner_records(agreement.ref, now=at), federation.own, joiner):
        raise OperationRefused(f"{federation.own} does not decide on {joiner}: it is no party, and has not joined.")
    accession = max((each.accession for each in records), key=lambda each: each.signed_at)

    def apply() -> UseCaseResult:
        exchange, signed_at = exchange_of(federation), _after_earlier(federation, agreement.ref, joiner)
        signer = node_vault(federation.settings).signer(KeyUse.FEDERATION)
        record(federation.settings, f"agreement {_VERBS[ruling]}", **journal_facts(agreement.ref), party=joiner)
        raw = build_ruling(accession, ruling, party=federation.own, signatory=signatory, signer=signer, now=signed_at)
        if exchange.accessions.accept_ruling(agreement, raw, caller=federation.own, now=signed_at) is None:
            raise OperationRefused(
                "This agency ruled on it meanwhile; nothing was changed. Look at `hearthgate agreement show`."
            )
        return _deliver(federation, exchange, agreement, f"{accession.party.name} is {ruling}.")

    effect = [*_accession_lines(accession), _effect_of(ruling, accession)]
    question = "Confirm it?" if ruling is Ruling.CONFIRMED else "Object to it?"
    return ChangePlan(effect=effect, question=question, apply=apply)


def _after_earlier(federation: FederationContext, ref: AgreementRef, joiner: EntityId) -> datetime:
    """Return the present instant, at least a second after this agency's last ruling: the later one counts."""
    at = now()
    earlier = federation.agreements.joiner_records(ref, now=at).ruling(federation.own, joiner)
    return at if earlier is None else max(at, from_seconds(earlier.signed_at + 1))


def _join(
    federation: FederationContext, agreement: Agreement, raw: bytes, signed: bytes, joining: JoiningClass
) -> UseCaseResult:
    ref, at = agreement.ref, now()
    record(federation.settings, "agreement join", **journal_facts(ref), joining_class=joining.id)
    federation.store.write(
        lambda tx: agreements.put(tx, agreement_id=ref.id, version=ref.version, digest=ref.digest, raw=raw, added_at=at)
    )
    exchange = exchange_of(federation)
    exchange.accessions.accept_accession(agreement, signed, None, federation.own, at)
    names = [party.name for party in agreement.parties if party.entity in joining.admitted_by]
    return _deliver(
        federation, exchange, agreement, f"The accession is signed. It counts once {' or '.join(names)} admits it."
    )


def _deliver(
    federation: FederationContext, exchange: SignatureExchange, agreement: Agreement, sentence: str
) -> UseCaseResult:
    """Tell the parties that lack something of it, and return what came of it."""
    at = now()
    parties = dict.fromkeys(each.party for each in exchange.accessions.undelivered(agreement, now=at))
    offers = offer_to_all(exchange, agreement, list(parties), at)
    view = _view(federation, agreement.ref, at)
    return UseCaseResult(
        lines=[sentence, *offer_lines(view, offers, _OUTCOMES), *summary.joiner_lines(view, ())],
        data={**journal_facts(agreement.ref), "parties": [offer_json(each) for each in offers]},
    )


def _read(federation: FederationContext, source: str) -> bytes:
    if source.startswith("https://"):
        return fetch_agreement(federation.transport, source)
    if Path(source).is_file():
        return read_draft(Path(source))
    ref = _document(federation, source).ref
    stored = federation.store.read(lambda tx: agreements.find(tx, digest=ref.digest))
    if stored is None:
        raise OperationRefused(f"{source} has ended; nothing can be joined.")
    return stored.raw


def _document(federation: FederationContext, agreement_id: str) -> Agreement:
    """Return the document of the version in force, else of the highest."""
    versions = versions_of(federation.agreements, agreement_id)
    chosen = next((each for each in versions if isinstance(each, InForce)), versions[-1]).agreement.ref
    return next(each for each in federation.agreements.documents(now=now()) if each.ref == chosen)


def _view(federation: FederationContext, ref: AgreementRef, at: datetime) -> Agreement:
    standing = federation.agreements.find(ref, now=at)
    if standing is None:
        raise LookupError("the agreement was just read")
    return standing.agreement


def _records(
    federation: FederationContext, agreement: Agreement, joiner: EntityId, at: datetime
) -> list[HeldAccession]:
    records = federation.agreements.joiner_records(agreement.ref, now=at).accessions
    return [each for each in records if each.accession.issuer == joiner]


def _class_of(agreement: Agreement, class_id: str | None) -> JoiningClass:
    ids = ", ".join(each.id for each in agreement.joining)
    if not agreement.joining:
        raise OperationRefused(
            f"No agency may join {_version_name(agreement.ref)}; its parties sign a new version instead."
        )
    if class_id is None and len(agreement.joining) > 1:
        raise OperationRefused(f"Name the class to join with --class, one of: {ids}.")
    joining = agreement.joining[0] if class_id is None else agreement.joining_class(class_id)
    if joining is None:
        raise OperationRefused(f"{_version_name(agreement.ref)} has no class {class_id}; it has: {ids}.")
    return joining


def _own_party(
    federation: FederationContext, agreement: Agreement, joining: JoiningClass, request: AccessionRequest
) -> Party:
    if agreement.party(federation.own) is not None:
        raise OperationRefused(f"{federation.own} is a party of {_version_name(agreement.ref)}; sign it instead.")
    fitting = [each.slug for each in federation.settings.services if each.kind in joining.kinds]
    services = tuple(ServiceSlug(each) for each in (request.services or fitting))
    unfit = [each for each in services if each not in fitting]
    if unfit or not services:
        which = f"{', '.join(unfit)} is not" if unfit else "No service of this agency is"
        raise OperationRefused(f"{which} of a kind that class {joining.id} takes: {', '.join(joining.kinds)}.")
    return Party(
        entity=federation.own,
        name=federation.settings.node.name,
        services=services,
        nations=frozenset(request.nations),
        complaints=request.complaints,
    )


def _own_doubts(federation: FederationContext, joining: JoiningClass, party: Party, at: datetime) -> Iterator[str]:
    """Ask about what the admitting party will check, as far as this node knows it of itself."""
    try:
        facts = member_facts(federation.directory, federation.own, at)
    except TrustError:
        yield "No authority could be asked about this agency. Is it a member of the federation?"
        return
    for mark in joining.marks:
        if mark not in facts.marks:
            yield f"This node knows of no valid {name_mark(mark)} of its own. Does this agency hold it?"
    for slug in party.services:
        if slug not in facts.kinds:
            yield f"No authority is known here to vouch for the service {slug}. Was it admitted?"


def _refuse_reasons(federation: FederationContext, agreement: Agreement, accession: Accession, at: datetime) -> None:
    facts = member_facts(federation.directory, accession.issuer, at)
    reasons = check_accession(agreement, accession, marks=facts.marks, kinds=facts.kinds)
    if reasons:
        raise OperationRefused(f"{accession.party.name} cannot join {_version_name(agreement.ref)}:", list(reasons))


def _accession_lines(accession: Accession) -> Iterable[str]:
    party, who = accession.party, accession.signatory
    return (
        f"{party.name} ({party.entity}) joins {_version_name(accession.agreement)} as {accession.class_id}",
        f"  with: {', '.join(party.services)}",
        f"  signed by {who.name}, {who.post}",
        f"  A person complains to it so: {party.complaints}",
    )


def _effect_of(ruling: Ruling, accession: Accession) -> str:
    if ruling is Ruling.CONFIRMED:
        return f"Every clause that lets {accession.class_id} in opens between it and this agency."
    return "Nothing flows between it and this agency until this agency confirms it."


def _version_name(ref: AgreementRef) -> str:
    return f"{ref.id} version {ref.version}"
