"""What must hold towards this agency's own case systems: they answer, and their adapters keep the contract."""

from collections.abc import Iterator
from dataclasses import replace

from adapters import conformance
from adapters.conformance import Samples
from adapters.contract import Adapter, AdapterError, CheckLine, Deadline
from config.settings import NodeSettings
from gateway.administration.adapters import ServiceAdapter, asking_only, build_all
from gateway.administration.errors import CORRECTABLE, describe_error
from gateway.app.commands import adapter_builder


def checks(settings: NodeSettings) -> list[CheckLine]:
    """Run the probes that each adapter brings, and then the conformance kit, which asks its system about nobody."""
    try:
        built = build_all(settings.services, adapter_builder(settings))
    except CORRECTABLE as refused:
        sentence, faults = describe_error(refused)
        remedy = "Correct what stands above, then run this again."
        return [CheckLine(name="adapters", ok=False, detail=" ".join((sentence, *faults)), remedy=remedy)]
    return [line for each in built for line in _of(each, settings.limits.case_system_s)]


def _of(built: ServiceAdapter, timeout_s: float) -> Iterator[CheckLine]:
    if built.adapter is None:
        yield from (_named(built, line) for line in built.faults or (asking_only(),))
        return
    probed: list[CheckLine] = []
    for check in built.adapter.checks:
        try:
            probed += check(deadline=Deadline.after(timeout_s))
        except AdapterError as failed:
            remedy = "Look after the case system, or correct the adapter's settings."
            probed.append(CheckLine(name="probe", ok=False, detail=failed.detail, remedy=remedy))
    if all(line.ok for line in probed):
        probed += _conformance(built.adapter, timeout_s)
    yield from (_named(built, line) for line in probed)


def _conformance(adapter: Adapter, timeout_s: float) -> list[CheckLine]:
    """Try the contract's promises, and show those that were broken, else that all were kept."""
    tried = conformance.run(replace(adapter, checks=()), Samples(), timeout_s=timeout_s)
    broken = [line for line in tried if not line.ok]
    detail = f"all {len(tried)} that can be tried, about nobody"
    return broken or [CheckLine(name="the promises of its adapter", ok=True, detail=detail)]


def _named(built: ServiceAdapter, line: CheckLine) -> CheckLine:
    return CheckLine(name=f"{built.service.slug}: {line.name}", ok=line.ok, detail=line.detail, remedy=line.remedy)
