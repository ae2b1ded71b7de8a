"""What a node does unasked: it forgets in time and asks about the parties it knows before anybody has to wait."""

import pytest
from sqlalchemy import func, select

from gateway.directory.chains import STRANGERS_A_MINUTE
from gateway.http.anchor import MemberState
from gateway.store.schema import lookup_answers
from gateway.store.statement import Statement
from tests.federation.network import Network
from tests.federation.town import COUNCIL, TRUST
from trust.errors import TrustError
from trust.identifiers import EntityId

_COUNT_ANSWERS = Statement(select(func.count().label("held")).select_from(lookup_answers))


def test_a_round_refreshes_the_chains_that_are_no_longer_fresh(pair: Network) -> None:
    node = pair.nodes[COUNCIL]
    before = node.directory.trusted(TRUST, now=pair.clock.now()).refreshed_at
    pair.clock.forward(minutes=6)

    node.keeper.round()

    known = {standing.entity: standing.trusted for standing in node.directory.known(now=pair.clock.now())}
    refreshed = known[TRUST]
    assert refreshed is not None
    assert refreshed.refreshed_at > before


def test_a_flood_of_strangers_keeps_out_no_party_of_an_agreement(pair: Network) -> None:
    """Strangers share one budget; whom an agreement names is found beside it, at first and after a readmission."""
    node = pair.nodes[COUNCIL]
    for state in (MemberState.ACTIVE, MemberState.SUSPENDED, MemberState.ACTIVE):
        pair.enrol(TRUST, state)
        pair.clock.forward(minutes=6)
        for number in range(STRANGERS_A_MINUTE + 5):
            with pytest.raises(TrustError):
                node.directory.trusted(EntityId(f"https://n{number}.example"), now=pair.clock.now())
        node.keeper.round()
        if state is MemberState.ACTIVE:
            assert node.directory.trusted(TRUST, now=pair.clock.now()).entity_id == TRUST
        else:
            with pytest.raises(TrustError):
                node.directory.trusted(TRUST, now=pair.clock.now())


def test_a_round_leaves_fresh_chains_alone(pair: Network) -> None:
    node = pair.nodes[COUNCIL]
    before = node.directory.trusted(TRUST, now=pair.clock.now()).refreshed_at
    pair.clock.forward(minutes=2)

    node.keeper.round()

    assert node.directory.trusted(TRUST, now=pair.clock.now()).refreshed_at == before


def test_a_round_erases_answers_whose_keeping_is_over(pair: Network) -> None:
    client = pair.case_client()
    lookup_id = client.look_up()["id"]
    assert client.get_lookup(lookup_id).status_code == 200
    pair.clock.forward(hours=2)

    pair.nodes[COUNCIL].keeper.round()

    answers = pair.nodes[COUNCIL].store.read(lambda tx: tx.rows(_COUNT_ANSWERS, {}))
    assert answers[0].held == 0


def test_it_runs_until_it_is_told_to_stop(pair: Network) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 2

    pair.nodes[COUNCIL].keeper.run(wait)
    assert waits == [60.0, 60.0, 60.0]
