"""Two nodes and their anchor as commit 83b7288 left them, upgraded and used by this version.

``node-83b7288.tar.xz`` has their folders: settings, keys, stores, case systems, and ``kept.json`` with what that commit
read from them. It was made with this package's own ``Network`` at that commit, on a clock of 2026-11-30.
"""

import json
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.store.migration import migrate
from gateway.store.tables import members
from tests.simulator.case_client import CaseClient
from tests.simulator.clocks import SetClock
from tests.simulator.network import Network
from tests.simulator.settings_files import case_base_url
from tests.simulator.town import BY_ENTITY, COUNCIL, TRUST
from trust.keys import KeyUse, LocalSigner

ARCHIVE = Path(__file__).with_name("node-83b7288.tar.xz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("upgrade")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(made, filter="tar")  # keeps the modes of the key files
    for database in made.glob("*/data/*.db"):
        if not database.name.endswith("-claims.db"):
            migrate(f"sqlite:///data/{database.name}", base_dir=database.parent.parent)
    return made


@pytest.fixture(scope="module")
def kept(folder: Path) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((folder / "kept.json").read_bytes())
    return kept


@pytest.fixture(scope="module")
def network(folder: Path, kept: dict[str, Any]) -> Iterator[Network]:
    clock = SetClock()
    clock.moment = datetime.fromisoformat(kept["clock"])
    clock.forward(minutes=10)
    network = Network.reopen(folder, [COUNCIL, TRUST], clock=clock)
    yield network
    network.close()


@pytest.fixture
def client(network: Network, kept: dict[str, Any]) -> CaseClient:
    return CaseClient(
        client_id=kept["client_id"],
        base_url=case_base_url(BY_ENTITY[COUNCIL]),
        http=network.nodes[COUNCIL].case_app.test_client(),
        clock=network.clock,
        signer=LocalSigner.from_pem(kept["key"].encode(), KeyUse.OAUTH),
    )


def test_evidence_and_members_are_kept(network: Network, kept: dict[str, Any]) -> None:
    for entity in (COUNCIL, TRUST):
        assert network.leaves(entity) == kept["leaves"][entity]
    listed = network.anchor.store.read(members.list)
    assert sorted([member.entity, member.state] for member in listed) == sorted(kept["members"])


def test_a_sealed_lookup_of_before_opens_for_its_client(client: CaseClient, kept: dict[str, Any]) -> None:
    assert client.get_lookup(kept["lookup"]["id"]).get_json() == {**kept["lookup"], "not_asked": []}


def test_the_agreement_still_binds_and_the_keys_still_sign(client: CaseClient, kept: dict[str, Any]) -> None:
    view = client.look_up()
    assert view["summary"] == kept["lookup"]["summary"] == "4 of 4 services answered"
    assert {line["service"] for line in view["answers"]} == {line["service"] for line in kept["lookup"]["answers"]}
