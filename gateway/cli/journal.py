"""The administrators' journal: every change that a command makes, by whom and when, before it is made.

It is a file of JSON lines beside the store, appended to and never rewritten. No person but the administrator stands in
it, by the name of their account on this machine.
"""

import json
import os
import pwd
from pathlib import Path

from config.settings import AnchorSettings, NodeSettings
from gateway.cli.context import now
from gateway.cli.faults import Refused

FILE = Path("data") / "administration.jsonl"


def record(settings: NodeSettings | AnchorSettings, act: str, **facts: str | int | list[str]) -> str:
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
    """Return the account that works here; behind sudo, the one that called it."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        account = str(os.getuid())
    caller = os.environ.get("SUDO_USER")
    return f"{caller} as {account}" if caller else account
