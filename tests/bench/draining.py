"""The costs of a long queue: to other peers, in memory, and in time until one alert can be seen."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from threading import Thread

from sqlalchemy import bindparam, text

from gateway.store.engine.statement import Statement
from gateway.store.factory import open_store
from tests.bench import serving
from tests.bench.delivery_town import DeliveryTown
from tests.bench.report import Figures
from tests.simulator.town import COLLEGE, COUNCIL, HOUSING

_MS = 1_000.0
_COLUMNS = (
    "typ, about, submission, kind, peer, service, reference, lane, digest, sealed, created_at, expires_at, state, "
    "reason, attempts, next_at, lease_owner, lease_until, answer_seq, escalation, faults, receipt_seq"
)
_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count) "
_COPY = Statement(
    text(
        f"{_NUMBERS} INSERT INTO outbox (message, order_key, {_COLUMNS}) "  # noqa: S608 - columns of ours
        f"SELECT message || '-' || n, order_key || '-' || n, {_COLUMNS} FROM outbox, numbers "
        "WHERE seq = (SELECT max(seq) FROM outbox WHERE peer = :peer AND state = 'queued')"
    ).bindparams(bindparam("count"), bindparam("peer"))
)
_DUE = Statement(text("DELETE FROM peer_backoffs"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is measured.

    ``queued`` alerts wait for the peer that was away; ``probes`` go to another peer meanwhile, one each ``each_s``. The
    relay's memory is read with ``few`` and with ``many`` alerts queued, ``settle_s`` after it began.
    """

    queued: int = 10_000
    probes: int = 400
    each_s: float = 0.1
    seen: int = 200
    few: int = 100
    many: int = 100_000
    settle_s: float = 15.0


def measure(town: DeliveryTown, counts: Counts) -> Figures:
    """Measure a town that runs. The council does not run any more afterwards."""
    figures = _visible(town, counts)
    figures |= _drain(town, counts)
    return figures | _memory(town, counts)


def _visible(town: DeliveryTown, counts: Counts) -> Figures:
    before, _ = town.in_case_system(HOUSING)
    sent = town.alerts(counts.seen).requests
    began = dict(zip(sent, town.hand_in_paced(list(sent.values()), each_s=2 * counts.each_s), strict=True))
    town.wait_for_case_system(HOUSING, before.total() + counts.seen)
    _, seen = town.in_case_system(HOUSING)
    delays = [seen[incident] - at for incident, at in began.items()]
    return {"send_to_visible_ms": median(delays) * _MS, "send_to_visible_p99_ms": _p99(delays) * _MS}


def _drain(town: DeliveryTown, counts: Counts) -> Figures:
    before, _ = town.in_case_system(HOUSING)
    quiet = _probe(town, counts)
    town.estate.stop(HOUSING)
    sent = town.alerts(counts.queued).requests
    receipted = town.receipted(HOUSING)
    town.hand_in(list(sent.values()))
    began = time.perf_counter()
    town.estate.start(HOUSING)
    probing = _Probing(town, counts)
    town.wait_for_receipts(HOUSING, receipted + counts.queued)
    elapsed_s = time.perf_counter() - began
    busy = probing.end()
    town.wait_for_case_system(HOUSING, before.total() + counts.queued)
    found, _ = town.in_case_system(HOUSING)
    return {
        "drain_rps": counts.queued / elapsed_s,
        "drain_lost": float(sum(incident not in found for incident in sent)),
        "drain_twice": float(sum(number > 1 for number in found.values())),
        "drain_p99_before_ms": _p99(quiet) * _MS,
        "drain_p99_ms": _p99(busy) * _MS,
        "drain_p99_ratio": _p99(busy) / _p99(quiet),
    }


def _probe(town: DeliveryTown, counts: Counts) -> list[float]:
    after = town.last(COLLEGE)
    expected = town.receipted(COLLEGE) + counts.probes
    requests = list(town.alerts(counts.probes, to=COLLEGE).requests.values())
    began = town.hand_in_paced(requests, each_s=counts.each_s)
    town.wait_for_receipts(COLLEGE, expected)
    return town.delays_s(COLLEGE, began, after=after)


class _Probing:
    """Probes to another peer, for as long as something else lasts."""

    def __init__(self, town: DeliveryTown, counts: Counts) -> None:
        self._town, self._counts = town, counts
        self._after = town.last(COLLEGE)
        self._is_over = False
        self._before = town.receipted(COLLEGE)
        self._began: list[float] = []
        self._thread = Thread(target=self._run)
        self._thread.start()

    def end(self) -> list[float]:
        """Send no more, and return how long each took."""
        self._is_over = True
        self._thread.join()
        self._town.wait_for_receipts(COLLEGE, self._before + len(self._began))
        return self._town.delays_s(COLLEGE, self._began, after=self._after)

    def _run(self) -> None:
        requests = list(self._town.alerts(10 * self._counts.probes, to=COLLEGE).requests.values())
        for request in requests:
            self._began += self._town.hand_in_paced([request], each_s=self._counts.each_s)
            if self._is_over and len(self._began) > 1:  # a quantile needs two
                return


def _memory(town: DeliveryTown, counts: Counts) -> Figures:
    """Measure a relay by itself, whose peer is away: it leases, tries and waits."""
    town.estate.stop(HOUSING)
    town.hand_in(list(town.alerts(counts.few).requests.values()))
    town.estate.stop(COUNCIL)
    few = _relay_mb(town, counts)
    store = open_store(town.store_url, base_dir=town.estate.folder_of(COUNCIL))
    store.write(lambda tx: (tx.run(_DUE, {}), tx.run(_COPY, {"count": counts.many - counts.few, "peer": HOUSING})))
    store.close()
    many = _relay_mb(town, counts)
    return {"relay_mb": few, "relay_memory_ratio": many / few}


def _relay_mb(town: DeliveryTown, counts: Counts) -> float:
    configuration = town.estate.configuration(COUNCIL)
    arguments = [*serving.COMMAND_LINE, "relay", "--config", str(configuration)]
    relay = serving.start(arguments, log=Path(configuration).with_name("relay.log"))
    try:
        time.sleep(counts.settle_s)
        if relay.process.poll() is not None:
            sys.exit(f"the relay ended: {relay.log.read_text()[-2000:]}")
        return relay.memory().alone_mb
    finally:
        relay.stop()


def _p99(each: Sequence[float]) -> float:
    return quantiles(each, n=100)[98]
