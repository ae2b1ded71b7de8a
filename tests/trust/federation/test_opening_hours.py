"""Opening hours, areas and out-of-hours services, read and written."""

from dataclasses import replace
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.federation.members import COUNCIL, NODE
from trust.errors import MalformedClaims, TrustError
from trust.federation.node_metadata import build_node_metadata, parse_node_metadata
from trust.federation.opening_hours import (
    Nation,
    OpeningHours,
    OutOfHours,
    ServiceArea,
    Weekday,
    opening_hours_to_json,
    parse_area,
    parse_opening_hours,
    parse_out_of_hours,
)
from trust.identifiers import parse_service_ref

SPAN = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda span: span[0] < span[1])
SPANS = st.one_of(SPAN, st.just(())).map(
    lambda span: (
        ((time(*divmod(span[0], 60)), time() if span[1] == 1440 else time(*divmod(span[1], 60))),) if span else ()
    )
)
HOURS = st.builds(
    lambda weekly, bank, closed: OpeningHours(
        weekly={day: spans for day, spans in weekly.items() if spans}, bank_holidays=bank, closed=closed
    ),
    st.dictionaries(st.sampled_from(Weekday), SPANS),
    SPANS,
    st.lists(st.tuples(st.dates(), st.dates()).map(lambda pair: (min(pair), max(pair))), max_size=4).map(tuple),
)


@given(HOURS)
def test_hours_are_read_as_they_were_written(hours: OpeningHours) -> None:
    assert parse_opening_hours(opening_hours_to_json(hours)) == hours


def test_a_service_publishes_when_it_works_and_who_works_otherwise() -> None:
    service = replace(
        NODE.services[0],
        area=ServiceArea(name="Northmoor", nation=Nation.SCOTLAND),
        hours=OpeningHours(
            weekly={Weekday.MONDAY: ((time(9), time(17)),)}, closed=((date(2026, 12, 24), date(2026, 12, 24)),)
        ),
        out_of_hours=OutOfHours(name="Night Desk", service=parse_service_ref("https://county.example#night")),
    )
    node = replace(NODE, services=(service, NODE.services[1]))
    written = build_node_metadata(node)
    assert parse_node_metadata(written, entity=COUNCIL, as_stated=True) == node
    assert written["services"][0]["hours"] == {"monday": ["09:00-17:00"], "closed": [["2026-12-24", "2026-12-24"]]}
    assert set(written["services"][1]) == {"slug", "name", "kind"}


def test_a_day_is_closed_unless_hours_are_listed_for_it() -> None:
    hours = parse_opening_hours({"monday": ["09:00-12:00", "13:00-17:00"], "bank_holidays": ["10:00-12:00"]})
    assert len(hours.spans(date(2026, 11, 30), bank_holiday=False)) == 2
    assert hours.spans(date(2026, 11, 30), bank_holiday=True) == ((time(10), time(12)),)
    assert hours.spans(date(2026, 12, 1), bank_holiday=False) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"monday": "09:00-17:00"}, {"monday": ["9:00-17:00"]}, {"monday": ["09:00-09:00"]}, {"monday": [None]}),
        *({"monday": ["22:00-06:00"]}, {"monday": ["09:00-25:00"]}, {"monday": ["09:00-17:00", "16:00-18:00"]}),
        *({"monday": ["00:00-24:00", "01:00-02:00"]}, {"monday": [f"0{hour}:00-0{hour}:30" for hour in range(5)]}),
        *({"closed": [["2026-12-25", "2026-12-24"]]}, {"closed": [["2026-12-25"]]}, {"closed": ["2026-12-25"]}),
        *({"closed": [["2026-02-30", "2026-03-01"]]}, {"closed": [["2026-12-01"] * 3]}, {"closed": [[1, 2]]}),
        *({"closed": [["20261224", "20261225"]]}, {"closed": [["2026-12-24", "2026-12-25"]] * 33}),
    ],
)
def test_hours_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(MalformedClaims):
        parse_opening_hours(wrong)


@pytest.mark.parametrize(
    "wrong", [{}, {"name": "Night Desk"}, {"name": "N", "phone": "ring us"}, {"phone": "01632 960999"}]
)
def test_an_out_of_hours_service_has_a_name_and_a_way_to_it(wrong: dict[str, object]) -> None:
    with pytest.raises(MalformedClaims):
        parse_out_of_hours(wrong)


def test_an_area_names_a_nation_that_has_holidays() -> None:
    with pytest.raises(MalformedClaims, match="nation"):
        parse_area({"name": "Northmoor", "nation": "england"})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from([*Weekday, "closed", "bank_holidays", "name", "phone", "service", "nation"]), inner
            )
        ),
    )
)
def test_any_value_is_read_or_refused(value: object) -> None:
    for parse in (parse_opening_hours, parse_area, parse_out_of_hours):
        if isinstance(value, dict):
            try:
                parse(value)
            except TrustError:
                continue
