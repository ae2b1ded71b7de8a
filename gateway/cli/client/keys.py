"""``hearthgate client keys``: other keys for a case system, under the id and within the limits that it has."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import Settings, opened_store
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import apply_plan, command_output, confirm, show_plan, yes_option
from gateway.ports import LocalClient, Store, Transaction
from gateway.store.tables import clients
from trust import strict_json
from trust.keys import MAX_KEYS, KeySet, KeyUse, LocalSigner, PublicKey, parse_key

WHY_VOUCHING = "it vouches for its users"
_TOKENS = "Tokens that it has run out within ten minutes."
_path = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@click.option("--jwks", type=_path, help="Its public keys from now on, and no others (a JWK set).")
@click.option("--generate-key", type=_path, help="Make one more key pair, and write the private key to this file.")
@click.option("--drop", "dropped", multiple=True, help="Take away the key with this id.")
@yes_option
@command_output
def keys(
    *,
    client_id: str,
    config: Path | None,
    jwks: Path | None,
    generate_key: Path | None,
    dropped: tuple[str, ...],
    yes: bool,
) -> UseCaseResult:
    """Give the case system ID other keys: the new one beside the old, and once it is in use, without the old.

    A new key of a case system that vouches for its users takes a second administrator; taking one away does not.
    """
    if sum(bool(given) for given in (jwks, generate_key, dropped)) != 1:
        raise click.UsageError("Give --jwks, or --generate-key, or --drop.")
    settings = load_node(config)
    with opened_store(settings) as store:
        client = store.read(lambda tx: clients.get(tx, client_id=client_id))
        if client is None or client.revoked_at is not None:
            raise OperationRefused(f"No case system {client_id} is in use here; see `hearthgate client list`.")
        private = LocalSigner.generate(KeyUse.OAUTH) if generate_key else None
        chosen = _chosen(client, private, jwks, dropped)
        note = [f"Its new private key is in {generate_key}: hand it over, and keep no copy."] if generate_key else []
        if client.vouches and set(kids(chosen)) - set(kids(client)):
            arguments = {"id": client_id, "was": kids(client), "key_ids": kids(chosen), "jwks": dict(chosen.jwks)}
            wanted = ChangeRequest(act=ADD_KEY, arguments=arguments, reason=WHY_VOUCHING, emergency=None)
            with written(private, generate_key):
                waiting = apply_plan(plan_request(settings, wanted), yes=yes)
            return replace(waiting, lines=[*waiting.lines, *note])
        effect = _effect(chosen)
        show_plan(f"{client_id} ({client.name}), so far with {', '.join(kids(client))}. {effect}")
        confirm("Change its keys?", yes=yes)
        with written(private, generate_key):
            record(settings, "client keys", id=client_id, key_ids=kids(chosen))
            if not store.write(lambda tx: clients.rekey(tx, chosen)):
                raise OperationRefused(f"{client_id} was revoked meanwhile; nothing was changed.")
    data = {"id": client_id, "key_ids": kids(chosen)}
    return UseCaseResult(lines=[f"{client_id}: {effect} {_TOKENS}", *note], data=data)


class _NewKey:
    """The act of giving a case system that vouches for its users a key that it did not have."""

    name = "client keys"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say which keys it would have. Raises ``OperationRefused`` if it has others than when asked."""
        with opened_store(settings) as store:
            client = _fitting(store, arguments)
        so_far = f"{client.client_id} ({client.name}), so far with {', '.join(kids(client))}."
        return [so_far, _effect(replace(client, jwks=arguments["jwks"]))]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:  # noqa: ARG002 - the protocol's
        """Change its keys. Raises as :meth:`effect`."""
        with opened_store(settings) as store:
            chosen = replace(_fitting(store, arguments), jwks=arguments["jwks"])

            def work(tx: Transaction) -> None:
                if not clients.rekey(tx, chosen):
                    raise OperationRefused(f"{chosen.client_id} was revoked meanwhile; nothing was changed.")
                commit(tx)

            store.write(work)
        return [f"{chosen.client_id}: {_effect(chosen)} {_TOKENS}"]


ADD_KEY = _NewKey()


def _fitting(store: Store, arguments: Mapping[str, Any]) -> LocalClient:
    client = store.read(lambda tx: clients.get(tx, client_id=arguments["id"]))
    if client is None or client.revoked_at is not None or kids(client) != list(arguments["was"]):
        raise OperationRefused(f"{arguments['id']} was changed since this was asked for. Decline it, and ask again.")
    return client


def _effect(chosen: LocalClient) -> str:
    return f"It signs in with {', '.join(kids(chosen))} and with nothing else."


def _chosen(
    client: LocalClient, private: LocalSigner | None, jwks: Path | None, dropped: tuple[str, ...]
) -> LocalClient:
    """Return the client with the keys that it is to have. Raises :class:`OperationRefused`."""
    held = KeySet.from_jwks(dict(client.jwks), KeyUse.OAUTH)
    if jwks is not None:
        chosen = read_keys(jwks)
    elif private is not None:
        chosen = _set_of([*held.keys, private.public])
    else:
        unknown = sorted(set(dropped) - held.kids)
        if unknown:
            raise OperationRefused(f"It has no key {', '.join(unknown)}; it has {', '.join(kids(client))}.")
        left = [key for key in held.keys if key.kid not in dropped]
        if not left:
            raise OperationRefused("That would leave it none: give it another first, or `hearthgate client revoke` it.")
        chosen = _set_of(left)
    return replace(client, jwks=chosen.to_jwks())


def read_keys(jwks: Path) -> KeySet:
    """Read a file with public keys. Raises :class:`OperationRefused`, and ``TrustError`` for a key that is none."""
    document = strict_json.loads(raw := read_input(jwks, "The public keys"), max_bytes=len(raw))
    listed = document.get("keys")
    if not isinstance(listed, list) or not listed:
        raise OperationRefused(f'{jwks} is not a JWK set: it must be an object whose "keys" is a list of public keys.')
    return _set_of([parse_key(key, KeyUse.OAUTH, named=False) for key in listed])


@contextmanager
def written(private: LocalSigner | None, path: Path | None) -> Iterator[None]:
    """Write a private key, and take it away again where what follows fails. Raises :class:`OperationRefused`."""
    if private is None or path is None:
        yield
        return
    write_new(path, private.to_pem(), "The private key", mode=0o600)
    try:
        yield
    except BaseException:
        path.unlink()
        raise


def kids(client: LocalClient) -> list[str]:
    """Return the ids of a client's keys."""
    return [str(key["kid"]) for key in client.jwks["keys"]]


def _set_of(found: Sequence[PublicKey]) -> KeySet:
    if len(found) > MAX_KEYS:
        raise OperationRefused(
            f"A case system has {MAX_KEYS} keys at most; take away those that it does not use any more."
        )
    return KeySet.of(KeyUse.OAUTH, found)
