"""Point 2: a service's record, the fields that the clause permits, and the fields that were sent."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2

from gateway.demo.agencies import OTHERS, agency_of, hosted_service
from gateway.demo.agreement import BUSINESS_SUPPORT, KEY_WORKER
from gateway.demo.case_systems import sql_systems
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people.population import Group
from gateway.demo.people.truth import Person
from gateway.demo.story.scene import Scene, ServiceRow
from trust.identifiers import RoleCode

SERVICES_TO_COMPARE: Final = (CaseService.MENTAL_HEALTH, CaseService.JOBCENTRE)


def tell(scene: Scene) -> None:
    """Compare the three layers for two services, then ask the same question as business support."""
    narrator, him = scene.narrator, scene.truth.first(Group.YOUNG_MAN)
    narrator.section("2. What each service holds, what the clause permits, what was sent")
    lookup = scene.look_up(him)
    for service in SERVICES_TO_COMPARE:
        _compare_layers(scene, him, service, lookup.rows[service])
    narrator.say(
        "Business support asks about the same young man. It books the family's first meeting and needs only the duty "
        "lines:"
    )
    narrator.gap()
    support = scene.look_up(him, role=BUSINESS_SUPPORT)
    released = {service: _released(row) for service, row in lookup.rows.items()}
    released_to_support = {service: _released(row) for service, row in support.rows.items()}
    rows = [
        (hosted_service(service).name, f"{len(released[service])} fields", ", ".join(sorted(fields)))
        for service, fields in released_to_support.items()
    ]
    narrator.table(("service", "key worker", "business support is sent"), rows)
    narrator.gap()
    narrator.expect_each(
        "business support is sent what its clause permits, and no more",
        scene.faults(him, support, role=BUSINESS_SUPPORT),
    )
    narrator.expect_each(
        "that is less than the key worker is sent, and names no worker",
        {
            hosted_service(service).name: _subset_faults(released_to_support[service], released[service])
            for service in OTHERS
        },
    )


def _compare_layers(scene: Scene, him: Person, service: CaseService, row: ServiceRow) -> None:
    narrator, clause = scene.narrator, scene.clause_for(service)
    record = _stored_record(scene, service, him.works[service].local_id)
    permitted_fields, released = clause.fields_by_role[RoleCode(KEY_WORKER)], _released(row)
    narrator.say(f"{hosted_service(service).name}, {agency_of(service).name}")
    narrator.say("holds: " + ", ".join(f"{name} {value}" for name, value in record.items()), indent=4)
    narrator.say(f"clause {clause.id} permits a key worker: {', '.join(sorted(permitted_fields))}", indent=4)
    narrator.say("was sent: " + ", ".join(f"{name} {value}" for name, value in sorted(released.items())), indent=4)
    narrator.say(f"law: {row['law']}", indent=4)
    narrator.say(f"to be deleted after {row['keep_until']}; passing on: {row['onward']}", indent=4)
    narrator.expect(
        f"clause and law are the agreement's: {row['clause']}",
        holds=row["clause"] == clause.id and row["law"] == clause.law,
    )
    narrator.expect("nothing was sent beyond the clause", holds=set(released) <= permitted_fields)
    secrets = {str(value) for value in him.subject.values()} | {him.subject["address"]["postcode"]}
    narrator.expect(
        "the answer holds no name, number, birth date or address of his", holds=not secrets & set(released.values())
    )
    narrator.gap()


def _released(row: ServiceRow) -> Mapping[str, str]:
    return dict(next(iter(row.get("involvements", [])), {}))


def _subset_faults(fewer: Mapping[str, str], more: Mapping[str, str]) -> list[str]:
    faults = [] if fewer.keys() < more.keys() else ["it is not less"]
    return faults + (["it names a worker"] if fewer.keys() & {"worker", "phone"} else [])


def _stored_record(scene: Scene, service: CaseService, local_id: str) -> Mapping[str, str]:
    """Read one person's rows from the case system's own database, column by column."""
    settings = sql_systems.DESIGNS[service].settings
    folder = scene.federation.root / "case-systems" / agency_of(service).slug
    columns: dict[str, str] = {}
    for part in ("persons", "involvements"):
        columns |= _read_row(folder / f"{service}.db", settings[part], local_id)
    return columns


def _read_row(path: Path, source: Mapping[str, Any], local_id: str) -> dict[str, str]:
    origin = source.get("table") or f"({source['query']})"
    with closing(dbapi2.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        cursor = connection.execute(f"SELECT * FROM {origin} WHERE {source['ref']} = ?", (local_id,))  # noqa: S608 - ours
        names = [column[0] for column in cursor.description]
        row = cursor.fetchone() or ()
    return {name: str(value) for name, value in zip(names, row, strict=False) if value is not None}
