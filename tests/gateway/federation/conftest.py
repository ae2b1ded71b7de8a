"""A federation in memory, fresh for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.factory import open_store
from tests.simulator.federation import federation
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, POLICE
from tests.simulator.tree import Tree
from tests.support.stores import make_store

__all__ = ["federation"]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """Give an anchor, a county below it, and two agencies below the county; the council's directory looks at them."""
    make_store(tmp_path)
    store = open_store("sqlite:///node.db", base_dir=tmp_path)
    made = Tree(store)
    made.add(COUNTY, ANCHOR)
    made.add(COUNCIL, COUNTY)
    made.add(POLICE, COUNTY)
    yield made
    store.close()
