"""Rules for files that are not code: folders' READMEs, locks, and what never belongs in a commit."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from tests.architecture.source import PACKAGES

CommandTree = Mapping[str, "CommandTree"]  # a command without subcommands has an empty one

# Spelled in pieces, so that this file does not contain what it looks for.
_TOP_FOLDERS = "|".join(("wor" + "k", "far" + "m", "roo" + "t", "tmp/" + "v"))
_MACHINE_PATH = re.compile(rf"(?<![\w.~:/-])/(?:{_TOP_FOLDERS})(?![\w-])|(?<![\w.:/-])/home/\w+/")
_INDEX = re.compile(
    "|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "--(?:extra-)?index" + "-url[ =]", "--find" + "-links[ =]"))
)
_VAGUE_WORDS = "who-m no-body some-body who-ever what-ever un-asked a-new".replace("-", "").split()
_VAGUE = re.compile(rf"\b(?:{'|'.join(_VAGUE_WORDS)}|at\s+hand)\b", re.IGNORECASE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][\w.\[\]-]*==\S+")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?: \\)?$")


def machine_paths(path: PurePosixPath, text: str) -> Iterator[str]:
    """Allow no path of the machine that wrote a file."""
    yield from _lines_with(path, text, _MACHINE_PATH, "names a path of one machine")


def index_addresses(path: PurePosixPath, text: str) -> Iterator[str]:
    """Allow no address of a package index: where packages come from is each machine's own configuration."""
    yield from _lines_with(path, text, _INDEX, "names a package index")


def vague_words(path: PurePosixPath, text: str) -> Iterator[str]:
    """Allow no word that hides the subject of a sentence, except in a block: an example quotes what others wrote."""
    prose = _FENCED.sub(lambda block: "\n" * block[0].count("\n"), text)
    for found in _VAGUE.finditer(prose):
        line = prose.count("\n", 0, found.start()) + 1
        yield f"{path}:{line}: name the client, member or person: {found.group()}"


def _lines_with(path: PurePosixPath, text: str, pattern: re.Pattern[str], message: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        found = pattern.search(line)
        if found:
            yield f"{path}:{number}: {message}: {found.group().strip()}"


def lock_hashes(path: PurePosixPath, text: str) -> Iterator[str]:
    """Ask for an exact version and a hash of every locked requirement, and allow nothing else in a lock."""
    pending: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if "://" in stripped:
            yield f"{path}:{number}: a lock holds no addresses"
        if _HASH.match(stripped):
            pending = None
        elif _REQUIREMENT.match(line):
            if pending:
                yield f"{path}:{pending[0]}: {pending[1]} has no hash: run ./run lock"
            pending = (number, line.split("==")[0])
        elif stripped and not stripped.startswith("#"):
            yield f"{path}:{number}: neither a pinned requirement nor a hash: {stripped}"
    if pending:
        yield f"{path}:{pending[0]}: {pending[1]} has no hash: run ./run lock"


def node_lock(path: PurePosixPath, text: str) -> Iterator[str]:
    """Ask for a hash of every package that npm locks, and allow no address to fetch one from."""
    packages = json.loads(text)["packages"]
    for name, locked in packages.items():
        if name and "integrity" not in locked:
            yield f"{path}:1: {name} has no hash"
        if "resolved" in locked:
            yield f"{path}:1: {name} names the place it came from: lock it with --omit-lockfile-registry-resolved"


def folder_readmes(paths: Iterable[PurePosixPath]) -> Iterator[str]:
    """Ask each package folder, and the others that a reader enters by, for a README with its one rule."""
    known = set(paths)
    folders = {path.parent for path in known if path.suffix == ".py" and path.parts[0] in PACKAGES}
    folders |= {
        PurePosixPath(folder)
        for folder in ("docs", "docs/decisions", "findings", "requirements", "tests", "tests/architecture")
    }
    for folder in sorted(folders):
        if folder / "README.md" not in known:
            yield f"{folder}/README.md:1: missing: state the folder's one rule and its reading order"


def top_level(paths: Iterable[PurePosixPath], allowed: frozenset[str]) -> Iterator[str]:
    """Allow nothing new at the top of the house."""
    for name in sorted({path.parts[0] for path in paths} - allowed):
        yield f"{name}:1: nothing else stands at the top level without a decision record in docs/decisions"


def run_commands(path: PurePosixPath, text: str, known: frozenset[str]) -> Iterator[str]:
    """Ask for each `./run COMMAND` that a document names to exist."""
    for number, line in enumerate(text.splitlines(), 1):
        for command in re.findall(r"\./run ([a-z][a-z-]*)", line):
            if command not in known:
                yield f"{path}:{number}: ./run has no command {command}"


def hearthgate_commands(path: PurePosixPath, text: str, tree: CommandTree) -> Iterator[str]:
    """Ask for each `hearthgate COMMAND [SUBCOMMAND]` in a document's code to exist."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        for code in [line] if fenced else re.findall(r"`([^`]+)`", line):
            for words in re.findall(r"(?<![\w.-])hearthgate((?: [a-z][a-z-]*)+)", code):
                missing = _first_missing(words.split(), tree)
                if missing:
                    yield f"{path}:{number}: there is no command hearthgate {missing}"


def _first_missing(words: Iterable[str], tree: CommandTree) -> str:
    """Follow the words down the tree to a command, whose arguments are its own; return where that fails, or nothing."""
    taken: list[str] = []
    for word in words:
        if not tree:
            return ""
        taken.append(word)
        if word not in tree:
            return " ".join(taken)
        tree = tree[word]
    return ""


def broken_links(path: PurePosixPath, text: str, root: Path) -> Iterator[str]:
    """Ask for each file that a document links to by a relative path to exist."""
    for number, line in enumerate(text.splitlines(), 1):
        for target in re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", line):
            if not (root / path.parent / target).exists():
                yield f"{path}:{number}: links to {target}, which does not exist"


def unexplained_packages(path: PurePosixPath, text: str, record: str) -> Iterator[str]:
    """Ask for each package in a requirements file to be named in the decision record that says why it is here."""
    named = set(re.findall(r"[a-z0-9-]+", record.lower()))
    for number, line in enumerate(text.splitlines(), 1):
        package = re.match(r"[a-z0-9-]+", line)
        if package and not line.startswith("-") and package.group() not in named:
            yield f"{path}:{number}: {package.group()} is not explained in docs/decisions/0012-added-packages.md"
