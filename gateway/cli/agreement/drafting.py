"""``hearthgate agreement check`` and ``sign``: before an agreement is held anywhere."""

from pathlib import Path

import click

from gateway.cli.agreement import summary
from gateway.cli.context import config_option, load_node, node_vault, now
from gateway.cli.faults import Refused
from gateway.cli.files import read_input, write_new
from gateway.cli.journal import record
from gateway.cli.outcome import Outcome, announce, answers, confirm, yes_option
from trust.agreements.agreement import parse_agreement
from trust.agreements.signature import Signatory, build_signature
from trust.identifiers import EntityId
from trust.keys import KeyUse


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@answers
def check(*, file: Path) -> Outcome:
    """Read the agreement in FILE and say everything that is wrong with it, or what it allows. Nothing is stored."""
    agreement = parse_agreement(read_input(file, "The agreement"))
    return Outcome(
        lines=[*summary.summary(agreement), "It is well formed. It binds nobody until every party has signed it."],
        data=summary.to_json(agreement),
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@click.option("--name", required=True, help="Who signs for this agency.")
@click.option("--post", required=True, help="In which post, such as Caldicott Guardian.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@yes_option
@answers
def sign(*, file: Path, config: Path | None, name: str, post: str, **options: object) -> Outcome:
    """Sign the agreement in FILE for this agency, with this node's own federation key and no other.

    The signature is for exactly these bytes: send FILE and the signature to every party as they are.
    """
    settings = load_node(config)
    own, out = EntityId(settings.node.entity_id), Path(str(options["out"]))
    agreement = parse_agreement(read_input(file, "The agreement"))
    party = agreement.party(own)
    if party is None:
        raise Refused(
            f"{own} is not a party to {agreement.id} version {agreement.version}, so there is nothing to sign."
        )
    signer = node_vault(settings).signer(KeyUse.FEDERATION)
    announce(
        *summary.summary(agreement),
        "",
        f"{name}, {post}, signs this for {party.name} ({own}):",
        f"  {agreement.id} version {agreement.version}, digest {agreement.ref.digest}",
        f"  with the federation key {signer.kid}",
    )
    confirm("Sign it?", yes=bool(options["yes"]))
    raw = build_signature(agreement.ref, party=own, signatory=Signatory(name=name, post=post), signer=signer, now=now())
    record(
        settings, "agreement sign", agreement=str(agreement.id), version=agreement.version, digest=agreement.ref.digest
    )
    write_new(out, raw, "The signature")
    return Outcome(
        lines=[
            f"The signature of {own} on {agreement.id} version {agreement.version} is in {out}.",
            "Send it to every party; each adds it with `hearthgate agreement add`.",
        ],
        data={
            "entity_id": own,
            "agreement": {"id": agreement.id, "version": agreement.version, "digest": agreement.ref.digest},
            "key_id": signer.kid,
            "signature": str(out),
        },
    )
