"""The account of disclosures: content, recipient, person, clause and law, and the reason for a refusal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.accountability.disclosures import Disclosure, Disclosures, ExchangeSide
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import COUNCIL, RELEASED, SUBJECT, TRUST
from trust.exchange.person import Subject, parse_subject
from trust.identifiers import EntityId

PERSON = Subject(nhs_number=SUBJECT["nhs_number"])
BY_NAME = parse_subject(
    {name: SUBJECT[name] for name in ("family_name", "given_names", "birth_date", "address")}, this_year=2026
)


def account_of(network: Network, entity: EntityId) -> Disclosures:
    node = network.nodes[entity]
    return Disclosures(own=entity, store=node.store, key=node.vault.evidence_hmac_key())


@pytest.fixture
def hand(pair: Network) -> PeerHand:
    return PeerHand(network=pair, agreement=ref_of(pair))


def test_a_person_is_told_what_each_agency_received_on_which_clause_and_law(hand: PeerHand) -> None:
    raw = hand.signed(hand.message(subject=BY_NAME))
    hand.post(raw)
    hand.network.clock.forward(seconds=1)
    hand.post(raw)
    [told] = account_of(hand.network, TRUST).about_person(PERSON).disclosures
    assert (told.side, told.agency, told.from_service) == (ExchangeSide.ASKED_OF_US, COUNCIL, "connecting-families")
    assert (told.role, told.purpose, told.clause) == ("key-worker", "early-help", "who-else-sensitive")
    assert told.agreement == "town-early-help/1"
    assert "Children Act 2004" in str(told.law)
    assert (told.outcome, list(told.told), told.repeats) == ("known", RELEASED, 1)


def test_the_asking_agency_accounts_for_what_it_told_of_the_person_and_what_it_learned(pair: Network) -> None:
    pair.case_client().lines()
    disclosures = account_of(pair, COUNCIL).about_person(PERSON).disclosures
    [asked] = [each for each in disclosures if each.agency == TRUST]
    assert asked.side is ExchangeSide.ASKED_BY_US
    assert asked.told == ("birth_date", "family_name", "given_names", "nhs_number")
    assert list(asked.learned) == RELEASED
    own = {each.side for each in disclosures if each.agency == COUNCIL}  # its own services, asked and asking
    assert own <= {ExchangeSide.ASKED_BY_US, ExchangeSide.ASKED_OF_US}


def test_a_refusal_says_why_at_both_nodes(hand: PeerHand) -> None:
    message = hand.message(basis=("6-1-a",))
    hand.post(hand.signed(message))
    [refused] = account_of(hand.network, TRUST).about_request(message.jti, sender=COUNCIL).disclosures
    assert (refused.outcome, refused.reasons, refused.told) == ("refused", ("basis_mismatch",), ())
    assert "legal basis" in str(refused.why)
    assert account_of(hand.network, TRUST).about_request(refused.id).disclosures == (refused,)
    assert account_of(hand.network, TRUST).about_request(message.jti).disclosures == ()


def test_a_lookup_that_no_agreement_allows_is_on_record_by_its_request_id(pair: Network) -> None:
    client = pair.case_client()
    answer = client.post_lookup(client.body(purpose="another-purpose"))
    assert answer.status_code == 403
    account = account_of(pair, COUNCIL)
    [refused] = account.about_request(answer.headers["X-Request-Id"]).disclosures
    assert (refused.side, refused.agency, refused.outcome) == (ExchangeSide.ASKED_BY_US, None, "refused")
    assert refused.why
    assert account.about_person(PERSON).disclosures == (refused,)


def test_a_lookup_is_found_with_every_question_of_it(pair: Network) -> None:
    view = pair.case_client().look_up()
    found = account_of(pair, COUNCIL).about_request(str(view["id"])).disclosures
    assert len(found) == view["asked"]
    assert {each.side for each in found} == {ExchangeSide.ASKED_BY_US}


def test_a_conflicting_message_is_told_of_as_one(hand: PeerHand) -> None:
    message = hand.message()
    hand.post(hand.signed(message))
    hand.post(hand.signed(replace(message, correlation="another")))
    [told] = account_of(hand.network, TRUST).about_request(message.jti, sender=COUNCIL).disclosures
    assert (told.outcome, told.conflicts) == ("known", 1)


def test_an_agreement_is_accounted_for_page_by_page_newest_first(hand: PeerHand) -> None:
    began = hand.network.clock.now()
    for _ in range(5):
        hand.ask()
        hand.network.clock.forward(seconds=1)
    account = account_of(hand.network, TRUST)
    seen: list[Disclosure] = []
    before: bytes | None = None
    while True:
        page = account.under_agreement(
            "town-early-help", 1, since=began, limit=2, **({} if before is None else {"before": before})
        )
        seen += page.disclosures
        before = page.before
        if before is None:
            break
    moments = [each.at for each in seen]
    assert len({each.id for each in seen}) == 5
    assert moments == sorted(moments, reverse=True)
    assert not account.under_agreement("town-early-help", 2, since=began).disclosures
    assert not account.under_agreement("town-early-help", None, since=began + timedelta(minutes=1)).disclosures


def test_persons_pages_do_not_overlap(hand: PeerHand) -> None:
    for _ in range(3):
        hand.ask(subject=BY_NAME)
        hand.network.clock.forward(seconds=1)
    account = account_of(hand.network, TRUST)
    first = account.about_person(PERSON, limit=2)
    assert first.before is not None
    rest = account.about_person(PERSON, before=first.before, limit=2)
    ids = [each.id for each in (*first.disclosures, *rest.disclosures)]
    assert (len(ids), len(set(ids)), rest.before) == (3, 3, None)
