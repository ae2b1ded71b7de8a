"""Finding a restricted place takes the same work as finding none, and one declared at the last moment is obeyed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from adapters.contract import Candidate
from gateway.app.node_parts import build_places
from gateway.app.restricted_places import RestrictedPlaces
from gateway.callers import PeerCaller
from gateway.exchange.answer import PersonInSight, RestrictionsOf
from gateway.exchange.inbound import Inbound
from gateway.ports import Transaction
from gateway.restrictions.declaration import PlaceActor, PlaceDeclaration
from gateway.restrictions.places import Places
from gateway.restrictions.registry import PlaceRegistry
from gateway.store.engine.statement import Row, Statement
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import KNOWN, NOBODY, TRUST
from trust.agreements.decision import PersonRestrictions
from trust.agreements.location import NEUTRAL_TEXT
from trust.exchange.envelope import MAX_BYTES
from trust.exchange.reply import TYP
from trust.identifiers import ServiceSlug
from trust.jose import peek

DECLARATION = PlaceDeclaration(
    persons=(KNOWN,),
    by=PlaceActor(name="n-7", role="nurse"),
    reason="He hides.",
    case_ref="C-1",
    texts=("14 Ash Lane",),
)


@dataclass(slots=True)
class Counting:
    """A transaction that keeps the statements it ran."""

    tx: Transaction
    statements: list[Statement] = field(default_factory=list)

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> Sequence[Row]:
        self.statements.append(statement)
        return self.tx.rows(statement, parameters)

    def run(self, statement: Statement, parameters: Mapping[str, Any]) -> int:
        return self.tx.run(statement, parameters)


def places_of(network: Network) -> Places:
    node = network.nodes[TRUST]
    return build_places(node.settings, node.store, node.vault)


def declare(network: Network) -> None:
    node = network.nodes[TRUST]
    registry = PlaceRegistry(store=node.store, vault=node.vault)
    registry.declare(DECLARATION, client_id="case-system", now=network.clock.now())


def work(network: Network, hand: PeerHand) -> tuple[list[int], PersonRestrictions]:
    """Return what a search for restrictions reads, in numbers of statements, and what it finds."""
    node = network.nodes[TRUST]
    service = node.services[ServiceSlug("mental-health")]
    read = RestrictionsOf(hmac_key=node.vault.evidence_hmac_key, sources=(RestrictedPlaces(places=places_of(network)),))

    def count(tx: Transaction) -> tuple[list[int], PersonRestrictions]:
        counting = Counting(tx)
        message = hand.message(subject=replace(KNOWN, address=None))
        record = Candidate(ref="D-5", person=KNOWN)
        restrictions = read(counting, service, record, message, network.clock.now())
        return [len(counting.statements)], restrictions

    return node.store.read(count)


@pytest.mark.holds("A71")
def test_the_same_number_of_statements_runs_whether_a_place_is_restricted_or_not(pair: Network, hand: PeerHand) -> None:
    without, unrestricted = work(pair, hand)
    declare(pair)
    within, restricted = work(pair, hand)
    assert (unrestricted.location, restricted.location is not None) == (None, True)
    assert without == within


@dataclass(slots=True)
class DeclaredLate:
    """A source before the real one, which has the place declared once the release was decided."""

    network: Network
    readings: int = 0

    def __call__(
        self, _tx: Transaction, _person: PersonInSight, restrictions: PersonRestrictions, /
    ) -> PersonRestrictions:
        self.readings += 1
        if self.readings == 1:
            declare(self.network)
        return restrictions


@pytest.mark.holds("A45", "A47")
def test_a_place_that_is_restricted_between_match_and_release_is_hidden(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller
) -> None:
    late = DeclaredLate(pair)
    sources = (RestrictedPlaces(places=places_of(pair)), late)
    node = replace(inbound, restrictions_of=RestrictionsOf(hmac_key=inbound.vault.evidence_hmac_key, sources=sources))
    answer = node.handle(hand.signed(hand.message(subject=KNOWN)), caller, pair.clock.now())
    (row,) = peek(answer, typ=TYP, max_bytes=MAX_BYTES).claims["body"]["involvements"]
    assert row["worker"] == NEUTRAL_TEXT
    assert late.readings > 2


def test_a_namesake_of_one_birthday_is_protected_but_never_released(pair: Network) -> None:
    places = places_of(pair)
    twin = replace(KNOWN, given_names="Dominic", nhs_number=None, upn=None, nino=None, pnc_id=None)
    assert not set(places.release_keys(KNOWN)) & set(places.release_keys(twin))
    assert not set(places.release_keys(KNOWN)) & set(places.release_keys(NOBODY))
