"""A dead, slow, lying or half-open peer or case system costs its own line and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from pysqlite3 import dbapi2

from gateway.ports import PeerRequest, PeerResponse
from tests.simulator import faults
from tests.simulator.case_files import REGISTRY_HOST
from tests.simulator.network import Network
from tests.simulator.town import ANCHOR, BY_ENTITY, COLLEGE, COUNCIL, HOUSING, JOBCENTRE, SUBJECT, TRUST
from tests.simulator.wire import Fault, Pass
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner
from trust.strict_json import JsonObject

SILENT = f"{TRUST}#mental-health"
OTHERS = {
    f"{COUNCIL}#childrens-social-care",
    f"{COUNCIL}#money-advice",
    f"{COUNCIL}#youth-justice",
    f"{HOUSING}#housing",
}
PEER_S, CASE_SYSTEM_S = 2.0, 1.0


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Network]:
    limits = {"lookup_s": 10.0, "peer_s": PEER_S, "case_system_s": CASE_SYSTEM_S}
    made = Network(tmp_path, [BY_ENTITY[entity] for entity in (COUNCIL, TRUST, HOUSING)], limits=limits)
    made.agree()
    yield made
    made.close()


def statuses(network: Network) -> dict[str, str]:
    view = network.case_client().look_up()
    assert view["state"] == "complete"
    told = {line["service"]: line["status"] for line in view["answers"]}
    answered = sum(status != "no_reply" for status in told.values())
    assert view["summary"] == f"{answered} of 5 services answered"
    return told


def warm(network: Network) -> None:
    """Let every node know the others, so that what follows strikes the exchange itself."""
    network.case_client().look_up()  # the first one may be slow on a busy machine
    assert set(statuses(network).values()) == {"known"}
    network.wire.asked.clear()
    network.wire.log.clear()


def others_stand(told: dict[str, str]) -> None:
    assert told == {SILENT: "no_reply"} | dict.fromkeys(OTHERS, "known")


def of_another(network: Network) -> Fault:
    """Answer with another node's reply."""
    network.case_client().lines()
    others = network.wire.messages(HOUSING)[-1][1]
    return faults.replies(lambda _: others.body)


def of_yesterday(network: Network) -> Fault:
    """Answer with the node's own reply to an earlier question about the same person."""
    network.case_client().lines()
    earlier = network.wire.messages(TRUST)[-1][1]
    return faults.replies(lambda _: earlier.body)


def nonsense(status: int, content_type: str, body: bytes) -> Callable[[Network], Fault]:
    def fault(_network: Network) -> Fault:
        return lambda _request, _answer: PeerResponse(status=status, content_type=content_type, headers={}, body=body)

    return fault


def lies(change: Callable[[JsonObject], None]) -> Callable[[Network], Fault]:
    """Change what is said, properly signed by the node itself."""

    def fault(network: Network) -> Fault:
        return faults.replies(faults.resigned(network.nodes[TRUST].vault.signer(KeyUse.MESSAGE), change))

    return fault


def _change_nothing(_claims: JsonObject) -> None:
    """Say what the node says."""


FAULTS: dict[str, Callable[[Network], Fault]] = {
    "dead": lambda _: faults.down,
    "half-open": lambda _: faults.half_open,
    "slow": lambda _: faults.slow(5.0),
    "redirecting": lambda _: faults.redirecting,
    "bad signature": lambda _: faults.replies(faults.badly_signed),
    "tampered": lambda _: faults.replies(faults.tampered),
    "unknown key": lambda _: faults.replies(faults.resigned(LocalSigner.generate(KeyUse.MESSAGE), _change_nothing)),
    "another node's reply": of_another,
    "an earlier reply": of_yesterday,
    "no JWT": nonsense(200, "application/jwt", b"<html>It works!</html>"),
    "another type": nonsense(200, "text/html", b"<html>It works!</html>"),
    "too long": nonsense(200, "application/jwt", b"a" * 100_000),
    "server error": nonsense(502, "text/html", b"Bad Gateway"),
    "for somebody else": lies(lambda claims: claims.update(aud=HOUSING)),
    "from somebody else": lies(lambda claims: claims.update(iss=HOUSING)),
    "expired": lies(lambda claims: claims.update(iat=claims["iat"] - 900, exp=claims["exp"] - 900)),
    "other clause": lies(lambda claims: claims.update(clause="another")),
    "no status": lies(lambda claims: claims.update(body={})),
    "known without involvement": lies(lambda claims: claims["body"].update(involvements=[])),
    "its own no_reply": lies(lambda claims: claims["body"].update(status="no_reply", involvements=[])),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_faulty_peer_costs_only_its_own_line(trio: Network, fault: Callable[[Network], Fault]) -> None:
    warm(trio)
    trio.wire.faults[TRUST] = fault(trio)
    others_stand(statuses(trio))


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"keep_until": "2999-01-01", "onward": "to-anybody", "as_of": "2998-01-01"}, {}),
        ({"onward": "within-agency"}, {}),
        ({"keep_until": "2001-01-01", "as_of": "2001-01-01"}, {"keep_until": "2001-01-01", "as_of": "2001-01-01"}),
    ],
    ids=["looser", "further", "closer"],
)
def test_a_peers_terms_may_be_closer_than_the_clauses_and_never_looser(
    trio: Network, terms: dict[str, str], told: dict[str, str]
) -> None:
    good = trio.case_client().lines()[SILENT]
    trio.wire.faults[TRUST] = lies(lambda claims: claims["body"].update(terms))(trio)
    assert trio.case_client().lines()[SILENT] == {**good, **told}


@pytest.mark.parametrize(
    "fault", [faults.down, faults.half_open, faults.redirecting], ids=["dead", "half-open", "away"]
)
def test_a_peer_that_was_never_met_and_fails_costs_only_its_own_line(trio: Network, fault: Fault) -> None:
    trio.wire.faults[TRUST] = fault
    others_stand(statuses(trio))


def test_a_slow_peer_is_waited_for_no_longer_than_the_limit(trio: Network) -> None:
    warm(trio)
    patience: list[float] = []

    def watched(request: PeerRequest, answer: Pass) -> PeerResponse:
        patience.append(request.timeout_s)
        return faults.half_open(request, answer)

    trio.wire.faults[TRUST] = watched
    others_stand(statuses(trio))
    assert max(patience) <= PEER_S


def test_the_answers_of_the_others_are_there_while_one_is_awaited(trio: Network) -> None:
    warm(trio)
    seen = Event()

    def awaited(request: PeerRequest, answer: Pass) -> PeerResponse:
        assert seen.wait(60)
        return faults.half_open(request, answer)

    trio.wire.faults[TRUST] = awaited
    client = trio.case_client()
    began = client.post_lookup(client.body(wait_s=0.0)).get_json()
    end = monotonic() + 60
    while began["state"] == "running" and len(began["answers"]) < 4 and monotonic() < end:
        began = client.get_lookup(began["id"]).get_json()
    assert {line["service"] for line in began["answers"]} == OTHERS
    seen.set()
    while began["state"] == "running" and monotonic() < end:
        began = client.get_lookup(began["id"]).get_json()
    assert began["summary"] == "4 of 5 services answered"


@pytest.mark.holds("A48")
def test_a_field_that_a_holder_should_not_have_sent_is_dropped(trio: Network) -> None:
    say_more = lies(lambda claims: claims["body"]["involvements"][0].update(worker="Farouk Linton", phone="01632"))
    trio.wire.faults[TRUST] = say_more(trio)
    client = trio.case_client()
    line = client.lines(practitioner=client.as_role("duty-officer"))[SILENT]
    assert line["status"] == "known"
    assert set(line["involvements"][0]) == {"organisation", "duty_phone"}


def test_without_the_anchor_known_peers_still_answer_each_other(trio: Network) -> None:
    warm(trio)
    trio.wire.faults[ANCHOR] = faults.down
    trio.clock.forward(hours=2)
    assert set(statuses(trio).values()) == {"known"}


def test_without_the_anchor_a_peer_that_was_never_met_is_not_asked(trio: Network) -> None:
    own = trio.nodes[COUNCIL].directory
    for entity in (COUNCIL, HOUSING):
        own.resolve(entity, now=trio.clock.now())
        trio.nodes[HOUSING].directory.resolve(entity, now=trio.clock.now())
    trio.wire.faults[ANCHOR] = faults.down
    others_stand(statuses(trio))
    assert not trio.wire.messages(TRUST)


def test_a_node_that_started_without_the_anchor_answers_soon_after_it_comes(trio: Network) -> None:
    trio.wire.faults[ANCHOR] = faults.down
    assert set(statuses(trio).values()) == {"no_reply"}
    del trio.wire.faults[ANCHOR]
    trio.clock.forward(seconds=61)
    assert set(statuses(trio).values()) == {"known"}


def test_a_peer_under_another_certificate_of_the_anchor_is_not_believed(trio: Network) -> None:
    """Even the anchor's own statement about another member does not vouch for this peer."""
    about_housing = trio.wire.deliver(fetch_of(HOUSING))
    trio.wire.faults[ANCHOR] = lambda request, answer: about_housing if request.url == fetch_of(TRUST).url else answer()
    others_stand(statuses(trio))


def fetch_of(entity: str) -> PeerRequest:
    return PeerRequest(
        method="GET",
        url=f"{ANCHOR}/federation/v1/fetch?sub=https%3A%2F%2F{entity.removeprefix('https://')}",
        headers={},
        body=b"",
        accept="application/entity-statement+jwt",
        max_bytes=65_536,
        timeout_s=5,
    )


@pytest.mark.parametrize("entity", [COUNCIL, HOUSING], ids=["in this agency", "at a peer"])
@pytest.mark.parametrize("sickness", ["locked", "gone", "nonsense", "no database"])
def test_a_faulty_case_system_costs_only_its_own_line(trio: Network, entity: EntityId, sickness: str) -> None:
    slug = {COUNCIL: "youth-justice", HOUSING: "housing"}[entity]
    database = trio.folder_of(entity) / f"{slug}-cases.db"
    if sickness == "locked":
        with faults.locked(database):
            told = statuses(trio)
    else:
        sicken(database, sickness)
        told = statuses(trio)
    assert {service for service, status in told.items() if status == "no_reply"} == {f"{entity}#{slug}"}
    assert set(told.values()) == {"known", "no_reply"}


def sicken(database: Path, how: str) -> None:
    if how == "gone":
        database.unlink()
    elif how == "no database":
        database.write_bytes(b"\x89\x00 this is no database at all <<<")
    else:
        with closing(dbapi2.connect(str(database))) as connection, connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                connection.execute(f"DROP TABLE {name}")


def test_an_adapter_with_a_bug_costs_only_its_own_line(trio: Network) -> None:
    class Buggy:
        def __getattr__(self, name: str) -> None:
            raise RuntimeError("about Daniel Hartley")

    adapter = trio.adapter(COUNCIL, "youth-justice")
    trio.use_adapter(COUNCIL, "youth-justice", replace(adapter, involvement=Buggy()))  # type: ignore[arg-type]
    told = statuses(trio)
    assert {service for service, status in told.items() if status == "no_reply"} == {f"{COUNCIL}#youth-justice"}


def test_a_registry_that_hangs_costs_only_its_own_line(benefits: Network) -> None:
    benefits.case_systems.faults[REGISTRY_HOST] = faults.hanging
    answer = benefits.case_client().post_eligibility()
    [line] = answer.get_json()["answers"]
    assert (line["service"], line["status"]) == (f"{JOBCENTRE}#jobcentre", "no_reply")
    assert benefits.case_client().lines()[f"{JOBCENTRE}#jobcentre"]["status"] == "known"


def test_a_whole_town_that_is_silent_is_still_a_complete_answer(town: Network) -> None:
    for entity in town.nodes:
        if entity != COUNCIL:
            town.wire.faults[entity] = faults.down
    lines = town.case_client().lines(subject=SUBJECT)
    assert lines[f"{COLLEGE}#college"]["reason"]
    assert sorted(line["status"] for line in lines.values()) == ["known"] * 3 + ["no_reply"] * 5
