"""The files that set-up writes name every table there is, and what stands in their comments is right."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from config.settings import AnchorSettings, BudgetSettings, FreshnessSettings, LimitsSettings, NodeSettings
from gateway.administration.setup.config_files import SetupOptions
from gateway.administration.setup.exemptions import ExemptionOptions
from gateway.administration.setup.new_authority import AuthorityOptions, authority_toml
from gateway.administration.setup.new_node import NewService, NodeOptions, node_toml
from trust.federation.anchor_keys import Pin
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner

ANCHOR_ID = "https://anchor.example"
PIN = Pin(
    entity=EntityId(ANCHOR_ID), keys=KeySet.of(KeyUse.FEDERATION, [LocalSigner.generate(KeyUse.FEDERATION).public])
)
SERVICE = NewService(slug="advice", name="Advice", kind="money-advice", duty_phone="01632 960001")


def common(entity_id: str, name: str) -> SetupOptions:
    return SetupOptions(
        entity_id=entity_id,
        name=name,
        peer_bind="127.0.0.1:8443",
        operations_bind="127.0.0.1:9443",
        exemptions=ExemptionOptions(),
    )


COUNCIL = common("https://council.example", "Vale Council")
NODE = node_toml(NodeOptions(common=COUNCIL, services=[SERVICE], asks_only=False, case_bind="127.0.0.1:8444"), PIN)
ANCHOR = authority_toml(
    AuthorityOptions(common=common(ANCHOR_ID, "Vale Partnership"), superiors=[], recovery_key=Path("recovery.pem"))
)
_COMMENTED = re.compile(r'^# (?=\[|"?[a-z_.]+"? = )', re.MULTILINE)


def uncommented(text: str) -> dict[str, object]:
    """Return the file with every setting in it that stands in a comment."""
    return tomllib.loads(_COMMENTED.sub("", text))


@pytest.mark.parametrize(("text", "model"), [(NODE, NodeSettings), (ANCHOR, AnchorSettings)])
def test_every_table_is_named_and_right_once_its_comment_is_taken_away(text: str, model: type[BaseModel]) -> None:
    assert tomllib.loads(text).keys() < uncommented(text).keys()
    assert uncommented(text).keys() == model.model_fields.keys() - {"base_dir"}
    model.model_validate({**uncommented(text), "base_dir": Path("/srv/node")})


@pytest.mark.parametrize("asks_only", [False, True])
@pytest.mark.parametrize("ca", [None, Path("/srv/ca.pem")])
@pytest.mark.parametrize("pin", [None, PIN])
def test_every_template_is_filled_and_loads(tmp_path: Path, asks_only: bool, ca: Path | None, pin: Pin | None) -> None:
    tables = tmp_path / "tables.toml"
    tables.write_text("[retention]\naccounts_days = 30\n", encoding="utf-8")
    node = NodeOptions(
        common=replace(COUNCIL, ca=ca, tables=tables),
        services=[replace(SERVICE, name='"A" @CA@')],
        asks_only=asks_only,
        case_bind="127.0.0.1:8444",
    )
    loaded = tomllib.loads(node_toml(node, pin))
    assert loaded["services"][0]["name"] == '"A" @CA@'
    assert ("adapter" in loaded["services"][0]) is not asks_only
    assert (loaded["trust"].get("ca"), "anchors" in loaded["trust"]) == (ca and str(ca), pin is not None)
    assert loaded["retention"] == {"accounts_days": 30}


def test_the_numbers_in_the_comments_are_the_defaults() -> None:
    node = NodeSettings.model_validate({**uncommented(NODE), "base_dir": Path("/srv/node")})
    assert node.limits == LimitsSettings()
    assert node.budgets.answering == BudgetSettings().answering
    assert node.budgets.asking.model_copy(update={"roles": {}}) == BudgetSettings().asking
    anchor = AnchorSettings.model_validate({**uncommented(ANCHOR), "base_dir": Path("/srv/anchor")})
    assert anchor.freshness == FreshnessSettings()
    for face in (node.peer, node.case, anchor.peer):
        fields = type(face).model_fields
        assert (face.workers, face.threads) == (fields["workers"].default, fields["threads"].default)
