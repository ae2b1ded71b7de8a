"""``hearthgate trust enrol``: ask an anchor to admit this agency."""

from pathlib import Path

import click

from gateway.assembly import profile
from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_node, node_vault, now
from gateway.cli.files import write_new
from gateway.cli.outcome import Outcome, answers
from gateway.http.federation import node_statement_metadata
from trust.federation.enrolment import MAX_LIFE, build_enrolment_request
from trust.federation.entity_statement import StatementDraft
from trust.identifiers import EntityId
from trust.keys import KeyUse


@click.command()
@config_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@answers
def enrol(*, config: Path | None, out: Path) -> Outcome:
    """Write the request, signed with this node's federation key. It proves nothing until thumbprints are compared."""
    settings = load_node(config)
    vault = node_vault(settings)
    signer = vault.signer(KeyUse.FEDERATION)
    made_at = now()
    draft = StatementDraft(
        subject=EntityId(settings.node.entity_id),
        keys=vault.published(KeyUse.FEDERATION),
        issued_at=made_at,
        expires_at=made_at + MAX_LIFE,
        metadata=node_statement_metadata(profile(settings), vault),
    )
    write_new(out, build_enrolment_request(draft, signer), "The request")
    return Outcome(
        lines=[
            f"The request is in {out}; it is good for {MAX_LIFE.days} days. Nothing in it is secret.",
            "Send it to the anchor's administrators. Then ring them, on a number that you have from elsewhere, and",
            "read out this thumbprint of your federation key; they type it into `hearthgate trust admit`:",
            *fingerprints.lines([signer.kid]),
        ],
        data={"entity_id": settings.node.entity_id, "request": str(out), "thumbprints": [signer.kid]},
    )
