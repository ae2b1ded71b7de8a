"""Minutes of alerts and referrals between real processes that are killed, stopped and cut off from each other.

At the end every fault is lifted. Then nothing acknowledged may be lost or be twice in a case system, and each red
message is read, or is told to be unread at both ends.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event, Thread

from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.outbox import Lane, OutboxRow
from tests.simulator.processes import Process
from tests.simulator.real_town import PLACES, SLUGS, RealTown, real_town
from tests.support.fault_proxy import Wire

SETTLES_WITHIN_S = 900.0
"""Backoffs are five minutes long at most, and an unread red message is told after five minutes."""
_SENDERS = 3
_PAUSE_S = 0.2
_LOOK_S = 5.0


@dataclass
class Chaos:
    """One run of faults over a town, until ``over`` is set."""

    town: RealTown
    choose: Random
    over: Event = field(default_factory=Event)
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """Send, read and fail for so long, and lift every fault."""
        work = [self.town.send] * _SENDERS + [lambda each=each: self.town.read_some(each) for each in SLUGS]
        threads = [Thread(target=self._repeat, args=(each,)) for each in work]
        for each in threads:
            each.start()
        end = time.monotonic() + seconds
        faults = (self.kill, self.kill, self.kill_part, self.kill_part, self.stop, self.part_wire, self.part_wire)
        while time.monotonic() < end and not self.broken:
            fault = self.choose.choice(faults)
            self.faults[fault.__name__] += 1
            fault()
            time.sleep(self.choose.uniform(0.5, 3))
        self.over.set()
        for each in threads:
            each.join()

    def kill(self) -> None:
        """Kill all processes of a node at once, and start it again: soon, or after the others have given it up."""
        entity = self.choose.choice(PLACES)
        for pid in _family(self.town.served.processes[entity]):
            _signal(pid, signal.SIGKILL)
        self.town.served.processes[entity].process.wait()
        time.sleep(self.choose.choice([0, 2, 25]))
        self.town.served.start(entity)

    def kill_part(self) -> None:
        """Kill one process of a node: a worker, one that makes workers, or the one that sends."""
        family = _family(self.town.served.processes[self.choose.choice(PLACES)])[1:]
        _signal(self.choose.choice(family), signal.SIGKILL)

    def stop(self) -> None:
        """Stop all processes of a node for a time, in which its connections are open and silent."""
        family = _family(self.town.served.processes[self.choose.choice(PLACES)])
        for pid in family:
            _signal(pid, signal.SIGSTOP)
        time.sleep(self.choose.uniform(2, 15))
        for pid in reversed(family):
            _signal(pid, signal.SIGCONT)

    def part_wire(self) -> None:
        """Refuse, cut or leave half open every connection to a node for a time."""
        proxy = self.town.proxies[self.choose.choice(PLACES)]
        proxy.fail(self.choose.choice([Wire.REFUSED, Wire.HALF_OPEN, Wire.CUT]))
        time.sleep(self.choose.uniform(2, 20))
        proxy.fail(Wire.REFUSED)
        proxy.fail(Wire.SOUND)

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self.over.wait(_PAUSE_S):
            try:
                work()
            except Exception as fault:  # noqa: BLE001 - it ends the run, whichever thread it is on
                self.broken.append(repr(fault))
                return


def faults_of(town: RealTown) -> list[str]:
    """Return every promise that is not kept now."""
    found = []
    for entity in SLUGS:
        arrived, expected = town.arrived(entity), town.expected(entity)
        found += [f"{incident} is not in the case system of {entity}" for incident in sorted(expected - arrived.keys())]
        found += [f"{incident} is {n} times in that of {entity}" for incident, n in arrived.items() if n > 1]
        found += [f"no one sent {incident} to {entity}" for incident in sorted(arrived.keys() - expected)]
    for row in town.rows():
        if row.progress not in {"in_case_system", "read"}:
            found.append(f"{row.reference}: {row.state}, {row.progress}")
        if row.lane is Lane.RED and row.read_at is None and not _is_escalated(town, row):
            found.append(f"{row.reference} is red, and neither read nor told to be unread")
    return found


def _is_escalated(town: RealTown, row: OutboxRow) -> bool:
    at_sender = town.events(row, DeliverySide.SENDER) & {"sender_warned", "undelivered"}
    return bool(at_sender) and "unread" in town.events(row, DeliverySide.RECIPIENT)


def run(minutes: float, seed: int) -> int:
    """Make a run, say what came of it, and return 1 when a promise is broken."""
    with TemporaryDirectory(prefix="hearthgate-chaos-") as folder, real_town(Path(folder), seed) as town:
        chaos, began = Chaos(town, Random(seed)), time.monotonic()  # noqa: S311 - a seed repeats the choices
        chaos.run(minutes * 60)
        sent_s, began = time.monotonic() - began, time.monotonic()
        while (found := faults_of(town)) and time.monotonic() - began < SETTLES_WITHIN_S:
            time.sleep(_LOOK_S)
        found += chaos.broken
        settled_s, rows = time.monotonic() - began, town.rows()
        red = [row for row in rows if row.lane is Lane.RED]
        lines = [
            *found,
            f"seed {seed}: {sent_s:.0f} s of faults {dict(chaos.faults)}, then {settled_s:.0f} s without",
            f"{len(town.acknowledged)} submissions acknowledged after {town.tries} requests, {len(rows)} deliveries",
            f"{sum(row.attempts for row in rows)} attempts, {sum(row.attempts > 1 for row in rows)} repeated",
            f"{len(red)} red: {sum(row.read_at is not None for row in red)} read, the others told to be unread",
            f"{len(found)} promises broken",
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        return 1 if found else 0


def _family(process: Process) -> list[int]:
    return [process.process.pid, *process.descendants()]


def _signal(pid: int, sent: signal.Signals) -> None:
    try:
        os.kill(pid, sent)
    except ProcessLookupError:
        return
