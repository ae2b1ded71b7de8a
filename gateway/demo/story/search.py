"""Point 6: a search of every node's store, in which no agency holds another agency's record.

1. Without a key, as by a thief of the files: search each store and log, in clear and decoded, for all personal details.
2. With each node's own key: open every sealed record of its store, and check its origin and its age.
"""

from collections.abc import Mapping

from gateway.demo.agencies import AGENCIES, MEMBERS, Agency
from gateway.demo.federation import ANCHOR, Federation
from gateway.demo.story import sealed_records
from gateway.demo.story.personal_details import find_kinds
from gateway.demo.story.scene import Scene


def tell(scene: Scene) -> None:
    """Search without keys, then with each node's own, and report what the stores hold."""
    narrator = scene.narrator
    narrator.section("6. Records in the nodes' stores")
    count = sum(len(details) for details in scene.truth.secrets.values())
    narrator.say(
        f"The demo searches every node's store and log for {count:,} details from the agencies' records: "
        + ", ".join(f"{len(details):,} {kind}" for kind, details in scene.truth.secrets.items())
        + ". The first search is without a key, as by a thief of the files."
    )
    narrator.gap()
    search_without_keys(scene)
    at_home = {agency.slug: _undetected_at_home(scene, agency) for agency in AGENCIES}
    narrator.expect_each("the same search finds them in each agency's own case system", at_home)
    _search_with_keys(scene)


def search_without_keys(scene: Scene) -> None:
    """Search every node's store and log for all details of all agencies' records, as a thief of the files would."""
    narrator, federation = scene.narrator, scene.federation
    rows, faults = [], {}
    for slug in (ANCHOR, *(agency.slug for agency in MEMBERS)):
        files = _files(federation, slug)
        kinds = find_kinds(files.values(), scene.truth.secrets)
        size = sum(len(raw) for raw in files.values())
        rows.append((slug, str(len(files)), f"{size / 1024:,.0f} kB", ", ".join(kinds) or "nothing"))
        faults[slug] = kinds
    narrator.table(("node", "files", "size", "found in clear"), rows)
    narrator.gap()
    narrator.expect_each("no store or log holds a name, number, postcode, worker or phone in clear", faults)


def _search_with_keys(scene: Scene) -> None:
    narrator = scene.narrator
    narrator.gap()
    narrator.say(
        "The second search is with each node's own key, which opens that node's sealed records. A node that answered "
        "keeps its own signed reply for some minutes, so that it can repeat it. The node that asked keeps the answers "
        "until they expire, with the practitioner and the reason of the question."
    )
    narrator.gap()
    findings = {agency: sealed_records.inspect_store(scene.federation, agency, scene.truth) for agency in AGENCIES}
    rows = [
        (agency.slug, str(records.own_replies), str(records.questions), str(records.answers), records.until)
        for agency, records in findings.items()
    ]
    narrator.table(("node", "own replies", "own questions", "answers received", "erased by"), rows)
    narrator.gap()
    narrator.expect_each(
        "each sealed record is the node's own, or an answer to its own question, and has not expired",
        {agency.slug: records.faults for agency, records in findings.items()},
    )
    foreign = {agency.slug: records.foreign for agency, records in findings.items()}
    narrator.expect_each("no node holds another agency's record, other than answers to its own questions", foreign)
    council = findings[AGENCIES[0]]
    narrator.say(
        f"Note: until {council.until} the council's node can open {council.answers} answers in which other services "
        "name their workers, for its own case system to collect. No other node can, and the node then erases them.",
        indent=4,
    )


def _undetected_at_home(scene: Scene, agency: Agency) -> list[str]:
    """Search an agency's own case systems; return the kinds of details that the search missed."""
    paths = (scene.federation.root / "case-systems" / agency.slug).iterdir()
    kinds = find_kinds([path.read_bytes() for path in paths if path.is_file()], scene.truth.secrets)
    return [f"no {kind} were found" for kind in ("family names", "workers", "phones") if kind not in kinds]


def _files(federation: Federation, slug: str) -> Mapping[str, bytes]:
    """Read every file of a node's store, with its journals, and its log."""
    folder = federation.folder(slug) / "data"
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.name: path.read_bytes() for path in [*paths, federation.processes.log(slug)]}
