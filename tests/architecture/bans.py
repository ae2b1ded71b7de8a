"""Names that may not be used in one place or another. Each rule yields findings."""

import ast
from collections.abc import Iterable, Iterator

from tests.architecture.source import Module, dotted, imports

IMPURE_MODULES = frozenset(
    [
        "asyncio",
        "ctypes",
        "flask",
        "http.client",
        "http.server",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "psycopg",
        "pysqlite3",
        "random",
        "requests",
        "secrets",
        "shutil",
        "signal",
        "socket",
        "sqlalchemy",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib.request",
        "uuid",
    ]
)
IMPURE_CALLS = frozenset({"open", "input", "print", "exec", "eval", "__import__", "breakpoint"})
CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
JOSE_HOME = "trust/jose.py"
XML_READERS = frozenset(
    [
        "XMLParser",
        "XMLPullParser",
        "HTMLParser",
        "ETCompatXMLParser",
        "iterparse",
        "parse",
        "fromstring",
        "fromstringlist",
        "XML",
        "HTML",
        "XMLID",
    ]
)
CASE_SYSTEMS = "gateway/demo/case_systems"
KIND_NAMES = frozenset({"involvement.query", "eligibility.query"})
KIND_BLIND = (
    "gateway/exchange/",
    "gateway/evidence/",
    "gateway/accountability/",
    "gateway/agreements/",
    "gateway/http/",
    "gateway/web/",
    "gateway/administration/checks/",
    "trust/agreements/",
    "trust/evidence/",
)
"""Rooms that serve every kind of exchange alike (decision 45)."""


def impure_names(module: Module) -> Iterator[str]:
    """Allow trust/ no clock, file, socket, environment or dice: what these give is passed in."""
    if module.package != "trust":
        return
    for node, name in imports(module.nodes):
        for banned in IMPURE_MODULES:
            if f"{name}.".startswith(f"{banned}."):
                yield module.at(
                    node, f"trust/ is pure and may not import {banned}: let the caller pass in what it gives"
                )
    for used in module.nodes:
        if isinstance(used, ast.Attribute) and dotted(used).endswith(CLOCKS):
            yield module.at(used, f"trust/ is pure and may not ask {dotted(used)}: take `now` as a parameter")
        elif isinstance(used, ast.Call) and dotted(used.func) in IMPURE_CALLS:
            yield module.at(used, f"trust/ is pure and may not call {dotted(used.func)}")


def kind_names(module: Module) -> Iterator[str]:
    """Allow no room that serves every kind to name one; import-linter forbids it to import one's module."""
    if not str(module.path).startswith(KIND_BLIND):
        return
    for node in module.nodes:
        if isinstance(node, ast.Constant) and node.value in KIND_NAMES:
            yield module.at(node, f"{node.value} is one kind: read what differs from its ExchangeKind")


def authlib_jose(module: Module) -> Iterator[str]:
    """Allow no import of Authlib's own JOSE code, in tests neither."""
    for node, name in imports(module.nodes):
        if f"{name}.".startswith("authlib.jose."):
            yield module.at(node, "authlib.jose is never imported: every JWT goes through trust/jose.py")


def jose_libraries(module: Module) -> Iterator[str]:
    """Allow one module to touch a JOSE library; its checks stand beside the call."""
    if str(module.path) == JOSE_HOME:
        return
    for node, name in imports(module.nodes):
        if name.partition(".")[0] in {"jwt", "joserfc"}:
            yield module.at(node, f"{name} is used only in {JOSE_HOME}: call what that module offers")


def test_modules(module: Module) -> Iterator[str]:
    """Allow no import from a module of tests: what two of them share has a module of its own, or a conftest."""
    for node, name in imports(module.nodes):
        if any(part.startswith("test_") for part in name.split(".")):
            yield module.at(node, f"{name} stands in a module of tests: move it to a helper module of its folder")


def elapsed_times(module: Module) -> Iterator[str]:
    """Allow no assertion about elapsed time: a busy machine fails it, and an idle one may pass without the defence."""
    for node in module.nodes:
        if isinstance(node, ast.Assert) and any(
            isinstance(part, ast.BinOp)
            and isinstance(part.op, ast.Sub)
            and isinstance(part.left, ast.Call)
            and dotted(part.left.func).rpartition(".")[2] in {"monotonic", "perf_counter", "time"}
            for part in ast.walk(node.test)
        ):
            yield module.at(node, "an assertion about elapsed time: move a MonotonicClock, or assert on what happened")


def xml_readers(all_modules: Iterable[Module]) -> Iterator[str]:
    """Allow one module to read XML, and one of their own to the demo's case systems, which share no code."""
    homes: dict[bool, str] = {}
    for module in all_modules:
        readers = set(_xml_aliases(module))
        for node in module.nodes:
            if not isinstance(node, ast.Call) or dotted(node.func) not in readers:
                continue
            home = homes.setdefault(module.path.is_relative_to(CASE_SYSTEMS), str(module.path))
            if home != str(module.path):
                yield module.at(
                    node, f"{dotted(node.func)} reads XML outside {home}, the one module with the hardened parser"
                )


def _xml_aliases(module: Module) -> Iterator[str]:
    """Yield the names by which this module could call one of lxml's readers."""
    for node in module.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                full = alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
                bound = alias.asname or alias.name
                if full in {"lxml.etree", "lxml.html", "lxml.objectify"}:
                    yield from (f"{bound}.{reader}" for reader in XML_READERS)
                elif full.startswith("lxml.") and alias.name in XML_READERS:
                    yield bound
