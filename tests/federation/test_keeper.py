"""Maintenance of a node: it forgets in time, and asks about known parties before a request has to wait."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway.federation.chain_cache import STRANGERS_A_MINUTE
from gateway.ports import PeerRequest, PeerResponse, StoreBusy
from gateway.runtime.background import LastHandler
from gateway.store.engine.statement import Statement
from gateway.store.schema import lookup_answers
from tests.simulator.network import Network
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from tests.simulator.wire import Pass
from tests.support.logs import capture_logs
from trust.errors import TrustError
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId

_COUNT_ANSWERS = Statement(select(func.count().label("held")).select_from(lookup_answers))


def test_a_round_refreshes_the_chains_that_are_no_longer_fresh(pair: Network) -> None:
    node = pair.nodes[COUNCIL]
    before = node.directory.resolve(TRUST, now=pair.clock.now()).refreshed_at
    pair.clock.forward(minutes=6)

    node.keeper.round()

    known = {standing.entity: standing.trusted for standing in node.directory.statuses(now=pair.clock.now())}
    refreshed = known[TRUST]
    assert refreshed is not None
    assert refreshed.refreshed_at > before


def test_a_flood_of_strangers_keeps_out_no_party_of_an_agreement(pair: Network) -> None:
    """Strangers share one budget; parties of agreements are found beside it, at first and after a readmission."""
    node = pair.nodes[COUNCIL]
    for state in (SuspensionState.ACTIVE, SuspensionState.SUSPENDED, SuspensionState.ACTIVE):
        pair.enrol(TRUST, state)
        pair.clock.forward(minutes=6)
        for number in range(STRANGERS_A_MINUTE + 5):
            with pytest.raises(TrustError):
                node.directory.resolve(EntityId(f"https://n{number}.example"), now=pair.clock.now())
        node.keeper.round()
        if state is SuspensionState.ACTIVE:
            assert node.directory.resolve(TRUST, now=pair.clock.now()).entity_id == TRUST
        else:
            with pytest.raises(TrustError):
                node.directory.resolve(TRUST, now=pair.clock.now())


def test_a_round_leaves_fresh_chains_alone(pair: Network) -> None:
    node = pair.nodes[COUNCIL]
    before = node.directory.resolve(TRUST, now=pair.clock.now()).refreshed_at
    pair.clock.forward(minutes=2)

    node.keeper.round()

    assert node.directory.resolve(TRUST, now=pair.clock.now()).refreshed_at == before


def test_a_round_erases_answers_whose_keeping_is_over(pair: Network) -> None:
    client = pair.case_client()
    lookup_id = client.look_up()["id"]
    assert client.get_lookup(lookup_id).status_code == 200
    pair.clock.forward(hours=2)

    pair.nodes[COUNCIL].keeper.round()

    answers = pair.nodes[COUNCIL].store.read(lambda tx: tx.rows(_COUNT_ANSWERS, {}))
    assert answers[0].held == 0


STEPS = (
    "check_health",
    "parties",
    "show_freshness",
    "show_backlog",
    "show_on_call",
    "record_vouched_keys",
    "collect_signatures",
    "renew_marks",
)
FAULTS = (OverflowError, RecursionError, MemoryError, StoreBusy, KeyError)


class Marked:
    """The steps of a keeper, which note that they were done; one of them fails."""

    def __init__(self, failing: str, fault: type[Exception]) -> None:
        self.done: list[str] = []
        self._failing = failing
        self._fault = fault

    def step(self, name: str) -> Callable[..., tuple[()]]:
        def work(*_: object, **__: object) -> tuple[()]:
            self.done.append(name)
            if name == self._failing:
                raise self._fault("a value of a peer")
            return ()

        return work


def once() -> Callable[[float], bool]:
    """Return a wait that ends after one round."""
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 1

    return wait


@pytest.mark.parametrize("failing", [*STEPS, "catch_up", "statuses"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_step_that_fails_ends_no_round_and_is_logged_without_its_value(
    pair: Network, monkeypatch: pytest.MonkeyPatch, failing: str, fault: type[Exception]
) -> None:
    marked = Marked(failing, fault)
    node = pair.nodes[COUNCIL]
    for name in ("catch_up", "statuses"):
        monkeypatch.setattr(node.directory, name, marked.step(name))
    steps: dict[str, Any] = {name: marked.step(name) for name in STEPS}
    keeper = replace(node.keeper, **steps)
    said: list[str] = []
    keeper = replace(
        keeper,
        attempt=LastHandler(crashed=lambda error, step: said.append(f"{step} {type(error)}"), notice=said.append),
    )
    keeper.run(once())
    assert set(marked.done) == {*STEPS, "catch_up", "statuses"}
    assert said
    assert "a value of a peer" not in " ".join(said)


@pytest.mark.parametrize("failing", ["check_health", "record_vouched_keys", "renew_marks", "catch_up", "statuses"])
def test_a_step_that_fails_ends_no_round_of_an_authority(
    pair: Network, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    marked = Marked(failing, OverflowError)
    for name in ("catch_up", "statuses"):
        monkeypatch.setattr(pair.anchor.directory, name, marked.step(name))
    steps: dict[str, Any] = {name: marked.step(name) for name in ("check_health", "record_vouched_keys", "renew_marks")}
    replace(pair.anchor.keeper, under_others=True, **steps).run(once())
    assert set(marked.done) == {*steps, "catch_up", "statuses"}


def test_one_hostile_party_costs_no_other_its_refresh(pair: Network) -> None:
    """A fault of ours that one party's answer sets off is met for that party alone."""
    node = pair.nodes[COUNCIL]
    node.directory.resolve(TRUST, now=pair.clock.now())

    def crash(_request: PeerRequest, _go_on: Pass) -> PeerResponse:
        raise OverflowError

    pair.wire.faults[ANCHOR] = crash
    pair.clock.forward(minutes=6)
    with capture_logs():
        node.keeper.run(once())
    asked = [each.url for each, _ in pair.wire.log if each.url.startswith((ANCHOR, TRUST))]
    assert any(url.startswith(f"{TRUST}/federation/v1/suspensions") for url in asked)


def test_it_runs_until_it_is_told_to_stop(pair: Network) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 2

    pair.nodes[COUNCIL].keeper.run(wait)
    assert waits == [60.0, 60.0, 60.0]
