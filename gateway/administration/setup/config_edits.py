"""Change a configuration file that an administrator may have written comments into: one setting, and nothing else.

The text is changed where the setting stands, and held against what was meant: the new file must read as the old one
with that one change. Where it does not, nothing is written and the administrator is told what to write.
"""

import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from gateway.administration.errors import OperationRefused

_PIN = """
# Pinned by `hearthgate trust join`, after its thumbprints were compared by another channel.
[[trust.anchors]]
entity_id = "{entity}"
jwks = "{file}"
"""


def pin_file(entity: str) -> Path:
    """Return where an anchor's pin is kept, under the node's folder."""
    return Path("anchors") / (entity.removeprefix("https://").replace("/", "_") + ".json")


def with_pin(text: str, entity: str, file: str) -> str:
    """Return the text with an anchor pinned; one that is pinned already keeps its table."""
    before = tomllib.loads(text)
    expected = deepcopy(before)
    pinned = expected.setdefault("trust", {}).setdefault("anchors", [])
    if any(anchor.get("entity_id") == entity for anchor in pinned):
        return text
    pinned.append({"entity_id": entity, "jwks": file})
    return _held_to(
        text.rstrip("\n") + "\n" + _PIN.format(entity=entity, file=file), expected, f"[[trust.anchors]] {entity}"
    )


def with_superior(text: str, table: str, entity: str) -> str:
    """Return the text with an authority among the ``superiors`` of ``[table]``."""
    expected = tomllib.loads(text)
    superiors = expected[table].setdefault("superiors", [])
    if entity in superiors:
        return text
    superiors.append(entity)
    line = "superiors = [" + ", ".join(f'"{superior}"' for superior in superiors) + "]"
    if re.search(r"^superiors\s*=", text, re.MULTILINE):
        changed = re.sub(r"^superiors\s*=.*$", line, text, count=1, flags=re.MULTILINE)
    else:
        changed = re.sub(rf"^(\[{table}\].*)$", rf"\1\n{line}", text, count=1, flags=re.MULTILINE)
    return _held_to(changed, expected, f"[{table}] superiors, {entity}")


def _held_to(text: str, expected: Mapping[str, Any], what: str) -> str:
    try:
        document: Mapping[str, Any] | None = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        document = None
    if document != expected:
        raise OperationRefused(f"The configuration is written in a way that is not changed here; add {what} by hand.")
    return text


def replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put a file in another's place, whole or not at all. Raises :class:`OperationRefused`."""
    try:
        descriptor, staged = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                status = path.stat()
                os.chown(staged, status.st_uid, status.st_gid)
                mode = status.st_mode & 0o777
            Path(staged).chmod(mode)
            Path(staged).replace(path)
        except OSError:
            Path(staged).unlink(missing_ok=True)
            raise
    except OSError as failed:
        raise OperationRefused(f"{path} cannot be written ({failed.strerror}); nothing was changed.") from failed
