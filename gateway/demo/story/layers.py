"""Point 2: what a service holds, what the clause permits, what was sent; and what another role gets."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2

from gateway.demo.agencies import OTHERS, agency_of, hosted
from gateway.demo.agreement import BUSINESS_SUPPORT, KEY_WORKER
from gateway.demo.case_systems import sql_systems
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people.population import Group
from gateway.demo.people.truth import Person
from gateway.demo.story.scene import Answer, Scene
from trust.identifiers import RoleCode

SHOWN: Final = (CaseService.MENTAL_HEALTH, CaseService.JOBCENTRE)


def tell(scene: Scene) -> None:
    """Show the three layers for two services, and then the same question from business support."""
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.section("2. What they hold, what the clause permits, what was sent")
    found = scene.look_up(him)
    for service in SHOWN:
        _layers(scene, him, service, found.answers[service])
    narrator.say(
        "The same young man, asked for by business support, who books the family's first meeting and needs only to "
        "know which duty line to ring:"
    )
    narrator.gap()
    fewer = scene.look_up(him, role=BUSINESS_SUPPORT)
    rows = [
        (hosted(service).name, f"{len(_told(found.answers[service]))} fields", ", ".join(sorted(_told(line))))
        for service, line in fewer.answers.items()
    ]
    narrator.table(("service", "key worker", "business support is told"), rows)
    narrator.gap()
    narrator.expect_each(
        "business support is told what its clause permits, and no more", scene.faults(him, fewer, role=BUSINESS_SUPPORT)
    )
    narrator.expect_each(
        "which is less than the key worker is told, and names no worker",
        {
            hosted(service).name: _more_than_less(_told(fewer.answers[service]), _told(found.answers[service]))
            for service in OTHERS
        },
    )


def _layers(scene: Scene, him: Person, service: CaseService, line: Answer) -> None:
    narrator, clause = scene.narrator, scene.clause_for(service)
    held = _held(scene, service, him.works[service].local_id)
    permitted, told = clause.fields_by_role[RoleCode(KEY_WORKER)], _told(line)
    narrator.say(f"{hosted(service).name}, {agency_of(service).name}")
    narrator.say("holds: " + ", ".join(f"{name} {value}" for name, value in held.items()), indent=4)
    narrator.say(f"clause {clause.id} permits a key worker: {', '.join(sorted(permitted))}", indent=4)
    narrator.say("was sent: " + ", ".join(f"{name} {value}" for name, value in sorted(told.items())), indent=4)
    narrator.say(f"law: {line['law']}", indent=4)
    narrator.say(f"to be deleted after {line['keep_until']}; passing on: {line['onward']}", indent=4)
    narrator.expect(
        f"clause and law are the agreement's: {line['clause']}",
        holds=line["clause"] == clause.id and line["law"] == clause.law,
    )
    narrator.expect("nothing was sent beyond the clause", holds=set(told) <= permitted)
    secrets = {str(value) for value in him.subject.values()} | {him.subject["address"]["postcode"]}
    narrator.expect(
        "no name, number, birth date or address of his is in the answer", holds=not secrets & set(told.values())
    )
    narrator.gap()


def _told(line: Answer) -> Mapping[str, str]:
    return dict(next(iter(line.get("involvements", [])), {}))


def _more_than_less(fewer: Mapping[str, str], more: Mapping[str, str]) -> list[str]:
    faults = [] if fewer.keys() < more.keys() else ["it is not less"]
    return faults + (["it names a worker"] if fewer.keys() & {"worker", "phone"} else [])


def _held(scene: Scene, service: CaseService, local_id: str) -> Mapping[str, str]:
    """Read one person's rows from the case system's own database, column by column."""
    settings = sql_systems.DESIGNS[service].settings
    folder = scene.federation.root / "case-systems" / agency_of(service).slug
    found: dict[str, str] = {}
    for part in ("persons", "involvements"):
        found |= _row(folder / f"{service}.db", settings[part], local_id)
    return found


def _row(path: Path, source: Mapping[str, Any], local_id: str) -> dict[str, str]:
    origin = source.get("table") or f"({source['query']})"
    with closing(dbapi2.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        cursor = connection.execute(f"SELECT * FROM {origin} WHERE {source['ref']} = ?", (local_id,))  # noqa: S608 - ours
        names = [column[0] for column in cursor.description]
        row = cursor.fetchone() or ()
    return {name: str(value) for name, value in zip(names, row, strict=False) if value is not None}
