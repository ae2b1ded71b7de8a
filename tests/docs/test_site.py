"""The documentation site builds without a warning, leads somewhere with every link and loads nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html

from tests.docs.pages import ROOT, documents

_LOADS = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "object": "data",
    "use": "href",
}


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build a site with the options of `./run docs`."""
    found = re.search(r'sphinx-build" (-.*?) -d ', (ROOT / "run").read_text(encoding="utf-8"))
    assert found is not None
    command = [sys.executable, "-m", "sphinx", *found[1].split(), "-d", target / "doctrees", ".", target / "site"]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    built = build(ROOT, target)
    assert built.returncode == 0, built.stderr
    return target / "site"


def pages(site: Path) -> Iterator[tuple[Path, html.HtmlElement]]:
    for path in sorted(site.rglob("*.html")):
        yield path, html.document_fromstring(path.read_bytes())


def test_every_document_but_single_decisions_is_in_the_navigation(site: Path) -> None:
    home = html.document_fromstring((site / "docs/README.html").read_bytes())
    listed = {
        (site / "docs" / link.get("href", "")).resolve()
        for link in home.iterfind(".//div[@class='sidebar-tree']//a[@href]")
    }
    expected = {(site / path.relative_to(ROOT)).with_suffix(".html") for path in documents()}
    assert all(path.is_file() for path in expected)
    unlisted = {path.name[:2] for path in expected - {site / "docs/README.html"} - listed}
    assert unlisted == {"00"}


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loaded = [
        (path.name, value)
        for path, page in pages(site)
        for tag, attribute in _LOADS.items()
        for element in page.iter(tag)
        if (value := element.get(attribute)) and (urlsplit(value).scheme or urlsplit(value).netloc)
    ]
    assert loaded == []
    sheets = [path.read_text(encoding="utf-8") for path in (site / "_static").rglob("*.css")]
    assert len(sheets) > 1
    assert [
        found for text in sheets for found in re.findall(r"url\(\s*[\"']?(?:https?:)?//[^)]*|@import[^;]*", text)
    ] == []


def test_every_link_of_a_page_leads_to_a_file_of_the_site(site: Path) -> None:
    broken = set()
    for path, page in pages(site):
        for link in page.iterfind(".//a[@href]"):
            target = urlsplit(link.get("href", ""))
            if target.scheme or target.netloc or not target.path:
                continue
            if not (path.parent / unquote(target.path)).is_file():
                broken.add((path.relative_to(site).as_posix(), target.path))
    assert broken == set()


def test_the_top_of_the_site_leads_to_the_home_page(site: Path) -> None:
    assert 'url=docs/README.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert (site / "docs/README.html").is_file()


def test_each_fault_of_a_page_fails_the_build(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs/site", tmp_path / "docs/site")
    faults = ["[a](gone.md)", "[a](../gone)", "[a](#gone)", "[a](other.md#gone)", "![a](gone.svg)", "## B\n\n#### C"]
    (tmp_path / "docs/README.md").write_text("\n\n".join(["# Home", "[Other](other.md)", *faults, ""]))
    (tmp_path / "docs/other.md").write_text("# Other\n")
    built = build(tmp_path, tmp_path / "build")
    assert built.returncode == 1
    lines = re.findall(r"docs/README\.md:(\d+): WARNING", built.stderr)
    assert sorted(int(line) for line in lines) == [5, 7, 9, 11, 13, 17]
