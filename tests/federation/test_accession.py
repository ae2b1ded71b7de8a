"""A college joins with two signatures; each pair opens by confirmation, or after the days of objection."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.agreements.registry import AgreementRegistry
from gateway.ports import Transaction
from gateway.store.tables import accessions
from gateway.store.tables.agreements import StoredSignature
from tests.federation.joining import DAYS, MARK, WHO, Joining, open_document
from tests.federation.marks import hold
from tests.simulator.network import federation_keys
from tests.simulator.town import COLLEGE, COUNCIL, HOUSING, TRUST
from trust import jose
from trust.agreements.accession import (
    ACCESSION_TYP,
    ADMISSION_TYP,
    RULING_TYP,
    Ruling,
    build_ruling,
)
from trust.agreements.agreement import Closure, InForce
from trust.agreements.ending import build_ending
from trust.agreements.joining import PairState
from trust.agreements.party_call import Papers
from trust.agreements.signature import TYP as SIGNATURE_TYP
from trust.identifiers import ServiceSlug


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
