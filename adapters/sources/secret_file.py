"""Reader of a case system's credential from the file that the configuration names."""

import stat
from pathlib import Path
from typing import Final

from adapters.contract import SourceMisconfigured

MAX_SECRET_BYTES: Final = 4096
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def read_secret(path: Path) -> str:
    """Return the one line that the file at ``path`` holds.

    Raises :class:`SourceMisconfigured` if the file cannot be read, is accessible to its group or others, or does not
    hold exactly one line of at most 4,096 bytes.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            raw = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise SourceMisconfigured(f"The secret file {path.name} cannot be opened: {reason}.") from None
    if mode & _OTHERS:
        raise SourceMisconfigured(f"The secret file {path.name} is accessible to others: run chmod 600 on it.")
    try:
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise SourceMisconfigured(f"The secret file {path.name} is not text.") from None
    if not text or len(text.splitlines()) != 1 or len(raw) > MAX_SECRET_BYTES:
        raise SourceMisconfigured(f"The secret file {path.name} must hold the secret on one line, and nothing else.")
    return text
