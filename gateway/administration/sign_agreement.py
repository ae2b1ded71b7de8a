"""Sign an agreement for this agency, and exchange signatures with the nodes of the other parties."""

from collections.abc import Callable, Sequence
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
    other_parties,
    signer_of,
    standing_of,
)
from gateway.administration.context import node_vault, now
from gateway.administration.draft_check import read_draft
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.agreements.fetch import fetch_agreement
from gateway.agreements.signature_exchange import (
    DeliveryStatus,
    SignatureExchange,
    address,
)
from gateway.ports import Transaction
from gateway.store.tables import agreements
from gateway.store.tables.agreements import StoredSignature
from trust import strict_json
from trust.agreements.agreement import Agreement, NotInForce
from trust.agreements.draft import parse_draft
from trust.agreements.signature import Signatory, build_signature
from trust.agreements.signing import advise
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer

_OUTCOMES = {
    DeliveryStatus.DELIVERED: "has what we hold",
    DeliveryStatus.NOT_HELD: "does not hold this agreement yet; it asks for our signature when it signs",
    DeliveryStatus.REFUSED: "did not take our signature",
    DeliveryStatus.SILENT: "did not answer; this node goes on asking",
}


def plan_proposal(federation: FederationContext, file: Path, signatory: Signatory) -> ChangePlan:
    """Plan to sign an agreement and hold it, and give its address for the other parties; nothing is sent.

    Raises ``TrustError``, and :class:`OperationRefused` for what this agency cannot sign.
    """
    draft = _draft(federation, read_draft(file), signatory)

    def apply() -> UseCaseResult:
        draft.sign_and_hold()
        agreement = draft.agreement
        standing = standing_of(federation.agreements, agreement, at=now())
        url = address(federation.own, agreement.ref.digest)
        return UseCaseResult(
            lines=[
                f"{draft.named} ({agreement.title}) is signed and held here.",
                *summary.standing_lines(standing),
                "Give this address to the other parties. It proves the wording; each signs there with its own node:",
                f"  hearthgate agreement sign {url}",
            ],
            data={**summary.standing_json(standing), "url": url},
        )

    return draft.plan(apply)


def plan_signature(federation: FederationContext, source: str, signatory: Signatory) -> ChangePlan:
    """Plan to sign the agreement at an address or in a file, hold it, and exchange signatures with the other parties.

    Raises as :func:`plan_proposal` does.
    """
    draft = _draft(federation, _read(federation, source), signatory)

    def apply() -> UseCaseResult:
        draft.sign_and_hold()
        agreement, at = draft.agreement, now()
        offers = offer_to_all(exchange_of(federation), agreement, other_parties(federation, agreement), at)
        standing = standing_of(federation.agreements, agreement, at=at)
        return UseCaseResult(
            lines=[
                f"{draft.named} ({agreement.title}) is signed and held here.",
                *offer_lines(agreement, offers, _OUTCOMES),
                *summary.standing_lines(standing),
            ],
            data={**summary.standing_json(standing), "parties": [offer_json(each) for each in offers]},
        )

    return draft.plan(apply)


def plan_signature_file(federation: FederationContext, source: str, signatory: Signatory, out: Path) -> ChangePlan:
    """Plan to write the signature to a new file, for parties that are reached by other means than their nodes.

    Raises as :func:`plan_proposal` does.
    """
    draft = _draft(federation, _read(federation, source), signatory)

    def apply() -> UseCaseResult:
        ref = draft.agreement.ref
        write_new(out, draft.signature(now()), "The signature")
        return UseCaseResult(
            lines=[
                f"The signature of {federation.own} on {draft.named} is in {out}.",
                "Send it to every party; each adds it with `hearthgate agreement add`.",
            ],
            data={
                "entity_id": federation.own,
                "agreement": {"id": ref.id, "version": ref.version, "digest": ref.digest},
                "key_id": draft.signer.kid,
                "signature": str(out),
            },
        )

    return draft.plan(apply)


def exchange_signatures(federation: FederationContext) -> UseCaseResult:
    """Ask the other parties now for missing signatures, and tell them of endings."""
    lines: list[str] = []
    documents = []
    exchange, at = exchange_of(federation), now()
    for agreement, parties in _pending_calls(federation, exchange, at):
        offers = offer_to_all(exchange, agreement, parties, at)
        standing = standing_of(federation.agreements, agreement, at=now())
        lines += [f"{agreement.id} version {agreement.version}:", *offer_lines(agreement, offers, _OUTCOMES)]
        lines += summary.standing_lines(standing)
        documents.append({**summary.standing_json(standing), "parties": [offer_json(each) for each in offers]})
    federation.agreements.settle(now())
    return UseCaseResult(
        lines=lines or ["No signature is missing, and every party has our notices of endings."],
        data={"agreements": documents},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """An agreement that this agency can sign under ``name``; ``raw`` is signed byte for byte."""

    federation: FederationContext
    raw: bytes
    agreement: Agreement
    name: str
    signatory: Signatory
    signer: Signer
    public: KeySet
    questions: Sequence[str]

    @property
    def named(self) -> str:
        return f"{self.agreement.id} version {self.agreement.version}"

    def plan(self, apply: Callable[[], UseCaseResult]) -> ChangePlan:
        agreement, registry, at = self.agreement, self.federation.agreements, now()
        before = summary.version_before(agreement, registry.standings(now=at))
        effect = [
            *summary.read_out_lines(agreement),
            *summary.change_lines(agreement, before),
            *summary.signed_lines(agreement, registry.signatures(agreement.ref, now=at)),
            *summary.question_lines(self.questions),
            "",
            f"{self.signatory.name}, {self.signatory.post}, signs this for {self.name} ({self.federation.own}):",
            f"  {self.named}, digest {agreement.ref.digest}",
            f"  with the federation key {self.signer.kid}",
        ]
        question = "Sign it all the same?" if self.questions else "Sign it?"
        return ChangePlan(effect=effect, question=question, apply=apply)

    def signature(self, at: datetime) -> bytes:
        ref, own = self.agreement.ref, self.federation.own
        record(self.federation.settings, "agreement sign", **journal_facts(ref))
        return build_signature(ref, party=own, signatory=self.signatory, signer=self.signer, now=at)

    def sign_and_hold(self) -> None:
        """Store the agreement with our signature. Raises ``AgreementConflict`` where it was ended meanwhile."""
        ref, at = self.agreement.ref, now()
        signature = StoredSignature(raw=self.signature(at), jwks=strict_json.dumps(self.public.to_jwks()))

        def put(tx: Transaction) -> None:
            agreements.put(tx, agreement_id=ref.id, version=ref.version, digest=ref.digest, raw=self.raw, added_at=at)
            own = self.federation.own
            agreements.put_signature(tx, agreement=ref, entity=own, signature=signature, added_at=at)

        self.federation.store.write(put)
        self.federation.agreements.settle(at)


def _draft(federation: FederationContext, raw: bytes, signatory: Signatory) -> _Draft:
    agreement = parse_draft(raw)
    party = agreement.party(federation.own)
    named = f"{agreement.id} version {agreement.version}"
    if party is None:
        raise OperationRefused(f"{federation.own} is not a party to {named}, so there is nothing to sign.")
    at = now()
    advice = advise(agreement, signer_of(federation, agreement, at), today=at.date())
    if advice.faults:
        raise OperationRefused(f"{party.name} cannot sign {named}; nothing was signed.", list(advice.faults))
    signer = node_vault(federation.settings).signer(KeyUse.FEDERATION)
    return _Draft(
        federation=federation,
        raw=raw,
        agreement=agreement,
        name=party.name,
        signatory=signatory,
        signer=signer,
        public=KeySet.of(KeyUse.FEDERATION, [signer.public]),
        questions=advice.questions,
    )


def _read(federation: FederationContext, source: str) -> bytes:
    if source.startswith("https://"):
        return fetch_agreement(federation.transport, source)
    return read_draft(Path(source))


def _pending_calls(
    federation: FederationContext, exchange: SignatureExchange, at: datetime
) -> list[tuple[Agreement, list[EntityId]]]:
    """Return the parties that lack a document of ours, or whose signature is missing here, by agreement."""
    endings = [(agreement, [party]) for agreement, party in exchange.endings.undelivered(now=at)]
    unsigned = [
        (standing.agreement, list(standing.missing))
        for standing in federation.agreements.standings(now=at)
        if isinstance(standing, NotInForce)
        and standing.missing
        and federation.own not in standing.missing
        and standing.agreement.party(federation.own) is not None
    ]
    accessions = [
        (agreement, list(dict.fromkeys(each.party for each in deliveries)))
        for agreement in federation.agreements.open_documents(now=at)
        if (deliveries := exchange.accessions.undelivered(agreement, now=at))
    ]
    return [*endings, *unsigned, *accessions]
