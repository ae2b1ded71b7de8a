"""What administrators owe each other: emergencies to review, and changes that wait for a second one."""

from datetime import datetime

from adapters.contract import CheckLine
from gateway.cli.approval import Settings, stage
from gateway.cli.context import opened_store
from gateway.cli.faults import expected, read_faults
from gateway.store import changes
from gateway.store.changes import ChangeState


def checks(settings: Settings, now: datetime) -> list[CheckLine]:
    """Say which emergencies nobody has reviewed, and what waits for approval."""
    name = "every emergency was reviewed by a second administrator"
    try:
        with opened_store(settings) as store:
            found = [(each, stage(each, now)) for each in store.read(changes.list)]
    except expected() as refused:
        return [CheckLine(name=name, ok=False, detail=read_faults(refused)[0], remedy="Correct that first.")]
    unreviewed = [f"{each.id} ({each.act})" for each, at in found if at == ChangeState.UNREVIEWED]
    waiting = [f"{each.id} ({each.act})" for each, at in found if at == ChangeState.PENDING]
    detail = ", ".join(unreviewed) + (f"; waiting for approval: {', '.join(waiting)}" if waiting else "")
    remedy = "Another administrator looks at each: hearthgate trust changes, then hearthgate trust review ID."
    return [CheckLine(name=name, ok=not unreviewed, detail=detail.removeprefix("; "), remedy=remedy)]
