"""The case systems of this agency: register, list and revoke them, and name who justifies their lookups."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from config.settings import NodeSettings
from gateway.administration.administrators import current
from gateway.administration.client_keys import REASON_TO_VOUCH, key_ids, read_keys, with_key_file
from gateway.administration.context import Settings, now, opened_store, own_entity
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused, line_faults, refuse_line
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.ports import LocalClient, Store, Transaction
from gateway.store.tables import clients
from trust.errors import MalformedClaims
from trust.identifiers import ServiceRef, ServiceSlug, parse_code
from trust.keys import KeySet, KeyUse, LocalSigner
from trust.oauth.access_token import Position

DEFAULT_PERCENT = 10
"""Lookups of 100 that a manager justifies."""
_ARGUMENTS = ("id", "name", "positions", "manager", "sample_percent", "key_ids")
_MAX_TEXT = 120
_NOT_REGISTERED = "The case system was not registered:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A case system to register, with its public keys in ``jwks``, or a new key pair for the file ``private_key``.

    One that does not vouch has users who sign in themselves. The administrator is its manager where none is named.
    """

    client_id: str
    name: str
    positions: Sequence[Position]
    jwks: Path | None = None
    private_key: Path | None = None
    vouches: bool = True
    manager: str | None = None
    sample_percent: int = DEFAULT_PERCENT


def plan_registration(settings: NodeSettings, registration: Registration) -> ChangePlan:
    """Plan to register a case system; one that vouches takes a second administrator. Raises ``OperationRefused``."""
    client, private = _draft(settings, registration)
    if client.vouches:
        json = client_json(client)
        arguments = {**{name: json[name] for name in _ARGUMENTS}, "jwks": dict(client.jwks)}
        request = ChangeRequest(act=REGISTER, arguments=arguments, reason=REASON_TO_VOUCH, emergency=None)
        plan = plan_request(settings, request)
    else:
        plan = _plan_now(settings, client)
    path = registration.private_key
    note = f"Its private key is in {path}: hand that file to the case system, and keep no copy."
    return with_key_file(plan, private, path, note)


def register_first(settings: NodeSettings, registration: Registration) -> None:
    """Register the case system that a node is set up with, by the one administrator who sets it up.

    Raises :class:`OperationRefused`; no key is left behind then.
    """
    client, private = _draft(settings, registration)
    with_key_file(_plan_now(settings, client), private, registration.private_key, "").apply()


def _plan_now(settings: NodeSettings, client: LocalClient) -> ChangePlan:
    def apply() -> UseCaseResult:
        with opened_store(settings) as store:
            _refuse_taken(store, client.client_id)
            record(settings, "client add", id=client.client_id, key_ids=key_ids(client))
            store.write(lambda tx: clients.add(tx, client))
        return UseCaseResult(lines=_registered(client), data=client_json(client))

    return ChangePlan(effect=_effect(client), question="Register it?", apply=apply)


class _Registration:
    """The act of registering a case system that vouches for its users."""

    name = "client add"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say what it may ask. Raises :class:`OperationRefused`."""
        client = _from_arguments(arguments, now())
        with opened_store(settings) as store:
            _refuse_taken(store, client.client_id)
        return _effect(client)

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Register it. Raises as :meth:`effect`."""
        client = _from_arguments(arguments, at)
        with opened_store(settings) as store:
            _refuse_taken(store, client.client_id)

            def work(tx: Transaction) -> None:
                clients.add(tx, client)
                commit(tx)

            store.write(work)
        return _registered(client)


REGISTER = _Registration()


def list_clients(settings: NodeSettings) -> UseCaseResult:
    """List every registered case system, its limits and its keys' ids."""
    with opened_store(settings) as store:
        every = store.read(clients.list)
    return UseCaseResult(
        lines=[line for client in every for line in (client.client_id, *_lines(client))]
        or ["No case system is registered yet: hearthgate client add"],
        data={"clients": [client_json(client) for client in every]},
    )


def plan_revocation(settings: NodeSettings, client_id: str) -> ChangePlan:
    """Plan to revoke a case system for good; its id is never given to another. Raises ``OperationRefused``."""
    with opened_store(settings) as store:
        client = _revocable(store, client_id)
    effect = "It can get no new tokens, and its current tokens are rejected immediately."

    def apply() -> UseCaseResult:
        at = now()
        with opened_store(settings) as store:
            _revocable(store, client_id)
            record(settings, "client revoke", id=client_id)
            store.write(lambda tx: clients.revoke(tx, client_id=client_id, at=at))
        return UseCaseResult(
            lines=[f"{client_id} is revoked. {effect}"], data={"id": client_id, "revoked_at": at.isoformat()}
        )

    return ChangePlan(effect=[f"{client_id} ({client.name}). {effect}"], question="Revoke it?", apply=apply)


def plan_manager(settings: NodeSettings, client_id: str, manager: str, sample_percent: int | None) -> ChangePlan:
    """Plan another manager for a case system, or another share of its lookups. Raises ``OperationRefused``."""
    refuse_line("--manager", manager, limit=_MAX_TEXT)
    with opened_store(settings) as store:
        client = _with_manager(store, client_id, manager, sample_percent)

    def apply() -> UseCaseResult:
        with opened_store(settings) as store:
            changed = _with_manager(store, client_id, manager, sample_percent)
            percent = changed.sample_percent
            record(settings, "client manager", id=client_id, manager=manager, sample_percent=percent)
            store.write(lambda tx: clients.assign(tx, client_id=client_id, manager=manager, sample_percent=percent))
        return UseCaseResult(lines=[f"{client_id}: {_vouching(changed)}."], data=client_json(changed))

    effect = f"{client_id} ({client.name}): {_vouching(client)}, those waiting now included."
    return ChangePlan(effect=[effect], question="Change it?", apply=apply)


def find_client(settings: NodeSettings, client_id: str | None) -> LocalClient:
    """Return a case system that is in use, or the only one. Raises :class:`OperationRefused`."""
    with opened_store(settings) as store:
        every = [client for client in store.read(clients.list) if client.revoked_at is None]
    matching = [client for client in every if client_id in {None, client.client_id}]
    if len(matching) == 1:
        return matching[0]
    if not every:
        raise OperationRefused("No case system is registered: hearthgate client add")
    names = ", ".join(client.client_id for client in every)
    raise OperationRefused(f"Say with --client which case system asks; these are registered: {names}")


def client_json(client: LocalClient) -> dict[str, Any]:
    """Return a case system for machines."""
    return {
        "id": client.client_id,
        "name": client.name,
        "positions": [asdict(position) for position in client.positions],
        "key_ids": key_ids(client),
        "vouches": client.vouches,
        "manager": client.manager,
        "sample_percent": client.sample_percent,
        "created_at": client.created_at.isoformat(),
        "revoked_at": client.revoked_at.isoformat() if client.revoked_at else None,
    }


def _draft(settings: NodeSettings, registration: Registration) -> tuple[LocalClient, LocalSigner | None]:
    """Return the case system, every limit checked, and its new key."""
    manager = (registration.manager or current(settings).name) if registration.vouches else None
    _refuse_faults(settings, registration, manager)
    client = LocalClient(
        client_id=registration.client_id,
        name=registration.name,
        jwks={},
        positions=tuple(dict.fromkeys(registration.positions)),
        created_at=now(),
        vouches=registration.vouches,
        manager=manager,
        sample_percent=registration.sample_percent if registration.vouches else 0,
    )
    with opened_store(settings) as store:
        _refuse_taken(store, client.client_id)
        _refuse_unknown_roles(settings, store, client)
    if registration.jwks is not None:
        return replace(client, jwks=read_keys(registration.jwks).to_jwks()), None
    private = LocalSigner.generate(KeyUse.OAUTH)
    return replace(client, jwks=KeySet.of(KeyUse.OAUTH, [private.public]).to_jwks()), private


def _refuse_faults(settings: NodeSettings, registration: Registration, manager: str | None) -> None:
    """Raise ``OperationRefused`` with every fault of everything but the keys."""
    services, roles, units = (
        list(dict.fromkeys(getattr(each, name) for each in registration.positions))
        for name in ("service", "role", "org_unit")
    )
    hosted = sorted(service.slug for service in settings.services)
    faults = [
        f"--service {slug}: this node does not host it; it hosts {', '.join(hosted)}"
        for slug in services
        if slug not in hosted
    ]
    codes = [("--id", registration.client_id), *(("--role", role) for role in roles)]
    faults += [fault for option, code in codes if (fault := _code_fault(option, code))]
    texts = [("--name", registration.name), *(("--unit", unit) for unit in units)]
    texts += [] if manager is None else [("--manager", manager)]
    faults += line_faults(texts, limit=_MAX_TEXT)
    if faults:
        raise OperationRefused(_NOT_REGISTERED, faults)


def _code_fault(option: str, text: str) -> str | None:
    try:
        parse_code(text)
    except MalformedClaims as refused:
        return f"{option}: {refused.detail}"
    return None


def _refuse_taken(store: Store, client_id: str) -> None:
    if store.read(lambda tx: clients.get(tx, client_id=client_id)) is not None:
        raise OperationRefused(f"The client id {client_id} is taken, if only by a revoked client: choose another.")


def _refuse_unknown_roles(settings: NodeSettings, store: Store, client: LocalClient) -> None:
    """Raise ``OperationRefused`` for a role that no agreement here names; before the first agreement, any will do."""
    own = own_entity(settings)
    standings = AgreementRegistry(store, own=own).standings(now=now())
    clauses = [clause for standing in standings for clause in standing.agreement.clauses]
    faults = []
    for position in client.positions:
        asker = ServiceRef(entity=own, service=ServiceSlug(position.service))
        roles = {role for clause in clauses if asker in clause.askers for role in clause.fields_by_role}
        if roles and position.role not in roles:
            names = ", ".join(sorted(roles))
            faults.append(f"--role {position.role}: no agreement lets {position.service} ask in it; known: {names}")
    if faults:
        raise OperationRefused(_NOT_REGISTERED, list(dict.fromkeys(faults)))


def _revocable(store: Store, client_id: str) -> LocalClient:
    client = store.read(lambda tx: clients.get(tx, client_id=client_id))
    if client is None:
        raise OperationRefused(f"No case system {client_id} is registered; see `hearthgate client list`.")
    if client.revoked_at is not None:
        raise OperationRefused(f"{client_id} was revoked on {client.revoked_at:%Y-%m-%d} already; nothing was changed.")
    return client


def _with_manager(store: Store, client_id: str, manager: str, sample_percent: int | None) -> LocalClient:
    client = store.read(lambda tx: clients.get(tx, client_id=client_id))
    if client is None or not client.vouches:
        raise OperationRefused(f"No case system {client_id} vouches for its users here; see `hearthgate client list`.")
    percent = sample_percent or client.sample_percent or DEFAULT_PERCENT
    return replace(client, manager=manager, sample_percent=percent)


def _from_arguments(arguments: Mapping[str, Any], at: datetime) -> LocalClient:
    return LocalClient(
        client_id=arguments["id"],
        name=arguments["name"],
        jwks=arguments["jwks"],
        positions=tuple(Position(**each) for each in arguments["positions"]),
        created_at=at,
        vouches=True,
        manager=arguments["manager"],
        sample_percent=arguments["sample_percent"],
    )


def _effect(client: LocalClient) -> list[str]:
    return [f"{client.client_id} will get tokens, and may ask within these limits:", *_lines(client)]


def _registered(client: LocalClient) -> list[str]:
    return [f"{client.client_id} is registered.", *_lines(client)]


def _lines(client: LocalClient) -> list[str]:
    state = f"revoked on {client.revoked_at:%Y-%m-%d}" if client.revoked_at else "in use"
    return [
        f"  {client.name}; {state}",
        *(f"  {each.service}: {each.role} in {each.org_unit}" for each in client.positions),
        f"  keys: {', '.join(key_ids(client))}",
        f"  {_vouching(client)}",
    ]


def _vouching(client: LocalClient) -> str:
    if not client.vouches:
        return "its users sign in themselves; it vouches for no user"
    if client.manager is None:
        return f"no manager justifies its lookups yet: hearthgate client manager {client.client_id} --manager NAME"
    return f"it vouches for its users; {client.manager} justifies {client.sample_percent} of 100 lookups"
