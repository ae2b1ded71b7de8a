"""Mutants of a module: its source with one expression changed."""

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change: where it is, what it does, and the source that has it."""

    line: int
    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield a mutant for each comparison, operator, condition, number, truth value and returned value.

    What stands in a decorator is left: whether a value may be changed is no rule.
    """
    tree = ast.parse(source)
    decorators = {
        id(each) for node in ast.walk(tree) for name in getattr(node, "decorator_list", ()) for each in ast.walk(name)
    }
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in decorators:
            continue
        for number, (change, _) in enumerate(_changes(node)):
            mutated = deepcopy(tree)
            target = next(each for place, each in enumerate(ast.walk(mutated)) if place == index)
            _changes(target)[number][1]()
            line = getattr(node, "lineno", 0)
            yield Mutant(line=line, change=change, source=ast.unparse(ast.fix_missing_locations(mutated)))


def _changes(node: ast.AST) -> list[tuple[str, Callable[[], None]]]:
    """Return what can be changed of a node, each with what changes it in place."""
    changes: list[tuple[str, Callable[[], None]]] = []
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        other = _COMPARISONS[type(node.ops[0])]
        changes.append((f"{type(node.ops[0]).__name__} becomes {other.__name__}", lambda: _set_op(node, other())))
    elif isinstance(node, ast.BoolOp):
        word = "or" if isinstance(node.op, ast.And) else "and"
        changes.append((f"becomes {word}", lambda: _set(node, "op", ast.Or() if word == "or" else ast.And())))
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        operator = _OPERATORS[type(node.op)]
        changes.append((f"becomes {operator.__name__}", lambda: _set(node, "op", operator())))
    elif isinstance(node, ast.If | ast.IfExp):
        changes.append(("condition negated", lambda: _set(node, "test", ast.Not(), of=node.test)))
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        changes.append(("returns None", lambda: _set(node, "value", ast.Constant(value=None))))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int):
        value = not node.value if isinstance(node.value, bool) else node.value + 1
        changes.append((f"{node.value} becomes {value}", lambda: _set(node, "value", value)))
    return changes


def _set(node: ast.AST, name: str, value: object, *, of: ast.expr | None = None) -> None:
    setattr(node, name, value if of is None else ast.UnaryOp(op=ast.Not(), operand=of))


def _set_op(node: ast.Compare, operator: ast.cmpop) -> None:
    node.ops[0] = operator


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
