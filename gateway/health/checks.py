"""The health of the node itself: its clock, and after a restore its store; looked at every minute.

The keepers of nodes and authorities do it in their rounds.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.federation.fetch import Fetcher
from gateway.federation.resolver import FederationResolver
from gateway.health.clock_skew import ClockMonitor, ClockSources
from gateway.health.restore_sync import AuthorityCatchUp, CatchUp, Endings, KeyFolder, NodeCatchUp, RestoreSync
from gateway.ports import Clock, Store, Transport
from gateway.runtime import machine_clock
from gateway.runtime.background import Attempt
from gateway.store.tables import members
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthMonitor:
    """The rounds of one node or authority."""

    clock_monitor: ClockMonitor
    restore_sync: RestoreSync
    attempt: Attempt

    def round(self) -> None:
        """Look at the clock first: what is reconciled is dated by it."""
        self.attempt("clock", self.clock_monitor.round)
        self.attempt("reconcile", self.restore_sync.round)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is minded: one host with its clock, over one store, and its way to the others."""

    host: str
    store: Store
    clock: Clock
    transport: Transport
    notice: Callable[[str], None]
    attempt: Attempt
    changed: Callable[[], None]


def node_monitor(
    machine: Machine, directory: FederationResolver, own: EntityId, keys: KeyFolder, endings: Endings
) -> HealthMonitor:
    """Return the rounds of a node, which compares its clock with the anchors' and with every other trusted party's."""
    return _monitor(
        machine,
        sources=lambda: _parties(directory, own, machine.clock),
        catch_up=NodeCatchUp(own=own, directory=directory, keys=keys, attempt=machine.attempt),
        endings=endings,
    )


def authority_monitor(
    machine: Machine, directory: FederationResolver, own: EntityId, keys: KeyFolder, fetcher: Fetcher
) -> HealthMonitor:
    """Return the rounds of an authority, which compares its clock with its members' and with the anchors' above it."""

    def clock_sources() -> ClockSources:
        anchors = tuple(each for each in directory.anchors(now=machine.clock.now()) if each != own)
        every = tuple(EntityId(member.entity) for member in machine.store.read(members.list))
        return ClockSources(anchors=anchors, members=every)

    return _monitor(
        machine,
        sources=clock_sources,
        catch_up=AuthorityCatchUp(
            own=own,
            directory=directory,
            keys=keys,
            store=machine.store,
            fetcher=fetcher,
            attempt=machine.attempt,
        ),
        endings=lambda _now: None,
    )


def _monitor(
    machine: Machine, *, sources: Callable[[], ClockSources], catch_up: CatchUp, endings: Endings
) -> HealthMonitor:
    return HealthMonitor(
        clock_monitor=ClockMonitor(
            store=machine.store,
            transport=machine.transport,
            clock=machine.clock,
            sources=sources,
            host=machine.host,
            has_time_service=lambda: machine_clock.synchronised(machine.clock),
            notice=machine.notice,
            attempt=machine.attempt,
        ),
        restore_sync=RestoreSync(
            host=machine.host,
            store=machine.store,
            clock=machine.clock,
            catch_up=catch_up,
            endings=endings,
            changed=machine.changed,
        ),
        attempt=machine.attempt,
    )


def _parties(directory: FederationResolver, own: EntityId, clock: Clock) -> ClockSources:
    """Return the anchors, and every other party that is trusted."""
    now = clock.now()
    anchors = tuple(directory.anchors(now=now))
    others = (standing.entity for standing in directory.statuses(now=now) if standing.trusted is not None)
    return ClockSources(anchors=anchors, members=tuple(each for each in others if each not in (own, *anchors)))
