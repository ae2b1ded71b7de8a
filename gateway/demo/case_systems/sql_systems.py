"""The SQL case databases of the demo, all different, and their adapter settings."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from gateway.demo.case_systems import database, sql_council, sql_partners
from gateway.demo.case_systems.design import Design
from gateway.demo.case_systems.records import CaseService, InvolvementRecord

DESIGNS: Final[dict[CaseService, Design]] = {
    CaseService.CONNECTING_FAMILIES: sql_council.CONNECTING_FAMILIES,
    CaseService.MONEY_ADVICE: sql_council.MONEY_ADVICE,
    CaseService.YOUTH_JUSTICE: sql_council.YOUTH_JUSTICE,
    CaseService.MENTAL_HEALTH: sql_partners.MENTAL_HEALTH,
    CaseService.HOUSING: sql_partners.HOUSING,
    CaseService.COLLEGE: sql_partners.COLLEGE,
    CaseService.JOBCENTRE: sql_partners.JOBCENTRE,
}


def create(service: CaseService, path: Path, involvements: Iterable[InvolvementRecord]) -> None:
    """Write one service's database, without records of other services. The file must not exist yet."""
    design = DESIGNS[service]
    own = [record for record in involvements if record.service == service]
    database.create(path, schema=design.schema, rows=design.rows(own))


def adapter_settings(service: CaseService, path: Path) -> dict[str, Any]:
    """Return the ``[services.adapter.settings]`` table that reads this service's database at ``path``."""
    return {"file": str(path), **DESIGNS[service].settings}
