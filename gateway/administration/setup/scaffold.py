"""The folder of a new node or authority, made whole or not at all."""

import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from config.loading import ConfigError, load
from gateway.administration.context import certificates
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.setup.config_files import SetupOptions
from gateway.keys.files import KeyFile, create_keys, refuse_unusable
from gateway.store.migration import migrate

_MISSING = ": there is no such file"


def refuse_existing(folder: Path) -> None:
    """Raise :class:`OperationRefused` for a folder that holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OperationRefused(f"{folder} exists already and is not empty; name a new folder.")


@contextmanager
def new_folder(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield a staging folder and its final path, and rename it at the end. Raises :class:`OperationRefused`."""
    refuse_existing(folder)
    target = folder.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield staging, target
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def scaffold(staging: Path, file: str, text: str, *, keys: Sequence[KeyFile], certificate_later: bool) -> None:
    """Write the configuration first, because it is what may be wrong; then keys and store.

    Raises :class:`OperationRefused` and ``KeyFilesRefused``.
    """
    write_new(staging / file, text.encode(), "The configuration", mode=0o600)
    _check(staging / file, certificate_later=certificate_later)
    (staging / "data").mkdir(mode=0o700)
    create_keys(staging / "keys", names=keys)
    migrate(tomllib.loads(text)["store"]["url"], base_dir=staging)


def next_steps(target: Path, options: SetupOptions, steps: Sequence[str]) -> list[str]:
    """Return the steps that are left, numbered."""
    first = () if options.tls else ("Put the certificate chain and its key into {dir}/tls.",)
    numbered = [step.format(dir=target) for step in (*first, *steps)]
    return ["What to do next:", *(f"  {number}. {step}" for number, step in enumerate(numbered, 1))]


def _check(path: Path, *, certificate_later: bool) -> None:
    try:
        refuse_unusable(certificates(load(path, {})))
    except ConfigError as refused:
        later = {f"{face}.{name}{_MISSING}" for face in ("peer", "case") for name in ("certificate", "key")}
        faults = [fault for fault in refused.faults if not (certificate_later and fault in later)]
        if faults:
            raise OperationRefused("The configuration would not be valid, so nothing was made:", faults) from refused
