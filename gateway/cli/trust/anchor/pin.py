"""``hearthgate trust anchor pin``: what every member pins."""

from pathlib import Path

import click

from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.outcome import UseCaseResult
from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import command_output
from gateway.cli.trust.key.ways import public_recovery
from gateway.keys.files import ANCHOR_KEYS
from gateway.keys.vault import open_vault
from trust.federation.anchor_keys import Pin, build_pin
from trust.identifiers import EntityId
from trust.keys import KeyUse


@click.command()
@config_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@command_output
def pin(*, config: Path | None, out: Path) -> UseCaseResult:
    """Write the anchor's public keys and its public recovery key, and show the thumbprints to read out."""
    settings = load_anchor(config)
    if settings.anchor.superiors:
        raise OperationRefused("An intermediate is not pinned: members pin the trust anchor above it.")
    vault = open_vault(settings.base_dir / settings.keys.directory, needed=ANCHOR_KEYS)
    given = Pin(
        entity=EntityId(settings.anchor.entity_id),
        keys=vault.published(KeyUse.FEDERATION),
        recovery=public_recovery(settings),
    )
    write_new(out, build_pin(given), "The pin")
    kids = [*sorted(given.keys.kids), *(sorted(given.recovery.kids) if given.recovery else ())]
    return UseCaseResult(
        lines=[
            f"What members pin of {given.entity} is in {out}.",
            "They compare these thumbprints with you by another channel before they pin them:",
            *fingerprints.lines(kids),
        ],
        data={"entity_id": given.entity, "pin": str(out), "key_ids": kids},
    )
