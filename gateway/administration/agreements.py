"""The agreements that this node holds: add one with its signatures, list and show them."""

from collections.abc import Sequence
from pathlib import Path

from config.settings import NodeSettings
from gateway.administration import agreement_summary as summary
from gateway.administration.agreement_exchange import VerifiedSignature, journal_facts, standing_of, verify
from gateway.administration.context import now, opened_store, own_entity
from gateway.administration.draft_check import read_draft
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.suspensions import suspension_deliveries
from gateway.ports import Store, Transaction
from gateway.store.tables import agreements
from trust.agreements.accession import Accession
from trust.agreements.agreement import Agreement, InForce, NotInForce, parse_agreement
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId


def plan_addition(federation: FederationContext, file: Path, signatures: Sequence[Path]) -> ChangePlan:
    """Plan to store an agreement and signatures that verify with keys which an anchor vouches for.

    Raises ``TrustError``, and :class:`OperationRefused` where this agency is no party.
    """
    raw = read_draft(file)
    agreement = parse_agreement(raw)
    named = f"{agreement.id} version {agreement.version}"
    if agreement.party(federation.own) is None:
        raise OperationRefused(f"{federation.own} is not a party to {named}.")
    at = now()
    verified = [verify(federation, agreement, read_input(path, "The signature"), at=at) for path in signatures]
    parties = [str(each.signature.party) for each in verified]

    def put(tx: Transaction) -> None:
        ref = agreement.ref
        agreements.put(tx, agreement_id=ref.id, version=ref.version, digest=ref.digest, raw=raw, added_at=at)
        for each in verified:
            party = each.signature.party
            agreements.put_signature(tx, agreement=ref, entity=party, signature=each.stored, added_at=at)

    def apply() -> UseCaseResult:
        record(federation.settings, "agreement add", **journal_facts(agreement.ref), signatures=parties)
        federation.store.write(put)
        federation.agreements.settle(at)
        standing = standing_of(federation.agreements, agreement, at=at)
        return UseCaseResult(
            lines=[
                f"{named} ({agreement.title}) is held here.",
                *_signature_lines(verified),
                *summary.standing_lines(standing),
            ],
            data={**summary.standing_json(standing), "added_signatures": parties},
        )

    effect = [*summary.read_out_lines(agreement), *_signature_lines(verified)]
    return ChangePlan(
        effect=[*effect, "This node will store it with these signatures."], question="Store it?", apply=apply
    )


def list_agreements(settings: NodeSettings) -> UseCaseResult:
    """List every agreement of this node, and whether it is in force."""
    with opened_store(settings) as store:
        registry = AgreementRegistry(store, own=own_entity(settings))
        standings = registry.standings(now=now())
        waiting = {each.agreement.ref: _waiting(registry, each.agreement.ref) for each in standings}
    lines, documents = [], []
    for standing in standings:
        agreement = standing.agreement
        lines.append(f"{agreement.id} version {agreement.version}: {agreement.title}")
        lines += summary.standing_lines(standing)
        lines += [f"  {line}" for line in summary.joiner_lines(agreement, waiting[agreement.ref])]
        joiners = summary.joiners_json(agreement, waiting[agreement.ref])
        documents.append({**summary.standing_json(standing), **joiners})
    return UseCaseResult(
        lines=lines or ["No agreement is held here yet: hearthgate agreement add FILE SIGNATURE..."],
        data={"agreements": documents},
    )


def show_agreement(settings: NodeSettings, agreement_id: str) -> UseCaseResult:
    """Show every version of an agreement in full, with its signatories. Raises :class:`OperationRefused`."""
    with opened_store(settings) as store:
        registry = AgreementRegistry(store)
        versions = versions_of(registry, agreement_id)
        signatures = [registry.signatures(each.agreement.ref, now=now()) for each in versions]
        seen_here = AgreementRegistry(store, own=own_entity(settings))
        joiners = [_joiners(seen_here, each.agreement.ref) for each in versions]
        standings = versions_of(seen_here, agreement_id)
        notices = [_notices(store, seen_here, each.agreement, own_entity(settings)) for each in versions]
        suspensions = [seen_here.suspension(each.agreement.ref, now=now()) for each in standings]
    lines: list[str] = []
    documents = []
    for position, (document, signed_by, (view, waiting)) in enumerate(zip(versions, signatures, joiners, strict=True)):
        agreement, standing, notice = document.agreement, standings[position], notices[position]
        before = summary.version_before(agreement, versions)
        lines += [*summary.read_out_lines(agreement), *summary.signed_lines(agreement, signed_by)]
        lines += [*summary.change_lines(agreement, before), *summary.standing_lines(standing)]
        suspension = suspensions[position]
        lines += [] if suspension is None else [f"  The reason given: {suspension.reason}"]
        lines += summary.joiner_lines(view, waiting)
        lines += [f"  {name} has {'' if has else 'not yet had '}our notice." for name, has in notice.items()]
        documents.append(
            {
                **summary.agreement_json(agreement),
                **summary.standing_json(standing),
                **summary.joiners_json(view, waiting),
                "signed_by": [each.party for each in signed_by],
                "signatures": summary.signatures_json(signed_by),
                "notices": notice,
                "suspension_reason": None if suspension is None else suspension.reason,
            }
        )
    return UseCaseResult(lines=lines, data={"versions": documents})


def _notices(store: Store, registry: AgreementRegistry, agreement: Agreement, own: EntityId) -> dict[str, bool]:
    """Return for each other party whether its node has this agency's newest notice: an ending, or of a suspension."""
    newest = registry.suspension_notices(agreement.ref, now=now()).get(own)
    endings, deliveries = store.read(lambda tx: (agreements.endings(tx), agreements.deliveries(tx)))
    version = (agreement.id, agreement.version)
    others = [party for party in agreement.parties if party.entity != own]
    if any(each.entity == own and (each.agreement_id, each.version) == version for each in endings):
        return {party.name: (*version, party.entity) in deliveries for party in others}
    has_notice = store.read(lambda tx: suspension_deliveries(tx, agreement, newest))
    return {party.name: has_notice[party.entity] for party in others if party.entity in has_notice}


def versions_of(registry: AgreementRegistry, agreement_id: str) -> list[InForce | NotInForce]:
    """Return how each version of an agreement stands, lowest first. Raises ``OperationRefused`` where there is none."""
    versions = [standing for standing in registry.standings(now=now()) if standing.agreement.id == agreement_id]
    if not versions:
        raise OperationRefused(f"No agreement {agreement_id} is held here; see `hearthgate agreement list`.")
    return versions


def _waiting(registry: AgreementRegistry, ref: AgreementRef) -> list[Accession]:
    records = registry.joiner_records(ref, now=now()).accessions
    return [each.accession for each in records if each.admission is None]


def _joiners(registry: AgreementRegistry, ref: AgreementRef) -> tuple[Agreement, list[Accession]]:
    standing = registry.find(ref, now=now())
    if standing is None:
        raise LookupError("the agreement was just read")
    return standing.agreement, _waiting(registry, ref)


def _signature_lines(verified: Sequence[VerifiedSignature]) -> list[str]:
    return [
        f"  signed by {each.signature.party}: {each.signature.signatory.name}, {each.signature.signatory.post}"
        for each in verified
    ]
