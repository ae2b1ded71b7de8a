"""A node that has been running knows its own chain and its peers', and shows how old and how long good they are."""

from datetime import UTC, datetime

from config.loading import load
from config.settings import NodeSettings
from gateway.app.commands import federation_of
from tests.gateway.cli.conftest import COUNCIL, POLICE, Partnership, hearthgate
from trust.identifiers import EntityId

PUBLISHED = """area = "Northmoor"
hours = { monday = ["09:00-12:00", "13:00-17:00"], bank_holidays = ["10:00-14:00"] }
out_of_hours = { name = "Night Desk", phone = "01632 960999" }
"""


def test_own_chain_and_peers_with_their_ages(both: Partnership) -> None:
    config = both.config("police")
    config.write_text(config.read_text().replace("[[services]]\n", f"[[services]]\n{PUBLISHED}", 1))
    both.run_node("police")
    settings = load(both.config("council"), {})
    assert isinstance(settings, NodeSettings)
    with federation_of(settings) as federation:
        for entity in (COUNCIL, POLICE):
            federation.directory.resolve(EntityId(entity), now=datetime.now(UTC))
    shown = hearthgate("trust", "show", "--config", both.config("council"), "--json").json
    assert (shown["own"]["entity_id"], shown["own"]["stage"]) == (COUNCIL, "normal")
    (peer,) = shown["peers"]
    assert peer["entity_id"] == POLICE
    assert 0 <= peer["age_s"] < 60
    text = hearthgate("trust", "show", "--config", both.config("council")).out
    assert f"{POLICE}: up to date" in text
    assert "the statements expire in 119 hours" in text or "the statements expire in 120 hours" in text
    assert "for Northmoor, out of hours Night Desk: 01632 960999" in text
    assert "open monday 09:00-12:00 and 13:00-17:00, bank holidays 10:00-14:00" in text
    assert peer["services"][0]["area"] == {"name": "Northmoor", "nation": "england-and-wales"}
    assert peer["services"][0]["out_of_hours"] == {"name": "Night Desk", "phone": "01632 960999"}
