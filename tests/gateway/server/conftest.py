"""A served node for the tests of one module."""

from collections.abc import Iterator

import pytest

from tests.gateway.server.served_node import Running, served


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Serve a node that several tests attack, one after the other."""
    with served(tmp_path_factory.mktemp("node")) as running:
        yield running
