"""``hearthgate trust anchor-keys``: what every member pins."""

from pathlib import Path

import click

from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_anchor
from gateway.cli.files import write_new
from gateway.cli.outcome import Outcome, answers
from gateway.keys.files import ANCHOR_KEYS
from gateway.keys.vault import open_vault
from trust import strict_json
from trust.keys import KeySet, KeyUse


@click.command("anchor-keys")
@config_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@answers
def anchor_keys(*, config: Path | None, out: Path) -> Outcome:
    """Write the anchor's public federation keys, for members to pin, and show the thumbprints to read out."""
    settings = load_anchor(config)
    vault = open_vault(settings.base_dir / settings.keys.directory, needed=ANCHOR_KEYS)
    public = KeySet.of(KeyUse.FEDERATION, [vault.signer(KeyUse.FEDERATION).public])
    write_new(out, strict_json.dumps(public.to_jwks()), "The public keys")
    return Outcome(
        lines=[
            f"The public keys of {settings.anchor.entity_id} are in {out}.",
            "Members compare these thumbprints with you by another channel before they pin them:",
            *fingerprints.lines(sorted(public.kids)),
        ],
        data={"entity_id": settings.anchor.entity_id, "public_keys": str(out), "key_ids": sorted(public.kids)},
    )
