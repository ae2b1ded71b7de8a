"""A federation in memory, fresh for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.factory import open_store
from gateway.store.migration import migrate
from tests.simulator.federation import federation
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, POLICE
from tests.simulator.tree import Tree

__all__ = ["federation"]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a migrated store that tests copy, which is quicker than making one each."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate("sqlite:///node.db", base_dir=folder)
    return folder


@pytest.fixture
def tree(migrated: Path, tmp_path: Path) -> Iterator[Tree]:
    """Give an anchor, a county below it, and two agencies below the county; the council's directory looks at them."""
    shutil.copytree(migrated, tmp_path / "store")
    store = open_store("sqlite:///node.db", base_dir=tmp_path / "store")
    made = Tree(store)
    made.add(COUNTY, ANCHOR)
    made.add(COUNCIL, COUNTY)
    made.add(POLICE, COUNTY)
    yield made
    store.close()
