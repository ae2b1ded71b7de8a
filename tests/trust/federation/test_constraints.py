"""Each superior's constraints on those under it are kept, apart from any other superior's."""

import pytest

from tests.trust.federation.levels import climbed
from tests.trust.federation.members import ANCHOR, COUNCIL, NODE, council_metadata
from trust.errors import ChainRefused, MalformedClaims
from trust.federation.constraints import check_constraints, filter_entity_types
from trust.federation.node_metadata import ENTITY_TYPE
from trust.federation.party_metadata import CLIENT, FEDERATION_ENTITY
from trust.identifiers import EntityId
from trust.strict_json import JsonObject


def check(constraints: JsonObject, *, intermediates: int = 0, host: str = "council.example") -> None:
    check_constraints(constraints, intermediates=intermediates, below=[EntityId(f"https://{host}")])


def test_a_path_within_its_length_is_accepted() -> None:
    for longest, intermediates in ((0, 0), (3, 0), (1, 1), (4, 4)):
        check({"max_path_length": longest}, intermediates=intermediates)


def test_a_longer_path_is_refused() -> None:
    with pytest.raises(ChainRefused, match="max_path_length") as refused:
        check({"max_path_length": 0}, intermediates=1)
    assert refused.value.rule == "OpenID Federation 1.0 section 6.2.1"


@pytest.mark.parametrize("length", [-1, True, "0", None, 1.5])
def test_a_length_is_a_whole_number(length: object) -> None:
    with pytest.raises(MalformedClaims):
        check({"max_path_length": length})


def test_the_path_is_counted_from_each_superior_down() -> None:
    """The three chains that section 6.2.1 accepts, and the two that it refuses."""
    good: list[dict[int, JsonObject]] = [
        {3: {"constraints": {"max_path_length": 2}}},
        {3: {"constraints": {"max_path_length": 2}}, 2: {"constraints": {"max_path_length": 1}}},
        {1: {"constraints": {"max_path_length": 0}}},
    ]
    for changed in good:
        assert climbed(2, changed).entity_id == COUNCIL
    bad: list[dict[int, JsonObject]] = [
        {3: {"constraints": {"max_path_length": 1}}},
        {3: {"constraints": {"max_path_length": 2}}, 2: {"constraints": {"max_path_length": 0}}},
    ]
    for changed in bad:
        with pytest.raises(ChainRefused, match="max_path_length"):
            climbed(2, changed)


@pytest.mark.parametrize(
    ("names", "host", "inside"),
    [
        (["council.example"], "council.example", True),
        (["COUNCIL.Example"], "council.example", True),
        (["council.example"], "sub.council.example", False),
        (["council.example"], "xcouncil.example", False),
        ([".example"], "council.example", True),
        ([".council.example"], "council.example", False),
        ([".council.example"], "a.council.example", True),
        ([".council.example"], "a.b.council.example", True),
        ([".council.example"], "xcouncil.example", False),
        ([".other.example", "council.example"], "council.example:8443/path", True),
        ([], "council.example", False),
    ],
)
def test_a_name_is_inside_a_name_space_or_not(names: list[str], host: str, inside: bool) -> None:
    permitted = {"naming_constraints": {"permitted": names}}
    excluded = {"naming_constraints": {"excluded": names}}
    refused = excluded if inside else permitted
    check(permitted if inside else excluded, host=host)
    with pytest.raises(ChainRefused, match="naming_constraints"):
        check(refused, host=host)


def test_what_is_excluded_is_out_even_where_it_is_permitted() -> None:
    naming = {"permitted": [".example"], "excluded": ["council.example"]}
    check({"naming_constraints": naming}, host="other.example")
    with pytest.raises(ChainRefused, match="exclude"):
        check({"naming_constraints": naming})


@pytest.mark.parametrize(
    "naming",
    [
        *([], "council.example", None, {"permitted": "council.example"}, {"permitted": [7]}),
        *({"permitted": [name]} for name in ("*.example", "https://council.example", "a b", ".", "..example", "")),
        {"excludes": ["council.example"]},
    ],
)
def test_a_name_space_is_a_host_or_a_domain(naming: object) -> None:
    with pytest.raises(MalformedClaims):
        check({"naming_constraints": naming})


def test_names_hold_for_everybody_below_the_superior_that_limits_them() -> None:
    naming = {"permitted": ["council.example"], "excluded": []}
    assert climbed(1, {1: {"constraints": {"naming_constraints": naming}}}).entity_id == COUNCIL
    with pytest.raises(ChainRefused, match="county1") as refused:
        climbed(1, {2: {"constraints": {"naming_constraints": naming}}})
    assert refused.value.statement == f"Subordinate statement by {ANCHOR} about https://county1.example"
    assert refused.value.rule == "OpenID Federation 1.0 section 6.2.2"


def test_types_that_are_not_allowed_are_removed_without_a_refusal() -> None:
    metadata = council_metadata()
    assert filter_entity_types(metadata, {}) == metadata
    assert set(filter_entity_types(metadata, {"allowed_entity_types": [CLIENT, "unheard_of"]})) == {
        CLIENT,
        FEDERATION_ENTITY,
    }
    assert set(filter_entity_types(metadata, {"allowed_entity_types": []})) == {FEDERATION_ENTITY}
    trusted = climbed(1, {2: {"constraints": {"allowed_entity_types": [ENTITY_TYPE]}}})
    assert set(trusted.metadata) == {ENTITY_TYPE, FEDERATION_ENTITY}
    assert (trusted.node, trusted.oauth_client_keys) == (NODE, None)


def test_every_superior_takes_types_away_by_itself() -> None:
    trusted = climbed(
        1,
        {
            1: {"constraints": {"allowed_entity_types": [CLIENT, FEDERATION_ENTITY]}},
            2: {"constraints": {"allowed_entity_types": [ENTITY_TYPE]}},
        },
    )
    assert set(trusted.metadata) == {FEDERATION_ENTITY}


def test_types_are_taken_away_before_the_policy_and_after_the_superiors_metadata() -> None:
    demands = {"metadata_policy": {CLIENT: {"contacts": {"essential": True}}}}
    without: JsonObject = {"constraints": {"allowed_entity_types": [ENTITY_TYPE]}}
    with pytest.raises(ChainRefused, match="contacts"):
        climbed(0, {1: demands})
    assert CLIENT not in climbed(0, {1: demands | without | {"metadata": {CLIENT: {"a": "b"}}}}).metadata


@pytest.mark.parametrize("types", ["oauth_client", [7], None, {}])
def test_allowed_types_are_a_list_of_names(types: object) -> None:
    with pytest.raises(MalformedClaims):
        climbed(0, {1: {"constraints": {"allowed_entity_types": types}}})


@pytest.mark.parametrize(
    ("stated", "offered"),
    [
        ({}, ["money-advice", "youth-justice"]),
        ({"service_kinds": ["money-advice", "youth-justice", "college"]}, ["money-advice", "youth-justice"]),
        ({"service_kinds": ["youth-justice"]}, ["youth-justice"]),
        ({"service_kinds": []}, []),
    ],
)
def test_no_service_of_a_kind_that_is_not_allowed_is_offered(stated: JsonObject, offered: list[str]) -> None:
    for place in (1, 2):
        assert kinds_left({place: {"constraints": stated}}) == offered


def test_an_intermediate_vouches_for_no_kind_that_its_superior_did_not_let_it_vouch_for() -> None:
    """Neither by its own word for the kind, nor by a policy, nor by allowing more itself."""
    limit: JsonObject = {"constraints": {"service_kinds": ["money-advice"]}}
    every = {"money-advice": "money-advice", "youth-justice": "youth-justice"}
    attempts: list[JsonObject] = [
        {"metadata": {ENTITY_TYPE: {"service_kinds": every}}},
        {"constraints": {"service_kinds": list(every)}},
        {"metadata_policy": {ENTITY_TYPE: {"service_kinds": {"value": every}}}},
    ]
    for attempt in attempts:
        assert kinds_left({1: attempt, 2: limit}) == ["money-advice"]
    removed = {"metadata_policy": {ENTITY_TYPE: {"service_kinds": {"value": None}}}}
    assert kinds_left({1: removed, 2: limit}) == []


def kinds_left(changed: dict[int, JsonObject]) -> list[str]:
    node = climbed(1, changed).node
    assert node is not None
    return [service.kind for service in node.services]


@pytest.mark.parametrize("kinds", ["housing", [7], ["Housing"], None, {}])
def test_allowed_kinds_are_a_list_of_codes(kinds: object) -> None:
    with pytest.raises(MalformedClaims):
        climbed(0, {1: {"constraints": {"service_kinds": kinds}}})


def test_a_limit_that_we_do_not_know_is_ignored() -> None:
    assert climbed(0, {1: {"constraints": {"made_up": [], "max_path_length": 0}}}).entity_id == COUNCIL
