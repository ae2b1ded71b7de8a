"""This agency's own case systems: they answer, and their adapters keep the contract."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from adapters import conformance
from adapters.conformance import Samples
from adapters.contract import Adapter, AdapterError, CheckLine, Deadline
from config.settings import NodeSettings
from gateway.administration.adapters import AdapterBuilder, ServiceAdapter, asking_only, build_all
from gateway.administration.checks.lines import refused_line
from gateway.administration.errors import CORRECTABLE


def check_case_systems(
    settings: NodeSettings, adapter_builder: Callable[[NodeSettings], AdapterBuilder]
) -> list[CheckLine]:
    """Run each adapter's own probes, then the conformance kit with a person who does not exist."""
    try:
        built = build_all(settings.services, adapter_builder(settings))
    except CORRECTABLE as refused:
        return [refused_line("adapters", refused, "Correct what stands above, then run this again.")]
    return [
        replace(line, name=f"{each.service.slug}: {line.name}")
        for each in built
        for line in _lines(each, settings.limits.case_system_s)
    ]


def _lines(built: ServiceAdapter, timeout_s: float) -> Iterator[CheckLine]:
    if built.adapter is None:
        yield from built.faults or (asking_only(),)
        return
    if built.service.adapter is None:
        yield asking_only()
    probes: list[CheckLine] = []
    for check in built.adapter.checks:
        try:
            probes += check(deadline=Deadline.after(timeout_s))
        except AdapterError as failed:
            remedy = "Look after the case system, or correct the adapter's settings."
            probes.append(CheckLine(name="probe", ok=False, detail=failed.detail, remedy=remedy))
    yield from probes
    if all(line.ok for line in probes):
        yield from _conformance(built.adapter, timeout_s)


def _conformance(adapter: Adapter, timeout_s: float) -> list[CheckLine]:
    """Return the promises of the contract that the adapter breaks, else one line that it keeps all; with warnings."""
    lines = conformance.run(replace(adapter, checks=()), Samples(), timeout_s=timeout_s)
    broken = [line for line in lines if not line.ok]
    warnings = [line for line in lines if line.ok and line.warning]
    detail = f"all {len(lines)} that can be tried without a real person"
    return [*(broken or [CheckLine(name="the promises of its adapter", ok=True, detail=detail)]), *warnings]
