"""Several messages in one request: sent by the relay, and as an attacker would write them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.delivery.outbox import open_outgoing
from gateway.federation import entity_configuration
from gateway.federation.entity_configuration import BATCHES_PATH
from gateway.ports import PeerRequest, PeerResponse, StoreFull, Transaction, TransportError
from gateway.store.tables import flags, inbox, outbox
from gateway.store.tables.inbox import InboxMessage, InboxState
from gateway.store.tables.outbox import OutboxState
from tests.simulator.agreements import ref_of
from tests.simulator.faults import MESSAGES
from tests.simulator.peer_hand import PeerHand, claims_in
from tests.simulator.queued import Sending, alert, sending
from tests.simulator.town import COUNCIL, HOUSING, TRUST
from tests.simulator.wire import Pass
from trust import jose
from trust.claims import digest
from trust.exchange.batch import MAX_BATCH, MAX_MESSAGES, build_batch
from trust.federation.node_metadata import NodeMetadata
from trust.identifiers import KindName, ServiceSlug
from trust.keys import KeyUse

SERVICE = ServiceSlug("mental-health")
Bad = Callable[["PeerHand", bytes], bytes]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path, played=()) as world:
        yield world


@pytest.fixture
def hand(world: Sending) -> PeerHand:
    return PeerHand(network=world.network, agreement=ref_of(world.network), clause="alert", kind=KindName("alert"))


def submit(world: Sending, number: int) -> list[str]:
    """Submit alerts of different cases."""
    return [world.submit(alert(case_ref=f"case-{each}")) for each in range(number)]


def raws(world: Sending, submissions: Sequence[str]) -> list[bytes]:
    """Return the signed bytes of alerts that wait in the outbox."""
    node = world.network.nodes[COUNCIL]
    found = []
    for each in submissions:
        message = world.row(each).message
        sealed = node.store.read(partial(outbox.sealed, message=message))
        found.append(open_outgoing(node.vault.seal_key(), message, sealed or b""))
    return found


def arrived(world: Sending) -> tuple[InboxMessage, ...]:
    return world.network.nodes[TRUST].receiving.inbox.page(SERVICE, state=InboxState.OPEN, after=None, limit=200)


def answers(response: PeerResponse) -> list[Any]:
    assert response.status == 200, response.body
    found: list[Any] = json.loads(response.body)["answers"]
    return found


def posted(world: Sending, urls: list[str], change: Callable[[PeerRequest], PeerResponse | None] | None = None) -> None:
    """Note to which addresses of the recipient anything is posted, and perhaps answer in its place."""

    def note(request: PeerRequest, forward: Pass) -> PeerResponse:
        urls.append(request.url.removeprefix(TRUST))
        return (change(request) if change else None) or forward()

    world.network.wire.faults[TRUST] = note


def commits(world: Sending) -> list[int]:
    """Count the recipient's transactions from now on."""
    store = world.network.nodes[TRUST].store
    real, made = store.write, [0]

    def write(work: Callable[[Transaction], object]) -> object:
        made[0] += 1
        return real(work)

    store.write = write  # type: ignore[assignment, method-assign]
    return made


@pytest.mark.holds("A1")
def test_alerts_of_different_cases_share_a_request_and_a_transaction(world: Sending) -> None:
    submissions, urls = submit(world, 5), list[str]()
    world.network.nodes[TRUST].directory.resolve(COUNCIL, now=world.clock.now())
    posted(world, urls)
    made = commits(world)
    world.drain()
    assert urls.count(BATCHES_PATH) == 1
    assert MESSAGES not in urls
    assert made == [1]
    assert {world.row(each).state for each in submissions} == {OutboxState.STORED}
    assert len(arrived(world)) == 5


@pytest.mark.holds("A15")
def test_alerts_of_one_case_are_never_in_one_batch(world: Sending) -> None:
    urls, bodies = list[str](), list[bytes]()
    same = [world.submit() for _ in range(3)]
    other = world.submit(alert(case_ref="other"))
    posted(world, urls, lambda request: bodies.append(request.body))
    world.drain()
    for _ in range(4):
        world.clock.forward(seconds=2)
        world.drain()
    assert urls.count(BATCHES_PATH) == 1
    assert urls.count(MESSAGES) == 2
    first, second, third = raws(world, same)
    assert first.decode() in bodies[urls.index(BATCHES_PATH)].decode()
    assert [each for each in bodies if each in {second, third}] == [second, third]
    assert world.row(other).state is OutboxState.STORED


def test_a_batch_holds_no_more_than_its_caps(world: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    submissions, urls = submit(world, MAX_MESSAGES + 3), list[str]()
    sizes: list[int] = []
    posted(world, urls, lambda request: sizes.append(len(request.body)))
    size = len(raws(world, submissions[:1])[0])
    monkeypatch.setattr("gateway.delivery.dispatch.MAX_BATCH", 10 * (size + 16))
    world.drain()
    assert {world.row(each).state for each in submissions} == {OutboxState.STORED}
    assert max(sizes) <= 10 * (size + 16)
    assert urls.count(BATCHES_PATH) >= 4


def test_a_peer_without_the_endpoint_gets_single_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(**members: Any) -> NodeMetadata:
        return NodeMetadata(**{**members, "batch_endpoint": None})

    monkeypatch.setattr(entity_configuration, "NodeMetadata", without)
    with sending(tmp_path, played=()) as world:
        submissions, urls = submit(world, 3), list[str]()
        posted(world, urls)
        world.drain()
        assert urls.count(MESSAGES) == 3
        assert BATCHES_PATH not in urls
        assert {world.row(each).state for each in submissions} == {OutboxState.STORED}


WHOLE_REFUSALS = (
    (404, b"{}"),
    (413, b"<html>"),
    (500, b"{}"),
    (200, b"<html>"),
    (200, b'{"answers":[]}'),
    (200, b'{"answers":[null,null,null]}'),
    (200, b'{"answers":[{"problem":{}},{"problem":{}},{"problem":{}}]}'),
)


def test_messages_of_a_batch_that_is_refused_as_a_whole_are_sent_singly(world: Sending) -> None:
    for status, body in WHOLE_REFUSALS:
        said = PeerResponse(status=status, content_type="application/json", headers={}, body=body)
        submissions, urls = submit(world, 3), list[str]()
        posted(world, urls, lambda request, said=said: said if request.url.endswith(BATCHES_PATH) else None)  # type: ignore[misc]
        world.drain()
        assert {world.row(each).state for each in submissions} == {OutboxState.STORED}, said
        assert urls.count(MESSAGES) == 3


def test_a_receipt_in_the_place_of_another_counts_for_none(world: Sending) -> None:
    def swap(request: PeerRequest) -> PeerResponse | None:
        if not request.url.endswith(BATCHES_PATH):
            return None
        answer = world.network.wire.deliver(request)
        swapped = json.dumps({"answers": answers(answer)[::-1]}).encode()
        return replace(answer, body=swapped)

    submissions, urls = submit(world, 2), list[str]()
    posted(world, urls, swap)
    world.drain()
    assert {world.row(each).stored_at for each in submissions} == {None}


@pytest.mark.holds("A1", "A3")
def test_a_batch_whose_answer_is_lost_is_sent_again_and_takes_effect_once(world: Sending) -> None:
    said: list[list[str]] = []

    def lose_first(request: PeerRequest) -> PeerResponse | None:
        if not request.url.endswith(BATCHES_PATH):
            return None
        answer = world.network.wire.deliver(request)
        said.append(sorted(answers(answer)))
        if len(said) == 1:
            raise TransportError("the answer was lost")
        return answer

    submissions, urls = submit(world, 3), list[str]()
    posted(world, urls, lose_first)
    world.drain()
    assert {world.row(each).state for each in submissions} == {OutboxState.QUEUED}
    for _ in range(4):
        world.clock.forward(seconds=10)
        world.drain()
    assert {world.row(each).state for each in submissions} == {OutboxState.STORED}
    assert len(arrived(world)) == 3
    assert set(said[1]) <= set(said[0])


@pytest.mark.holds("A10")
def test_a_store_that_takes_nothing_receipts_nothing(world: Sending, hand: PeerHand) -> None:
    batch = build_batch(raws(world, submit(world, 3)))
    hand.token()
    store = world.network.nodes[TRUST].store
    real = store.write

    def full(work: Callable[[Transaction], object]) -> object:
        def fail_at_last(tx: Transaction) -> None:
            work(tx)
            raise StoreFull("no room")

        return real(fail_at_last)

    store.write = full  # type: ignore[assignment, method-assign]
    assert hand.post_batch(batch).status == 503
    store.write = real  # type: ignore[method-assign]
    assert arrived(world) == ()
    assert all(isinstance(each, str) for each in answers(hand.post_batch(batch)))
    assert len(arrived(world)) == 3


@pytest.mark.holds("A10")
def test_one_that_cannot_be_written_undoes_no_other(
    world: Sending, hand: PeerHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = raws(world, submit(world, 3))
    real = inbox.put
    poison = digest(second)

    def put(tx: Transaction, row: InboxMessage) -> None:
        if row.digest == poison:
            raise ValueError("a fault of ours")
        real(tx, row)

    monkeypatch.setattr(inbox, "put", put)
    said = answers(hand.post_batch(build_batch([first, second, third])))
    assert isinstance(said[0], str)
    assert said[1]["problem"]["code"] == "internal"
    assert isinstance(said[2], str)
    assert len(arrived(world)) == 2
    monkeypatch.undo()
    assert isinstance(answers(hand.post_batch(build_batch([second])))[0], str)


@pytest.mark.holds("A3", "A67")
def test_duplicates_in_a_batch_get_the_same_bytes_and_take_effect_once(world: Sending, hand: PeerHand) -> None:
    first, second = raws(world, submit(world, 2))
    said = answers(hand.post_batch(build_batch([first, second, first])))
    assert said[0] == said[2] != said[1]
    assert len(arrived(world)) == 2
    single = hand.post(first)
    assert single.body.decode() == said[0]
    assert answers(hand.post_batch(build_batch([second, first]))) == [said[1], said[0]]
    assert len(arrived(world)) == 2


@pytest.mark.holds("A67")
def test_a_duplicate_of_a_refused_message_gets_the_refusal_again(world: Sending, hand: PeerHand) -> None:
    good, other = raws(world, submit(world, 2))
    refused = _changed(hand, other, to_service="no-such-service")
    said = answers(hand.post_batch(build_batch([refused, good, refused])))
    assert said[0] == said[2] != said[1]
    assert _claims(said[0])["state"] == "failed"
    assert _claims(said[1])["state"] == "stored"
    assert hand.post(refused).body.decode() == said[0]


@pytest.mark.holds("A4")
def test_other_bytes_under_an_id_of_the_same_batch_are_a_conflict(world: Sending, hand: PeerHand) -> None:
    first, second = raws(world, submit(world, 2))
    forged = _changed(hand, second, jti=_claims(first.decode())["jti"])
    said = answers(hand.post_batch(build_batch([first, forged, second])))
    assert isinstance(said[0], str)
    assert said[1]["problem"]["status"] == 409
    assert said[1]["problem"]["code"] == "message-id-reused"
    assert isinstance(said[2], str)
    assert len(arrived(world)) == 2
    raised = world.network.nodes[TRUST].store.read(flags.list_open)
    assert "id_reused" in {each.code for each in raised}


def _tampered(_hand: PeerHand, raw: bytes) -> bytes:
    header, payload, signature = raw.split(b".")
    return b".".join([header, payload, signature[:-6] + b"AAAAAA"])


def _of_another(hand: PeerHand, raw: bytes) -> bytes:
    return _changed(replace(hand, own=HOUSING), raw, iss=HOUSING)


def _in_anothers_name(hand: PeerHand, raw: bytes) -> bytes:
    return _changed(hand, raw, iss=HOUSING)


def _for_another(hand: PeerHand, raw: bytes) -> bytes:
    return _changed(hand, raw, aud=HOUSING)


def _expired(hand: PeerHand, raw: bytes) -> bytes:
    claims = _claims(raw.decode())
    return _changed(hand, raw, iat=claims["iat"] - 2_000_000, exp=claims["iat"] - 10)


def _from_tomorrow(hand: PeerHand, raw: bytes) -> bytes:
    claims = _claims(raw.decode())
    return _changed(hand, raw, iat=claims["iat"] + 86_400, exp=claims["exp"] + 86_400)


def _too_large(_hand: PeerHand, raw: bytes) -> bytes:
    return raw + b"A" * 65_536


BAD: tuple[Bad, ...] = (
    _tampered,
    _of_another,
    _in_anothers_name,
    _for_another,
    _expired,
    _from_tomorrow,
    _too_large,
    lambda _hand, _raw: b"not a message",
    lambda _hand, _raw: "é.è.ê".encode(),
    lambda _hand, _raw: b"",
)


@pytest.mark.holds("A18")
def test_a_bad_message_is_refused_as_it_is_alone_and_costs_the_others_nothing(world: Sending, hand: PeerHand) -> None:
    for bad in BAD:
        first, second, third = raws(world, submit(world, 3))
        wrong, before = bad(hand, second), len(arrived(world))
        alone = json.loads(hand.post(wrong).body)
        leaves = world.network.leaves(TRUST)
        body = json.dumps({"messages": [first.decode(), wrong.decode(), third.decode()]}).encode()
        said = answers(hand.post_batch(body))
        assert said[1]["problem"]["code"] == alone["code"]
        assert said[1]["problem"]["status"] == alone["status"]
        assert [_claims(said[place])["state"] for place in (0, 2)] == ["stored", "stored"]
        assert len(arrived(world)) == before + 2
        assert len(world.network.leaves(TRUST)) == len(leaves) + 4


def test_a_question_in_a_batch_is_refused_and_no_one_is_searched_for(world: Sending, hand: PeerHand) -> None:
    asked = world.network.count(TRUST, SERVICE)
    question = replace(hand, clause="who-else-sensitive").signed()
    good = raws(world, submit(world, 1))[0]
    said = answers(hand.post_batch(build_batch([question, good])))
    assert said[0]["problem"]["code"] == "not-permitted"
    assert isinstance(said[1], str)
    assert asked.finds == 0


def test_a_batch_is_guarded_as_a_message_is(world: Sending, hand: PeerHand) -> None:
    batch = build_batch(raws(world, submit(world, 1)))
    token = hand.token()
    for headers in (
        {"Authorization": ""},
        {"Authorization": "DPoP no-such-token"},
        {"Authorization": f"Bearer {token.decode()}"},
        {"DPoP": ""},
        {"DPoP": hand.proof(token, path=MESSAGES)},
    ):
        assert hand.post_batch(batch, headers=headers).status == 401
    proof = {"DPoP": hand.proof(token, path=BATCHES_PATH)}
    assert arrived(world) == ()
    assert hand.post_batch(batch, headers=proof).status == 200
    assert hand.post_batch(batch, headers=proof).status == 401  # a proof is good once


def test_a_token_of_another_kind_permits_no_alert(world: Sending, hand: PeerHand) -> None:
    other = replace(hand, kind=KindName("involvement.query"), _tokens={})
    raw = raws(world, submit(world, 1))[0]
    said = answers(other.post_batch(build_batch([raw])))
    assert _claims(said[0])["state"] == "failed"
    assert arrived(world) == ()


OUT_OF_FORM = (
    (b"", 400),
    (b"[]", 400),
    (b"{}", 400),
    (b'{"messages":[]}', 400),
    (b'{"messages":"a.b.c"}', 400),
    (b'{"messages":[1]}', 400),
    (b'{"messages":[["a.b.c"]]}', 400),
    (b'{"messages":["a.b.c"],"more":1}', 400),
    (b'{"messages":["a.b.c"],"messages":["a.b.c"]}', 400),
    (b'{"messages":["a.b.c"]}\xff', 400),
    (json.dumps({"messages": ["a.b.c"] * (MAX_MESSAGES + 1)}).encode(), 400),
    (json.dumps({"messages": ["a" * MAX_BATCH]}).encode(), 413),
)


def test_a_batch_out_of_form_is_refused_as_a_whole(hand: PeerHand) -> None:
    for body, status in OUT_OF_FORM:
        answer = hand.post_batch(body)
        assert answer.status == status, body[:40]
        assert answer.content_type == "application/problem+json"


def test_a_batch_has_one_content_type_and_no_query_string(world: Sending, hand: PeerHand) -> None:
    batch = build_batch(raws(world, submit(world, 1)))
    assert hand.post_batch(batch, headers={"Content-Type": "application/jwt"}).status == 415
    assert hand.post_batch(batch, query="?a=b").status == 400
    assert arrived(world) == ()


def _claims(token: str) -> dict[str, Any]:
    return claims_in(token.encode())


def _changed(hand: PeerHand, raw: bytes, **changes: Any) -> bytes:
    claims = {**_claims(raw.decode()), **changes}
    return jose.sign(claims, typ="exchange-message+jwt", signer=hand.signer(KeyUse.MESSAGE))
