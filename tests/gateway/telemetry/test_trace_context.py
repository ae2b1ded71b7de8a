"""A stated trace is 32 hexadecimal digits or nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.trace_context import build_traceparent, new_trace, trace_from

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header", [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00", f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-more"]
)
def test_a_well_formed_trace_is_continued(header: str) -> None:
    assert trace_from(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        TRACE,
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"01-{TRACE}-{SPAN}-01more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01-" + "a" * 1_000,
    ],
)
def test_any_other_value_begins_a_new_trace(header: str | None) -> None:
    found = trace_from(header)
    assert found != TRACE
    assert re.fullmatch(r"[0-9a-f]{32}", found)


@given(st.text())
def test_nothing_of_what_was_stated_is_kept_but_a_trace(header: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", trace_from(header))


def test_what_is_told_to_others_is_continued_by_them() -> None:
    trace = new_trace()
    assert trace_from(build_traceparent(trace)) == trace
    assert build_traceparent(trace) != build_traceparent(trace)
