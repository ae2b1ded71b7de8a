"""Point 6: search every node's store, and find no agency holding another agency's record.

First as a thief would who has the files and no key: every datum of every agency's records is looked for in the bytes
of every store and every log, and in whatever those bytes decode to. Then as each agency could: with its own key, all
that is sealed in its own store is opened, and what is found is judged.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gateway.demo.agencies import AGENCIES
from gateway.demo.federation import ANCHOR, Federation
from gateway.demo.people.truth import Truth
from gateway.demo.story import unsealing
from gateway.demo.story.scene import Scene

# Numbers are found by their form, at every place where one could begin, and looked up; the rest are looked for one by one.
_FORMS: Final = {
    "NHS numbers": re.compile(rb"(?=(\d{10}))"),
    "UPNs": re.compile(rb"(?=([A-Z]\d{11}[0-9A-Z]))"),
    "NINOs": re.compile(rb"(?=([A-Z]{2}\d{6}[A-D]))"),
    "PNC ids": re.compile(rb"(?=(\d{4}/\d{7}[A-Z]))"),
}
_ENCODED: Final = re.compile(rb"[A-Za-z0-9_-]{40,}")


def tell(scene: Scene) -> None:
    """Search as a thief, then as each agency, and say honestly what is held."""
    narrator, federation = scene.narrator, scene.federation
    narrator.section("6. Who holds whose records now")
    count = sum(len(found) for found in scene.truth.secrets.values())
    narrator.say(
        f"Every node's store and log is searched for {count:,} details from the agencies' records: "
        + ", ".join(f"{len(found):,} {kind}" for kind, found in scene.truth.secrets.items())
        + ". Without a key first, as a thief would who has the files."
    )
    narrator.gap()
    rows, faults = [], {}
    for slug in (ANCHOR, *(agency.slug for agency in AGENCIES)):
        files = _files(federation, slug)
        found = _clear(files, scene.truth)
        size = sum(len(raw) for raw in files.values())
        rows.append((slug, str(len(files)), f"{size / 1024:,.0f} kB", "nothing" if not found else ", ".join(found)))
        faults[slug] = list(found)
    narrator.table(("node", "files", "size", "found in clear"), rows)
    narrator.gap()
    narrator.expect_each(
        "no name, number, postcode, worker or telephone number lies in clear in any store or log", faults
    )
    _with_keys(scene)


def _with_keys(scene: Scene) -> None:
    narrator = scene.narrator
    narrator.gap()
    narrator.say(
        "Then with each node's own key, which opens what that node has sealed. A node that answered keeps its signed "
        "answer until the question expires, so that a repeated question is answered alike; it is its own record. The "
        "node that asked keeps the answers that it was sent until their time is up, and who asked and why."
    )
    narrator.gap()
    findings = {agency: unsealing.unseal(scene.federation, agency, scene.truth) for agency in AGENCIES}
    rows = [
        (agency.slug, str(found.own_replies), str(found.accounts), str(found.answers), found.until)
        for agency, found in findings.items()
    ]
    narrator.table(("node", "own replies", "own questions", "answers it was sent", "kept at most until"), rows)
    narrator.gap()
    narrator.expect_each(
        "whatever is sealed is the node's own, or an answer to its own question, within its time",
        {agency.slug: found.faults for agency, found in findings.items()},
    )
    strangers = {agency.slug: found.foreign for agency, found in findings.items()}
    narrator.expect_each("no node holds the record of another agency: only what it was told when it asked", strangers)
    council = findings[AGENCIES[0]]
    narrator.say(
        f"In honesty: until {council.until} the council's node can open {council.answers} answers in which other services "
        "name their workers, for its own case system to collect. Nobody else can, and nothing is left of them after.",
        indent=4,
    )


def _files(federation: Federation, slug: str) -> Mapping[str, bytes]:
    """Read every file of a node's store, journals included, and its log."""
    folder = federation.folder(slug) / "data"
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.name: path.read_bytes() for path in [*paths, federation.processes.log(slug)]}


def _clear(files: Mapping[str, bytes], truth: Truth) -> Sequence[str]:
    """Return the kinds of detail that are found anywhere in these files."""
    texts = [text for raw in files.values() for text in (raw, *_decoded(raw))]
    whole = b"\0".join(texts)
    return sorted({kind for kind, data in truth.secrets.items() if _holds(whole, kind, data)})


def _holds(raw: bytes, kind: str, data: Sequence[str]) -> bool:
    known = {datum.encode("ascii") for datum in data}
    if kind in _FORMS:
        return any(match[1] in known for match in _FORMS[kind].finditer(raw))
    lowered = raw.lower()
    return any(datum.lower() in lowered for datum in known)


def _decoded(raw: bytes) -> Iterator[bytes]:
    """Decode whatever could be base64url, as the parts of a signed token are."""
    for match in _ENCODED.finditer(raw):
        text = match[0]
        yield base64.urlsafe_b64decode(text[: len(text) // 4 * 4])
