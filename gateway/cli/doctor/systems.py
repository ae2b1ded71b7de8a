"""What must hold towards this agency's own case systems."""

from collections.abc import Iterator

from adapters.contract import AdapterError, CheckLine, Deadline
from config.settings import NodeSettings
from gateway.cli.adapter.building import Built, build
from gateway.cli.faults import expected, read_faults


def checks(settings: NodeSettings) -> list[CheckLine]:
    """Run the probes that each adapter brings; `hearthgate adapter check` goes further."""
    try:
        built = build(settings, settings.services)
    except expected() as refused:
        sentence, faults = read_faults(refused)
        return [CheckLine(name="adapters", ok=False, detail=" ".join((sentence, *faults)))]
    return [line for each in built for line in _of(each, settings.limits.case_system_s)]


def _of(built: Built, timeout_s: float) -> Iterator[CheckLine]:
    if built.adapter is None:
        yield from (_named(built, line) for line in built.faults)
        return
    for check in built.adapter.checks:
        try:
            found = check(deadline=Deadline.after(timeout_s))
        except AdapterError as failed:
            remedy = "Look after the case system, or correct the adapter's settings."
            found = [CheckLine(name="probe", ok=False, detail=failed.detail, remedy=remedy)]
        yield from (_named(built, line) for line in found)


def _named(built: Built, line: CheckLine) -> CheckLine:
    return CheckLine(name=f"{built.service}: {line.name}", ok=line.ok, detail=line.detail, remedy=line.remedy)
