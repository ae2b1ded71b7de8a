"""Whether all is well with the node itself: its clock, and after a restore its store; looked at every minute.

A node's keeper does it in its rounds; an authority, which keeps nothing else, in a process of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from gateway.clock_watch import ClockWatch
from gateway.directory.federation import FederationDirectory
from gateway.keys.vault import FileKeyVault
from gateway.ports import Clock, Store, StoreBusy, StoreFull, Transport
from gateway.reconciling import Missed, MissedByAuthority, MissedByNode, Reconciling
from gateway.store import members
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, parse_key

ROUND_S = 60.0


class Notice(Protocol):
    """Hear that the clock is wrong, or that a round could not be finished."""

    def __call__(self, code: str) -> None:
        """Note it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Minding:
    """The rounds of one node or authority."""

    watch: ClockWatch
    reconciling: Reconciling
    notice: Notice

    def round(self) -> None:
        """Look at the clock first: what is reconciled is dated by it."""
        try:
            self.watch.round()
            self.reconciling.round()
        except (StoreBusy, StoreFull):
            self.notice("condition_not_noted")

    def run(self, wait: Callable[[float], bool]) -> None:
        """Make a round at once and every minute, until ``wait`` says that it is time to stop."""
        self.round()
        while not wait(ROUND_S):
            self.round()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is minded: one host with its clock, over one store, and its way to the others."""

    host: str
    store: Store
    clock: Clock
    transport: Transport
    notice: Notice
    changed: Callable[[], None]


def of_node(machine: Machine, directory: FederationDirectory, own: EntityId) -> Minding:
    """Return the rounds of a node: its clock by those of the anchors and of everybody else whom it trusts."""
    return _minding(
        machine,
        known=lambda: _parties(directory, own, machine.clock),
        missed=MissedByNode(own=own, directory=directory),
    )


def of_authority(machine: Machine, own: EntityId, vault: FileKeyVault) -> Minding:
    """Return the rounds of an authority: its clock by those of its members."""

    def keys() -> KeySet:
        past = [parse_key(key.jwk, KeyUse.FEDERATION) for key in vault.historical() if key.revoked is None]
        return KeySet.of(KeyUse.FEDERATION, [*vault.published(KeyUse.FEDERATION).keys, *past])

    return _minding(
        machine,
        known=lambda: (EntityId(member.entity) for member in machine.store.read(members.list)),
        missed=MissedByAuthority(own=own, own_keys=keys, store=machine.store, transport=machine.transport),
    )


def _minding(machine: Machine, *, known: Callable[[], Iterator[EntityId]], missed: Missed) -> Minding:
    return Minding(
        watch=ClockWatch(
            store=machine.store,
            transport=machine.transport,
            clock=machine.clock,
            known=known,
            host=machine.host,
            notice=machine.notice,
        ),
        reconciling=Reconciling(
            host=machine.host, store=machine.store, clock=machine.clock, missed=missed, changed=machine.changed
        ),
        notice=machine.notice,
    )


def _parties(directory: FederationDirectory, own: EntityId, clock: Clock) -> Iterator[EntityId]:
    """Yield the anchors, and then everybody else who is trusted."""
    now = clock.now()
    yield from directory.anchors(now=now)
    for standing in directory.known(now=now):
        if standing.trusted is not None and standing.entity != own:
            yield standing.entity
