"""From a suspension to the first refusal at a peer: by the peer's own refresh, and relayed by another peer.

The nodes of the town run as processes, and the council looks up the young man over and over until the suspended agency
is no longer asked. For the first figure the anchor stops vouching and sends no message. For the second it is away:
its signed suspension is held by one peer alone, and reaches the council by what that peer's replies say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

from gateway.federation.freshness import REFRESH_AFTER
from gateway.ports import Transaction
from gateway.store.factory import open_store
from gateway.store.tables import members, suspensions
from gateway.store.tables.federation_records import StoredSuspension
from tests.bench import case_systems
from tests.bench.case_systems import CaseSystem
from tests.bench.estate import Estate
from tests.bench.lookup import CaseSystemLine
from tests.bench.report import Figures
from tests.simulator.town import ANCHOR, BY_ENTITY, COLLEGE, HOUSING, POLICE, PURPOSE
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.identifiers import EntityId

_PAUSE_S = 0.2
_PATIENCE_S = 60.0
"""Beyond the interval, before the measurement is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """The council's case system, which sees the services that its node still asks."""

    case_client: CaseSystemLine

    def seconds_until_refused(self, entity: EntityId, patience_s: float) -> float:
        """Look up until an agency's service does not answer any more, and return how long that took."""
        slug = BY_ENTITY[entity].services[0].service
        began = monotonic()
        while self.case_client.answers(PURPOSE)[f"{entity}#{slug}"] == "known":
            if monotonic() - began > patience_s:
                raise RuntimeError(f"{entity} is still asked {patience_s:.0f} s after its suspension")
            sleep(_PAUSE_S)
        return monotonic() - began


def measure(estate: Estate, folder: Path, systems: list[CaseSystem], refresh_after_s: float | None) -> Figures:
    """Suspend two agencies of a town whose nodes all run, and whose chains the council holds by now."""
    interval_s = refresh_after_s or REFRESH_AFTER.total_seconds()
    running = case_systems.start(estate, folder, systems, paused=False)
    case_client = CaseSystemLine(estate)
    watch = _Watch(case_client=case_client)
    try:
        at_first = case_client.answers(PURPOSE)
        if set(at_first.values()) != {"known"}:
            raise RuntimeError(f"not every service is asked before the suspension: {at_first}")
        _hold_suspension(estate, holder=HOUSING, subject=POLICE)
        relayed_s = watch.seconds_until_refused(POLICE, interval_s + _PATIENCE_S)
        _stop_vouching(estate, COLLEGE)
        refreshed_s = watch.seconds_until_refused(COLLEGE, interval_s + _PATIENCE_S)
    finally:
        running.stop()
        case_client.close()
    return {
        "suspension_interval_s": interval_s,
        "suspension_refused_s": refreshed_s,
        "suspension_over_interval": refreshed_s / interval_s,
        "suspension_relayed_s": relayed_s,
    }


def _hold_suspension(estate: Estate, *, holder: EntityId, subject: EntityId) -> None:
    """Give one peer the anchor's signed suspension, which the anchor itself does not show."""
    now = datetime.now(UTC).replace(microsecond=0)
    state = SuspensionState.SUSPENDED
    made = Suspension(issuer=ANCHOR, subject=subject, seq=1, state=state, issued_at=now)
    raw = build_suspension(made, estate.anchor_signer())
    entry = StoredSuspension(issuer=ANCHOR, seq=1, subject=subject, state=state.value, issued_at=now, raw=raw)
    _write(estate, holder, "node.db", lambda tx: suspensions.put(tx, entry))


def _stop_vouching(estate: Estate, subject: EntityId) -> None:
    at = datetime.now(UTC)
    _write(
        estate,
        ANCHOR,
        "anchor.db",
        lambda tx: members.set_state(tx, entity=subject, state=SuspensionState.SUSPENDED, at=at),
    )


def _write(estate: Estate, entity: EntityId, name: str, work: Callable[[Transaction], object]) -> None:
    store = open_store(f"sqlite:///data/{name}", base_dir=estate.folder_of(entity))
    try:
        store.write(work)
    finally:
        store.close()
