"""A college joins with two signatures; each pair opens by confirmation, or after the days of objection."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.agreements.accessions import Accessions, PaperDelivery
from gateway.agreements.fetch import fetch_agreement
from gateway.agreements.paper_courier import MOST_PAGES, PAGES_A_ROUND, Collection, collect, offer
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.signature_exchange import DeliveryStatus, OfferResult, SignatureExchange, address
from gateway.ports import Transaction
from gateway.store.tables import accessions, agreements
from gateway.store.tables.agreements import StoredSignature
from tests.federation.marks import hold, publish
from tests.simulator.agreements import http
from tests.simulator.network import Network, federation_keys
from tests.simulator.town import ANCHOR, BY_ENTITY, COLLEGE, COUNCIL, HOUSING, PURPOSE, TRUST
from trust import jose
from trust.agreements.accession import (
    ACCESSION_TYP,
    ADMISSION_TYP,
    RULING_TYP,
    Accession,
    Ruling,
    build_accession,
    build_admission,
    build_ruling,
    verify_accession,
)
from trust.agreements.agreement import Closure, InForce, Party, Signatory
from trust.agreements.ending import build_ending
from trust.agreements.joining import PairState
from trust.agreements.party_call import NO_PAPERS, Papers, PartyCall, build_call, call_parties
from trust.agreements.signature import TYP as SIGNATURE_TYP
from trust.claims import digest
from trust.exchange.message import AgreementRef
from trust.federation.trust_mark import data_protection_mark
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeyUse, Signer

MARK = data_protection_mark(ANCHOR)
WHO = Signatory(name="R. Example", post="Principal")
DAYS = 10
CLASS = "colleges"
SOCIAL_CARE = f"{COUNCIL}#childrens-social-care"


def open_document(network: Network, **changes: Any) -> dict[str, Any]:
    """Give the agreement of the council and the trust, which colleges may join to ask the council."""
    document = network.document()
    document["parties"] = [each for each in document["parties"] if each["entity"] in {COUNCIL, TRUST}]
    document["purposes"].append({"code": "marac", "description": "To keep people at high risk safe."})
    document["joining"] = [
        {
            "id": CLASS,
            "title": "Colleges of the county",
            "marks": [MARK],
            "kinds": [college_kind(network)],
            "admitted_by": [TRUST],
            "objection_days": DAYS,
        }
    ]
    clause = next(each for each in document["clauses"] if each["id"] == "who-else")
    clause |= {
        "holders": [each for each in clause["holders"] if each.startswith(COUNCIL)],
        "joining_askers": [CLASS],
        "joining_holders": [CLASS],
    }
    document["clauses"] = [clause, {**clause, "id": "conference", "purpose": "marac"}]
    return document | changes


def college_kind(network: Network) -> str:
    [service] = network.nodes[COLLEGE].settings.services
    return service.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """The network, the agreement that all parties signed, and what a college may do about it."""

    network: Network
    ref: AgreementRef

    def signer(self, entity: EntityId) -> Signer:
        return self.network.nodes[entity].vault.signer(KeyUse.FEDERATION)

    def accession(self, entity: EntityId = COLLEGE, ref: AgreementRef | None = None, **changes: Any) -> bytes:
        node = self.network.nodes[entity]
        services = tuple(ServiceSlug(each.slug) for each in node.settings.services)
        party = Party(entity=entity, name="Vale College", services=services, complaints="Write to the principal.")
        return build_accession(
            ref or self.ref,
            changes.pop("to", CLASS),
            party=replace(party, **changes),
            signatory=WHO,
            signer=self.signer(entity),
            now=self.network.clock.now(),
        )

    def read(self, raw: bytes, entity: EntityId = COLLEGE) -> Accession:
        keys = federation_keys(self.network.nodes[entity].vault)
        now = self.network.clock.now()
        return verify_accession(raw, party=entity, keys=keys, agreement=self.ref, now=now)

    def admission(self, raw: bytes, by: EntityId = TRUST) -> bytes:
        now = self.network.clock.now()
        return build_admission(self.read(raw), party=by, signatory=WHO, signer=self.signer(by), now=now)

    def hold_at_college(self, raw: bytes) -> None:
        """Have the college fetch the document from the trust and hold it with its accession, as the command does."""
        document = fetch_agreement(self.network.wire, address(TRUST, self.ref.digest))
        now, ref, node = self.network.clock.now(), self.ref, self.network.nodes[COLLEGE]
        node.store.write(
            lambda tx: agreements.put(
                tx, agreement_id=ref.id, version=ref.version, digest=ref.digest, raw=document, added_at=now
            )
        )
        [agreement] = node.agreements.documents(now=now)
        node.countersigning.accessions.accept_accession(agreement, raw, None, COLLEGE, now)

    def admit(self) -> None:
        """Have the trust admit the accession that waits there, as the command does."""
        now, node = self.network.clock.now(), self.network.nodes[TRUST]
        [waiting] = node.agreements.joiner_records(self.ref, now=now).accessions
        [agreement] = node.agreements.documents(now=now)
        raw = build_admission(waiting.accession, party=TRUST, signatory=WHO, signer=self.signer(TRUST), now=now)
        assert node.countersigning.accessions.admit(agreement, waiting.accession, raw, now=now)

    def rule(self, ruling: Ruling, by: EntityId = COUNCIL) -> None:
        now, node = self.network.clock.now(), self.network.nodes[by]
        [agreement] = node.agreements.documents(now=now)
        [record] = node.agreements.joiner_records(self.ref, now=now).accessions
        raw = build_ruling(record.accession, ruling, party=by, signatory=WHO, signer=self.signer(by), now=now)
        assert node.countersigning.accessions.accept_ruling(agreement, raw, caller=by, now=now)

    def rounds(self, *entities: EntityId) -> None:
        for entity in entities:
            self.network.nodes[entity].keeper.round()

    def joined(self) -> "Joining":
        """Have the college join with two signatures, and both nodes tell the others."""
        self.hold_at_college(self.accession())
        self.rounds(COLLEGE)
        self.admit()
        self.rounds(TRUST, COLLEGE, COUNCIL)
        return self

    def pair(self, at: EntityId, other: EntityId) -> PairState | None:
        standing = self.network.nodes[at].agreements.find(self.ref, now=self.network.clock.now())
        assert standing is not None
        pair = standing.agreement.pairs.get(other)
        return None if pair is None else pair.state

    def ask(self, purpose: str = PURPOSE) -> dict[str, Any]:
        """Have the college ask the council, and return the line or the refusal."""
        client = self.network.case_client(COLLEGE)
        body = client.body(wait_s=20.0, purpose=purpose, from_service="college", holders=[SOCIAL_CARE])
        answer = client.post_lookup(body)
        if answer.status_code != 201:
            refused: dict[str, Any] = answer.get_json()
            return refused
        [line] = answer.get_json()["answers"]
        return dict(line)

    def call(
        self, papers: Papers = NO_PAPERS, *, by: EntityId = COLLEGE, to: EntityId = TRUST, **more: Any
    ) -> TestResponse:
        now = self.network.clock.now()
        parties = call_parties(by, to, jti=token_hex(8), now=now)
        called = PartyCall(parties=parties, agreement=self.ref, papers=papers, **more)
        raw = build_call(called, signer=self.signer(by))
        path = f"/agreements/v1/{self.ref.digest}/signatures"
        return http(self.network, to).post(path, data=raw, content_type="application/jwt", base_url=to)

    def waiting(self, at: EntityId) -> int:
        now = self.network.clock.now()
        return len(self.network.nodes[at].agreements.joiner_records(self.ref, now=now).accessions)


@pytest.fixture
def joining(tmp_path: Path) -> Iterator[Joining]:
    """Give a council and a trust under an open agreement, and a college and a housing office with the mark."""
    network = Network(tmp_path, [BY_ENTITY[each] for each in (COUNCIL, TRUST, COLLEGE, HOUSING)])
    publish(network, ANCHOR, network.anchor.vault.signer(KeyUse.FEDERATION), trust_mark_issuers={MARK: [ANCHOR]})
    hold(network, COLLEGE, [MARK])
    ref = network.agree(open_document(network), held_by=[COUNCIL, TRUST])
    yield Joining(network=network, ref=ref)
    network.close()


def test_a_college_joins_with_two_signatures_and_every_node_learns_of_it(joining: Joining) -> None:
    joining.joined()
    for at in (COUNCIL, TRUST, COLLEGE):
        standing = joining.network.nodes[at].agreements.find(joining.ref, now=joining.network.clock.now())
        assert isinstance(standing, InForce)
        assert set(standing.agreement.joiners) == {COLLEGE}
    assert joining.pair(COUNCIL, COLLEGE) is joining.pair(COLLEGE, COUNCIL) is PairState.WAITING


def test_it_asks_once_the_council_confirms(joining: Joining) -> None:
    joining.joined()
    early = joining.ask()
    assert "this opens on" in str(early)
    joining.rule(Ruling.CONFIRMED)
    joining.rounds(COUNCIL)
    assert joining.ask()["status"] == "known"
    assert joining.ask("marac")["status"] == "known"


def test_it_asks_when_the_days_of_objection_have_ended_but_not_about_a_conference(joining: Joining) -> None:
    joining.joined()
    joining.network.clock.forward(days=DAYS)
    assert "this opens on" in str(joining.ask())
    joining.network.clock.forward(days=1)
    hold(joining.network, COLLEGE, [MARK])
    assert joining.ask()["status"] == "known"
    assert "has to confirm it first" in str(joining.ask("marac"))


def test_an_objecting_party_stays_closed_until_it_confirms(joining: Joining) -> None:
    joining.joined()
    joining.rule(Ruling.OBJECTED)
    joining.rounds(COUNCIL)
    joining.network.clock.forward(days=DAYS + 5)
    assert "objected" in str(joining.ask())
    assert joining.pair(COUNCIL, COLLEGE) is joining.pair(COLLEGE, COUNCIL) is PairState.OBJECTED
    joining.rule(Ruling.CONFIRMED)
    joining.rounds(COUNCIL)
    assert joining.ask()["status"] == "known"


@pytest.mark.holds("A72")
def test_an_accession_without_its_admission_changes_nothing_at_any_node(joining: Joining) -> None:
    joining.hold_at_college(joining.accession())
    joining.rounds(COLLEGE)
    assert joining.waiting(TRUST) == 1
    joining.network.clock.forward(days=DAYS + 5)
    joining.rounds(TRUST, COLLEGE, COUNCIL)
    assert joining.waiting(COUNCIL) == 0, "no party but one that admits hears of it"
    for at in (COUNCIL, TRUST):
        [standing] = joining.network.nodes[at].agreements.in_force(now=joining.network.clock.now())
        assert COLLEGE not in {party.entity for party in standing.agreement.parties}
    assert joining.network.nodes[COLLEGE].agreements.in_force(now=joining.network.clock.now()) == ()
    assert joining.ask()["code"] == "not-permitted"


@pytest.mark.holds("A72")
@pytest.mark.parametrize(
    "attempt",
    ["by-the-joiner", "by-a-party-that-may-not", "for-another-accession", "without-the-joiner", "tampered"],
)
def test_an_admission_that_is_not_the_admitting_partys_own_changes_nothing(joining: Joining, attempt: str) -> None:
    raw = joining.accession()
    joining.network.clock.forward(seconds=1)
    other = joining.accession()
    papers = {
        "by-the-joiner": lambda: Papers(accession=raw, admission=joining.admission(raw, by=COLLEGE)),
        "by-a-party-that-may-not": lambda: Papers(accession=raw, admission=joining.admission(raw, by=COUNCIL)),
        "for-another-accession": lambda: Papers(accession=raw, admission=joining.admission(other)),
        "without-the-joiner": lambda: Papers(admission=joining.admission(raw)),
        "tampered": lambda: Papers(accession=raw, admission=joining.admission(raw)[:-4] + b"AAAA"),
    }[attempt]()
    for to in (TRUST, COUNCIL):
        answer = joining.call(papers, to=to)
        assert answer.status_code in {400, 403, 422}, answer.text
        assert joining.waiting(to) == 0


@pytest.mark.holds("A72")
def test_a_store_with_an_admission_that_does_not_prove_binds_nothing(joining: Joining) -> None:
    """The registry proves both signatures again, however the rows came into the store."""
    raw = joining.accession()
    accession, ref, now = joining.read(raw), joining.ref, joining.network.clock.now()
    forged = joining.admission(raw, by=COLLEGE)
    keys = json.dumps(federation_keys(joining.network.nodes[COLLEGE].vault).to_jwks()).encode()

    def put(tx: Transaction) -> None:
        stored = accessions.StoredAccession(
            agreement_id=ref.id,
            version=ref.version,
            digest=accession.digest,
            entity=COLLEGE,
            accession=StoredSignature(raw=raw, jwks=keys),
        )
        accessions.put(tx, agreement=ref, accession=stored, added_at=now)
        signed = StoredSignature(raw=forged, jwks=keys)
        accessions.admit(tx, agreement=ref, digest=accession.digest, party=TRUST, signed=signed, at=now)

    joining.network.nodes[COUNCIL].store.write(put)
    joining.network.clock.forward(days=DAYS + 5)
    [standing] = joining.network.nodes[COUNCIL].agreements.in_force(now=joining.network.clock.now())
    assert {party.entity for party in standing.agreement.parties} == {COUNCIL, TRUST}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"to": "schools"}, "has no class schools that may join; it has: colleges"),
        ({"services": (ServiceSlug("library"),)}, "No authority vouches for its service library"),
        ({"entity": HOUSING}, "It lacks the mark"),
    ],
    ids=["wrong-class", "unknown-service", "without-the-mark"],
)
def test_a_joiner_that_does_not_fit_is_refused_with_the_reason(
    joining: Joining, changes: dict[str, Any], problem: str
) -> None:
    joiner = changes.pop("entity", COLLEGE)
    answer = joining.call(Papers(accession=joining.accession(joiner, **changes)), by=joiner)
    assert answer.status_code == 403
    assert problem in answer.text.replace("\\", "")
    assert joining.waiting(TRUST) == 0


def test_an_accession_to_another_version_is_refused_and_a_replaced_one_admits_none(joining: Joining) -> None:
    foreign = joining.accession(ref=replace(joining.ref, version=2))
    assert joining.call(Papers(accession=foreign)).status_code == 403
    joining.network.agree(open_document(joining.network, version=2), held_by=[COUNCIL, TRUST])
    replaced = joining.call(Papers(accession=joining.accession()))
    assert (replaced.status_code, replaced.get_json()["signatures"]) == (200, [])
    assert "ending" in replaced.get_json()
    assert joining.waiting(TRUST) == 0


def test_a_member_that_has_not_joined_is_given_no_signature(joining: Joining) -> None:
    bare = joining.call()
    brought = joining.call(Papers(accession=joining.accession()))
    assert (bare.status_code, brought.status_code) == (400, 200)
    assert "R. Example" not in bare.text
    assert brought.get_json() == {"signatures": []}
    assert joining.call(after="-").status_code == 400


def test_a_party_that_does_not_admit_keeps_no_accession(joining: Joining) -> None:
    answer = joining.call(Papers(accession=joining.accession()), to=COUNCIL)
    assert answer.status_code == 400
    assert joining.waiting(COUNCIL) == 0


def test_an_accession_is_brought_by_its_joiner(joining: Joining) -> None:
    answer = joining.call(Papers(accession=joining.accession()), by=HOUSING)
    assert answer.status_code == 400
    assert joining.waiting(TRUST) == 0


def test_few_accessions_are_heard_in_a_minute_and_a_newer_one_replaces_the_one_that_waits(joining: Joining) -> None:
    joining.network.clock.forward(seconds=60 - joining.network.clock.moment.second)
    hold(joining.network, HOUSING, [MARK])
    statuses = []
    for _ in range(5):
        statuses.append(joining.call(Papers(accession=joining.accession())).status_code)
        joining.network.clock.forward(seconds=1)
    assert statuses == [200] * 3 + [503] * 2
    assert joining.waiting(TRUST) == 1
    other = joining.call(Papers(accession=joining.accession(HOUSING)), by=HOUSING)
    assert other.status_code == 403, "another agency is heard, and refused for its kind"
    joining.network.clock.forward(minutes=1)
    assert joining.call(Papers(accession=joining.accession())).status_code == 200


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
    for _ in range(4):
        result = offer(trust, agreement, COUNCIL, now=joining.network.clock.now())
        assert result.status is DeliveryStatus.REFUSED
        joining.network.clock.forward(minutes=1)
    assert set(taken) == {"good"}


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


@pytest.mark.parametrize("closure", [Closure.ENDED, Closure.WITHDRAWN])
def test_a_joiner_does_not_end_the_agreement_of_others(joining: Joining, closure: Closure) -> None:
    joining.joined()
    ending = build_ending(
        joining.ref, closure, party=COLLEGE, signer=joining.signer(COLLEGE), now=joining.network.clock.now()
    )
    assert joining.call(ending=ending).status_code == 400
    [seen_by_college] = joining.network.nodes[COLLEGE].agreements.in_force(now=joining.network.clock.now())
    assert not seen_by_college.agreement.may_end(COLLEGE)
    assert joining.network.nodes[TRUST].agreements.in_force(now=joining.network.clock.now())


def test_a_ruling_of_another_party_is_not_taken(joining: Joining) -> None:
    joining.joined()
    own_signer, now = joining.signer(COUNCIL), joining.network.clock.now()
    [record] = joining.network.nodes[TRUST].agreements.joiner_records(joining.ref, now=now).accessions
    ruling = build_ruling(record.accession, Ruling.CONFIRMED, party=COUNCIL, signatory=WHO, signer=own_signer, now=now)
    assert joining.call(Papers(ruling=ruling), by=TRUST, to=COLLEGE).status_code == 400
    assert joining.pair(COLLEGE, COUNCIL) is PairState.WAITING


def test_a_node_that_was_away_collects_what_it_missed(joining: Joining) -> None:
    del joining.network.wire.apps[COUNCIL]
    joining.joined()
    assert joining.waiting(COUNCIL) == 0
    joining.network.wire.apps[COUNCIL] = joining.network.nodes[COUNCIL].peer_app
    joining.network.start(COUNCIL)
    joining.network.clock.forward(minutes=10)  # the trust had found it away
    joining.rounds(COUNCIL)
    assert joining.pair(COUNCIL, COLLEGE) is PairState.WAITING


def test_a_joiner_that_no_longer_holds_the_mark_of_its_class_is_refused(joining: Joining) -> None:
    joining.joined()
    joining.rule(Ruling.CONFIRMED)
    joining.rounds(COUNCIL)
    assert joining.ask()["status"] == "known"
    hold(joining.network, COLLEGE, [])
    joining.network.clock.forward(hours=2)
    line = joining.ask()
    assert line["status"] == "refused"
    assert "lacks" in line["reason"]


def test_a_joiner_that_leaves_is_gone_at_every_node(joining: Joining) -> None:
    joining.joined()
    joining.rule(Ruling.CONFIRMED)
    leaving = build_ending(
        joining.ref, Closure.LEFT, party=COLLEGE, signer=joining.signer(COLLEGE), now=joining.network.clock.now()
    )
    assert joining.call(ending=leaving, to=COUNCIL).status_code == 200
    [standing] = joining.network.nodes[COUNCIL].agreements.in_force(now=joining.network.clock.now())
    assert COLLEGE not in {party.entity for party in standing.agreement.parties}


def test_what_was_verified_is_not_verified_again_after_a_change(
    joining: Joining, monkeypatch: pytest.MonkeyPatch
) -> None:
    joining.joined()
    opened: list[str] = []

    def counting(raw: bytes, **arguments: Any) -> jose.Opened:
        opened.append(arguments["typ"])
        return open_signed(raw, **arguments)

    open_signed = jose.open_signed
    monkeypatch.setattr(jose, "open_signed", counting)
    node, now = joining.network.nodes[COUNCIL], joining.network.clock.now()
    fresh = AgreementRegistry(node.store, own=COUNCIL)
    fresh.standings(now=now)
    assert sorted(opened) == sorted([SIGNATURE_TYP, SIGNATURE_TYP, ACCESSION_TYP, ADMISSION_TYP])
    opened.clear()
    joining.rule(Ruling.CONFIRMED)
    opened.clear()
    [standing] = fresh.standings(now=now)
    assert standing.agreement.pairs[COLLEGE].state is PairState.CONFIRMED
    assert opened == [RULING_TYP]
