"""A fresh store of a node."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ports import Store
from gateway.store.factory import open_store
from gateway.store.migration import migrate


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url = "sqlite:///node.db"
    migrate(url, base_dir=tmp_path)
    opened = open_store(url, base_dir=tmp_path)
    yield opened
    opened.close()
