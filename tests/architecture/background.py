"""Background work: every loop and thread of the product has a last handler."""

import ast
from collections.abc import Iterator

from tests.architecture.source import FunctionNode, Module, dotted, functions

HOME = "gateway/runtime/background.py"
_LAST = frozenset({"Exception", "BaseException"})
_HARMLESS = ("self.attempt", "self.clock.", "self.lately.")


def companion_loops(module: Module) -> Iterator[str]:
    """Allow a loop that waits for its next round in one place only, where each step has a last handler."""
    if str(module.path) == HOME:
        return
    for node in module.nodes:
        if isinstance(node, ast.While) and any(
            isinstance(each, ast.Call) and dotted(each.func).split(".")[-1] == "wait" for each in ast.walk(node.test)
        ):
            yield module.at(node, f"a loop between rounds stands in {HOME}: use run_rounds")


def companion_steps(module: Module) -> Iterator[str]:
    """Have each step of a companion's round, and of its start, done under the last handler."""
    for node in module.nodes:
        if not isinstance(node, ast.ClassDef):
            continue
        methods = {each.name: each for each in node.body if isinstance(each, FunctionNode)}
        if not {"run", "round"} <= methods.keys():
            continue
        guarded = {name for name, method in methods.items() if _has_last_handler(method)}
        for method in (methods["run"], methods["round"]):
            for call in _calls(method):
                name = dotted(call.func)
                if name.startswith("self.") and not name.startswith(_HARMLESS) and name[5:] not in guarded:
                    yield module.at(call, f"{name} is a step of background work: do it under self.attempt")


def background_threads(module: Module) -> Iterator[str]:
    """Have what the gateway runs in a thread, with no caller that waits for it, end in a last handler."""
    if module.package != "gateway":
        return
    defined = {function.name: function for function in functions(module)}
    for node in module.nodes:
        for target in _targets(node):
            function = defined.get(target)
            if function is None or not _has_last_handler(function):
                yield module.at(node, f"{target or 'this'} runs in a thread: give it a last handler")


def _targets(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "Thread":
        yield from (dotted(each.value).split(".")[-1] for each in node.keywords if each.arg == "target")
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and dotted(call.func).endswith(".submit"):
        yield dotted(call.args[0]).split(".")[-1]


def _has_last_handler(function: FunctionNode) -> bool:
    caught = {dotted(each.type) for each in ast.walk(function) if isinstance(each, ast.ExceptHandler) and each.type}
    attempted = any(dotted(each.func) == "self.attempt" for each in _calls(function))
    return attempted or bool(caught & _LAST)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that a function makes itself, none of those that it only hands over."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Lambda | FunctionNode):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _calls(child)
