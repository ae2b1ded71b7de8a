"""The adapters to this agency's case systems: build them, check them, and fill an imported source."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from adapters.conformance import Samples, run
from adapters.contract import Adapter, CheckLine, SourceMisconfigured
from adapters.sampling import check_sample
from adapters.sectors.social_care import SocialCareSettings
from adapters.sectors.social_care_import import import_census
from adapters.timing import check_step
from config.settings import NodeSettings, Service
from gateway.administration.context import now
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult

AdapterBuilder = Callable[[Service], Adapter]
"""Builds one service's adapter; raises ``SourceMisconfigured``. :mod:`gateway.app.commands` has it."""
Progress = Callable[[str, int, int], None]
"""Is told of a service how many records were looked for again, of how many."""
_IMPORTED: Final = "social-care-cin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAdapter:
    """One service's adapter, or the lines that say why there is none; a service that only asks has neither."""

    service: Service
    adapter: Adapter | None
    faults: tuple[CheckLine, ...] = ()

    @property
    def institutions(self) -> frozenset[str]:
        """The addresses that many people share."""
        return frozenset(self.service.adapter.institutions if self.service.adapter else ())


def services_named(settings: NodeSettings, slug: str | None) -> tuple[Service, ...]:
    """Return the one service of this slug, or all. Raises :class:`OperationRefused`."""
    services = tuple(service for service in settings.services if slug in {None, service.slug})
    if not services:
        names = ", ".join(service.slug for service in settings.services)
        raise OperationRefused(f"This node hosts no service {slug}; it hosts {names}.")
    return services


def build_all(services: Iterable[Service], builder: AdapterBuilder) -> list[ServiceAdapter]:
    """Build each service's adapter, with every fault of every one; nothing of a case system is opened yet."""
    return [_build(service, builder) for service in services]


def built_adapter(settings: NodeSettings, builder: AdapterBuilder, slug: str) -> tuple[Service, Adapter]:
    """Return a service and its adapter. Raises :class:`OperationRefused` with every fault of its settings."""
    (service,) = services_named(settings, slug)
    built = _build(service, builder)
    if built.adapter is None or service.adapter is None:
        faults = [line.detail for line in built.faults]
        raise OperationRefused(f"The settings of {slug} cannot work:" if faults else f"{slug} only asks.", faults)
    return service, built.adapter


def asking_only() -> CheckLine:
    """Say that a service has no adapter, which is right for one that only asks."""
    detail = "None is set up: this service asks others, and every question to it is refused."
    return CheckLine(name="case system", ok=True, detail=detail)


def check_adapters(
    settings: NodeSettings, builder: AdapterBuilder, slug: str | None, *, progress: Progress
) -> dict[str, list[CheckLine]]:
    """Check the adapter of a service, or of each: settings, promises, timing and a sample of its records."""
    return {built.service.slug: _check(built, progress) for built in build_all(services_named(settings, slug), builder)}


def import_source(
    settings: NodeSettings, builder: AdapterBuilder, slug: str, files: tuple[Path, Path], *, accept_fewer: bool
) -> UseCaseResult:
    """Replace the case database of a service with a census and an allocation table, all of it or nothing.

    Raises :class:`OperationRefused`, and ``AdapterError`` with every fault of the census.
    """
    (described,) = services_named(settings, slug)
    if described.adapter is None:
        raise OperationRefused(f"{slug} has no adapter: it only asks.")
    if described.adapter.type != _IMPORTED:
        raise OperationRefused(f"{slug} has an adapter of type {described.adapter.type}; only {_IMPORTED} is imported.")
    built_adapter(settings, builder, slug)
    record(settings, "adapter import", service=slug, accept_fewer=int(accept_fewer))
    census, allocations = files
    report = import_census(
        SocialCareSettings.model_validate(described.adapter.settings),
        base_dir=settings.base_dir,
        census=census,
        allocations=allocations,
        now=now(),
        accept_fewer=accept_fewer,
    )
    notes = [str(note) for note in report.notes]
    left_out = [f"{len(notes)} lines were left out or used only in part:", *(f"  - {note}" for note in notes)]
    return UseCaseResult(
        lines=[
            f"Imported the census of {report.census_year}: {report.children} children, {report.open_cases} open cases.",
            *(left_out if notes else ["Every line of both files was used."]),
        ],
        data={
            "census_year": report.census_year,
            "children": report.children,
            "open_cases": report.open_cases,
            "notes": notes,
        },
    )


def _build(service: Service, builder: AdapterBuilder) -> ServiceAdapter:
    plain = ServiceAdapter(service=service, adapter=None)
    if service.adapter is None and service.receiver is None:
        return plain
    try:
        return replace(plain, adapter=builder(service))
    except SourceMisconfigured as refused:
        return replace(plain, faults=tuple(map(_fault, refused.faults or (refused.detail,))))


def _fault(sentence: str) -> CheckLine:
    remedy = "Correct [services.adapter] or [services.receiver] of this service in the configuration."
    return CheckLine(name="settings", ok=False, detail=sentence, remedy=remedy)


def _check(built: ServiceAdapter, progress: Progress) -> list[CheckLine]:
    adapter, service = built.adapter, built.service
    if adapter is None:
        return list(built.faults or (asking_only(),))
    lines = run(adapter, Samples())
    if service.adapter is None:
        return [asking_only(), *lines]
    lines.append(check_step(adapter, answer_after_s=service.answer_after_s))
    if adapter.sampled is None:
        return lines
    return lines + check_sample(
        adapter.sampled,
        institutions=built.institutions,
        progress=lambda count, every: progress(service.slug, count, every),
    )
