"""``hearthgate init`` and ``hearthgate trust anchor init``: a new node, a new trust anchor or intermediate."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from gateway.administration.outcome import UseCaseResult
from gateway.administration.setup.config_files import SetupOptions
from gateway.administration.setup.exemptions import ExemptionOptions
from gateway.administration.setup.new_authority import AuthorityOptions, set_up_authority
from gateway.administration.setup.new_node import FirstClient, NewService, NodeOptions, set_up_node
from gateway.administration.setup.scaffold import refuse_existing
from gateway.cli.output import command_output
from gateway.cli.prompts import prompt_missing
from trust.errors import TrustError
from trust.identifiers import parse_entity_id, parse_own_entity_id, parse_slug

_EXAMPLE = "money-advice:money-advice:Money Advice:01632 960 001"
_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_COMMON = (
    click.option("--entity-id", help="The identifier in the federation, such as https://council.example."),
    click.option("--name", help="The agency's name."),
    click.option("--tables", type=_FILE, help="A TOML file of further tables, such as [retention]."),
    click.option(
        "--network",
        "networks",
        multiple=True,
        metavar="NAME=NETWORK",
        help="A peer on a private network.",
    ),
    click.option("--host", "hosts", multiple=True, metavar="NAME=ADDRESS:PORT", help="The only address of a name."),
    click.option("--reason", help="The reason for each --network and --host."),
    click.option("--ca", type=_FILE, help="The CA of the partnership [default: the system's roots]."),
    click.option("--certificate", type=_FILE, help="Certificate chain (PEM) [default: tls/certificate.pem in DIR]."),
    click.option("--key", type=_FILE, help="Its private key (PEM) [default: tls/key.pem in DIR]."),
    click.option("--peer-bind", default="127.0.0.1:8443", show_default=True, help="Where the peer API listens."),
    click.option("--operations-bind", default="127.0.0.1:9443", show_default=True, help="Where operations listen."),
)


def _common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_COMMON):
        command = option(command)
    return command


@click.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--case-url", help="The case API's address [default: https://case. and the entity's host].")
@click.option("--service", multiple=True, metavar="SLUG:KIND:NAME:PHONE", help="A service; repeat it for each.")
@click.option("--asks-only", is_flag=True, help="Set up services that ask and answer nothing.")
@click.option("--anchor-pin", type=_FILE, help="A trust anchor's pin [default: `trust join` pins it].")
@click.option("--client", metavar="ID", help="Register a first case system, with a new key.")
@click.option("--client-key", type=_FILE, help="Where its private key goes, outside DIR [default: ./ID.pem].")
@click.option("--role", "roles", multiple=True, help="A role of its users.")
@click.option("--unit", "units", multiple=True, help="A team or unit of its users.")
@click.option("--case-bind", default="127.0.0.1:8444", show_default=True, help="Where the case API listens.")
@_common_options
@command_output
def init(*, folder: Path, **options: Any) -> UseCaseResult:
    """Set up a new node in DIR.

    DIR gets its configuration, keys and store. No existing file is overwritten. A terminal prompts for missing options.
    Set up a trust anchor or an intermediate with `hearthgate trust anchor init`.
    """
    _refuse_unfit(folder, options)
    if options["client"] and not (options["roles"] and options["units"] and options["certificate"]):
        raise click.UsageError("--client needs a --role and a --unit, and the --certificate.")
    client = _first_client(folder, options)
    options = prompt_missing(options, serviceless=not options["service"] and not options["tables"])
    node = NodeOptions(
        common=_setup_options(options),
        services=[_service(each) for each in options["service"]],
        asks_only=options["asks_only"],
        case_bind=options["case_bind"],
        case_url=options["case_url"],
        anchor_pin=options["anchor_pin"],
        client=client,
    )
    return set_up_node(folder, node)


@click.command("init")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--superior", "superiors", multiple=True, help="The superior of an intermediate.")
@click.option(
    "--recovery-key",
    type=_FILE,
    help="Where a trust anchor's recovery key goes [default: DIR-recovery.pem].",
)
@_common_options
@command_output
def anchor_init(
    *, folder: Path, superiors: tuple[str, ...], recovery_key: Path | None, **options: Any
) -> UseCaseResult:
    """Set up a trust anchor in DIR, or an intermediate.

    An intermediate has a --superior. A trust anchor gets a recovery key as well, the only key that can replace its keys
    after members have pinned it: move its file off this machine. No existing file is overwritten.
    """
    _refuse_unfit(folder, options)
    common = _setup_options(prompt_missing(options, serviceless=False))
    for superior in superiors:
        _parse(parse_entity_id, superior, "--superior")
    if superiors and recovery_key is not None:
        raise click.UsageError("An intermediate has no recovery key: its superior replaces its keys.")
    place = (recovery_key or folder.with_name(f"{folder.absolute().name}-recovery.pem")).absolute()
    if place.is_relative_to(folder.absolute()):
        raise click.UsageError(f"Keep the recovery key out of {folder}: it is not to lie beside the keys it replaces.")
    return set_up_authority(folder, AuthorityOptions(common=common, superiors=superiors, recovery_key=place))


def _refuse_unfit(folder: Path, options: dict[str, Any]) -> None:
    refuse_existing(folder)
    if (options["certificate"] is None) != (options["key"] is None):
        raise click.UsageError("Give --certificate and --key together, or neither.")


def _setup_options(options: dict[str, Any]) -> SetupOptions:
    _parse(parse_own_entity_id, options["entity_id"], "--entity-id")
    return SetupOptions(
        entity_id=options["entity_id"],
        name=options["name"],
        peer_bind=options["peer_bind"],
        operations_bind=options["operations_bind"],
        tls=(options["certificate"], options["key"]) if options["certificate"] else None,
        ca=options["ca"],
        exemptions=_exemptions(options),
        tables=options["tables"],
    )


def _exemptions(options: dict[str, Any]) -> ExemptionOptions:
    networks = _pairs(options["networks"], "--network NAME=NETWORK, such as police.example=10.20.30.0/28")
    hosts = _pairs(options["hosts"], "--host NAME=ADDRESS:PORT, such as police.example=127.0.0.1:8443")
    if (networks or hosts) and not options["reason"]:
        raise click.UsageError("Say with --reason why there is an exception.")
    return ExemptionOptions(networks=networks, hosts=hosts, reason=options["reason"] or "")


def _pairs(texts: Sequence[str], form: str) -> list[tuple[str, str]]:
    pairs = [(name, place) for name, _, place in (text.partition("=") for text in texts)]
    if not all(name and place for name, place in pairs):
        raise click.UsageError(f"It is {form}.")
    return pairs


def _first_client(folder: Path, options: dict[str, Any]) -> FirstClient | None:
    """Return the first case system. The node must not hold its private key: it could ask as that system."""
    if not options["client"]:
        return None
    path: Path = options["client_key"] or Path(f"{options['client']}.pem")
    if path.resolve().is_relative_to(folder.resolve()):
        raise click.UsageError("--client-key must lie outside DIR: the node does not keep a case system's private key.")
    return FirstClient(client_id=options["client"], private_key=path, roles=options["roles"], units=options["units"])


def _service(text: str) -> NewService:
    parts = text.split(":")
    if len(parts) != 4 or not all(parts):  # noqa: PLR2004 - slug, kind, name, phone
        raise click.UsageError(f"--service is SLUG:KIND:NAME:PHONE, such as {_EXAMPLE}.")
    slug, kind, name, phone = parts
    _parse(parse_slug, slug, "--service")
    return NewService(slug=slug, kind=kind, name=name, duty_phone=phone)


def _parse(parse: Callable[[str], object], text: str, option: str) -> None:
    """Require of an option the form of an identifier. Raises ``UsageError``."""
    try:
        parse(text)
    except TrustError as refused:
        raise click.UsageError(f"{option}: {refused.detail}") from refused
