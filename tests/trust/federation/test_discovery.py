"""The shortest way to an anchor is found with few requests, for any answers on the way."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.federation.levels import COUNTY, INTERMEDIATES, REGION, configuration, key_of, ladder, vouching
from tests.trust.federation.members import (
    ANCHOR,
    COUNCIL,
    COUNCIL_KEY,
    PINNED,
    STRANGER,
    STRANGER_KEY,
    council_claims,
    council_metadata,
    statement,
)
from tests.trust.makers import NOW, key_set
from trust.errors import NoChain, TrustError
from trust.federation.chain import Resolution, verify_chain
from trust.federation.discovery import (
    MAX_FETCHES,
    Ask,
    FetchConfiguration,
    FetchStatement,
    discover,
    drive,
)
from trust.federation.entity_statement import MAX_HINTS
from trust.federation.party_metadata import FEDERATION_ENTITY
from trust.identifiers import EntityId
from trust.keys import KeySet

Edges = Sequence[tuple[EntityId, EntityId]]
SECOND = INTERMEDIATES[4]
"""Pinned as another anchor where a test has two."""


class Federation:
    """Every entity in it answers: superiors vouch along `edges`, and `hints` are the superiors that each names."""

    def __init__(self, edges: Edges, hints: Mapping[EntityId, Sequence[EntityId]] | None = None) -> None:
        self.edges = list(edges)
        self.hints = dict(hints or {})
        self.asked: list[Ask] = []
        self.lies: dict[Ask, bytes | None] = {}

    def answer(self, ask: Ask) -> bytes | None:
        assert ask not in self.asked
        self.asked.append(ask)
        if ask in self.lies:
            return self.lies[ask]
        if isinstance(ask, FetchConfiguration):
            return self.configured(ask.entity)
        assert ask.endpoint == f"{ask.superior}/federation/v1/fetch" or ask.superior == ANCHOR
        if (ask.superior, ask.subject) in self.edges:
            return vouching(ask.superior, ask.subject)
        return None

    def configured(self, entity: EntityId) -> bytes:
        hints = self.hints.get(entity, [above for above, below in self.edges if below == entity])
        if entity == COUNCIL:
            return statement(COUNCIL_KEY, council_claims(authority_hints=list(hints) or None))
        return configuration(entity, *hints)

    def find(self, *, anchors: Mapping[EntityId, KeySet] = PINNED, hints: Sequence[EntityId] = ()) -> Resolution:
        return drive(discover(COUNCIL, anchors=anchors, now=NOW, hints={COUNCIL: hints}), self.answer)

    def strangers(self) -> list[EntityId]:
        """Give those who were asked about themselves, in order."""
        return [ask.entity for ask in self.asked if isinstance(ask, FetchConfiguration)]


def line(*entities: EntityId) -> Edges:
    return list(pairwise(entities))


def test_an_anchor_is_asked_first_and_then_only_the_subject() -> None:
    federation = Federation([(ANCHOR, COUNCIL)])
    found = federation.find()
    assert found.entity.superiors == (ANCHOR,)
    assert [type(ask) for ask in federation.asked] == [FetchConfiguration, FetchStatement, FetchConfiguration]
    assert federation.strangers() == [ANCHOR, COUNCIL]
    assert verify_chain(found.statements, anchors=PINNED, now=NOW) == found.entity


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_hints_lead_through_up_to_four_intermediates(depth: int) -> None:
    above = INTERMEDIATES[:depth]
    federation = Federation(line(ANCHOR, *reversed(above), COUNCIL))
    assert federation.find().entity.superiors == (*above, ANCHOR)
    assert len(federation.asked) == 4 + 2 * depth <= MAX_FETCHES


@pytest.mark.holds("A33")
def test_a_fifth_intermediate_is_too_deep() -> None:
    federation = Federation(line(ANCHOR, *reversed(INTERMEDIATES), COUNCIL))
    with pytest.raises(NoChain):
        federation.find()
    assert len(federation.asked) <= MAX_FETCHES


def test_no_superior_is_asked_for_a_statement_before_its_own_chain_stands() -> None:
    federation = Federation(line(ANCHOR, REGION, COUNTY, COUNCIL))
    federation.find()
    asked = [ask.superior for ask in federation.asked if isinstance(ask, FetchStatement)]
    assert asked == [ANCHOR, ANCHOR, REGION, COUNTY]
    unvouched = Federation([(COUNTY, COUNCIL)], {COUNTY: [ANCHOR]})
    with pytest.raises(NoChain):
        unvouched.find()
    assert all(ask.superior == ANCHOR for ask in unvouched.asked if isinstance(ask, FetchStatement))


def test_hints_that_are_known_spare_the_stranger() -> None:
    federation = Federation(line(ANCHOR, COUNTY, COUNCIL))
    assert federation.find(hints=[COUNTY]).entity.superiors == (COUNTY, ANCHOR)
    assert federation.strangers() == [ANCHOR, COUNTY, COUNCIL]
    nobody = Federation([])
    with pytest.raises(NoChain):
        nobody.find(hints=[COUNTY])
    assert COUNCIL not in nobody.strangers()


def test_the_shortest_of_several_ways_is_taken() -> None:
    edges = [*line(ANCHOR, REGION, COUNTY, COUNCIL), *line(ANCHOR, INTERMEDIATES[2], COUNCIL)]
    assert Federation(edges).find().entity.superiors == (INTERMEDIATES[2], ANCHOR)
    assert Federation([*edges, (ANCHOR, COUNCIL)]).find().entity.superiors == (ANCHOR,)


def test_another_way_is_tried_where_one_does_not_stand() -> None:
    edges = [*line(ANCHOR, COUNTY, COUNCIL), *line(ANCHOR, REGION, COUNCIL)]
    federation = Federation(edges)
    endpoint = f"{COUNTY}/federation/v1/fetch"
    federation.lies[FetchStatement(superior=COUNTY, endpoint=endpoint, subject=COUNCIL)] = vouching(COUNTY, REGION)
    assert federation.find().entity.superiors == (REGION, ANCHOR)


def test_any_of_several_anchors_may_vouch_also_through_the_same_intermediate() -> None:
    both = {**PINNED, SECOND: key_set(key_of(SECOND))}
    federation = Federation([(SECOND, COUNTY), (COUNTY, COUNCIL)], {COUNTY: [ANCHOR, SECOND]})
    assert federation.find(anchors=both).entity.anchor == SECOND
    narrow = Federation([(ANCHOR, COUNTY), (SECOND, COUNTY), (COUNTY, COUNCIL)])
    no_further = vouching(ANCHOR, COUNTY, constraints={"max_path_length": 0})
    narrow.lies[FetchStatement(superior=ANCHOR, endpoint=f"{ANCHOR}/federation/fetch", subject=COUNTY)] = no_further
    narrow.lies[FetchConfiguration(entity=ANCHOR)] = ladder(0)[-1]
    assert narrow.find(anchors=both).entity.anchor == SECOND


def test_an_anchor_that_is_away_or_names_no_endpoint_vouches_for_no_entity() -> None:
    for answer in (None, b"", configuration(ANCHOR, metadata={FEDERATION_ENTITY: {}}), configuration(COUNTY)):
        federation = Federation([(ANCHOR, COUNCIL)])
        federation.lies[FetchConfiguration(entity=ANCHOR)] = answer
        with pytest.raises(NoChain, match="No chain leads from"):
            federation.find()


@pytest.mark.holds("A33")
@pytest.mark.parametrize(
    "lie",
    [
        lambda: None,
        lambda: b"",
        lambda: vouching(ANCHOR, COUNTY),
        lambda: vouching(COUNTY, COUNCIL),
        lambda: configuration(ANCHOR),
        lambda: statement(STRANGER_KEY, {"iss": ANCHOR, "sub": COUNCIL}),
    ],
)
def test_a_lying_superior_costs_no_fetch_from_its_victim(lie: Callable[[], bytes | None]) -> None:
    federation = Federation([(ANCHOR, COUNCIL)], {COUNCIL: []})
    ask = FetchStatement(superior=ANCHOR, endpoint=f"{ANCHOR}/federation/v1/fetch", subject=COUNCIL)
    federation.lies[ask] = lie()
    with pytest.raises(NoChain):
        federation.find(hints=[ANCHOR])
    assert federation.strangers() == [ANCHOR]


@pytest.mark.holds("A33")
def test_a_thousand_hints_are_not_followed() -> None:
    many = [f"https://h{number}.example" for number in range(1000)]
    federation = Federation([])
    federation.lies[FetchConfiguration(entity=COUNCIL)] = statement(COUNCIL_KEY, council_claims(authority_hints=many))
    with pytest.raises(NoChain, match="authority_hints"):
        federation.find()
    assert len(federation.asked) == 3
    hints, shown = [EntityId(hint) for hint in many], Federation([])
    shown.lies = {FetchConfiguration(entity=hint): None for hint in hints}
    with pytest.raises(NoChain, match="No chain leads from"):
        shown.find(hints=hints)
    assert len(shown.asked) == 2 + 5


@pytest.mark.holds("A33")
def test_a_limit_that_fires_is_a_failure() -> None:
    hints = {entity: [*INTERMEDIATES, STRANGER][:5] for entity in (COUNCIL, *INTERMEDIATES)}
    federation = Federation([], hints)
    with pytest.raises(NoChain):
        federation.find()
    wide = {COUNCIL: INTERMEDIATES[:4]} | {
        entity: [EntityId(f"https://x{number}{place}.example") for place in range(4)]
        for number, entity in enumerate(INTERMEDIATES)
    }
    endless = Federation([], wide)
    answer = endless.answer
    with pytest.raises(NoChain, match="12 fetches"):
        drive(discover(COUNCIL, anchors=PINNED, now=NOW), lambda ask: None if "//x" in str(ask) else answer(ask))


def test_the_refusal_says_what_was_wrong_and_by_which_rule() -> None:
    federation = Federation([(ANCHOR, COUNCIL)])
    moved = council_metadata()
    moved[FEDERATION_ENTITY]["federation_list_endpoint"] = "https://evil.example/list"
    own = statement(COUNCIL_KEY, council_claims(metadata=moved))
    federation.lies[FetchConfiguration(entity=COUNCIL)] = own
    with pytest.raises(NoChain, match="same host") as refused:
        federation.find()
    assert refused.value.statement == f"Entity configuration of {COUNCIL}"
    assert refused.value.rule == "exchange profile section 1"
    with pytest.raises(NoChain, match="No chain leads from"):
        drive(discover(COUNCIL, anchors={}, now=NOW), lambda _ask: None)


ALL = [ANCHOR, COUNCIL, *INTERMEDIATES]
PAIRS = st.tuples(st.sampled_from(ALL), st.sampled_from(ALL)).filter(lambda pair: pair[0] != pair[1])
WAYS = st.lists(PAIRS, max_size=14, unique=True)
HINTS = st.dictionaries(st.sampled_from(ALL), st.lists(st.sampled_from(ALL), max_size=5, unique=True), max_size=7)
DAMAGE = st.dictionaries(
    st.integers(0, MAX_FETCHES), st.none() | st.sampled_from([*ladder(2), configuration(COUNTY), b"x"]), max_size=3
)


@pytest.mark.holds("A33")
@given(WAYS, HINTS, DAMAGE)
def test_in_any_federation_of_liars_and_loops_the_fetches_are_bounded_and_a_chain_is_a_chain(
    edges: Edges, hints: Mapping[EntityId, Sequence[EntityId]], damage: Mapping[int, bytes | None]
) -> None:
    federation = Federation(edges, hints)

    def answer(ask: Ask) -> bytes | None:
        given_answer = federation.answer(ask)
        return damage.get(len(federation.asked), given_answer)

    try:
        found = drive(discover(COUNCIL, anchors=PINNED, now=NOW), answer)
    except TrustError:
        found = None
    assert len(federation.asked) <= MAX_FETCHES
    if found is not None:
        assert verify_chain(found.statements, anchors=PINNED, now=NOW) == found.entity


def within_the_hints(edges: Edges) -> bool:
    """Return whether no entity has more superiors than it may name."""
    return all(count <= MAX_HINTS for count in Counter(below for _, below in edges).values())


@given(WAYS.filter(within_the_hints))
def test_in_an_honest_federation_the_shortest_way_is_found(edges: Edges) -> None:
    lengths = {COUNCIL: 0}
    for length in range(1, 6):
        for above, below in edges:
            if lengths.get(below) == length - 1:
                lengths.setdefault(above, length)
    federation = Federation(edges)
    try:
        found = federation.find()
    except NoChain as refused:
        assert lengths.get(ANCHOR) is None or "fetches" in refused.detail  # noqa: PT017 (either is an outcome)
        return
    assert len(found.entity.superiors) == lengths[ANCHOR]
