"""Point 6: search every node's store, and find no agency holding another agency's record.

First as a thief would who has the files and no key: every datum of every agency's records is looked for in the bytes
of every store and every log, and in whatever those bytes decode to. Then as each agency could: with its own key, all
that is sealed in its own store is opened, and what is found is judged.
"""

from collections.abc import Mapping

from gateway.demo.agencies import AGENCIES, Agency
from gateway.demo.federation import ANCHOR, Federation
from gateway.demo.story import unsealing
from gateway.demo.story.details import found_in
from gateway.demo.story.scene import Scene


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
        found = found_in(files.values(), scene.truth.secrets)
        size = sum(len(raw) for raw in files.values())
        rows.append((slug, str(len(files)), f"{size / 1024:,.0f} kB", "nothing" if not found else ", ".join(found)))
        faults[slug] = list(found)
    narrator.table(("node", "files", "size", "found in clear"), rows)
    narrator.gap()
    narrator.expect_each("no name, number, postcode, worker or phone lies in clear in any store or log", faults)
    at_home = {agency.slug: _missed(scene, agency) for agency in AGENCIES}
    narrator.expect_each("the same search finds them where they belong, in each agency's own case system", at_home)
    _with_keys(scene)


def _with_keys(scene: Scene) -> None:
    narrator = scene.narrator
    narrator.gap()
    narrator.say(
        "Then with each node's own key, which opens what that node has sealed. A node that answered keeps its signed "
        "answer for some minutes past the question's end, so that a repeated question is answered alike; it is its own "
        "record. The node that asked keeps the answers that it was sent until their time is up, and who asked and why."
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
        f"In honesty: until {council.until} the council's node can open {council.answers} answers in which other "
        "services name their workers, for its own case system to collect. Nobody else can, and then they are erased.",
        indent=4,
    )


def _missed(scene: Scene, agency: Agency) -> list[str]:
    """Search an agency's own case systems; return what should have been found there and was not."""
    paths = (scene.federation.root / "case-systems" / agency.slug).iterdir()
    found = found_in([path.read_bytes() for path in paths], scene.truth.secrets)
    return [f"no {kind} were found" for kind in ("family names", "workers", "phones") if kind not in found]


def _files(federation: Federation, slug: str) -> Mapping[str, bytes]:
    """Read every file of a node's store, journals included, and its log."""
    folder = federation.folder(slug) / "data"
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.name: path.read_bytes() for path in [*paths, federation.processes.log(slug)]}
