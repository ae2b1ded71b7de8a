"""Names of classes, variables and functions, and the first words of module docstrings. Each rule yields findings."""

import ast
import re
from collections.abc import Iterable, Iterator

from tests.architecture.source import FunctionNode, Module

_PARTICIPLES = frozenset(
    [
        "added",
        "answered",
        "answering",
        "asked",
        "asking",
        "begun",
        "came",
        "collecting",
        "counted",
        "done",
        "drawn",
        "found",
        "given",
        "gone",
        "got",
        "granted",
        "heard",
        "held",
        "joined",
        "judged",
        "kept",
        "known",
        "made",
        "meant",
        "minding",
        "missed",
        "named",
        "offered",
        "opened",
        "planned",
        "ruled",
        "running",
        "said",
        "seen",
        "sent",
        "served",
        "settled",
        "shown",
        "sought",
        "spent",
        "stated",
        "taken",
        "told",
        "vouched",
        "wanted",
        "written",
    ]
)
_ALSO_VERBS = frozenset({"left", "put", "read"})
"""Participles that are imperatives too: a function may be called so."""
_QUESTION = re.compile(r"(?:What|Whether|Who|Whom|Whose|How|Which|When|Where|Why)\b")


def repeated_classes(modules: Iterable[Module]) -> Iterator[str]:
    """Allow a public class name one meaning in the whole of the product's code."""
    places: dict[str, list[tuple[Module, ast.ClassDef]]] = {}
    for module in modules:
        for node in module.nodes:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append((module, node))
    for name, defined in places.items():
        for module, node in defined[1:]:
            yield module.at(node, f"{name} is another class in {defined[0][0].path}")


def bare_participles(module: Module) -> Iterator[str]:
    """Ask for a noun: a participle alone names a moment of the program, and cannot be searched for."""
    for node in module.nodes:
        if isinstance(node, FunctionNode | ast.ClassDef):
            name, words = node.name, _PARTICIPLES
        elif isinstance(node, ast.arg):
            name, words = node.arg, _PARTICIPLES | _ALSO_VERBS
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            name, words = node.id if isinstance(node, ast.Name) else node.attr, _PARTICIPLES | _ALSO_VERBS
        else:
            continue
        if name.strip("_") in words:  # a constant or a vocabulary's value, in capitals, may be a stored word
            yield module.at(node, f"{name} names no thing")


def question_docstrings(module: Module) -> Iterator[str]:
    """Ask for a noun phrase or an imperative at the head of a module, not for a question."""
    if _QUESTION.match(ast.get_docstring(module.tree) or ""):
        yield module.at(module.tree, "the docstring begins with a question word")
