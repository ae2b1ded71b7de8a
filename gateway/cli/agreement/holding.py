"""``hearthgate agreement add``, ``list`` and ``show``: the agreements that this node holds."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from gateway.administration.context import now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.app.commands import federation_of
from gateway.cli.agreement import summary
from gateway.cli.agreement.ending import versions_of
from gateway.cli.agreement.signatures import Signed, standing_of, verified
from gateway.cli.agreement.standings import standing_json, standing_lines
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.ports import Transaction
from gateway.store.tables import agreements
from trust.agreements.agreement import Agreement, parse_agreement


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("signatures", metavar="[SIGNATURE]...", nargs=-1, type=click.Path(path_type=Path))
@config_option
@yes_option
@command_output
def add(*, file: Path, signatures: tuple[Path, ...], config: Path | None, yes: bool) -> UseCaseResult:
    """Hold the agreement in FILE, and these signatures, after each was verified with its party's own federation key.

    The keys are those that the anchor vouches for; the party itself need not be reachable. Signatures may be added
    later, with the same FILE. Nothing flows until every party has signed.
    """
    settings = load_node(config)
    raw = read_input(file, "The agreement")
    agreement = parse_agreement(raw)
    if agreement.party(settings.node.entity_id) is None:
        raise OperationRefused(
            f"{settings.node.entity_id} is not a party to {agreement.id} version {agreement.version}."
        )
    at = now()
    with federation_of(settings) as federation:
        signed = [verified(federation, agreement, read_input(path, "The signature"), at=at) for path in signatures]
        show_plan(*summary.summary(agreement), *_signed_lines(signed), "It will be held here with these signatures.")
        confirm("Hold it?", yes=yes)
        record(
            settings,
            "agreement add",
            **_named(agreement),
            signatures=[str(each.signature.party) for each in signed],
        )
        federation.store.write(lambda tx: _put(tx, agreement, raw, signed, at))
        federation.agreements.settle(at)
        standing = standing_of(federation.agreements, agreement, at=at)
    return UseCaseResult(
        lines=[
            f"{agreement.id} version {agreement.version} ({agreement.title}) is held here.",
            *_signed_lines(signed),
            *standing_lines(standing),
        ],
        data={**standing_json(standing), "added_signatures": [each.signature.party for each in signed]},
    )


@click.command("list")
@config_option
@command_output
def list_agreements(*, config: Path | None) -> UseCaseResult:
    """Show every agreement held here, and whether it is in force."""
    with opened_store(load_node(config)) as store:
        standings = AgreementRegistry(store).standings(now=now())
    lines = []
    for standing in standings:
        held = standing.agreement
        lines.append(f"{held.id} version {held.version}: {held.title}")
        lines += standing_lines(standing)
    return UseCaseResult(
        lines=lines or ["No agreement is held here yet: hearthgate agreement add FILE SIGNATURE..."],
        data={"agreements": [standing_json(standing) for standing in standings]},
    )


@click.command()
@click.argument("agreement_id", metavar="ID")
@config_option
@command_output
def show(*, agreement_id: str, config: Path | None) -> UseCaseResult:
    """Show every version of the agreement ID in full, and who has signed it."""
    with opened_store(load_node(config)) as store:
        book, at = AgreementRegistry(store), now()
        found = versions_of(book, agreement_id, at)
        signed = {each.agreement.ref: book.signatures(each.agreement.ref, now=at) for each in found}
    lines: list[str] = []
    for standing in found:
        held = standing.agreement
        lines += [*summary.summary(held), *summary.signed_lines(held, signed[held.ref])]
        lines += [*summary.change_lines(held, summary.version_before(held, found)), *standing_lines(standing)]
    return UseCaseResult(
        lines=lines,
        data={
            "versions": [
                {
                    **summary.to_json(standing.agreement),
                    **standing_json(standing),
                    "signed_by": [each.party for each in signed[standing.agreement.ref]],
                    "signatures": summary.signatures_json(signed[standing.agreement.ref]),
                }
                for standing in found
            ]
        },
    )


def _signed_lines(signed: Sequence[Signed]) -> list[str]:
    return [
        f"  signed by {each.signature.party}: {each.signature.signatory.name}, {each.signature.signatory.post}"
        for each in signed
    ]


def _named(agreement: Agreement) -> dict[str, str | int]:
    return {"agreement": str(agreement.id), "version": agreement.version, "digest": agreement.ref.digest}


def _put(tx: Transaction, agreement: Agreement, raw: bytes, signed: Sequence[Signed], at: datetime) -> None:
    agreements.put(
        tx,
        agreement_id=agreement.id,
        version=agreement.version,
        digest=agreement.ref.digest,
        raw=raw,
        added_at=at,
    )
    for each in signed:
        agreements.put_signature(
            tx, agreement=agreement.ref, entity=each.signature.party, signature=each.stored, added_at=at
        )
