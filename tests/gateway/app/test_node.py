"""Putting a node together: nothing is opened before the fork, and readiness says what is missing."""

import threading
from pathlib import Path

import pytest

from gateway.app.authority import create_anchor
from gateway.app.node import create_node
from tests.simulator import faults
from tests.simulator.network import Network
from tests.simulator.settings_files import read_anchor, read_node
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from tests.support.tls import make_authority
from trust.errors import TrustError


def open_files() -> set[str]:
    return {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.exists()}


def test_a_node_is_made_without_a_thread_a_connection_or_an_open_file(pair: Network) -> None:
    settings = read_node(pair.folder_of(TRUST) / "hearthgate.toml")
    before, threads = open_files(), threading.active_count()
    node = create_node(settings)
    assert threading.active_count() == threads
    assert not {name for name in open_files() - before if "node.db" in name or "socket" in name}
    node.store.close()
    node.claims.close()


def test_an_anchor_is_made_without_a_thread_or_an_open_store(pair: Network) -> None:
    settings = read_anchor(pair.folder_of(ANCHOR) / "hearthgate.toml")
    before, threads = open_files(), threading.active_count()
    anchor = create_anchor(settings)
    assert threading.active_count() == threads
    assert not {name for name in open_files() - before if "anchor.db" in name}
    anchor.store.close()


def test_a_node_that_is_vouched_for_is_ready(pair: Network) -> None:
    answer = pair.nodes[COUNCIL].operations_app.test_client().get("/health/ready")
    assert (answer.status_code, answer.get_json()["state"]) == (200, "ready")


def test_a_node_without_a_superior_says_so(pair: Network) -> None:
    pair.wire.faults[ANCHOR] = faults.down
    answer = pair.nodes[COUNCIL].operations_app.test_client().get("/health/ready")
    assert answer.status_code == 503
    trust = next(line for line in answer.get_json()["checks"] if line["name"] == "trust")
    assert not trust["ok"]
    assert ANCHOR in trust["detail"]


def test_every_face_has_its_own_routes_and_no_other(pair: Network) -> None:
    node = pair.nodes[COUNCIL]
    assert node.peer_app.test_client().post("/case/v1/lookups", base_url=COUNCIL).status_code == 404
    assert node.case_app.test_client().post("/exchange/v1/messages", base_url="https://x.example").status_code == 404
    assert node.peer_app.test_client().get("/metrics", base_url=COUNCIL).status_code == 404
    assert node.case_app.test_client().get("/health/ready", base_url="https://x.example").status_code == 404


def test_what_a_node_publishes_is_what_its_configuration_says(pair: Network) -> None:
    trusted = pair.nodes[TRUST].directory.resolve(COUNCIL, now=pair.clock.now())
    assert trusted.node is not None
    assert {entry.slug: entry.kind for entry in trusted.node.services} == {
        "connecting-families": "family-support",
        "childrens-social-care": "social-care",
        "money-advice": "money-advice",
        "youth-justice": "youth-justice",
    }
    queued = {"alert", "referral", "notice", "disclosure"}
    assert set(trusted.node.kinds_supported) == {"involvement.query", "eligibility.query"} | queued


def test_a_production_node_with_a_ca_file_is_made(pair: Network, tmp_path: Path) -> None:
    folder = pair.folder_of(TRUST)
    authority = make_authority(tmp_path)
    path = folder / "hearthgate.toml"
    path.write_text(path.read_text().replace("trust = {", f'trust = {{"ca" = "{authority.certificate}", ', 1))
    node = create_node(read_node(path))
    assert node.settings.trust.ca == authority.certificate
    node.store.close()


@pytest.mark.parametrize("text", ["{", "[]", '{"keys": [{"kty": "EC"}]}'], ids=["cut", "array", "no key"])
def test_an_anchors_key_file_that_holds_no_keys_is_refused(pair: Network, text: str) -> None:
    (pair.folder_of(TRUST) / "anchor.example.jwks").write_text(text)
    with pytest.raises(TrustError):
        pair.start(TRUST)
