"""A fresh store of a node."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ports import Store
from gateway.store.factory import open_store
from tests.support.stores import make_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    make_store(tmp_path)
    opened = open_store("sqlite:///node.db", base_dir=tmp_path)
    yield opened
    opened.close()
