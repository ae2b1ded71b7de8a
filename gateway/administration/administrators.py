"""The administrator who runs a command: by their own key, by the kernel's login id, or by a name that proves nothing.

Two administrators count as two people only where each is proven, by a login or by a key of their own. Its owner keeps a
key off the machine (`HEARTHGATE_ADMINISTRATOR_KEY` names its file while a command runs); its public half stands under
`[administrator_keys]`. Where a machine keeps no login id, as in many containers, the key is needed.
"""

import os
import pwd
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.administration.context import Settings
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input
from trust import strict_json
from trust.keys import KeySet, KeyUse, LocalSigner, parse_key

ADMINISTRATOR_KEY_VARIABLE = "HEARTHGATE_ADMINISTRATOR_KEY"
"""Names the file of the administrator's own private key."""
LOGIN_ID = Path("/proc/self/loginuid")
_NEVER_LOGGED_IN = 2**32 - 1


class KnownBy(StrEnum):
    """What proves who an administrator is."""

    KEY = "key"
    """They signed with a key that the configuration names as theirs."""
    LOGIN = "login"
    """The kernel saw them log in; only root can change that."""
    NAME = "name"
    """Nothing: sudo's word, or the account alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """One administrator: their name, and the account that they work as where that is another."""

    name: str
    known_by: KnownBy
    signer: LocalSigner | None = None


def current(settings: Settings) -> Administrator:
    """Return who runs this command. Raises :class:`OperationRefused` for a key that the configuration does not name."""
    account, login = _name(os.getuid()), logged_in()
    file = os.environ.get(ADMINISTRATOR_KEY_VARIABLE)
    if file:
        signer = LocalSigner.from_pem(read_input(Path(file), "The administrator's key"), KeyUse.ADMINISTRATOR)
        # The login stays in the name: a person who registers a key under another name approves nothing of their own.
        names = dict.fromkeys((_owner(settings, signer.kid), *([] if login is None else [login]), account))
        return Administrator(name=" as ".join(names), known_by=KnownBy.KEY, signer=signer)
    person = login or os.environ.get("SUDO_USER") or account
    name = account if person == account else f"{person} as {account}"
    return Administrator(name=name, known_by=KnownBy.NAME if login is None else KnownBy.LOGIN)


def registered_keys(settings: Settings) -> dict[str, str]:
    """Return whose each registered key is, by its id. Raises ``OperationRefused`` and ``TrustError`` for a file."""
    return {key.kid: name for name, key in zip(settings.administrator_keys, key_set(settings).keys, strict=True)}


def key_set(settings: Settings) -> KeySet:
    """Return the administrators' public keys. Raises as :func:`registered_keys`."""
    files = [settings.base_dir / path for path in settings.administrator_keys.values()]
    raw = [read_input(file, "The administrator's public key") for file in files]
    return KeySet.of(
        KeyUse.ADMINISTRATOR,
        [parse_key(strict_json.loads(each, max_bytes=len(each)), KeyUse.ADMINISTRATOR) for each in raw],
    )


def is_another(first: str, second: str) -> bool:
    """Tell whether two administrators' names are those of two people as far as names can tell.

    The person of the one must stand nowhere in the other: not as the account that it was done as either.
    """
    names, others = persons(first), persons(second)
    account = {names[-1]} & {others[-1]}  # the service account that both work as
    return names[0] not in others and others[0] not in names and not (set(names) & set(others)) - account


def persons(name: str) -> tuple[str, ...]:
    """Return the accounts that stand in an administrator's name, the person's first."""
    return tuple(name.split(" as "))


def logged_in() -> str | None:
    """Return the account that the kernel saw log in (audit's login id), None where it keeps none."""
    try:
        uid = int(LOGIN_ID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _NEVER_LOGGED_IN else _name(uid)


def _owner(settings: Settings, kid: str) -> str:
    owner = registered_keys(settings).get(kid)
    if owner is None:
        raise OperationRefused(
            f"The key that {ADMINISTRATOR_KEY_VARIABLE} names belongs to no administrator of this configuration; "
            "register it: hearthgate trust administrator NAME --key FILE"
        )
    return owner


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
