"""The keys of a case system: give it other ones under its id, within its limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from config.settings import NodeSettings
from gateway.administration.context import Settings, now, opened_store
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.ports import LocalClient, Store, Transaction
from gateway.store.tables import clients
from trust import strict_json
from trust.keys import MAX_KEYS, KeySet, KeyUse, LocalSigner, PublicKey, parse_key

REASON_TO_VOUCH = "it vouches for its users"
"""Why a change of a case system takes two administrators."""
_TOKENS = "Tokens that it has run out within ten minutes."


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One of three changes: the public keys of a file, one more key pair in a new file, or fewer keys."""

    jwks: Path | None = None
    private_key: Path | None = None
    drop: Sequence[str] = ()


def plan_key_change(settings: NodeSettings, client_id: str, change: KeyChange) -> ChangePlan:
    """Plan other keys for a case system. Raises :class:`OperationRefused`.

    A key that one did not have which vouches for its users takes a second administrator.
    """
    with opened_store(settings) as store:
        client = store.read(lambda tx: clients.get(tx, client_id=client_id))
    if client is None or client.revoked_at is not None:
        raise OperationRefused(f"No case system {client_id} is in use here; see `hearthgate client list`.")
    private = LocalSigner.generate(KeyUse.OAUTH) if change.private_key else None
    keys = _new_keys(client, private, change)
    arguments = {
        "id": client_id,
        "was": key_ids(client),
        "key_ids": [key.kid for key in keys.keys],
        "jwks": keys.to_jwks(),
    }
    note = f"Its new private key is in {change.private_key}: hand it over, and keep no copy."
    if client.vouches and keys.kids - set(key_ids(client)):
        plan = plan_request(
            settings, ChangeRequest(act=ADD_KEY, arguments=arguments, reason=REASON_TO_VOUCH, emergency=None)
        )
    else:
        plan = _plan_now(settings, arguments)
    return with_key_file(plan, private, change.private_key, note)


def _plan_now(settings: NodeSettings, arguments: Mapping[str, Any]) -> ChangePlan:
    def apply() -> UseCaseResult:
        ADD_KEY.effect(settings, arguments)
        facts = {"id": arguments["id"], "key_ids": arguments["key_ids"]}
        record(settings, "client keys", **facts)
        return UseCaseResult(lines=ADD_KEY.perform(settings, arguments, at=now(), commit=lambda _: None), data=facts)

    return ChangePlan(effect=[" ".join(ADD_KEY.effect(settings, arguments))], question="Change its keys?", apply=apply)


class _NewKey:
    """The act of giving a case system that vouches for its users a key that it did not have."""

    name = "client keys"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say which keys it would have. Raises ``OperationRefused`` if it has others than when asked."""
        with opened_store(settings) as store:
            client = _unchanged(store, arguments)
        return [f"{client.client_id} ({client.name}), so far with {', '.join(key_ids(client))}.", _effect(arguments)]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:  # noqa: ARG002 - the protocol's
        """Change its keys. Raises as :meth:`effect`."""
        with opened_store(settings) as store:
            client = replace(_unchanged(store, arguments), jwks=arguments["jwks"])

            def work(tx: Transaction) -> None:
                if not clients.rekey(tx, client):
                    raise OperationRefused(f"{client.client_id} was revoked meanwhile; nothing was changed.")
                commit(tx)

            store.write(work)
        return [f"{client.client_id}: {_effect(arguments)} {_TOKENS}"]


ADD_KEY = _NewKey()


def with_key_file(plan: ChangePlan, private: LocalSigner | None, path: Path | None, note: str) -> ChangePlan:
    """Return a plan that also writes a private key to a new file, and removes it where the change fails."""
    if private is None or path is None:
        return plan

    def apply() -> UseCaseResult:
        write_new(path, private.to_pem(), "The private key", mode=0o600)
        try:
            result = plan.apply()
        except BaseException:
            path.unlink()
            raise
        return replace(result, lines=[*result.lines, note])

    return replace(plan, apply=apply)


def read_keys(jwks: Path) -> KeySet:
    """Read a file with public keys. Raises :class:`OperationRefused`, and ``TrustError`` for a key that is none."""
    document = strict_json.loads(raw := read_input(jwks, "The public keys"), max_bytes=len(raw))
    keys = document.get("keys")
    if not isinstance(keys, list) or not keys:
        raise OperationRefused(f'{jwks} is not a JWK set: it must be an object whose "keys" is a list of public keys.')
    return _set_of([parse_key(key, KeyUse.OAUTH, named=False) for key in keys])


def key_ids(client: LocalClient) -> list[str]:
    """Return the ids of a client's keys."""
    return [str(key["kid"]) for key in client.jwks["keys"]]


def _unchanged(store: Store, arguments: Mapping[str, Any]) -> LocalClient:
    client = store.read(lambda tx: clients.get(tx, client_id=arguments["id"]))
    if client is None or client.revoked_at is not None or key_ids(client) != list(arguments["was"]):
        raise OperationRefused(f"{arguments['id']} was changed since this was asked for. Decline it, and ask again.")
    return client


def _effect(arguments: Mapping[str, Any]) -> str:
    return f"It signs in with {', '.join(arguments['key_ids'])} and with nothing else."


def _new_keys(client: LocalClient, private: LocalSigner | None, change: KeyChange) -> KeySet:
    if change.jwks is not None:
        return read_keys(change.jwks)
    current = KeySet.from_jwks(dict(client.jwks), KeyUse.OAUTH)
    if private is not None:
        return _set_of([*current.keys, private.public])
    unknown = sorted(set(change.drop) - current.kids)
    if unknown:
        raise OperationRefused(f"It has no key {', '.join(unknown)}; it has {', '.join(key_ids(client))}.")
    rest = [key for key in current.keys if key.kid not in change.drop]
    if not rest:
        raise OperationRefused("A case system needs a key: add another first, or `hearthgate client revoke` it.")
    return _set_of(rest)


def _set_of(keys: Sequence[PublicKey]) -> KeySet:
    if len(keys) > MAX_KEYS:
        raise OperationRefused(
            f"A case system has {MAX_KEYS} keys at most; take away those that it does not use any more."
        )
    return KeySet.of(KeyUse.OAUTH, keys)
