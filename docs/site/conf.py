"""Sphinx configuration of the documentation site: the repository's Markdown pages, in the order of their index pages.

The source directory is the repository itself, so that a relative link works here as it does on a forge. Each README.md
is the index of its folder; :func:`children` makes the navigation from it. A linked file that is no page is a download.
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
include_patterns = ["README.md", "CHANGELOG.md", "docs/**.md", "findings/README.md"]
exclude_patterns = [".*", "build", "dist", "**/node_modules"]
UNLISTED = re.compile(
    r"docs/decisions/\d+-.*"
)  # their index lists them; Sphinx makes the navigation again for every page

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
    """Append the table of contents to an index page, and excuse an unlisted page from being in one."""
    if UNLISTED.fullmatch(docname):
        app.env.metadata[docname]["orphan"] = ""
    listed = [name for name in sorted(app.env.found_docs) if not UNLISTED.fullmatch(name)]
    if Path(docname).name == "README" and (below := children(docname, listed)):
        entries = "\n".join(f"/{name}" for name in below)
        content[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{entries}\n```\n"


def link_other_files(app: Sphinx, doctree: nodes.document) -> None:
    """Lead a link to a folder to the README in it, as a forge does, and make a README that is no page a download."""
    for reference in list(doctree.findall(addnodes.pending_xref)):
        if reference["reftype"] != "myst":
            continue
        path = ROOT / f"{reference['reftarget']}.md"
        if not reference["refdomain"]:
            path = (ROOT / reference["refdoc"]).parent / reference["reftarget"] / "README.md"
        if not path.is_file():
            continue
        target = path.resolve().relative_to(ROOT)
        if target.with_suffix("").as_posix() in app.env.found_docs:
            fragment = reference.get("reftargetid")
            reference.attributes.update(refdomain="doc", reftarget=str(target.with_suffix("")), reftargetid=fragment)
        else:
            kept = {"refdoc": reference["refdoc"], "reftype": "myst", "refexplicit": True, "refdomain": None}
            download = addnodes.download_reference("", "", *reference.children, reftarget=f"/{target}", **kept)
            reference.replace_self(download)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the two hooks above."""
    app.connect("source-read", add_navigation)
    app.connect("doctree-read", link_other_files, priority=400)  # before Sphinx collects what is downloaded
    return {"parallel_read_safe": True, "parallel_write_safe": True}
