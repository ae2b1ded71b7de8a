"""``hearthgate trust administrator``: a key of an administrator's own."""

from pathlib import Path

import click

from gateway.administration.administrators import ADMINISTRATOR_KEY_VARIABLE
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from trust import strict_json
from trust.keys import KeyUse, LocalSigner

FOLDER = Path("administrators")
_path = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("name")
@click.option("--key", type=_path, help="Your private key (PEM), which you have already.")
@click.option("--generate-key", type=_path, help="Make one, and write it to this file, on a drive of your own.")
@config_option
@yes_option
@command_output
def administrator(
    *, name: str, key: Path | None, generate_key: Path | None, config: Path | None, yes: bool
) -> UseCaseResult:
    """Register the key of the administrator NAME, who signs with it what they ask for and approve.

    It is needed where the machine keeps no login id of a session, as in many containers.
    """
    if (key is None) == (generate_key is None):
        raise click.UsageError("Give either --key or --generate-key.")
    settings = load_settings(config)
    if not name.isprintable() or not 0 < len(name) <= 120 or '"' in name or " as " in name:  # noqa: PLR2004 - a label
        raise OperationRefused('NAME: write 1 to 120 characters on one line, without quotation marks and " as ".')
    if name in settings.administrator_keys:
        raise OperationRefused(f"{name} has a key here; take its line out of [administrator_keys] first.")
    if key is not None:
        signer = LocalSigner.from_pem(read_input(key, "The private key"), KeyUse.ADMINISTRATOR)
    else:
        signer = LocalSigner.generate(KeyUse.ADMINISTRATOR)
    file = FOLDER / f"{signer.kid}.jwk"
    show_plan(f"{name} will be known by the key {signer.kid}.")
    confirm("Register it?", yes=yes)
    record(settings, "trust administrator", name=name, key_id=signer.kid)
    if generate_key is not None:
        write_new(generate_key, signer.to_pem(), "The private key", mode=0o600)
    (settings.base_dir / FOLDER).mkdir(mode=0o755, exist_ok=True)
    write_new(settings.base_dir / file, strict_json.dumps(dict(signer.public.jwk)), "The public key")
    return UseCaseResult(
        lines=[
            "Write this into the configuration, under [administrator_keys]:",
            f'  "{name}" = "{file}"',
            f"Then work with {ADMINISTRATOR_KEY_VARIABLE}=FILE before each command, and keep FILE off this machine.",
        ],
        data={"name": name, "key_id": signer.kid, "file": str(file)},
    )
