"""A relay that is killed in the middle of what it sends, more than once: each message arrives, and once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from gateway.store.tables import inbox, outbox
from gateway.store.tables.inbox import InboxState
from gateway.store.tables.outbox import OutboxState
from tests.simulator.network import Network
from tests.simulator.processes import ROOT, served
from tests.simulator.queued import RECIPIENTS, Sending, alert, alert_clause, case_caller
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from trust.identifiers import ServiceSlug

pytestmark = pytest.mark.e2e
QUEUED, KILLS, WITHIN_S = 90, 2, 60.0
SLUG = ServiceSlug(RECIPIENTS[TRUST].partition("#")[2])
RELAY = "from gateway.delivery import relay; relay.LEASE_S = 2.0; from gateway.cli import main; main()"
"""The command, with leases that end soon: what a dead relay had leased is no one's for that long."""


@contextmanager
def relay(network: Network) -> Iterator[subprocess.Popen[bytes]]:
    """Run a relay for the council, and kill it with all that it has in hand."""
    folder = network.folder_of(COUNCIL)
    with (folder / "relay.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", RELAY, "relay", "--config", str(folder / "hearthgate.toml")],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_stored(sent: Sending, number: int) -> int:
    """Wait until so many alerts are receipted, and return how many are by then."""
    end, store = monotonic() + WITHIN_S, sent.network.nodes[COUNCIL].store
    while (stored := store.read(outbox.counts).get(OutboxState.STORED, 0)) < number:
        assert monotonic() < end, (sent.network.folder_of(COUNCIL) / "relay.log").read_text()[-2000:]
        sleep(0.01)
    return stored


@pytest.mark.holds("A1")
def test_a_relay_that_is_killed_while_it_sends_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with served(tmp_path, [COUNCIL, TRUST], workers=2, threads=4) as federation:
        network = federation.network
        document = network.document()
        network.agree({**document, "clauses": [*document["clauses"], alert_clause(holders=[RECIPIENTS[TRUST]])]})
        for here, there in ((COUNCIL, TRUST), (TRUST, COUNCIL)):
            network.nodes[here].directory.resolve(there, now=network.clock.now())
        sent = Sending(network=network, recipients={}, caller=case_caller(network))
        submissions = [sent.submit(alert(case_ref=f"case-{n}")) for n in range(QUEUED)]
        federation.start(ANCHOR, TRUST)
        stored = 0
        for kill in range(1, KILLS + 1):
            with relay(network):
                stored = wait_stored(sent, max(stored + 1, kill * QUEUED // (KILLS + 2)))
            assert stored < QUEUED, "it was all sent before the relay was killed"
        with relay(network):
            wait_stored(sent, QUEUED)
        rows = [sent.row(each) for each in submissions]
        store = network.nodes[TRUST].store
        kept = store.read(lambda tx: inbox.page(tx, service=SLUG, state=InboxState.OPEN, after=None, limit=2 * QUEUED))
        assert sorted(each.digest for each in kept) == sorted(row.digest for row in rows)
        assert all([event for event, _ in sent.events(row)].count("stored") == 1 for row in rows)
