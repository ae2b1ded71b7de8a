"""Superiors' policies on metadata: every pair of operators, by the text of OpenID Federation 1.0 section 6.1.

The expectations here are worked out from the text a second time, over sets, by code that shares nothing with the
implementation: `LEGAL` is what each operator says of those it may stand with, `MERGED` what two values become.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.errors import MetadataRefused, PolicyConflict
from trust.federation.metadata_policy import (
    Policy,
    apply,
    apply_policy,
    merge,
    merge_policies,
    parse_metadata_policy,
    parse_policy,
)
from trust.strict_json import JsonObject

ORDER = ("value", "add", "default", "one_of", "subset_of", "superset_of", "essential")
LISTS: list[list[str]] = [[], ["a"], ["b"], ["a", "b"], ["b", "c"]]
VALUES: dict[str, list[Any]] = {
    "value": [None, "a", *LISTS],
    "add": LISTS,
    "default": ["a", ["a"], ["b", "c"]],
    "one_of": LISTS,
    "subset_of": LISTS,
    "superset_of": LISTS,
    "essential": [True, False],
}
METADATA: list[Any] = [None, "a", "z", [], ["a"], ["c"], ["a", "b"], ["a", "b", "c"]]
EVERY = [(operator, value) for operator in ORDER for value in VALUES[operator]]

Legal = Callable[[Any, Any], bool]
ALWAYS: Legal = lambda _one, _other: True  # noqa: E731
NEVER: Legal = lambda _one, _other: False  # noqa: E731


def within(inner: object, outer: object) -> bool:
    """Whether both are arrays and the first's values are among the second's."""
    return isinstance(inner, list) and isinstance(outer, list) and set(inner) <= set(outer)


# Sections 6.1.3.1.1 to 6.1.3.1.7, in both directions: whether these two values may stand together.
LEGAL: dict[tuple[str, str], Legal] = {
    ("value", "add"): lambda value, add: within(add, value),
    ("value", "default"): lambda value, _: value is not None,
    ("value", "one_of"): lambda value, one_of: value in one_of,
    ("value", "subset_of"): within,
    ("value", "superset_of"): lambda value, superset: within(superset, value),
    ("value", "essential"): lambda value, essential: not (value is None and essential),
    ("add", "default"): ALWAYS,
    ("add", "one_of"): NEVER,
    ("add", "subset_of"): within,
    ("add", "superset_of"): ALWAYS,
    ("add", "essential"): ALWAYS,
    ("default", "one_of"): ALWAYS,
    ("default", "subset_of"): ALWAYS,
    ("default", "superset_of"): ALWAYS,
    ("default", "essential"): ALWAYS,
    ("one_of", "subset_of"): NEVER,
    ("one_of", "superset_of"): NEVER,
    ("one_of", "essential"): ALWAYS,
    ("subset_of", "superset_of"): lambda subset, superset: within(superset, subset),
    ("subset_of", "essential"): ALWAYS,
    ("superset_of", "essential"): ALWAYS,
}


def merged_value(operator: str, above: Any, below: Any) -> Any:  # noqa: ANN401
    """Merge two values of one operator by its own section; CONFLICT where that is not allowed."""
    if operator in ("value", "default"):
        return above if above == below else CONFLICT
    if operator == "essential":
        return above or below
    if operator in ("add", "superset_of"):
        return set(above) | set(below)
    if operator == "one_of":
        return set(above) & set(below) or CONFLICT
    return set(above) & set(below)


CONFLICT = object()
ABSENT = object()


def expected(operators: JsonObject, value: Any) -> Any:  # noqa: ANN401
    """Work out what a parameter becomes, operator by operator in their order; CONFLICT where it is refused."""
    if "value" in operators:
        value = ABSENT if operators["value"] is None else operators["value"]
    if "add" in operators:
        if value is not ABSENT and not isinstance(value, list):
            return CONFLICT
        held = value if isinstance(value, list) else []
        value = sorted({*held, *operators["add"]})
    if "default" in operators and value is ABSENT:
        value = operators["default"]
    if value is ABSENT:
        return CONFLICT if operators.get("essential") else ABSENT
    return checked(operators, value)


def checked(operators: JsonObject, value: Any) -> Any:  # noqa: ANN401
    if "one_of" in operators and value not in operators["one_of"]:
        return CONFLICT
    if "subset_of" in operators:
        if not isinstance(value, list):
            return CONFLICT
        value = [each for each in value if each in operators["subset_of"]]
    if "superset_of" in operators and not within(operators["superset_of"], value):
        return CONFLICT
    return value


def sets(policy: JsonObject) -> JsonObject:
    """Give a parameter's policy with its lists as sets, as their order is not defined."""
    named = ("add", "one_of", "subset_of", "superset_of")
    return {name: set(value) if name in named else value for name, value in policy.items()}


def lists(policy: JsonObject) -> JsonObject:
    return {name: sorted(value) if isinstance(value, set) else value for name, value in policy.items()}


@pytest.mark.parametrize("above", EVERY, ids=str)
def test_every_operator_meets_every_other_above_and_below(above: tuple[str, Any]) -> None:
    for below in EVERY:
        both = dict([above, below])
        if above[0] == below[0]:
            both = {above[0]: merged_value(above[0], above[1], below[1])}
        if CONFLICT in both.values() or not legal(both):
            with pytest.raises(PolicyConflict):
                merge_policies([{"p": dict([above])}, {"p": dict([below])}])
            continue
        merged = merge_policies([{"p": dict([above])}, {"p": dict([below])}])
        assert sets(merged["p"]) == sets(both)
        for value in METADATA:
            check_applied(merged["p"], value)


def legal(operators: JsonObject) -> bool:
    given_lists = lists(operators)
    return all(
        LEGAL[first, second](given_lists[first], given_lists[second])
        for first, second in combinations([name for name in ORDER if name in operators], 2)
    )


def check_applied(operators: JsonObject, value: Any) -> None:  # noqa: ANN401
    metadata = {"other": 1} if value is None else {"other": 1, "p": value}
    becomes = expected(operators, ABSENT if value is None else value)
    if becomes is CONFLICT:
        with pytest.raises(MetadataRefused):
            apply_policy({"p": operators}, metadata)
        return
    applied = apply_policy({"p": operators}, metadata)
    assert applied.pop("other") == 1
    if isinstance(becomes, list):
        assert sorted(applied["p"]) == sorted(becomes)
    else:
        assert applied == ({} if becomes is ABSENT else {"p": becomes})


def test_every_three_operators_stand_together_only_if_each_two_do() -> None:
    few: dict[str, list[Any]] = {name: values[:3] for name, values in VALUES.items()}
    for names in combinations(ORDER, 3):
        for values in product(*(few[name] for name in names)):
            operators = dict(zip(names, values, strict=True))
            if legal(operators):
                for value in METADATA:
                    check_applied(operators, value)
            else:
                with pytest.raises(PolicyConflict):
                    parse_policy({"p": operators})


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        *product(("add", "one_of", "subset_of", "superset_of"), ("a", 1, None, True, {}, [None], [True], [["a"]])),
        *product(("essential",), ("true", 1, 0, None, [])),
        ("default", None),
    ],
)
def test_a_value_of_a_type_that_an_operator_does_not_support_is_refused(operator: str, value: object) -> None:
    with pytest.raises(PolicyConflict) as refused:
        parse_policy({"p": {operator: value}})
    assert refused.value.rule == f"OpenID Federation 1.0 section 6.1.3.1.{ORDER.index(operator) + 1}"


@pytest.mark.parametrize("policy", [{"p": []}, {"p": "x"}, {"p": None}])
def test_a_policy_has_its_three_levels(policy: JsonObject) -> None:
    with pytest.raises(PolicyConflict, match="'p'"):
        parse_policy(policy)
    with pytest.raises(PolicyConflict):
        parse_metadata_policy({"oauth_client": policy["p"]})


def test_numbers_and_objects_are_compared_as_json_has_them() -> None:
    objects: list[Any] = [{"a": 1, "b": [1, 2]}, {"c": True}, 1, 2.5]
    merged = merge_policies([{"p": {"subset_of": objects}}, {"p": {"subset_of": [{"b": [1, 2], "a": 1.0}, 2.5, 7]}}])
    assert merged == {"p": {"subset_of": [{"a": 1, "b": [1, 2]}, 2.5]}}
    assert apply_policy(merged, {"p": [2.5, {"b": [2, 1], "a": 1}, {"b": [1, 2], "a": 1}]}) == {
        "p": [2.5, {"a": 1, "b": [1, 2]}]
    }
    for above, below in ((1, True), (0, False), ("1", 1), ([1, 2], [2, 1]), ({"a": 1}, {"a": True})):
        with pytest.raises(PolicyConflict):
            merge_policies([{"p": {"value": above}}, {"p": {"value": below}}])
    with pytest.raises(MetadataRefused):
        apply_policy({"p": {"one_of": [1]}}, {"p": True})


def test_a_value_is_not_added_a_second_time() -> None:
    assert apply_policy({"p": {"add": ["b", "a", "b"]}}, {"p": ["a"]}) == {"p": ["a", "b"]}
    assert apply_policy({"p": {"add": []}}, {}) == {"p": []}


def test_scope_is_a_set_of_values_parted_by_spaces() -> None:
    policy = {"scope": {"subset_of": ["read", "write"], "superset_of": ["read"], "default": ["read"]}}
    assert apply_policy(policy, {"scope": "write read delete"}) == {"scope": "write read"}
    assert apply_policy(policy, {}) == {"scope": "read"}
    with pytest.raises(MetadataRefused):
        apply_policy(policy, {"scope": "write"})
    assert apply_policy({"scope": {"add": ["b c", "d"]}}, {"scope": "a"})["scope"].split() == ["a", "b", "c", "d"]
    assert apply_policy({"scope": {"value": "a b", "subset_of": "a b c"}}, {}) == {"scope": "a b"}
    assert apply_policy({"scope": {"value": ["a", "b"]}}, {}) == {"scope": "a b"}
    assert apply_policy({"scope": {"one_of": ["a b", "c"]}}, {"scope": "a b"}) == {"scope": "a b"}
    assert apply_policy({"scope": {"subset_of": ["x"]}}, {"scope": "a b"}) == {"scope": ""}
    assert merge_policies([{"scope": {"value": "a b"}}, {"scope": {"value": ["a", "b"]}}]) == {
        "scope": {"value": "a b"}
    }
    with pytest.raises(PolicyConflict):
        apply_policy({"scope": {"value": "a b", "subset_of": ["a"]}}, {})
    with pytest.raises(MetadataRefused):
        apply_policy({"scopes": {"subset_of": ["read"]}}, {"scopes": "read"})


def test_an_operator_that_is_not_known_is_ignored_unless_it_is_critical() -> None:
    policy = {"p": {"regexp": "^a$", "one_of": ["a"]}}
    assert merge_policies([policy]) == {"p": {"one_of": ["a"]}}
    assert apply_policy(policy, {"p": "a"}) == {"p": "a"}
    with pytest.raises(PolicyConflict, match="regexp") as refused:
        parse_policy({}, ["regexp"])
    assert refused.value.rule == "OpenID Federation 1.0 section 6.1.3.2"


def test_parameters_and_languages_are_apart() -> None:
    policy = {"name#cy": {"value": None}, "contacts": {"add": ["x"]}}
    assert apply_policy(policy, {"name": "n", "name#cy": "m"}) == {"name": "n", "contacts": ["x"]}


def test_what_was_demanded_is_told() -> None:
    with pytest.raises(MetadataRefused) as refused:
        apply_policy({"grant_types": {"superset_of": ["a"]}}, {"grant_types": []})
    assert (refused.value.parameter, refused.value.operator) == ("grant_types", "superset_of")
    assert refused.value.rule == "OpenID Federation 1.0 section 6.1.3.1.6"


ITEMS = st.sampled_from(["a", "b", "c", "d"])
SOME = st.lists(ITEMS, max_size=4)
ANY = st.none() | ITEMS | SOME | st.booleans() | st.integers(0, 2)
OPERATORS = st.fixed_dictionaries(
    {},
    optional={
        "value": ANY,
        "add": SOME,
        "default": ANY.filter(lambda value: value is not None),
        "one_of": SOME,
        "subset_of": SOME,
        "superset_of": SOME,
        "essential": st.booleans(),
        "made_up": st.integers(),
    },
)
NAMES = st.sampled_from(["p", "q", "scope"])
POLICIES = st.dictionaries(NAMES, OPERATORS, max_size=3)
DOCUMENTS = st.dictionaries(NAMES, ANY, max_size=3)


def outcome(work: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Give what some work comes to, all conflicts being alike."""
    try:
        return work()
    except PolicyConflict:
        return CONFLICT


def parsed(raw: JsonObject) -> Policy | None:
    with suppress(PolicyConflict):
        return parse_policy(raw)
    return None


@given(POLICIES, POLICIES, POLICIES)
def test_merging_is_associative(one: JsonObject, two: JsonObject, three: JsonObject) -> None:
    a, b, c = parsed(one), parsed(two), parsed(three)
    if a is None or b is None or c is None:
        return
    left = outcome(lambda: merge(merge(a, b), c))
    right = outcome(lambda: merge(a, merge(b, c)))
    assert (left is CONFLICT) == (right is CONFLICT)
    if left is not CONFLICT:
        assert {name: sets(of) for name, of in left.to_json().items()} == {
            name: sets(of) for name, of in right.to_json().items()
        }


@given(POLICIES, POLICIES, DOCUMENTS)
def test_what_the_merged_policy_leaves_satisfies_both_and_itself(
    one: JsonObject, two: JsonObject, metadata: JsonObject
) -> None:
    above, below = parsed(one), parsed(two)
    if above is None or below is None:
        return
    merged = outcome(lambda: merge(above, below))
    if merged is CONFLICT:
        return
    try:
        left = apply(merged, metadata)
    except MetadataRefused:
        return
    assert None not in left.values()
    assert apply(merged, left) == left
    assert apply(above, left) == left
    assert apply(below, left) == left


@given(POLICIES)
def test_a_policy_merged_with_itself_or_nothing_is_the_same(raw: JsonObject) -> None:
    policy = parsed(raw)
    if policy is None:
        return
    assert merge(Policy(), policy) == policy
    assert merge(policy, Policy()) == policy
    twice = outcome(lambda: merge(policy, policy))
    empty_choice = any(operators.get("one_of") == [] for operators in policy.parameters.values())
    assert twice == (CONFLICT if empty_choice else policy)
