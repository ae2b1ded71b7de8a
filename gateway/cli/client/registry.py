"""``hearthgate client add``, ``list`` and ``revoke``: which case systems may use this node, and within what limits."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import click

from config.settings import NodeSettings
from gateway.administration.administrators import current
from gateway.administration.context import Settings, now, opened_store, own_entity
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.cli.client.keys import WHY_VOUCHING, kids, read_keys, written
from gateway.cli.context import config_option, load_node
from gateway.cli.output import apply_plan, command_output, confirm, show_plan, yes_option
from gateway.ports import LocalClient, Store, Transaction
from gateway.store.tables import clients
from trust.errors import MalformedClaims
from trust.identifiers import ServiceRef, ServiceSlug, parse_code
from trust.keys import KeySet, KeyUse, LocalSigner
from trust.oauth.access_token import Position

DEFAULT_PERCENT = 10
_ARGUMENTS = ("id", "name", "positions", "manager", "sample_percent", "key_ids")
_MAX_TEXT = 120
_POSITION = "A position its users may ask in: the role in that unit of that service. Give one for each."
_path = click.Path(path_type=Path, dir_okay=False)


@click.command()
@config_option
@click.option("--id", "client_id", required=True, help="The id that the case system signs in with.")
@click.option("--name", required=True, help="What people call the case system.")
@click.option("--jwks", type=_path, help="The file with its public keys (a JWK set).")
@click.option("--generate-key", type=_path, help="Make a key pair instead, and write the private key to this file.")
@click.option("--position", "positions", multiple=True, nargs=3, metavar="SERVICE ROLE UNIT", help=_POSITION)
@click.option("--service", "services", multiple=True, help="The service of this node that all its users ask for.")
@click.option("--role", "roles", multiple=True, help="A role that its users have there.")
@click.option("--unit", "units", multiple=True, help="A unit in which they have each of these roles.")
@click.option("--manager", help="Who justifies a sample of its lookups [default: you].")
@click.option(
    "--sample-percent",
    type=click.IntRange(1, 100),
    default=DEFAULT_PERCENT,
    show_default=True,
    help="How large a sample.",
)
@click.option("--signed-in-only", is_flag=True, help="It does not vouch: its users sign in at [[identity.providers]].")
@yes_option
@command_output
def add(*, config: Path | None, client_id: str, name: str, yes: bool, **options: Any) -> UseCaseResult:
    """Register a case system. Its users ask in the positions that are given here, and in no other.

    Each position is one role in one unit of one service. Where all are of one service, --service, --role and --unit
    stand for each role in each unit of it. One that vouches takes a second administrator; one whose users sign in
    themselves (--signed-in-only) does not.
    """
    if options["signed_in_only"] and options["manager"]:
        raise click.UsageError("Nobody justifies what users ask who sign in themselves: leave --manager out.")
    if (options["jwks"] is None) == (options["generate_key"] is None):
        raise click.UsageError("Give either --jwks or --generate-key.")

    settings, made = load_node(config), options["generate_key"]
    client, private = _drafted(settings, client_id, name, options)
    note = [f"Its private key is in {made}: hand that file to the case system, and keep no copy."] if made else []
    if client.vouches:
        wanted = ChangeRequest(act=REGISTER, arguments=_to_arguments(client), reason=WHY_VOUCHING, emergency=None)
        with written(private, made):
            waiting = apply_plan(plan_request(settings, wanted), yes=yes)
        return replace(waiting, lines=[*waiting.lines, *note])
    show_plan(*_effect(client))
    confirm("Register it?", yes=yes)
    _register(settings, client, private, made)
    return UseCaseResult(lines=[f"{client_id} is registered.", *_lines(client), *note], data=_to_json(client))


def register_first(settings: NodeSettings, client_id: str, name: str, options: dict[str, Any]) -> LocalClient:
    """Register the case system that a node is set up with, by the one administrator who sets it up.

    Raises :class:`OperationRefused`; no key is left behind then.
    """
    client, private = _drafted(settings, client_id, name, options)
    _register(settings, client, private, options["generate_key"])
    return client


class _Registration:
    """The act of registering a case system that vouches for its users."""

    name = "client add"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say what it may ask. Raises :class:`OperationRefused`."""
        client = _from_arguments(arguments)
        with opened_store(settings) as store:
            _refuse_taken(store, client.client_id)
        return _effect(client)

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Register it. Raises as :meth:`effect`."""
        client = replace(_from_arguments(arguments), created_at=at)
        with opened_store(settings) as store:
            _refuse_taken(store, client.client_id)

            def work(tx: Transaction) -> None:
                clients.add(tx, client)
                commit(tx)

            store.write(work)
        return [f"{client.client_id} is registered.", *_lines(client)]


REGISTER = _Registration()


def _drafted(
    settings: NodeSettings, client_id: str, name: str, options: dict[str, Any]
) -> tuple[LocalClient, LocalSigner | None]:
    """Return a case system within the limits in ``options``, and its new key. Raises ``OperationRefused``."""
    client = _client(settings, client_id, name, options, now())
    with opened_store(settings) as store:
        _refuse_taken(store, client_id)
        _refuse_unknown_roles(settings, store, client)
    private = LocalSigner.generate(KeyUse.OAUTH) if options["generate_key"] else None
    keys = read_keys(options["jwks"]) if private is None else KeySet.of(KeyUse.OAUTH, [private.public])
    return replace(client, jwks=keys.to_jwks()), private


def _register(settings: NodeSettings, client: LocalClient, private: LocalSigner | None, made: Path | None) -> None:
    with opened_store(settings) as store, written(private, made):
        record(settings, "client add", id=client.client_id, key_ids=kids(client))
        store.write(lambda tx: clients.add(tx, client))


def _refuse_taken(store: Store, client_id: str) -> None:
    if store.read(lambda tx: clients.get(tx, client_id=client_id)) is not None:
        raise OperationRefused(f"The client id {client_id} is taken, if only by a revoked client: choose another.")


def _refuse_unknown_roles(settings: NodeSettings, store: Store, client: LocalClient) -> None:
    """Raise ``OperationRefused`` for a role that no agreement held here names; before the first, any will do."""
    own = own_entity(settings)
    clauses = [
        clause for standing in AgreementRegistry(store).standings(now=now()) for clause in standing.agreement.clauses
    ]
    faults = []
    for position in client.positions:
        asker = ServiceRef(entity=own, service=ServiceSlug(position.service))
        known = {role for clause in clauses if asker in clause.askers for role in clause.fields_by_role}
        if known and position.role not in known:
            listed = ", ".join(sorted(known))
            faults.append(f"--role {position.role}: no agreement lets {position.service} ask in it; known: {listed}")
    if faults:
        raise OperationRefused("The case system was not registered:", list(dict.fromkeys(faults)))


def _effect(client: LocalClient) -> list[str]:
    return [f"{client.client_id} will get tokens, and may ask within these limits:", *_lines(client)]


def _to_arguments(client: LocalClient) -> dict[str, Any]:
    told = _to_json(client)
    return {**{name: told[name] for name in _ARGUMENTS}, "jwks": dict(client.jwks)}


def _from_arguments(arguments: Mapping[str, Any]) -> LocalClient:
    return LocalClient(
        client_id=arguments["id"],
        name=arguments["name"],
        jwks=arguments["jwks"],
        positions=tuple(Position(**each) for each in arguments["positions"]),
        created_at=now(),
        vouches=True,
        manager=arguments["manager"],
        sample_percent=arguments["sample_percent"],
    )


@click.command("list")
@config_option
@command_output
def list_clients(*, config: Path | None) -> UseCaseResult:
    """Show every registered case system, its limits and its keys' ids."""
    with opened_store(load_node(config)) as store:
        every = store.read(clients.list)
    lines = [line for client in every for line in (f"{client.client_id}", *_lines(client))]
    return UseCaseResult(
        lines=lines or ["No case system is registered yet: hearthgate client add"],
        data={"clients": [_to_json(client) for client in every]},
    )


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@yes_option
@command_output
def revoke(*, client_id: str, config: Path | None, yes: bool) -> UseCaseResult:
    """Take the access of the case system ID away, for good: its id is never given to another."""
    settings = load_node(config)
    with opened_store(settings) as store:
        client = store.read(lambda tx: clients.get(tx, client_id=client_id))
        if client is None:
            raise OperationRefused(f"No case system {client_id} is registered; see `hearthgate client list`.")
        if client.revoked_at is not None:
            raise OperationRefused(
                f"{client_id} was revoked on {client.revoked_at:%Y-%m-%d} already; nothing was changed."
            )
        effect = "It gets no more tokens, and those it holds are refused from now on."
        show_plan(f"{client_id} ({client.name}). {effect}")
        confirm("Revoke it?", yes=yes)
        at = now()
        record(settings, "client revoke", id=client_id)
        store.write(lambda tx: clients.revoke(tx, client_id=client_id, at=at))
    return UseCaseResult(
        lines=[f"{client_id} is revoked. {effect}"], data={"id": client_id, "revoked_at": at.isoformat()}
    )


def _client(settings: NodeSettings, client_id: str, name: str, options: dict[str, Any], at: datetime) -> LocalClient:
    """Check everything but the keys, and name every fault at once. Raises :class:`OperationRefused`."""
    hosted = {service.slug for service in settings.services}
    positions = _positions(options)
    services, roles, units = (
        list(dict.fromkeys(getattr(each, name) for each in positions)) for name in ("service", "role", "org_unit")
    )
    faults = [
        f"--service {slug}: this node does not host it; it hosts {', '.join(sorted(hosted))}"
        for slug in services
        if slug not in hosted
    ]
    faults += [fault for fault in (_code_fault("--id", client_id), *_role_faults(roles)) if fault]
    manager = None if options.get("signed_in_only") else options.get("manager") or current(settings).name
    texts = {"--name": [name], "--unit": units, "--manager": [] if manager is None else [manager]}
    faults += [
        f"{option}: write 1 to {_MAX_TEXT} characters on one line"
        for option, values in texts.items()
        for value in values
        if not 0 < len(value) <= _MAX_TEXT or not value.isprintable()
    ]
    if faults:
        raise OperationRefused("The case system was not registered:", faults)
    return LocalClient(
        client_id=client_id,
        name=name,
        jwks={},
        positions=positions,
        created_at=at,
        vouches=manager is not None,
        manager=manager,
        sample_percent=0 if manager is None else options.get("sample_percent", DEFAULT_PERCENT),
    )


def _positions(options: dict[str, Any]) -> tuple[Position, ...]:
    """Return the rows that were given, or those that one service with roles and units stands for."""
    given = [
        Position(service=service, role=role, org_unit=unit) for service, role, unit in options.get("positions", ())
    ]
    limits = [options["services"], options["roles"], options["units"]]
    if any(limits):
        if given:
            raise click.UsageError("Give either --position, or --service with --role and --unit.")
        if len(options["services"]) != 1 or not all(limits):
            raise click.UsageError(
                "Give one --service with a --role and a --unit, or a --position SERVICE ROLE UNIT for each of several."
            )
        given = [Position(service=service, role=role, org_unit=unit) for service, role, unit in product(*limits)]
    if not given:
        raise click.UsageError("Say with --position SERVICE ROLE UNIT what its users may ask as.")
    return tuple(dict.fromkeys(given))


def _role_faults(roles: Iterable[str]) -> list[str | None]:
    return [_code_fault("--role", role) for role in roles]


def _code_fault(option: str, text: str) -> str | None:
    try:
        parse_code(text)
    except MalformedClaims as refused:
        return f"{option}: {refused.detail}"
    return None


def _lines(client: LocalClient) -> list[str]:
    state = f"revoked on {client.revoked_at:%Y-%m-%d}" if client.revoked_at else "in use"
    return [
        f"  {client.name}; {state}",
        *(f"  {each.service}: {each.role} in {each.org_unit}" for each in client.positions),
        f"  keys: {', '.join(kids(client))}",
        f"  {_who_speaks(client)}",
    ]


def _to_json(client: LocalClient) -> dict[str, Any]:
    return {
        "id": client.client_id,
        "name": client.name,
        "positions": [asdict(position) for position in client.positions],
        "key_ids": kids(client),
        "vouches": client.vouches,
        "manager": client.manager,
        "sample_percent": client.sample_percent,
        "created_at": client.created_at.isoformat(),
        "revoked_at": client.revoked_at.isoformat() if client.revoked_at else None,
    }


def _who_speaks(client: LocalClient) -> str:
    if not client.vouches:
        return "its users sign in themselves; it vouches for nobody"
    if client.manager is None:
        return f"nobody justifies its lookups yet: hearthgate client manager {client.client_id} --manager NAME"
    return f"it vouches for its users; {client.manager} justifies {client.sample_percent} of 100 lookups"


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@click.option("--manager", required=True, help="Who justifies a sample of its lookups from now on.")
@click.option("--sample-percent", type=click.IntRange(1, 100), help="How large a sample [default: as it is].")
@yes_option
@command_output
def manager(
    *, client_id: str, config: Path | None, manager: str, sample_percent: int | None, yes: bool
) -> UseCaseResult:
    """Name another manager for the case system ID, or choose another share of its lookups to be justified."""
    settings = load_node(config)
    if not 0 < len(manager) <= _MAX_TEXT or not manager.isprintable():
        raise OperationRefused(f"--manager: write 1 to {_MAX_TEXT} characters on one line")
    with opened_store(settings) as store:
        client = store.read(lambda tx: clients.get(tx, client_id=client_id))
        if client is None or not client.vouches:
            raise OperationRefused(
                f"No case system {client_id} vouches for its users here; see `hearthgate client list`."
            )
        percent = sample_percent or client.sample_percent or DEFAULT_PERCENT
        changed = replace(client, manager=manager, sample_percent=percent)
        show_plan(f"{client_id} ({client.name}): {_who_speaks(changed)}, those waiting now included.")
        confirm("Change it?", yes=yes)
        record(settings, "client manager", id=client_id, manager=manager, sample_percent=percent)
        store.write(lambda tx: clients.assign(tx, client_id=client_id, manager=manager, sample_percent=percent))
    return UseCaseResult(lines=[f"{client_id}: {_who_speaks(changed)}."], data=_to_json(changed))
