"""The administrators' journal: every change that a command makes, by whom and when, before it is made.

It is a file of JSON lines beside the store, appended to and never rewritten. No person but the administrator stands in
it, by the name of their account on this machine. What that name proves stands in docs/operating.md, "Two
administrators".
"""

import json
import os
import pwd
from pathlib import Path

from config.settings import AnchorSettings, NodeSettings
from gateway.cli.context import now
from gateway.cli.faults import Refused

FILE = Path("data") / "administration.jsonl"
LOGIN_ID = Path("/proc/self/loginuid")
_NEVER_LOGGED_IN = 2**32 - 1


def record(settings: NodeSettings | AnchorSettings, act: str, **facts: str | int | list[str] | None) -> str:
    """Append one change that is about to be made, and return whose it is.

    Raises :class:`Refused`: what cannot be recorded is not done.
    """
    by = administrator()
    entry = {"at": now().isoformat(timespec="seconds"), "by": by, "act": act, **facts}
    path = settings.base_dir / FILE
    line = json.dumps(entry, ensure_ascii=True) + "\n"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            file.write(line.encode("ascii"))
            os.fsync(file.fileno())
    except OSError as failed:
        raise Refused(
            f"The change cannot be recorded in {path} ({failed.strerror}), so it was not made; make that file writable."
        ) from failed
    return by


def administrator() -> str:
    """Return who works here: the account that was logged in to, and the one that it works as where that is another.

    The kernel's login id (audit) says who logged in, and only root can change it. Where the machine keeps none, sudo's
    own word is taken, which somebody who may run any command as that account can forge.
    """
    account = _name(os.getuid())
    person = _logged_in() or os.environ.get("SUDO_USER") or account
    return account if person == account else f"{person} as {account}"


def is_another(first: str, second: str) -> bool:
    """Tell whether two administrators, as :func:`administrator` writes them, are two people as far as can be known.

    Whoever logged in as the one must stand nowhere in the other: not as the account that it was done as either.
    """
    names, others = first.split(" as "), second.split(" as ")
    return names[0] not in others and others[0] not in names


def _logged_in() -> str | None:
    try:
        uid = int(LOGIN_ID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _NEVER_LOGGED_IN else _name(uid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
