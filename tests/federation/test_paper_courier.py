"""Papers of joiners reach every node, and no hostile or refusing node holds them or a notice up."""

from dataclasses import replace
from secrets import token_hex

import pytest

from gateway.agreements.accessions import Accessions, PaperDelivery
from gateway.agreements.paper_courier import MOST_PAGES, PAGES_A_ROUND, Collection, collect, offer
from gateway.agreements.signature_exchange import DeliveryStatus, OfferResult, SignatureExchange
from gateway.store.tables import accessions
from tests.federation.joining import WHO, Joining, open_document
from tests.simulator.agreements import http
from tests.simulator.town import COLLEGE, COUNCIL, HOUSING, TRUST
from trust.agreements.accession import (
    Ruling,
    build_ruling,
)
from trust.agreements.agreement import NotInForce
from trust.agreements.party_call import Papers, PartyCall, build_call, call_parties
from trust.agreements.suspending import SuspendedState
from trust.claims import digest
from trust.exchange.message import AgreementRef


def test_a_repeated_call_costs_no_other_agency_its_turn(joining: Joining) -> None:
    now, raw = joining.network.clock.now(), joining.accession()
    parties = call_parties(COLLEGE, TRUST, jti=token_hex(8), now=now)
    call = PartyCall(parties=parties, agreement=joining.ref, papers=Papers(accession=raw))
    signed = build_call(call, signer=joining.signer(COLLEGE))
    path = f"/agreements/v1/{joining.ref.digest}/signatures"
    statuses = [
        http(joining.network, TRUST).post(path, data=signed, content_type="application/jwt", base_url=TRUST).status_code
        for _ in range(6)
    ]
    assert (statuses[0], 503 in statuses) == (200, False)
    assert joining.call(Papers(accession=joining.accession())).status_code == 200


def test_a_ruling_on_an_agency_that_has_not_joined_is_not_kept(joining: Joining) -> None:
    joining.joined()
    ref, now = joining.ref, joining.network.clock.now()

    def rulings() -> int:
        return len(joining.network.nodes[TRUST].store.read(accessions.load_rulings))

    for by in (HOUSING, COUNCIL):
        made_up = replace(joining.read(joining.accession()), digest="x" * 43, agreement=ref)
        raw = build_ruling(made_up, Ruling.OBJECTED, party=by, signatory=WHO, signer=joining.signer(by), now=now)
        papers = Papers(ruling=raw) if by == COUNCIL else Papers(accession=joining.accession(HOUSING), ruling=raw)
        assert joining.call(papers, by=by).status_code == 400
    assert rulings() == 0


def test_a_paper_that_a_node_refuses_holds_up_no_notice_and_no_other_paper(
    joining: Joining, monkeypatch: pytest.MonkeyPatch
) -> None:
    joining.joined()
    trust, now = joining.network.nodes[TRUST].countersigning, joining.network.clock.now()
    [agreement] = joining.network.nodes[TRUST].agreements.documents(now=now)
    real = PaperDelivery(party=COUNCIL, accession=joining.read(joining.accession()).digest)
    unknown = [PaperDelivery(party=COUNCIL, accession="", key=f"refused-{each}") for each in range(12)]
    [record] = joining.network.nodes[TRUST].agreements.joiner_records(joining.ref, now=now).accessions
    good = replace(real, accession=record.accession.digest, key="good")
    monkeypatch.setattr(Accessions, "undelivered", lambda *_, **__: (*unknown, good))
    refused = Papers(accession=joining.accession(HOUSING), admission=joining.admission(joining.accession()))
    papers = Accessions.papers

    def papers_of(self: Accessions, ref: AgreementRef, delivery: PaperDelivery) -> Papers:
        return papers(self, ref, delivery) if delivery.accession else refused

    monkeypatch.setattr(Accessions, "papers", papers_of)
    taken: list[str] = []
    monkeypatch.setattr(Accessions, "record_delivery", lambda *each, **_: taken.append(each[2].key))
    for _ in range(40):
        result = offer(trust, agreement, COUNCIL, now=joining.network.clock.now())
        assert result.status is DeliveryStatus.REFUSED
        joining.network.clock.forward(seconds=1)
    assert set(taken) == {"good"}


def test_a_notice_arrives_at_a_node_that_refuses_papers(joining: Joining, monkeypatch: pytest.MonkeyPatch) -> None:
    network = joining.network
    ref = network.agree(open_document(network, version=2, suspended_by=[TRUST]), held_by=[COUNCIL, TRUST])
    trust = network.nodes[TRUST]
    refused = PaperDelivery(party=COUNCIL, accession="", key="refused")
    papers = Papers(accession=joining.accession(HOUSING, ref=ref))
    monkeypatch.setattr(Accessions, "undelivered", lambda self, *_, **__: (refused,) if self.own == TRUST else ())
    monkeypatch.setattr(Accessions, "papers", lambda *_: papers)
    for _ in range(8):  # the wait of the refused paper grows to an hour
        network.clock.forward(hours=1)
        trust.keeper.round()
    now = network.clock.now()
    assert trust.countersigning.suspensions.change(ref, SuspendedState.SUSPENDED, "A fault was reported.", now=now)
    network.clock.forward(seconds=30)
    trust.keeper.round()
    standing = network.nodes[COUNCIL].agreements.find(ref, now=network.clock.now())
    assert isinstance(standing, NotInForce)
    assert "has suspended it" in standing.reason


def test_a_page_that_cannot_be_used_ends_no_collection(joining: Joining, monkeypatch: pytest.MonkeyPatch) -> None:
    joining.joined()
    council, now = joining.network.nodes[COUNCIL], joining.network.clock.now()
    [agreement] = council.agreements.documents(now=now)
    unusable = OfferResult(party=TRUST, status=DeliveryStatus.DELIVERED, detail="its answer cannot be used: no JSON")
    with monkeypatch.context() as patched:
        patched.setattr(SignatureExchange, "call", lambda *_: unusable)
        so_far = collect(council.countersigning, agreement, TRUST, Collection(), now=now)
    assert not so_far.is_done
    assert collect(council.countersigning, agreement, TRUST, so_far, now=now).is_done


def test_a_node_that_answers_without_an_end_holds_up_no_round(
    joining: Joining, monkeypatch: pytest.MonkeyPatch
) -> None:
    joining.joined()
    council, now = joining.network.nodes[COUNCIL], joining.network.clock.now()
    [agreement] = council.agreements.documents(now=now)
    count = iter(range(1, 10**6))

    def answered(*_: object) -> OfferResult:
        return OfferResult(party=TRUST, status=DeliveryStatus.DELIVERED, last=f"{next(count):043}")

    monkeypatch.setattr(SignatureExchange, "call", answered)
    so_far, rounds = Collection(after=""), 0
    while not so_far.is_done:
        earlier = so_far.pages
        so_far, rounds = collect(council.countersigning, agreement, TRUST, so_far, now=now), rounds + 1
        assert so_far.pages - earlier <= PAGES_A_ROUND
    assert so_far.pages == MOST_PAGES


def test_every_page_begins_where_the_last_one_ended(joining: Joining, monkeypatch: pytest.MonkeyPatch) -> None:
    joining.joined()
    trust, now = joining.network.nodes[TRUST], joining.network.clock.now()
    [agreement] = trust.agreements.documents(now=now)
    digests = sorted(digest(f"joiner {each}".encode()) for each in range(150))
    [record] = trust.agreements.joiner_records(joining.ref, now=now).accessions
    own = replace(record, accession=replace(record.accession, digest=digests[-1]))
    others = [
        replace(own, accession=replace(own.accession, digest=each, party=replace(own.accession.party, entity=HOUSING)))
        for each in digests[:-1]
    ]
    monkeypatch.setattr(Accessions, "_counting", lambda *_: [own, *others])
    asked: list[str] = []
    monkeypatch.setattr(accessions, "find", lambda _tx, **which: asked.append(which["digest"]))
    after = "-"
    for _ in range(3):
        begin = len(asked)
        trust.countersigning.accessions.answer(agreement, COLLEGE, after, now=now)
        after = max(asked[begin:])
    assert asked == digests
