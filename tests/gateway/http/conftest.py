"""One node's faces and their callers, and an anchor's over a federation in memory."""

import pytest
from flask.testing import FlaskClient

from tests.simulator.callers import node, peer, system
from tests.simulator.federation import Federation, federation
from tests.simulator.town import ANCHOR

__all__ = ["federation", "node", "peer", "system"]


@pytest.fixture
def anchor(federation: Federation) -> FlaskClient:
    return federation.wire.apps[ANCHOR].test_client()
