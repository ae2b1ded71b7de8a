"""The project keeps its own rules of shape, floors and files."""

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

import click
import pytest

from tests.architecture import background, bans, files, messages, naming, prose, shape
from tests.architecture.source import PACKAGES, ROOT, Module, modules, tracked_files

Rule = Callable[[Module], Iterable[str]]
TOP_LEVEL = frozenset(
    [
        "README.md",
        "pyproject.toml",
        "run",
        "trust",
        "adapters",
        "config",
        "gateway",
        "tests",
        "docs",
        "findings",
        "requirements",
        "CHANGELOG.md",
        "LICENSE",
        ".ci",
        ".gitignore",
    ]
)
PLAIN_ENGLISH = (
    "CHANGELOG.md",
    "README.md",
    "adapters/",
    "config/",
    "docs/README.md",
    "docs/adapters.md",
    "docs/benchmarks.md",
    "docs/case-api.md",
    "docs/exchange-profile/",
    "docs/glossary.md",
    "docs/legal-register.md",
    "docs/operating/",
    "docs/security.md",
    "findings/",
    "gateway/",
    "requirements/",
    "tests/",
    "trust/",
)
WORD_LISTS = frozenset(["person_names.py", "retention.py"])  # these modules look for such words in what others write
QUOTATIONS = frozenset(["commands.md"])  # its table is the commands' help, word for word
PARTICIPLES = {"adapters": 5, "config": 2, "gateway": 47, "trust": 123}
"""Names that were bare participles at the last count. Each number only falls."""
TEXT_SUFFIXES = frozenset(
    [
        "py",
        "md",
        "toml",
        "txt",
        "in",
        "json",
        "xml",
        "xsd",
        "wsdl",
        "sql",
        "html",
        "css",
        "conf",
        "mjs",
        "service",
        "mako",
        "sh",
        "csv",
        "yaml",
        "yml",
    ]
)


def require_none(findings: Iterable[str]) -> None:
    found = sorted(set(findings))
    assert not found, "\n".join(found)


def require_at_most(ceiling: int, findings: Iterable[str]) -> None:
    found = sorted(findings)
    assert len(found) <= ceiling, "\n".join([f"{len(found)} where {ceiling} were; take the new ones away:", *found])


@pytest.fixture(scope="module")
def product() -> list[Module]:
    return list(modules(*PACKAGES))


@pytest.fixture(scope="module")
def everything(product: list[Module]) -> list[Module]:
    return [*product, *modules("tests")]


@pytest.fixture(scope="module")
def paths() -> list[PurePosixPath]:
    try:
        return tracked_files()
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("only git knows which files would be committed, and this is no git clone or git is missing")


def texts(paths: Iterable[PurePosixPath]) -> Iterator[tuple[PurePosixPath, str]]:
    for path in paths:
        if path.suffix.lstrip(".") in TEXT_SUFFIXES or not path.suffix:
            yield path, (ROOT / path).read_text(errors="replace")


@pytest.mark.parametrize(
    "rule",
    [
        shape.parameter_count,
        shape.function_imports,
        shape.public_docstrings,
        shape.package_init,
        bans.impure_names,
        bans.jose_libraries,
        bans.kind_names,
        background.companion_loops,
        background.companion_steps,
        background.background_threads,
    ],
    ids=lambda rule: rule.__name__,
)
def test_product_code_keeps(rule: Rule, product: list[Module]) -> None:
    require_none(finding for module in product for finding in rule(module))


@pytest.mark.parametrize(
    "rule",
    [shape.module_length, shape.function_length, bans.authlib_jose, bans.test_modules, bans.elapsed_times],
    ids=lambda rule: rule.__name__,
)
def test_all_code_keeps(rule: Rule, everything: list[Module]) -> None:
    require_none(finding for module in everything for finding in rule(module))


def test_no_class_of_one_importer_has_a_small_file_of_its_own(product: list[Module]) -> None:
    by_design = {"gateway/exchange/response_timing.py"}  # a step of the inbound plan with its own proof (A42)
    require_none(finding for finding in shape.small_class_files(product) if finding.partition(":")[0] not in by_design)


def test_no_import_cycles(product: list[Module]) -> None:
    require_none(shape.import_cycles(product))


def test_xml_is_read_in_one_module(product: list[Module]) -> None:
    require_none(bans.xml_readers(product))


def test_commit_messages_name_an_area_and_a_change() -> None:
    try:
        commits = messages.new_commits()
    except messages.NoHistoryError as error:
        pytest.skip(str(error))
    require_none(finding for commit in commits for finding in messages.message_form(commit))


def test_each_folder_says_its_rule(paths: list[PurePosixPath]) -> None:
    require_none(files.folder_readmes(paths))


def test_nothing_else_stands_at_the_top(paths: list[PurePosixPath]) -> None:
    require_none(files.top_level(paths, TOP_LEVEL))


def test_no_machine_paths_or_index_addresses(paths: list[PurePosixPath]) -> None:
    rules = (files.machine_paths, files.index_addresses)
    require_none(finding for path, text in texts(paths) for rule in rules for finding in rule(path, text))


def test_rewritten_documents_name_the_subject_of_each_sentence(paths: list[PurePosixPath]) -> None:
    sources = [path for path in paths if path.suffix in {".md", ".sh"} or path.parts[0] in {"config", "trust"}]
    exempt = WORD_LISTS | QUOTATIONS
    rewritten = [path for path in sources if path.as_posix().startswith(PLAIN_ENGLISH) and path.name not in exempt]
    assert len(rewritten) > 50
    require_none(finding for path, text in texts(rewritten) for finding in files.vague_words(path, text))


def test_rewritten_code_names_the_subject_of_each_sentence(everything: list[Module]) -> None:
    rewritten = [module for module in everything if module.path.as_posix().startswith(PLAIN_ENGLISH)]
    require_none(finding for module in rewritten for finding in prose.vague_sentences(module))


def test_the_sentences_of_the_product_name_their_subject(product: list[Module]) -> None:
    findings = [
        finding
        for module in product
        if module.path.name not in WORD_LISTS
        for finding in files.vague_words(module.path, module.text)
    ]
    require_none(findings)


def test_a_public_class_name_stands_for_one_class(product: list[Module]) -> None:
    require_none(naming.repeated_classes(product))


@pytest.mark.parametrize("package", PACKAGES)
def test_names_are_less_and_less_bare_participles(product: list[Module], package: str) -> None:
    findings = [each for module in product if module.package == package for each in naming.bare_participles(module)]
    require_at_most(PARTICIPLES[package], findings)


def test_no_module_begins_with_a_question(product: list[Module]) -> None:
    findings = [each for module in [*product, *modules("tests")] for each in naming.question_docstrings(module)]
    require_none(findings)


def test_locks_have_hashes_and_no_addresses(paths: list[PurePosixPath]) -> None:
    locks = [path for path in paths if path.parent.name == "requirements" and path.suffix == ".txt"]
    assert len(locks) == 5
    require_none(finding for path, text in texts(locks) for finding in files.lock_hashes(path, text))


def test_the_node_lock_has_hashes_and_no_addresses(paths: list[PurePosixPath]) -> None:
    locks = [path for path in paths if path.name == "package-lock.json"]
    assert len(locks) == 1
    require_none(finding for path, text in texts(locks) for finding in files.node_lock(path, text))


def test_every_run_command_in_the_documents_exists(paths: list[PurePosixPath]) -> None:
    usage = subprocess.run([ROOT / "run", "help"], check=True, capture_output=True, text=True).stdout
    known = frozenset(re.findall(r"^  ([a-z]+)\b", usage, re.MULTILINE))
    documents = [path for path in paths if path.suffix == ".md"]
    require_none(finding for path, text in texts(documents) for finding in files.run_commands(path, text, known))


def test_every_hearthgate_command_in_the_documents_exists(paths: list[PurePosixPath]) -> None:
    tree = command_tree(pytest.importorskip("gateway.cli").main)
    documents = [path for path in paths if path.suffix == ".md"]
    require_none(finding for path, text in texts(documents) for finding in files.hearthgate_commands(path, text, tree))


def command_tree(command: click.Command) -> files.CommandTree:
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    names = command.list_commands(context)
    return {name: command_tree(found) for name in names if (found := command.get_command(context, name))}


def test_links_in_the_documents_lead_somewhere(paths: list[PurePosixPath]) -> None:
    documents = [path for path in paths if path.suffix == ".md"]
    require_none(finding for path, text in texts(documents) for finding in files.broken_links(path, text, ROOT))


def test_each_package_is_explained(paths: list[PurePosixPath]) -> None:
    lists = [path for path in paths if path.parent.name == "requirements" and path.suffix == ".in"]
    assert len(lists) == 5
    record = (ROOT / "docs/decisions/0012-added-packages.md").read_text()
    require_none(finding for path, text in texts(lists) for finding in files.unexplained_packages(path, text, record))
