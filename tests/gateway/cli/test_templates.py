"""The files that set-up writes name every table there is, and what stands in their comments is right."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from config.settings import AnchorSettings, BudgetSettings, FreshnessSettings, LimitsSettings, NodeSettings
from gateway.administration.setup.config_files import (
    AnchorText,
    FaceText,
    NodeText,
    ServiceText,
    anchor_toml,
    node_toml,
)

FACES = FaceText(
    certificate="node.pem",
    key="node.key",
    peer_bind="127.0.0.1:8443",
    case_bind="127.0.0.1:8444",
    operations_bind="127.0.0.1:9443",
)
NODE = node_toml(
    NodeText(
        entity_id="https://council.example",
        name="Vale Council",
        case_url="https://case.council.example",
        faces=FACES,
        anchor_entity="https://anchor.example",
        anchor_jwks="anchor.jwks",
        ca=None,
        services=[ServiceText(slug="advice", name="Advice", kind="money-advice", duty_phone="01632 960001")],
        tables="",
    )
)
ANCHOR = anchor_toml(
    AnchorText(
        entity_id="https://anchor.example",
        name="Vale Partnership",
        superiors=[],
        recovery="recovery.json",
        faces=FACES,
        ca=None,
        tables="",
    )
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
@pytest.mark.parametrize("ca", [None, "ca.pem"])
@pytest.mark.parametrize("anchor", [None, "https://anchor.example"])
def test_every_template_is_filled_and_loads(asks_only: bool, ca: str | None, anchor: str | None) -> None:
    service = ServiceText(slug="advice", name='"A" @CA@', kind="money-advice", duty_phone="1", asks_only=asks_only)
    node = NodeText(
        entity_id="https://council.example",
        name="Vale Council",
        case_url="https://case.council.example",
        faces=FACES,
        anchor_entity=anchor,
        anchor_jwks=anchor and "anchor.jwks",
        ca=ca,
        services=[service],
        tables="[retention]\naccounts_days = 30\n",
    )
    loaded = tomllib.loads(node_toml(node))
    assert loaded["services"][0]["name"] == '"A" @CA@'
    assert ("adapter" in loaded["services"][0]) is not asks_only
    assert (loaded["trust"].get("ca"), "anchors" in loaded["trust"]) == (ca, anchor is not None)
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
