"""All checks of a node or an authority, in sections."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from adapters.contract import CheckLine
from config.loading import ConfigError
from config.settings import AnchorSettings, NodeSettings
from gateway.administration.adapters import AdapterBuilder
from gateway.administration.checks import (
    accountability,
    administrators,
    calendars,
    case_systems,
    machine,
    members,
    on_call,
    partnership,
    reconciliation,
)
from gateway.administration.checks.lines import Section
from gateway.administration.context import Settings, now
from gateway.administration.federation_context import FederationContext
from gateway.administration.on_call import OnCallBuilder
from gateway.ports import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorPorts:
    """How the checks reach others: what only :mod:`gateway.app` can build."""

    open_federation: Callable[[NodeSettings], AbstractContextManager[FederationContext]]
    peer_transport: Callable[[Settings], Transport]
    adapter_builder: Callable[[NodeSettings], AdapterBuilder]
    on_call_builder: OnCallBuilder


def run_checks(settings: Settings, ports: DoctorPorts) -> Iterator[Section]:
    """Run every check. Peers and case systems are contacted with no person's data, and nothing is changed."""
    yield "Configuration", machine.check_configuration(settings)
    yield "This machine", machine.check_machine(settings, now())
    yield "Administrators", administrators.check_administrators(settings, now())
    if isinstance(settings, AnchorSettings):
        yield from members.check_members(settings, ports.peer_transport, now())
        return
    yield from partnership.check_partnership(settings, ports.open_federation, now())
    yield "Practitioners", accountability.check_accountability(settings, now())
    yield "Deadlines", list(calendars.check_calendar(settings, now()))
    yield "On-call channels", list(on_call.check_on_call(settings, ports.on_call_builder, now()))
    yield "Delivery", list(reconciliation.check_reconciliations(settings, now()))
    yield "Case systems", case_systems.check_case_systems(settings, ports.adapter_builder)


def refused_configuration(refused: ConfigError) -> Section:
    """Return the one section of a configuration that cannot be loaded, with every fault."""
    remedy = "Correct it in the configuration file; nothing else was checked."
    return "Configuration", [
        CheckLine(name="setting", ok=False, detail=fault, remedy=remedy) for fault in refused.faults
    ]
