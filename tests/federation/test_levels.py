"""Nodes below a county, below its anchor and below another anchor answer each other, until one is suspended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.federation.levels import COUNTY, FORCE, Levels
from tests.federation.town import ANCHOR, COUNCIL, POLICE, TRUST

COMMUNITY_TEAM = f"{TRUST}#community-team"
NEIGHBOURHOOD = f"{POLICE}#neighbourhood"


@pytest.fixture
def levels(tmp_path: Path) -> Iterator[Levels]:
    made = Levels(tmp_path)
    made.agree()
    yield made
    made.close()


def test_they_answer_each_other_whoever_vouches_for_them(levels: Levels) -> None:
    lines = levels.case_client().lines()
    assert lines[COMMUNITY_TEAM]["status"] == "known"
    assert lines[NEIGHBOURHOOD]["status"] == "known"
    now = levels.clock.now()
    seen = {entity: levels.nodes[TRUST].directory.trusted(entity, now=now).superiors for entity in (COUNCIL, POLICE)}
    assert seen == {COUNCIL: (COUNTY, ANCHOR), POLICE: (FORCE,)}
