"""The agreements a node holds: read once for each change, and each signature proved by the keys kept beside it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from gateway.agreements.registry import AgreementRegistry, detail_for
from gateway.keys.files import KeyFile, create_keys
from gateway.ports import Store, Transaction
from gateway.store.tables import agreements
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.town import AGREEMENT, COUNCIL, PURPOSE, TRUST
from trust.agreements.agreement import InForce, NotInForce
from trust.claims import digest
from trust.exchange.message import AgreementRef
from trust.identifiers import AgreementId, KindName, PurposeCode
from trust.oauth.authorization_details import AuthorizationDetail

T = TypeVar("T")
INVOLVEMENT, ELIGIBILITY = KindName("involvement.query"), KindName("eligibility.query")


class Counting:
    """A store that counts how often it is read, by what was read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads: list[object] = []

    def read(self, work: Callable[[Transaction], T]) -> T:
        self.reads.append(work)
        return self._store.read(work)

    @property
    def loads(self) -> int:
        return len([work for work in self.reads if work is not agreements.epoch])


@pytest.fixture
def store(pair: Network) -> Counting:
    return Counting(pair.nodes[TRUST].store)


@pytest.fixture
def book(store: Counting) -> AgreementRegistry:
    return AgreementRegistry(store)  # type: ignore[arg-type]


def detail(ref: AgreementRef, **changes: Any) -> AuthorizationDetail:
    return replace(detail_for(ref, PurposeCode(PURPOSE), INVOLVEMENT), **changes)


def test_the_agreements_are_read_once_until_they_change(
    pair: Network, book: AgreementRegistry, store: Counting
) -> None:
    now = pair.clock.now()
    for _ in range(5):
        assert len(book.in_force(now=now)) == 1
    assert store.loads == 1
    pair.agree(pair.document(id="another"))
    assert len(book.in_force(now=now)) == 2
    assert store.loads == 2


def test_an_agreement_is_found_by_its_id_and_version_with_any_digest(pair: Network, book: AgreementRegistry) -> None:
    now, ref = pair.clock.now(), ref_of(pair)
    assert isinstance(book.find(replace(ref, digest="A" * 43), now=now), InForce)
    assert book.find(replace(ref, version=2), now=now) is None
    assert book.find(replace(ref, id=AgreementId("other")), now=now) is None


def test_within_another_reading_the_same_is_found_and_a_change_is_seen(
    pair: Network, book: AgreementRegistry, store: Counting
) -> None:
    now, ref = pair.clock.now(), ref_of(pair)
    assert store.read(lambda tx: book.find_within(tx, ref, now=now)) == book.find(ref, now=now)
    other = pair.agree(pair.document(id="another"))
    assert isinstance(store.read(lambda tx: book.find_within(tx, other, now=now)), InForce)


def test_its_state_is_decided_again_each_day(pair: Network, book: AgreementRegistry) -> None:
    assert isinstance(book.find(ref_of(pair), now=pair.clock.now()), InForce)
    pair.clock.forward(days=601)
    assert isinstance(book.find(ref_of(pair), now=pair.clock.now()), NotInForce)


def test_a_day_outside_its_dates_it_does_not_bind(pair: Network, book: AgreementRegistry) -> None:
    pair.clock.forward(days=601)
    [held] = book.standings(now=pair.clock.now())
    assert isinstance(held, NotInForce)
    assert held.reason.startswith("It ended on ")
    assert book.in_force(now=pair.clock.now()) == ()


def test_what_a_party_ended_says_so(pair: Network, book: AgreementRegistry) -> None:
    now = pair.clock.now()
    pair.nodes[TRUST].store.write(lambda tx: agreements.end(tx, agreement_id=AGREEMENT, version=1, at=now))
    [held] = book.standings(now=now)
    assert isinstance(held, NotInForce)
    assert held.reason == "A party has ended it."


def test_a_signature_that_no_longer_proves_is_missing_and_costs_no_other_agreement(
    pair: Network, book: AgreementRegistry
) -> None:
    ref = pair.agree(pair.document(id="spoilt"))
    spoilt = replace(pair.signature(COUNCIL, ref), raw=b"no.signature.at-all")

    def spoil(tx: Transaction) -> None:
        agreements.put_signature(tx, agreement=ref, entity=COUNCIL, signature=spoilt, added_at=pair.clock.now())

    pair.nodes[TRUST].store.write(spoil)
    standings = {held.agreement.id: held for held in book.standings(now=pair.clock.now())}
    assert isinstance(standings[AgreementId(AGREEMENT)], InForce)
    half = standings[AgreementId("spoilt")]
    assert isinstance(half, NotInForce)
    assert half.missing == (COUNCIL,)


def test_an_agreement_outlives_the_keys_that_signed_it(pair: Network, book: AgreementRegistry) -> None:
    """A signature that was proved when it was added stays proved by what was kept, with any key of the party now."""
    keys = pair.folder_of(COUNCIL) / "keys"
    (keys / KeyFile.FEDERATION).unlink()
    create_keys(keys, names=[KeyFile.FEDERATION])
    pair.start(COUNCIL)
    pair.enrol(COUNCIL)
    assert len(book.in_force(now=pair.clock.now())) == 1


def test_a_token_is_narrowed_to_what_the_agreement_lets_this_asker_ask_here(
    benefits: Network,
) -> None:
    [holder] = [entity for entity in benefits.nodes if entity != COUNCIL]
    book, now, ref = benefits.nodes[holder].agreements, benefits.clock.now(), ref_of(benefits)
    wide = detail(ref, kinds=frozenset({INVOLVEMENT, ELIGIBILITY}))
    assert book.grantable([wide], asker=COUNCIL, holder=holder, now=now) == (detail(ref),)
    benefit = replace(wide, purpose=PurposeCode("benefit-check"))
    [granted] = book.grantable([benefit], asker=COUNCIL, holder=holder, now=now)
    assert granted.kinds == {ELIGIBILITY}
    assert book.grantable([wide], asker=holder, holder=COUNCIL, now=now) == ()


@pytest.mark.parametrize(
    "changes",
    [{"agreement_id": "other"}, {"agreement_version": 2}, {"agreement_digest": "A" * 43}, {"purpose": "marketing"}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_no_agreement_in_force_names_is_not_granted(standing: Network, changes: dict[str, Any]) -> None:
    book = standing.nodes[TRUST].agreements
    asked = detail(ref_of(standing), **changes)
    assert book.grantable([asked], asker=COUNCIL, holder=TRUST, now=standing.clock.now()) == ()


def test_an_unreadable_agreement_binds_no_party_and_costs_no_other(pair: Network, book: AgreementRegistry) -> None:
    now = pair.clock.now()
    pair.nodes[TRUST].store.write(
        lambda tx: agreements.put(
            tx, agreement_id="of-another-version", version=1, digest="d" * 43, raw=b'{"id": "x"}', added_at=now
        )
    )
    assert [standing.agreement.id for standing in book.standings(now=now)] == [AGREEMENT]
    assert book.find(ref_of(pair), now=now) is not None


def test_a_schedule_binds_only_beside_its_overarching_agreement(pair: Network, book: AgreementRegistry) -> None:
    common = {name: value for name, value in pair.document().items() if name != "clauses"}
    overarching = {**common, "id": "overarching", "overarching": True, "powers": []}
    raw = json.dumps(overarching, indent=1).encode()
    under = {"id": "overarching", "digest": digest(raw)}
    schedule = pair.agree(pair.document(id="schedule", under=under))
    now = pair.clock.now()
    waiting = book.find(schedule, now=now)
    assert isinstance(waiting, NotInForce)
    assert "overarching agreement overarching that it is under is not held here" in waiting.reason
    assert book.grantable([detail(schedule)], asker=COUNCIL, holder=TRUST, now=now) == ()
    assert pair.agree(overarching).digest == under["digest"]
    assert isinstance(book.find(schedule, now=now), InForce)
    assert len(book.grantable([detail(schedule)], asker=COUNCIL, holder=TRUST, now=now)) == 1
