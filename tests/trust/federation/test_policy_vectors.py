"""Policies of an anchor (TA) and an intermediate (INT), in the shape in which vectors of other projects come.

Each vector names what the two merge to, what becomes of some metadata, and else the error: `invalid_policy` where they
do not merge, `invalid_metadata` where the merged policy refuses the metadata. Our own, one for each choice of
decision 18.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from trust.errors import MetadataRefused, PolicyConflict
from trust.federation.metadata_policy import apply_policy, merge_policies
from trust.strict_json import JsonObject

SETS = frozenset({"add", "one_of", "subset_of", "superset_of"})
INVALID_POLICY: JsonObject = {"error": "invalid_policy"}


def invalid_metadata(merged: JsonObject) -> JsonObject:
    return {"merged": merged, "error": "invalid_metadata"}


def good(merged: JsonObject, resolved: JsonObject) -> JsonObject:
    return {"merged": merged, "resolved": resolved}


VECTORS: list[tuple[str, JsonObject, JsonObject, JsonObject, JsonObject]] = [
    ("null is no subset", {"value": None}, {"subset_of": ["a"]}, {}, INVALID_POLICY),
    ("null is no superset of nothing", {"superset_of": []}, {"value": None}, {}, INVALID_POLICY),
    ("null is none of them", {"one_of": ["a"]}, {"value": None}, {}, INVALID_POLICY),
    ("nothing is added to null", {"value": None}, {"add": []}, {}, INVALID_POLICY),
    ("null removes", {"value": None}, {"essential": False}, {"p": 1}, good({"value": None, "essential": False}, {})),
    ("null is not essential", {"value": None}, {"essential": True}, {}, INVALID_POLICY),
    ("a text is no array", {"value": "a"}, {"subset_of": ["a"]}, {}, INVALID_POLICY),
    ("nor in metadata", {"subset_of": ["a"]}, {}, {"p": "a"}, invalid_metadata({"subset_of": ["a"]})),
    (
        "an empty array is there",
        {"subset_of": ["a"]},
        {"essential": True},
        {"p": ["b"]},
        good({"subset_of": ["a"], "essential": True}, {"p": []}),
    ),
    (
        "subsets meet in nothing",
        {"subset_of": ["a"]},
        {"subset_of": ["b"]},
        {"p": ["a"]},
        good({"subset_of": []}, {"p": []}),
    ),
    ("choices must not", {"one_of": ["a"]}, {"one_of": ["b"]}, {}, INVALID_POLICY),
    ("what is absent is no superset", {"superset_of": ["a"]}, {}, {}, good({"superset_of": ["a"]}, {})),
    ("a choice of none", {"one_of": []}, {}, {"p": "a"}, invalid_metadata({"one_of": []})),
    ("add before default", {"add": []}, {"default": ["x"]}, {}, good({"add": [], "default": ["x"]}, {"p": []})),
    (
        "a default is checked",
        {"superset_of": ["a"]},
        {"default": ["z"]},
        {},
        invalid_metadata({"superset_of": ["a"], "default": ["z"]}),
    ),
    ("an order is kept", {"value": ["a", "b"]}, {"value": ["b", "a"]}, {}, INVALID_POLICY),
    ("null is absent", {"essential": True}, {}, {"p": None}, invalid_metadata({"essential": True})),
    ("a default replaces null", {"default": "d"}, {}, {"p": None}, good({"default": "d"}, {"p": "d"})),
    (
        "unions",
        {"superset_of": ["a"]},
        {"superset_of": ["b"]},
        {"p": ["b", "a"]},
        good({"superset_of": ["a", "b"]}, {"p": ["b", "a"]}),
    ),
    ("unknown ones are left out", {"later": 1}, {"one_of": ["a"]}, {"p": "a"}, good({"one_of": ["a"]}, {"p": "a"})),
    (
        "an intermediate cannot loosen",
        {"essential": True},
        {"essential": False},
        {},
        invalid_metadata({"essential": True}),
    ),
]


def alike(policy: Mapping[str, Any]) -> JsonObject:
    """Give a merged policy without the order of its sets, which the standard does not define."""
    return {
        parameter: {name: sorted(value) if name in SETS else value for name, value in operators.items()}
        for parameter, operators in policy.items()
    }


@pytest.mark.parametrize(
    ("anchor", "intermediate", "metadata", "expected"),
    [each[1:] for each in VECTORS],
    ids=[each[0] for each in VECTORS],
)
def test_a_vector(anchor: JsonObject, intermediate: JsonObject, metadata: JsonObject, expected: JsonObject) -> None:
    above, below = {"p": anchor}, ({"p": intermediate} if intermediate else {})
    if expected.get("error") == "invalid_policy":
        with pytest.raises(PolicyConflict):
            merge_policies([above, below])
        return
    merged = merge_policies([above, below])
    assert alike(merged) == alike({"p": expected["merged"]})
    if "error" in expected:
        with pytest.raises(MetadataRefused):
            apply_policy(merged, metadata)
        return
    assert apply_policy(merged, metadata) == expected["resolved"]
