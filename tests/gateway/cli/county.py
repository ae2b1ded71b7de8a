"""Fixtures: a federation of four levels, and the commands' view of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from config.settings import NodeSettings
from gateway.administration.federation_context import FederationContext
from gateway.agreements.registry import AgreementRegistry
from gateway.peers.transport import HttpTransport
from gateway.store.factory import open_store
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, POLICE
from tests.simulator.tree import Tree
from tests.support.stores import make_store
from trust.identifiers import EntityId

DISTRICT = EntityId("https://district.example")


SCHOOL = EntityId("https://school.example")


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """Give an anchor, a county below it with a council and the police, and a school below a district of the county."""
    make_store(tmp_path)
    store = open_store("sqlite:///node.db", base_dir=tmp_path)
    made = Tree(store)
    for entity, above in (
        (COUNTY, ANCHOR),
        (COUNCIL, COUNTY),
        (POLICE, COUNTY),
        (DISTRICT, COUNTY),
        (SCHOOL, DISTRICT),
    ):
        made.add(entity, above)
    yield made
    store.close()
    shutil.rmtree(tmp_path)


@pytest.fixture
def federation(tree: Tree) -> FederationContext:
    directory = tree.directory()
    return FederationContext(
        own=COUNCIL,
        settings=cast("NodeSettings", None),  # of which neither command reads anything
        store=tree.store,
        transport=cast("HttpTransport", tree),
        pins={ANCHOR: tree.pinned},
        anchors=directory.anchors(now=tree.clock.now()),
        own_configuration=lambda _now: tree.configuration(COUNCIL),
        directory=directory,
        agreements=AgreementRegistry(tree.store),
    )
