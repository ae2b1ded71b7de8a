"""A node's faces for the HTTP tests, fresh for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.callers import Caller, case_system, housing
from tests.support.faces import Node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.claims.close()


@pytest.fixture
def peer(node: Node) -> Caller:
    return housing(node, node.peer_app().test_client())


@pytest.fixture
def system(node: Node) -> Caller:
    return case_system(node, node.case_app().test_client())
