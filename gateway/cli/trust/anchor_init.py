"""``hearthgate trust anchor init``: a new trust anchor or intermediate in a folder of its own, whole or not at all."""

from pathlib import Path
from typing import Any

import click

from gateway.administration import thumbprints
from gateway.administration.files import write_new
from gateway.administration.outcome import UseCaseResult
from gateway.administration.setup.config_files import AnchorText, anchor_toml
from gateway.cli.context import ANCHOR_FILE
from gateway.cli.output import command_output
from gateway.cli.setup import furnishing
from gateway.cli.setup.exceptions import exceptions
from gateway.cli.setup.furnishing import common_options
from gateway.cli.setup.questions import completed
from gateway.keys.files import ANCHOR_KEYS
from gateway.keys.vault import open_vault
from trust import strict_json
from trust.federation.anchor_keys import Pin, build_pin
from trust.identifiers import EntityId, parse_entity_id, parse_own_entity_id
from trust.keys import KeySet, KeyUse, LocalSigner

PIN_FILE, RECOVERY_FILE = "anchor-pin.json", "recovery.json"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--superior", "superiors", multiple=True, help="Who will vouch for it: it is an intermediate then.")
@click.option(
    "--recovery-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write a trust anchor's offline recovery key [default: DIR-recovery.pem].",
)
@common_options
@command_output
def init(*, folder: Path, recovery_key: Path | None, **options: Any) -> UseCaseResult:
    """Set up a trust anchor in DIR, which has nobody above it, or an intermediate, which has.

    A trust anchor gets a recovery key as well, the only one that can replace its keys once members have pinned it. Its
    file belongs off this machine. Nothing that exists is overwritten.
    """
    furnishing.refuse_used(folder, options)
    options = completed(options, serviceless=False)
    furnishing.parsed(parse_own_entity_id, options["entity_id"], "--entity-id")
    for superior in options["superiors"]:
        furnishing.parsed(parse_entity_id, superior, "--superior")
    if options["superiors"]:
        if recovery_key is not None:
            raise click.UsageError("An intermediate has no recovery key: its superior replaces its keys.")
        return furnishing.in_new_folder(folder, lambda staging, target: _intermediate(staging, target, options))
    place = (recovery_key or folder.with_name(f"{folder.absolute().name}-recovery.pem")).absolute()
    if place.is_relative_to(folder.absolute()):
        raise click.UsageError(f"Keep the recovery key out of {folder}: it is not to lie beside the keys it replaces.")
    return furnishing.in_new_folder(folder, lambda staging, target: _anchor(staging, target, options, place))


def _anchor(staging: Path, target: Path, options: dict[str, Any], place: Path) -> UseCaseResult:
    recovery = LocalSigner.generate(KeyUse.RECOVERY)
    offline = KeySet.of(KeyUse.RECOVERY, [recovery.public])
    write_new(staging / RECOVERY_FILE, strict_json.dumps(offline.to_jwks()), "The recovery key", mode=0o600)
    keys = _furnish(staging, options, recovery=RECOVERY_FILE)
    pin = Pin(entity=EntityId(options["entity_id"]), keys=keys, recovery=offline)
    write_new(staging / PIN_FILE, build_pin(pin), "The pin", mode=0o600)
    write_new(place, recovery.to_pem(), "The recovery key", mode=0o600)
    lines = [
        f"A trust anchor {pin.entity} is set up in {target}.",
        "",
        f"Its recovery key is in {place}. Move that file off this machine now, to two locked places, and leave no",
        "copy here: it alone can replace the anchor's keys, and whoever has it can be the anchor.",
        "",
        f"Members pin what is in {target / PIN_FILE}, after comparing these thumbprints with you by another channel,",
        "such as the telephone; the last is the recovery key's:",
        *thumbprints.lines([*sorted(keys.kids), recovery.kid]),
        "",
        *furnishing.next_steps(target, options, _ANCHOR_STEPS),
    ]
    data = _data(target, options, keys) | {
        "pin": str(target / PIN_FILE),
        "recovery_key": str(place),
        "recovery_key_id": recovery.kid,
    }
    return UseCaseResult(lines=lines, data=data)


def _intermediate(staging: Path, target: Path, options: dict[str, Any]) -> UseCaseResult:
    keys = _furnish(staging, options, recovery=None)
    above = ", ".join(options["superiors"])
    lines = [
        f"An intermediate {options['entity_id']} under {above} is set up in {target}.",
        "",
        *furnishing.next_steps(target, options, _INTERMEDIATE_STEPS),
    ]
    return UseCaseResult(lines=lines, data=_data(target, options, keys) | {"superiors": list(options["superiors"])})


def _furnish(staging: Path, options: dict[str, Any], *, recovery: str | None) -> KeySet:
    text = AnchorText(
        entity_id=options["entity_id"],
        name=options["name"],
        superiors=options["superiors"],
        recovery=recovery,
        faces=furnishing.faces(options),
        ca=furnishing.ca_of(options),
        tables=exceptions(options) + furnishing.tables(options["tables"]),
    )
    later = options["certificate"] is None
    furnishing.furnish(staging, ANCHOR_FILE, anchor_toml(text), keys=ANCHOR_KEYS, certificate_later=later)
    vault = open_vault(staging / "keys", needed=ANCHOR_KEYS)
    return KeySet.of(KeyUse.FEDERATION, [vault.signer(KeyUse.FEDERATION).public])


def _data(target: Path, options: dict[str, Any], keys: KeySet) -> dict[str, Any]:
    return {
        "directory": str(target),
        "config": str(target / ANCHOR_FILE),
        "entity_id": options["entity_id"],
        "federation_key_ids": sorted(keys.kids),
    }


_ANCHOR_STEPS = (
    "Run it: hearthgate serve --config {dir}/anchor.toml",
    "Tell the agencies its address: hearthgate trust join ENTITY; read the thumbprints out to them by telephone.",
    "Admit each agency: hearthgate trust admit ENTITY --config {dir}/anchor.toml --thumbprint THUMBPRINT",
)
_INTERMEDIATE_STEPS = (
    "Pin the trust anchor and ask to be admitted: hearthgate trust join SUPERIOR --config {dir}/anchor.toml",
    *_ANCHOR_STEPS,
)
