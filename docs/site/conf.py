"""Sphinx configuration of the documentation site: the repository's Markdown pages, in the order of their index pages.

The source directory is the repository itself, so that a relative link works here as it does on a forge. Each README.md
is the index of its folder; :func:`children` makes the navigation from it.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
HOME = "docs/README"

project = "Hearthgate"
html_title = "Hearthgate"
root_doc = HOME
include_patterns = ["README.md", "CHANGELOG.md", "docs/**.md", "**/README.md"]
exclude_patterns = [".*", "build", "dist", "**/node_modules"]

extensions = ["myst_parser"]
myst_heading_anchors = 6  # a forge gives every heading a fragment; the pages link to them
nitpicky = True

html_theme = "furo"
html_extra_path = ["redirect"]  # index.html at the top leads to the home page
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False


def parent(docname: str, index_pages: frozenset[str]) -> str:
    """Return the index page that lists a page: the nearest README above it, and at the top the home page."""
    folder = Path(docname).parent
    for above in [folder, *folder.parents]:
        index = (above / "README").as_posix()
        if index in index_pages and index not in {docname, "README"}:
            return index
    return HOME


def children(index: str, docnames: Sequence[str]) -> list[str]:
    """Return the pages below an index page: first in the order in which it links to them, then by name."""
    index_pages = frozenset(name for name in docnames if Path(name).name == "README")
    below = [name for name in docnames if name != HOME and parent(name, index_pages) == index]
    folder = (ROOT / index).parent
    links = re.findall(r"\]\(([^)#\s:]+)", (ROOT / f"{index}.md").read_text(encoding="utf-8"))
    linked = [(folder / link).resolve() for link in links]

    def position(name: str) -> tuple[int, str]:
        page = ROOT / f"{name}.md"
        places = [linked.index(target) for target in (page, page.parent) if target in linked]
        return (min(places, default=len(linked)), name)

    return sorted(below, key=position)


def add_navigation(app: Sphinx, docname: str, content: list[str]) -> None:
    """Append the table of contents to an index page."""
    if Path(docname).name == "README" and docname != "README":
        entries = "\n".join(f"/{name}" for name in children(docname, sorted(app.env.found_docs)))
        content[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{entries}\n```\n"


def link_folders(app: Sphinx, doctree: nodes.document) -> None:
    """Lead a link to a folder to the README in it, as a forge does."""
    for reference in doctree.findall(addnodes.pending_xref):
        target = (ROOT / reference["refdoc"]).parent / reference["reftarget"]
        if reference["reftype"] == "myst" and not reference["refdomain"] and (target / "README.md").is_file():
            docname = (target.resolve() / "README").relative_to(ROOT).as_posix()
            reference.attributes.update(refdomain="doc", reftarget=docname, reftargetid=None)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the two hooks above."""
    app.connect("source-read", add_navigation)
    app.connect("doctree-read", link_folders)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
