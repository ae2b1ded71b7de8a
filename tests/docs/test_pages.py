"""Every link, command and option in a document exists."""

import re
import shlex
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import click
import pytest

from gateway.cli import main
from tests.docs.pages import DOCS, ROOT, anchors, blocks, documents, links, page

PAGES = [path.relative_to(ROOT).as_posix() for path in documents()]


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files_and_headings(name: str) -> None:
    path = ROOT / name
    text = path.read_text(encoding="utf-8")
    broken = []
    for target, fragment in links(text):
        found = (path.parent / target).resolve() if target else path
        if not found.exists():
            broken.append(target)
        elif fragment and fragment not in anchors(found.read_text(encoding="utf-8")):
            broken.append(f"{target}#{fragment}")
    assert broken == []


def commands(name: str) -> Iterator[list[str]]:
    """Yield the words of each hearthgate command in a page's blocks, continued lines joined."""
    for block in blocks((ROOT / name).read_text(encoding="utf-8")):
        if block.language in {"", "sh"}:
            for line in block.text.replace("\\\n", " ").splitlines():
                found = re.match(r"\s*(?:\./run )?hearthgate (.*)", line)
                if found:
                    yield shlex.split(found[1], comments=True)


@pytest.mark.parametrize("name", PAGES)
def test_every_command_in_a_block_is_understood(name: str) -> None:
    for words in commands(name):
        command: click.Command = main
        context = click.Context(main, info_name="hearthgate")
        rest = list(words)
        while isinstance(command, click.Group):
            found = command.get_command(context, rest.pop(0))
            assert found is not None, words
            command, context = found, click.Context(found, parent=context)
        try:
            command.make_context(context.info_name, rest, parent=context.parent)
        except click.UsageError as refused:
            pytest.fail(f"hearthgate {' '.join(words)}: {refused.message}")


def test_the_readme_names_the_commands_that_run_offers() -> None:
    offered = set(re.findall(r"^  ([a-z]+)\b", (ROOT / "run").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\./run ([a-z]+)", page("README.md"))) <= offered


def test_every_document_is_reached_from_an_index() -> None:
    indexes = [*(ROOT / "docs").rglob("README.md"), *(ROOT / "tests").rglob("README.md")]
    linked = {
        (index.parent / target).resolve() for index in indexes for target, _ in links(index.read_text(encoding="utf-8"))
    }
    unreached = {path for path in (ROOT / "docs").rglob("*.md") if path.resolve() not in linked}
    assert unreached == {ROOT / "docs/README.md"}


def test_no_document_names_a_path_of_one_machine() -> None:
    for name in PAGES:
        assert not re.search(r"(?<!\w)/(?:home|root|Users)/", (ROOT / name).read_text(encoding="utf-8")), name


def test_the_decisions_are_listed_with_their_titles() -> None:
    listed = dict(re.findall(r"\| \[(\d{4})\]\(\S+\) \| (.+) \|", page("decisions/README.md")))
    files = {path.name[:4]: path for path in Path(ROOT / "docs/decisions").glob("0*.md")}
    assert listed.keys() == files.keys()
    for number, path in files.items():
        title = path.read_text(encoding="utf-8").splitlines()[0]
        assert title.startswith(f"# {int(number)}. "), path.name


def test_the_decisions_are_numbered_without_gaps_and_listed_in_order_once() -> None:
    listed = re.findall(r"\| \[(\d{4})\]\(", page("decisions/README.md"))
    assert listed == [f"{number:04}" for number in range(1, len(listed) + 1)]


def test_a_decision_that_changes_another_is_named_by_it() -> None:
    statuses = {
        int(path.name[:4]): path.read_text(encoding="utf-8").splitlines()[2]
        for path in Path(ROOT / "docs/decisions").glob("0*.md")
    }
    named = {number: {int(each) for each in re.findall(r"\[(\d+)\]\(", text)} for number, text in statuses.items()}
    one_way = [(number, other) for number, others in named.items() for other in others if number not in named[other]]
    assert one_way == []


# Other implementations test against these bytes: a change here is a change of the profile, and is announced as one.
PUBLISHED = {
    "exchange-examples.json": "79b5ef30e5b3b146d90ec21b6491ae8d0045bd229bdc8b13f958da839cfa4e1a",
    "exchange-queued-examples.json": "af69c17e70ac58952c45dfefedb17a57525ba2b54c5a5e775aa89d616d956420",
    "exchange-schemas.json": "d05f0bdb07e6084563a87cd18c9610337ef407228a128275d2cceaf1ebc9cb3f",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_files_are_unchanged_byte_for_byte(name: str) -> None:
    digest = sha256((DOCS / name).read_bytes()).hexdigest()
    assert digest == PUBLISHED[name], f"docs/{name} is published; restore it, or announce a change of the profile"
