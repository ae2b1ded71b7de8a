"""Read, merge and apply what superiors demand of the metadata under them (OpenID Federation 1.0 section 6.1).

The text of the standard is implemented, not its examples. A policy is for one entity type: operators by parameter.

Reading one (6.1.4.1): each operator has a value of a type that it supports (6.1.3), and only operators that may stand
together do (6.1.3.1.1 to 6.1.3.1.7):

1. `value` with `add`, `subset_of` or `superset_of` is an array that their relation holds for, and so never null; with
   `one_of` it is among those; not null with `default`, nor with `essential` that is true;
2. `add` is a subset of `subset_of`, and `subset_of` a superset of `superset_of`;
3. `one_of` stands with none of `add`, `subset_of` and `superset_of`;
4. an operator that is not known is ignored, unless some superior in the chain calls it critical (6.1.3.2).

Merging two, the superior's first (6.1.4.1): `value` and `default` must be equal; `add` and `superset_of` unite;
`one_of` (to something) and `subset_of` (perhaps to nothing) intersect; `essential` is true where either is. Then 1 to 3
hold for the result. So nothing below can loosen what stands above.

Applying one (6.1.4.2): the operators in the order of `STANDARD_OPERATORS`. The parameter `scope` is one text of values
parted by spaces, and is worked on as the array of them (6.1.3.1.8).

Values are equal as JSON has it: true is not 1, arrays keep their order and objects do not. An empty policy is a policy.
Arrays of texts, numbers and objects are supported, all else in an array that operators compare is refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NoReturn

from trust.error_context import section
from trust.errors import MetadataRefused, PolicyConflict, shown
from trust.federation.entity_statement import STANDARD_OPERATORS
from trust.strict_json import JsonObject

VALUE, ADD, DEFAULT, ONE_OF, SUBSET_OF, SUPERSET_OF, ESSENTIAL = STANDARD_OPERATORS

Operators = Mapping[str, Any]
"""What is demanded of one parameter: values by operator."""

_SCOPE = "scope"
_LISTS = (ADD, ONE_OF, SUBSET_OF, SUPERSET_OF)
_APART = ((ADD, ONE_OF), (ONE_OF, SUBSET_OF), (ONE_OF, SUPERSET_OF))
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy for one entity type that was found sound: operators by parameter."""

    parameters: Mapping[str, Operators] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Write it as it stands under its entity type in `metadata_policy`."""
        return {parameter: dict(operators) for parameter, operators in self.parameters.items()}


def parse_metadata_policy(claim: JsonObject, critical: Sequence[str] = ()) -> dict[str, Policy]:
    """Read a whole `metadata_policy`, by entity type; raise PolicyConflict."""
    policies = {}
    for entity_type, policy in claim.items():
        if type(policy) is not dict:
            _conflict("A 'metadata_policy' must hold an object for each entity type.", "6.1.2")
        policies[entity_type] = parse_policy(policy, critical)
    return policies


def parse_policy(policy: JsonObject, critical: Sequence[str] = ()) -> Policy:
    """Read the policy for one entity type; raise PolicyConflict.

    `critical` are the operators that any superior in the chain demands to be understood; no added one is.
    """
    refuse_critical(critical)  # 4
    return Policy(parameters={parameter: _parse_operators(parameter, policy[parameter]) for parameter in policy})


def refuse_critical(critical: Sequence[str]) -> None:
    """Refuse (PolicyConflict) operators that must be understood: none is known but the standard ones."""
    if critical:
        names = ", ".join(shown(name) for name in critical)
        _conflict(f"'metadata_policy_crit' demands operators that are not known here: {names}.", "6.1.3.2")


def merge(superior: Policy, subordinate: Policy) -> Policy:
    """Merge a subordinate's policy into that of what is above it; raise PolicyConflict."""
    merged = dict(superior.parameters)
    for parameter, operators in subordinate.parameters.items():
        above = merged.get(parameter)
        merged[parameter] = operators if above is None else _merge_operators(parameter, above, operators)
    return Policy(parameters=merged)


def apply(policy: Policy, metadata: JsonObject) -> JsonObject:
    """Return metadata as the policy leaves it, or raise MetadataRefused; null never stays in it."""
    applied = {parameter: value for parameter, value in metadata.items() if value is not None}
    for parameter, operators in policy.parameters.items():
        value = _apply_operators(parameter, operators, applied.pop(parameter, _ABSENT))
        if value is not _ABSENT:
            applied[parameter] = value
    return applied


def merge_policies(policies: Iterable[JsonObject], critical: Sequence[str] = ()) -> JsonObject:
    """Merge policies for one entity type as plain JSON, from the most superior one down; raise PolicyConflict."""
    return reduce(merge, [parse_policy(policy, critical) for policy in policies], Policy()).to_json()


def apply_policy(policy: JsonObject, metadata: JsonObject) -> JsonObject:
    """Apply a policy for one entity type as plain JSON; raise PolicyConflict or MetadataRefused."""
    return apply(parse_policy(policy), metadata)


def _parse_operators(parameter: str, operators: object) -> Operators:
    if type(operators) is not dict:
        _conflict(f"The policy for {shown(parameter)} must be an object of operators.", "6.1.2")
    known = {name: operators[name] for name in STANDARD_OPERATORS if name in operators}  # 4
    for name in _LISTS:
        if name in known:
            known[name] = _parse_list(parameter, name, known[name])
    if DEFAULT in known and known[DEFAULT] is None:
        _conflict(f"The default for {shown(parameter)} must not be null.", _rule(DEFAULT))
    if type(known.get(ESSENTIAL, False)) is not bool:
        _conflict(f"'essential' for {shown(parameter)} must be true or false.", _rule(ESSENTIAL))
    _check_combination(parameter, known)
    return known


def _parse_list(parameter: str, operator: str, value: object) -> list[Any]:
    items = _array(parameter, value)
    if items is None or any(type(item) not in (str, int, float, dict) for item in items):
        _conflict(
            f"'{operator}' for {shown(parameter)} must be an array of texts, numbers or objects.", _rule(operator)
        )
    return _distinct(items)


def _check_combination(parameter: str, operators: Operators) -> None:
    for first, second in _APART:  # 3
        if first in operators and second in operators:
            _cannot_stand(parameter, first, second)
    if VALUE in operators:
        _check_value(parameter, operators)  # 1
    subset = operators.get(SUBSET_OF)
    if subset is not None:  # 2
        if not _contains(subset, operators.get(ADD, [])):
            _cannot_stand(parameter, ADD, SUBSET_OF)
        if not _contains(subset, operators.get(SUPERSET_OF, [])):
            _cannot_stand(parameter, SUBSET_OF, SUPERSET_OF)


def _check_value(parameter: str, operators: Operators) -> None:
    value = operators[VALUE]
    if value is None and DEFAULT in operators:
        _cannot_stand(parameter, VALUE, DEFAULT)
    if value is None and operators.get(ESSENTIAL):
        _cannot_stand(parameter, VALUE, ESSENTIAL)
    if ONE_OF in operators and not _among(parameter, value, operators[ONE_OF]):
        _cannot_stand(parameter, VALUE, ONE_OF)
    items = _array(parameter, value)
    relations: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
        (ADD, _contains),
        (SUBSET_OF, lambda ours, theirs: _contains(theirs, ours)),
        (SUPERSET_OF, _contains),
    )
    for operator, holds in relations:
        if operator in operators and (items is None or not holds(items, operators[operator])):
            _cannot_stand(parameter, VALUE, operator)


def _merge_operators(parameter: str, superior: Operators, subordinate: Operators) -> Operators:
    merged = {}
    for name in STANDARD_OPERATORS:
        if name in superior and name in subordinate:
            merged[name] = _merge_values(parameter, name, superior[name], subordinate[name])
        elif name in superior or name in subordinate:
            merged[name] = superior[name] if name in superior else subordinate[name]
    _check_combination(parameter, merged)
    return merged


def _merge_values(parameter: str, operator: str, above: Any, below: Any) -> Any:  # noqa: ANN401 (JSON)
    if operator in (VALUE, DEFAULT):
        if _key(_comparable(parameter, above)) != _key(_comparable(parameter, below)):
            _conflict(f"'{operator}' for {shown(parameter)} is not what a superior above it has set.", _rule(operator))
        return above
    if operator == ESSENTIAL:
        return above or below
    if operator in (ADD, SUPERSET_OF):
        return _distinct([*above, *below])
    common = _common(above, below)
    if operator == ONE_OF and not common:
        _conflict(f"'one_of' for {shown(parameter)} leaves nothing of what a superior above it allows.", _rule(ONE_OF))
    return common


def _apply_operators(parameter: str, operators: Operators, value: Any) -> Any:  # noqa: ANN401 (JSON or _ABSENT)
    if VALUE in operators:
        value = _ABSENT if operators[VALUE] is None else operators[VALUE]
    if ADD in operators:
        held = [] if value is _ABSENT else _listed(parameter, ADD, value)
        value = _distinct([*held, *operators[ADD]])
    if value is _ABSENT and DEFAULT in operators:
        value = operators[DEFAULT]
    if value is _ABSENT:
        if operators.get(ESSENTIAL):
            _refused(parameter, ESSENTIAL, "must be there, and is not.")
        return _ABSENT
    if ONE_OF in operators and not _among(parameter, value, operators[ONE_OF]):
        _refused(parameter, ONE_OF, "is not among the values that are allowed for it.")
    if SUBSET_OF in operators:
        value = _common(_listed(parameter, SUBSET_OF, value), operators[SUBSET_OF])
    if SUPERSET_OF in operators and not _contains(_listed(parameter, SUPERSET_OF, value), operators[SUPERSET_OF]):
        _refused(parameter, SUPERSET_OF, "lacks values that it must have.")
    return _joined(parameter, value)


def _listed(parameter: str, operator: str, value: object) -> list[Any]:
    items = _array(parameter, value)
    if items is None:
        _refused(parameter, operator, "must be an array.")
    return items


def _joined(parameter: str, value: Any) -> Any:  # noqa: ANN401 (JSON)
    if parameter == _SCOPE and type(value) is list and all(type(item) is str for item in value):
        return " ".join(value)
    return value


def _comparable(parameter: str, value: Any) -> Any:  # noqa: ANN401 (JSON)
    return value.split() if parameter == _SCOPE and type(value) is str else value


def _array(parameter: str, value: object) -> list[Any] | None:
    comparable = _comparable(parameter, value)
    return comparable if type(comparable) is list else None


def _among(parameter: str, value: object, allowed: list[Any]) -> bool:
    wanted = _key(_comparable(parameter, value))
    return any(_key(_comparable(parameter, each)) == wanted for each in allowed)


def _contains(items: list[Any], wanted: list[Any]) -> bool:
    return {_key(each) for each in items} >= {_key(each) for each in wanted}


def _common(items: list[Any], others: list[Any]) -> list[Any]:
    allowed = {_key(each) for each in others}
    return [each for each in _distinct(items) if _key(each) in allowed]


def _distinct(items: list[Any]) -> list[Any]:
    return list({_key(each): each for each in items}.values())


def _key(value: object) -> object:
    """Return something that is equal, and hashes alike, for JSON values that are equal."""
    if isinstance(value, list):
        return ("array", *map(_key, value))
    if isinstance(value, dict):
        return ("object", frozenset((name, _key(member)) for name, member in value.items()))
    return (type(value) is bool, value)


def _rule(operator: str) -> str:
    return f"6.1.3.1.{STANDARD_OPERATORS.index(operator) + 1}"


def _cannot_stand(parameter: str, first: str, second: str) -> NoReturn:
    _conflict(
        f"'{first}' and '{second}' for {shown(parameter)} cannot stand together as they are; the superiors' "
        "administrators must agree on one of them.",
        _rule(first),
    )


def _conflict(detail: str, number: str) -> NoReturn:
    conflict = PolicyConflict(detail)
    conflict.rule = section(number)
    raise conflict


def _refused(parameter: str, operator: str, fault: str) -> NoReturn:
    refused = MetadataRefused(f"{shown(parameter)} {fault}", parameter=parameter, operator=operator)
    refused.rule = section(_rule(operator))
    raise refused
