"""``hearthgate init``: a new node in a folder of its own, whole or not at all."""

from pathlib import Path
from typing import Any

import click

from gateway.administration import thumbprints
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.outcome import UseCaseResult
from gateway.administration.setup.config_edits import pin_file
from gateway.administration.setup.config_files import NodeText, ServiceText, node_toml
from gateway.cli.context import NODE_FILE
from gateway.cli.output import command_output
from gateway.cli.setup import furnishing
from gateway.cli.setup.exceptions import exceptions
from gateway.cli.setup.first_client import first_client
from gateway.cli.setup.furnishing import common_options
from gateway.cli.setup.questions import completed
from gateway.keys.files import NODE_KEYS
from gateway.keys.vault import open_vault
from trust import claims, strict_json
from trust.federation.anchor_keys import Pin, build_pin, parse_pin
from trust.identifiers import parse_entity_id, parse_own_entity_id, parse_slug
from trust.keys import KeyUse

_EXAMPLE = "money-advice:money-advice:Money Advice:01632 960 001"
_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--case-url", help="Where case systems reach the node [default: https://case. and the entity's host].")
@click.option("--service", multiple=True, metavar="SLUG:KIND:NAME:PHONE", help="A service; give one for each.")
@click.option("--asks-only", is_flag=True, help="The services ask others and are asked nothing: no case system.")
@click.option("--anchor-pin", type=_file, help="A trust anchor's pin, got as a file; else `trust join` pins it.")
@click.option("--client", metavar="ID", help="Register a first case system, with a new key.")
@click.option("--client-key", type=_file, help="Where to write that private key, outside DIR [default: ./ID.pem].")
@click.option("--role", "roles", multiple=True, help="A role that its users may have.")
@click.option("--unit", "units", multiple=True, help="A team or unit that they may belong to.")
@click.option("--case-bind", default="127.0.0.1:8444", show_default=True, help="Where case systems' calls arrive.")
@common_options
@command_output
def init(*, folder: Path, **options: Any) -> UseCaseResult:
    """Set up a new node in DIR: its configuration, its keys and its store. Nothing that exists is overwritten.

    What is not given is asked for in a terminal. A trust anchor or an intermediate is set up with `hearthgate trust
    anchor init`.
    """
    furnishing.refuse_used(folder, options)
    if options["client"] and not (options["roles"] and options["units"] and options["certificate"]):
        raise click.UsageError("--client needs a --role and a --unit, and the --certificate.")
    options["client_key"] = _client_key(folder, options)
    options = completed(options, serviceless=not options["service"] and not options["tables"])
    furnishing.parsed(parse_own_entity_id, options["entity_id"], "--entity-id")
    return furnishing.in_new_folder(folder, lambda staging, target: _node(staging, target, options))


def _node(staging: Path, target: Path, options: dict[str, Any]) -> UseCaseResult:
    pin, anchor_file = _pin(options["anchor_pin"]), None
    if pin is not None:
        anchor_file = pin_file(pin.entity)
        (staging / anchor_file).parent.mkdir(mode=0o700)
        write_new(staging / anchor_file, build_pin(pin), "The anchor's pin", mode=0o600)
    text = _node_text(options, pin, anchor_file)
    later = options["certificate"] is None
    furnishing.furnish(staging, NODE_FILE, node_toml(text), keys=NODE_KEYS, certificate_later=later)
    client = first_client(staging, options) if options["client"] else None
    kids = [open_vault(staging / "keys").signer(KeyUse.FEDERATION).kid]
    return UseCaseResult(
        lines=[
            f"A node for {text.name} ({text.entity_id}) is set up in {target}.",
            *(
                []
                if client is None
                else [f"The case system {client} is registered; hand over {options['client_key']}."]
            ),
            "",
            *([] if pin is None else _compare(pin)),
            *furnishing.next_steps(target, options, _STEPS[1:] if options["asks_only"] else _STEPS),
        ],
        data={
            "directory": str(target),
            "config": str(target / NODE_FILE),
            "entity_id": text.entity_id,
            "federation_key_ids": kids,
            "anchor": None if pin is None else {"entity_id": pin.entity, "key_ids": _kids(pin)},
            "client": client,
        },
    )


def _node_text(options: dict[str, Any], pin: Pin | None, anchor_file: Path | None) -> NodeText:
    host = options["entity_id"].removeprefix("https://").partition("/")[0]
    return NodeText(
        entity_id=options["entity_id"],
        name=options["name"],
        case_url=options["case_url"] or f"https://case.{host}",
        faces=furnishing.faces(options),
        anchor_entity=None if pin is None else pin.entity,
        anchor_jwks=str(anchor_file) if anchor_file else None,
        ca=furnishing.ca_of(options),
        services=tuple(_service(each, asks_only=options["asks_only"]) for each in options["service"]),
        tables=exceptions(options) + furnishing.tables(options["tables"]),
    )


def _client_key(folder: Path, options: dict[str, Any]) -> Path | None:
    """Return where the first case system's private key goes. The node must not hold it: it could ask as that system."""
    if not options["client"]:
        return None
    path: Path = options["client_key"] or Path(f"{options['client']}.pem")
    if path.resolve().is_relative_to(folder.resolve()):
        raise click.UsageError("--client-key must lie outside DIR: the node does not keep a case system's private key.")
    return path


def _compare(pin: Pin) -> list[str]:
    return [
        f"It trusts the anchor {pin.entity}. Compare these thumbprints with the anchor's administrators by",
        "another channel, such as the telephone, before going on:",
        *thumbprints.lines(_kids(pin)),
        "",
    ]


def _kids(pin: Pin) -> list[str]:
    return sorted(pin.keys.kids) + (sorted(pin.recovery.kids) if pin.recovery else [])


def _pin(path: Path | None) -> Pin | None:
    """Read the pin that an anchor handed out. Raises :class:`OperationRefused` and ``TrustError``."""
    if path is None:
        return None
    raw = read_input(path, "The anchor's pin")
    entity = claims.optional_str(strict_json.loads(raw, max_bytes=len(raw)), "entity_id")
    if entity is None:
        raise OperationRefused(
            f"{path} does not say whose keys it holds; have the anchor's administrators write it with "
            "`hearthgate trust anchor pin`."
        )
    return parse_pin(raw, parse_entity_id(entity))


def _service(described: str, *, asks_only: bool) -> ServiceText:
    parts = described.split(":")
    if len(parts) != 4 or not all(parts):  # noqa: PLR2004 - slug, kind, name, phone
        raise click.UsageError(f"--service is SLUG:KIND:NAME:PHONE, such as {_EXAMPLE}.")
    slug, kind, name, phone = parts
    furnishing.parsed(parse_slug, slug, "--service")
    return ServiceText(slug=slug, kind=kind, name=name, duty_phone=phone, asks_only=asks_only)


_STEPS = (
    "Set up the adapter of each service in {dir}/node.toml; `hearthgate adapter check` says what is missing.",
    "Pin the trust anchor and ask to be admitted: hearthgate trust join URL --config {dir}/node.toml --wait",
    "Run it: hearthgate serve --config {dir}/node.toml, and look at it: hearthgate doctor --config {dir}/node.toml",
)
