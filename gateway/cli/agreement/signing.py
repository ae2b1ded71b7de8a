"""``hearthgate agreement propose``, ``sign`` and ``sync``: an agreement and its signatures, from node to node."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import node_vault, now
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.files import read_input, write_new
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.signature_exchange import (
    DeliveryStatus,
    OfferResult,
    SignatureExchange,
    address,
    fetch_agreement,
)
from gateway.app.commands import federation_of
from gateway.cli.agreement import summary
from gateway.cli.agreement.exchanging import exchanged, exchanged_json, exchanged_lines, others
from gateway.cli.agreement.signatures import countersigning_of, signer_of, standing_of
from gateway.cli.agreement.standings import standing_json, standing_lines
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output, confirm, prompted, show_plan, yes_option
from gateway.ports import Transaction
from gateway.store.tables import agreements
from gateway.store.tables.agreements import StoredSignature
from trust import strict_json
from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.agreements.draft import parse_draft
from trust.agreements.signature import Signatory, build_signature
from trust.agreements.signing import advise
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.keys import Signer as KeySigner

_TOLD = {
    DeliveryStatus.DELIVERED: "has what we hold",
    DeliveryStatus.NOT_HELD: "does not hold this agreement yet; it asks for our signature when it signs",
    DeliveryStatus.REFUSED: "did not take our signature",
    DeliveryStatus.SILENT: "did not answer; this node goes on asking",
}

name_option = click.option("--name", required=True, help="Who signs for this agency.")
post_option = click.option("--post", required=True, help="In which post, such as Caldicott Guardian.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@name_option
@post_option
@yes_option
@command_output
def propose(*, file: Path, config: Path | None, name: str, post: str, yes: bool) -> UseCaseResult:
    """Sign the agreement in FILE for this agency, hold it here, and give its address for the other parties.

    Nothing is sent to anybody: each party fetches it from that address and signs for itself.
    """
    with federation_of(load_node(config)) as federation:
        raw = read_input(file, "The agreement")
        agreement = _signed_and_held(federation, raw, Signatory(name=name, post=post), yes=yes)
        standing = standing_of(federation.agreements, agreement, at=now())
    url = address(federation.own, agreement.ref.digest)
    return UseCaseResult(
        lines=[
            f"{agreement.id} version {agreement.version} ({agreement.title}) is signed and held here.",
            *standing_lines(standing),
            "Give this address to the other parties; it proves the wording, and each signs there with its own node:",
            f"  hearthgate agreement sign {url}",
        ],
        data={**standing_json(standing), "url": url},
    )


@click.command()
@click.argument("source", required=False, metavar="[URL|FILE]")
@config_option
@name_option
@post_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Only write the signature to this file; send nothing.",
)
@yes_option
@command_output
def sign(*, source: str | None, config: Path | None, name: str, post: str, **options: Any) -> UseCaseResult:
    """Sign an agreement for this agency, hold it here, and exchange signatures with the nodes of the other parties.

    It is fetched from the URL that a party gave you, which is asked for where none is given, or read from FILE. It is
    signed with this node's own federation key and no other, for exactly these bytes.
    """
    signatory, out, yes = Signatory(name=name, post=post), options["out"], options["yes"]
    with federation_of(load_node(config)) as federation:
        raw = _obtained(federation, source or _address_given())
        if out is not None:
            return _written(federation, raw, signatory, out, yes=yes)
        agreement = _signed_and_held(federation, raw, signatory, yes=yes)
        at = now()
        offered = exchanged(countersigning_of(federation), agreement, others(federation, agreement), at)
        standing = standing_of(federation.agreements, agreement, at=at)
    return _told(agreement, offered, standing)


@click.command()
@config_option
@command_output
def sync(*, config: Path | None) -> UseCaseResult:
    """Ask the other parties now for missing signatures, and tell them of endings. A running node does so by itself."""
    at = now()
    lines: list[str] = []
    found = []
    with federation_of(load_node(config)) as federation:
        countersigning = countersigning_of(federation)
        for agreement, parties in _to_call(federation, countersigning, at):
            offered = exchanged(countersigning, agreement, parties, at)
            again = standing_of(federation.agreements, agreement, at=now())
            lines += [f"{agreement.id} version {agreement.version}:"]
            lines += [*exchanged_lines(agreement, offered, _TOLD), *standing_lines(again)]
            found.append({**standing_json(again), "parties": [exchanged_json(each) for each in offered]})
        federation.agreements.settle(now())
    return UseCaseResult(
        lines=lines or ["No signature is missing, and every party has our notices of endings."],
        data={"agreements": found},
    )


def _to_call(
    federation: FederationContext, countersigning: SignatureExchange, at: datetime
) -> list[tuple[Agreement, list[EntityId]]]:
    """Return the parties whose signature is missing or that lack our notice of an ending, by agreement."""
    untold = [(agreement, [party]) for agreement, party in countersigning.endings.undelivered(now=at)]
    unsigned = [
        (standing.agreement, list(standing.missing))
        for standing in federation.agreements.standings(now=at)
        if isinstance(standing, NotInForce) and standing.missing and federation.own not in standing.missing
    ]
    return [*untold, *unsigned]


def _address_given() -> str:
    unanswered = "Nothing was signed: name the agreement's address or its file."
    return prompted("The address of the agreement, as a party gave it to you", unanswered=unanswered).strip()


def _obtained(federation: FederationContext, source: str) -> bytes:
    if source.startswith("https://"):
        return fetch_agreement(federation.transport, source)
    return read_input(Path(source), "The agreement")


def _checked(
    federation: FederationContext, raw: bytes, signatory: Signatory, key: KeySigner, *, yes: bool
) -> Agreement:
    """Show what is about to be signed, and ask. Raises :class:`OperationRefused`."""
    agreement = parse_draft(raw)
    party = agreement.party(federation.own)
    named = f"{agreement.id} version {agreement.version}"
    if party is None:
        raise OperationRefused(f"{federation.own} is not a party to {named}, so there is nothing to sign.")
    at, book = now(), federation.agreements
    advice = advise(agreement, signer_of(federation, agreement, at), today=at.date())
    if advice.faults:
        raise OperationRefused(f"{party.name} cannot sign {named}; nothing was signed.", list(advice.faults))
    show_plan(
        *summary.summary(agreement),
        *summary.change_lines(agreement, summary.version_before(agreement, book.standings(now=at))),
        *summary.signed_lines(agreement, book.signatures(agreement.ref, now=at)),
        *summary.question_lines(advice.questions),
        "",
        f"{signatory.name}, {signatory.post}, signs this for {party.name} ({federation.own}):",
        f"  {named}, digest {agreement.ref.digest}",
        f"  with the federation key {key.kid}",
    )
    confirm("Sign it all the same?" if advice.questions else "Sign it?", yes=yes)
    return agreement


def _signature(federation: FederationContext, agreement: Agreement, signatory: Signatory, signer: KeySigner) -> bytes:
    record(
        federation.settings,
        "agreement sign",
        agreement=str(agreement.id),
        version=agreement.version,
        digest=agreement.ref.digest,
    )
    return build_signature(agreement.ref, party=federation.own, signatory=signatory, signer=signer, now=now())


def _signed_and_held(federation: FederationContext, raw: bytes, signatory: Signatory, *, yes: bool) -> Agreement:
    signer = node_vault(federation.settings).signer(KeyUse.FEDERATION)
    agreement = _checked(federation, raw, signatory, signer, yes=yes)
    ref, at = agreement.ref, now()
    keys = strict_json.dumps(KeySet.of(KeyUse.FEDERATION, [signer.public]).to_jwks())
    signature = StoredSignature(raw=_signature(federation, agreement, signatory, signer), jwks=keys)

    def hold(tx: Transaction) -> None:
        agreements.put(tx, agreement_id=ref.id, version=ref.version, digest=ref.digest, raw=raw, added_at=at)
        agreements.put_signature(tx, agreement=ref, entity=federation.own, signature=signature, added_at=at)

    federation.store.write(hold)
    federation.agreements.settle(at)
    return agreement


def _written(federation: FederationContext, raw: bytes, signatory: Signatory, out: Path, *, yes: bool) -> UseCaseResult:
    """Sign for parties that are reached by other means than their nodes."""
    signer = node_vault(federation.settings).signer(KeyUse.FEDERATION)
    agreement = _checked(federation, raw, signatory, signer, yes=yes)
    write_new(out, _signature(federation, agreement, signatory, signer), "The signature")
    return UseCaseResult(
        lines=[
            f"The signature of {federation.own} on {agreement.id} version {agreement.version} is in {out}.",
            "Send it to every party; each adds it with `hearthgate agreement add`.",
        ],
        data={
            "entity_id": federation.own,
            "agreement": {"id": agreement.id, "version": agreement.version, "digest": agreement.ref.digest},
            "key_id": signer.kid,
            "signature": str(out),
        },
    )


def _told(agreement: Agreement, offered: Sequence[OfferResult], standing: InForce | NotInForce) -> UseCaseResult:
    return UseCaseResult(
        lines=[
            f"{agreement.id} version {agreement.version} ({agreement.title}) is signed and held here.",
            *exchanged_lines(agreement, offered, _TOLD),
            *standing_lines(standing),
        ],
        data={**standing_json(standing), "parties": [exchanged_json(each) for each in offered]},
    )
