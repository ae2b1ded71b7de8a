"""Migrated SQLite stores, each a copy of one that this process migrated."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from gateway.store.migration import migrate

_NAME = "node"


def make_store(folder: Path, name: str = _NAME) -> None:
    """Make what migrating ``sqlite:///NAME.db`` in ``folder`` makes, at a small part of its cost."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in migrated_folder().iterdir():
        shutil.copy2(path, folder / path.name.replace(_NAME, name, 1))


@cache
def migrated_folder() -> Path:
    """Return a folder with the files of a migrated ``node.db``, which nothing may open: they are copied."""
    folder = Path(mkdtemp(prefix="migrated-"))
    atexit.register(shutil.rmtree, folder)
    migrate(f"sqlite:///{_NAME}.db", base_dir=folder)
    return folder
