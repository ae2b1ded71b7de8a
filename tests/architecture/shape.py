"""Rules for the size of things and for what must stand beside them. Each rule yields findings."""

import ast
from collections.abc import Iterable, Iterator

from tests.architecture.source import FunctionNode, Module, functions, imports

MAX_MODULE_LINES = 450
MAX_FUNCTION_LINES = 40
MAX_PARAMETERS = 6
MIN_CLASS_FILE_LINES = 40


def module_length(module: Module) -> Iterator[str]:
    """Allow a module 450 lines."""
    lines = len(module.text.splitlines())
    if lines > MAX_MODULE_LINES:
        yield f"{module.path}:{MAX_MODULE_LINES}: the module has {lines} lines, {MAX_MODULE_LINES} are allowed"


def function_length(module: Module) -> Iterator[str]:
    """Allow a function 40 lines, its docstring and decorators not counted."""
    for function in functions(module):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1 - _docstring_lines(function)
        if lines > MAX_FUNCTION_LINES:
            yield module.at(
                function, f"{function.name} has {lines} lines without its docstring, {MAX_FUNCTION_LINES} are allowed"
            )


def _docstring_lines(function: FunctionNode) -> int:
    if ast.get_docstring(function, clean=False) is None:
        return 0
    first = function.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def parameter_count(module: Module) -> Iterator[str]:
    """Allow a function six parameters, `self` and `cls` not counted."""
    methods = {id(node) for owner in module.nodes if isinstance(owner, ast.ClassDef) for node in owner.body}
    for function in functions(module):
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        named = [*positional, *arguments.kwonlyargs]
        named += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
        bound = id(function) in methods and bool(positional) and positional[0].arg in {"self", "cls"}
        count = len(named) - bound
        if count > MAX_PARAMETERS:
            yield module.at(
                function,
                f"{function.name} takes {count} parameters, {MAX_PARAMETERS} are allowed: bundle some in a dataclass",
            )


def function_imports(module: Module) -> Iterator[str]:
    """Allow no import inside a function, but in the command line."""
    if module.path.is_relative_to("gateway/cli"):
        return
    for function in functions(module):
        for node, name in imports(ast.walk(function)):
            yield module.at(node, f"{function.name} imports {name} inside its body: move the import to the top")


def public_docstrings(module: Module) -> Iterator[str]:
    """Ask for a docstring in every public module, class and function."""
    if ast.get_docstring(module.tree) is None:
        yield module.at(module.tree, "the module has no docstring")
    yield from _missing_docstrings(module, module.tree.body)


def _missing_docstrings(module: Module, body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        if not isinstance(node, ast.ClassDef | FunctionNode) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and not _repeats_another(node):
            yield module.at(node, f"{node.name} has no docstring")
        if isinstance(node, ast.ClassDef):
            yield from _missing_docstrings(module, node.body)


def _repeats_another(node: ast.ClassDef | FunctionNode) -> bool:
    """Return whether a decorator says that the docstring stands elsewhere (override, overload, setter)."""
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(names & {"override", "overload", "setter", "deleter"})


def package_init(module: Module) -> Iterator[str]:
    """Allow a package's `__init__` its docstring; gateway's also the version, the command line's its entry point."""
    if module.path.name != "__init__.py":
        return
    allowed = {
        "gateway/__init__.py": (ast.Assign,),
        "gateway/cli/__init__.py": (ast.Import, ast.ImportFrom, ast.Assign),
    }
    if ast.get_docstring(module.tree) is None:
        yield module.at(module.tree, "a package's __init__ says in its docstring what the package is for")
    for node in module.tree.body[1:]:
        if not isinstance(node, allowed.get(str(module.path), ())):
            yield module.at(
                node, "a package's __init__ is its docstring only: import from the module that defines the thing"
            )


def small_class_files(all_modules: Iterable[Module]) -> Iterator[str]:
    """Allow no file under 40 lines for public classes that one module imports: they belong to their importer."""
    by_name = {module.name: module for module in all_modules}
    importers: dict[str, set[str]] = {name: set() for name in by_name}
    for name, module in by_name.items():
        for target in _imported_modules(module, by_name):
            importers[target].add(name)
    for name, module in by_name.items():
        has_class = any(isinstance(node, ast.ClassDef) and not node.name.startswith("_") for node in module.tree.body)
        if has_class and len(importers[name]) == 1 and len(module.text.splitlines()) < MIN_CLASS_FILE_LINES:
            importer = importers[name].pop()
            if importer.partition(".")[0] == name.partition(".")[0]:  # a rule of trust stays below its user
                yield f"{module.path}:1: a class of one importer: move it to {importer}"


def import_cycles(all_modules: Iterable[Module]) -> Iterator[str]:
    """Allow no module to import itself, directly or through others."""
    by_name = {module.name: module for module in all_modules}
    graph = {name: sorted(_imported_modules(module, by_name)) for name, module in by_name.items()}
    finished: set[str] = set()

    def walk(name: str, path: list[str]) -> Iterator[str]:
        if name in path:
            cycle = [*path[path.index(name) :], name]
            yield f"{by_name[name].path}:1: import cycle: {' -> '.join(cycle)}"
        elif name not in finished:
            for imported in graph[name]:
                yield from walk(imported, [*path, name])
            finished.add(name)

    for name in sorted(graph):
        yield from walk(name, [])


def _imported_modules(module: Module, by_name: dict[str, Module]) -> set[str]:
    found = set()
    for _, name in imports(module.nodes):
        target = name if name in by_name else name.rpartition(".")[0]
        if target in by_name:
            found.add(target)
    return found
