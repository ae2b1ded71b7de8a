"""A path selects values in a JSON document, and cannot do anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.paths import JsonPath

RECORD = {
    "name": "n",
    "none": None,
    "list": [{"a": 1}, {"a": None}, {"b": 2}, {"a": 3}],
    "deep": {"er": [[5], [6, 7]]},
    "Date of birth": "d",
    "odd": {"a.b [c]": [8, 9]},
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("name", ["n"]),
        ("none", []),
        ("missing.too", []),
        ("list[].a", [1, 3]),
        ("list[2].b", [2]),
        ("list[9].b", []),
        ("deep.er[][]", [5, 6, 7]),
        ("deep.er[1][0]", [6]),
        ("name.of", []),
        ("name[]", []),
        ("@", [RECORD]),
        ('deep."er"[1][0]', [6]),
        ('"Date of birth"', ["d"]),
        ('odd."a.b [c]"[]', [8, 9]),
        ("[]", [RECORD]),
        ("deep[].er[1][0]", [6]),
        ("deep[0]", []),
    ],
)
def test_values_are_selected(path: str, values: list[object]) -> None:
    assert list(JsonPath.parse(path).select(RECORD, RECORD)) == values


@pytest.mark.parametrize("path", ["[]", "@[]", "[0]", "@[0]", "[].a", "@[0].a"])
def test_a_list_at_the_top_has_a_path(path: str) -> None:
    top = [{"a": 1}]
    assert JsonPath.parse(path).first(top, top) in (top[0], 1)


@pytest.mark.parametrize("path", ["@", "a.b", "$.a[].b", "a[0][]", "[].a", '"Date of birth"', 'a."b c"[2]'])
def test_a_path_is_written_as_it_is_read(path: str) -> None:
    assert str(JsonPath.parse(path)) == path


def test_a_path_may_start_at_the_record_instead_of_the_place() -> None:
    place = RECORD["list"]
    assert JsonPath.parse("$.name").first(place, RECORD) == "n"
    assert JsonPath.parse("name").first(place, RECORD) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a.",
        "[0]a",
        "@a",
        "a[-1]",
        "a[*]",
        "a[?(@.b)]",
        "a b",
        "$",
        "$.",
        "a" * 300,
        "a..b",
        'a."b',
        'a.""',
        "@.",
        "$[]",
    ],
)
def test_anything_else_is_not_a_path(text: str) -> None:
    with pytest.raises(ValueError, match="is not a path such as"):
        JsonPath.parse(text)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_document_can_be_walked(document: object) -> None:
    for path in ("a", "a[].b", "a[0].b[]", "@"):
        list(JsonPath.parse(path).select(document, document))
