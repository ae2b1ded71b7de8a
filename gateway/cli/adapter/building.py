"""Building the adapters that the configuration describes, with every mistake of every one of them at once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from adapters.contract import Adapter, CheckLine, SourceMisconfigured
from config.settings import NodeSettings, Service
from gateway.administration.errors import OperationRefused
from gateway.app.wiring import hosted, production_ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One service's adapter, or the lines that say why there is none; a service that only asks has neither."""

    service: str
    adapter: Adapter | None
    answer_after_s: float
    institutions: frozenset[str] = frozenset()
    faults: tuple[CheckLine, ...] = ()


def services_named(settings: NodeSettings, slug: str | None) -> tuple[Service, ...]:
    """Return the one service of this slug, or all. Raises :class:`OperationRefused`."""
    found = tuple(service for service in settings.services if slug in {None, service.slug})
    if not found:
        names = ", ".join(service.slug for service in settings.services)
        raise OperationRefused(f"This node hosts no service {slug}; it hosts {names}.")
    return found


def build(settings: NodeSettings, services: Iterable[Service]) -> list[Built]:
    """Build each service's adapter; nothing of a case system is opened yet."""
    http = production_ports(settings).case_systems
    built = []
    for service in services:
        plain = Built(service=service.slug, adapter=None, answer_after_s=service.answer_after_s)
        if service.adapter is None:
            built.append(plain)
            continue
        try:
            adapter = hosted(service, settings, http).adapter
        except SourceMisconfigured as refused:
            faults = tuple(map(_fault, refused.faults or (refused.detail,)))
            built.append(replace(plain, faults=faults))
        else:
            built.append(replace(plain, adapter=adapter, institutions=frozenset(service.adapter.institutions)))
    return built


def asking_only() -> CheckLine:
    """Say that a service has no adapter, which is right for one that only asks."""
    detail = "None is set up: this service asks others, and every question to it is refused."
    return CheckLine(name="case system", ok=True, detail=detail)


def _fault(sentence: str) -> CheckLine:
    remedy = "Correct [services.adapter] of this service in the configuration."
    return CheckLine(name="settings", ok=False, detail=sentence, remedy=remedy)
