"""The project's own files as the rules see them: parsed modules and tracked text."""

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("trust", "adapters", "config", "gateway")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file: its path from the project's root, its text, and its syntax tree with every node of it."""

    path: PurePosixPath
    text: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]

    @property
    def name(self) -> str:
        """Return the dotted name under which it is imported."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """Return the top-level folder."""
        return self.path.parts[0]

    def at(self, node: ast.AST, message: str) -> str:
        """Return a finding that names the file and the line."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {message}"


def parse(path: str, text: str) -> Module:
    """Return a module from its text."""
    tree = ast.parse(text, filename=path)
    return Module(path=PurePosixPath(path), text=text, tree=tree, nodes=tuple(ast.walk(tree)))


def modules(*folders: str) -> Iterator[Module]:
    """Yield every Python file below these folders of the project."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield parse(path.relative_to(ROOT).as_posix(), path.read_text())


def functions(module: Module) -> Iterator[FunctionNode]:
    """Yield every function and method, nested ones included."""
    for node in module.nodes:
        if isinstance(node, FunctionNode):
            yield node


def imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each import statement with each name it may bind: `from a import b` gives `a.b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, f"{node.module or ''}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for such an expression, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def tracked_files() -> list[PurePosixPath]:
    """Return the paths of all files that are, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [PurePosixPath(name) for name in sorted(set(listed.stdout.split("\0"))) if name and (ROOT / name).is_file()]
