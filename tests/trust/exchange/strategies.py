"""Arbitrary JSON, from nowhere near right to nearly right."""

from typing import Any

from hypothesis import strategies as st

from trust.strict_json import MAX_INTEGER

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Give objects whose members are often of these names and always of any value."""
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=8), JSON, max_size=8)


def changed(whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Give a right object with one member replaced by anything, or taken away."""
    name = st.sampled_from(sorted(whole))
    replaced = st.builds(lambda member, value: {**whole, member: value}, name, JSON)
    removed = st.builds(lambda member: {key: value for key, value in whole.items() if key != member}, name)
    return replaced | removed
