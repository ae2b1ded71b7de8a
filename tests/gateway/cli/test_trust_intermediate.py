"""A county under an anchor, with an agency of its own: each step by a command, each consent by who gives it."""

from pathlib import Path

import pytest

from config.loading import load
from config.settings import AnchorSettings, NodeSettings
from gateway.administration.context import now
from gateway.app.commands import federation_of
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, Answer, Partnership, hearthgate, seconded
from trust import jose
from trust.errors import Untrusted
from trust.federation.entity_statement import MAX_BYTES, TYP
from trust.identifiers import EntityId

COUNTY = "https://county.example"


@pytest.fixture
def county(partnership: Partnership) -> Path:
    """Set up an intermediate under the running anchor, and return its configuration."""
    partnership.run_anchor()
    words = ["--entity-id", COUNTY, "--name", "County", "--superior", ANCHOR, *partnership.words("county")]
    for name in ("anchor", "council"):
        words += ["--host", f"{name}.example=127.0.0.1:{partnership.ports[name]}"]
    words += ["--reason", "tests run on one machine", "--ca", str(partnership.authority.certificate)]
    made = hearthgate("trust", "anchor", "init", partnership.root / "county", *words)
    assert made.code == 0, made.err
    node = partnership.config("council")
    place = f'{{ address = "127.0.0.1:{partnership.ports["county"]}", reason = "tests run on one machine" }}'
    node.write_text(node.read_text().replace("\n[hosts]\n", f'\n[hosts]\n"county.example" = {place}\n'))
    return partnership.root / "county" / "anchor.toml"


def pinned(partnership: Partnership) -> list[str]:
    """Return, as options, the thumbprints that the anchor's administrators read out."""
    out = partnership.root / "pin.json"
    out.unlink(missing_ok=True)
    words = ("trust", "anchor", "pin", "--out", out, "--config", partnership.config("anchor"), "--json")
    return [word for kid in hearthgate(*words).json["key_ids"] for word in ("--thumbprint", kid)]


def join(config: Path, authority: str, *words: str) -> Answer:
    return hearthgate("trust", "join", authority, "--config", config, *words, "--yes", "--json")


def admit(config: Path, entity: str, joined: Answer, *words: str) -> Answer:
    assert joined.code == 0, joined.err
    (thumbprint,) = joined.json["thumbprints"]
    said = ["--thumbprint", thumbprint, *words, "--yes", "--json"]
    answer = hearthgate("trust", "admit", entity, "--config", config, *said)
    assert answer.code == 0, answer.err
    return answer


def line_of_council(partnership: Partnership) -> tuple[str, ...]:
    """Return the council and those above it, as a node of the federation finds them. Raises as the directory does."""
    settings = load(partnership.config("council"), {})
    assert isinstance(settings, NodeSettings)
    with federation_of(settings) as federation:
        federation.directory.resolve(EntityId(COUNCIL), now=now())
        chain = federation.directory.cached(EntityId(COUNCIL), now=now())
    assert chain is not None
    return tuple(jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).claims["iss"] for raw in chain.statements)


def test_an_agency_is_trusted_through_an_intermediate_that_may_vouch(partnership: Partnership, county: Path) -> None:
    asked = join(county, ANCHOR, *pinned(partnership))
    settings = load(county, {})
    assert isinstance(settings, AnchorSettings)
    assert (settings.anchor.superiors, settings.trust.anchors[0].entity_id) == ((ANCHOR,), ANCHOR)
    admit(partnership.config("anchor"), COUNTY, asked, "--intermediate", "--max-path-length", "1")
    partnership.run_authority("county")
    admit(county, COUNCIL, join(partnership.config("council"), COUNTY))
    partnership.run_node("council")
    assert line_of_council(partnership) == (COUNCIL, COUNTY, ANCHOR, ANCHOR)


def test_a_county_that_may_not_vouch_makes_no_entity_trusted(partnership: Partnership, county: Path) -> None:
    admit(partnership.config("anchor"), COUNTY, join(county, ANCHOR, *pinned(partnership)))
    partnership.run_authority("county")
    admit(county, COUNCIL, join(partnership.config("council"), COUNTY))
    partnership.run_node("council")
    with pytest.raises(Untrusted, match="max_path_length"):
        line_of_council(partnership)


def test_a_key_of_an_intermediate_is_renewed_through_its_superior(partnership: Partnership, county: Path) -> None:
    admit(partnership.config("anchor"), COUNTY, join(county, ANCHOR, *pinned(partnership)), "--intermediate")
    rotating = ("trust", "key", "rotate", "--use", "federation", "--config", county, "--yes", "--json")
    rotated = hearthgate(*rotating)
    assert rotated.code == 0, rotated.err
    renewed = seconded(partnership.config("anchor"), "trust", "admit", COUNTY)
    assert rotated.json["made"]["key_id"] in renewed.err
    assert renewed.json["arguments"]["terms"] == '{"intermediate":true}'


def test_a_trust_anchor_joins_no_superior(partnership: Partnership, county: Path) -> None:
    anchor = partnership.config("anchor")
    before = anchor.read_bytes()
    refused = join(anchor, COUNTY)
    assert refused.code == 1
    assert "trust anchor has no superior" in refused.json["error"]
    assert anchor.read_bytes() == before
    assert county.exists()
