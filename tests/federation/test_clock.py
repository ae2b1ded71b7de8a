"""A node whose clock is wrong raises the alarm and signs nothing; what was asked meanwhile can be asked again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from gateway.app.authority import AnchorParts, create_anchor
from gateway.app.node import Node, create_node
from gateway.app.wiring import ExternalPorts
from gateway.health.clock_skew import WRONG_BEYOND, ClockMonitor, ClockReading, ClockSources, estimate_skew, read_clock
from gateway.ports import PeerRequest, PeerResponse
from gateway.runtime import machine_clock
from gateway.runtime.background import AtOnce
from gateway.store.tables import store_epoch
from tests.simulator.agreements import ref_of
from tests.simulator.clocks import SetClock
from tests.simulator.faults import dated
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, reply_body
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from tests.simulator.wire import Pass
from tests.support.logs import capture_logs
from trust.identifiers import EntityId
from trust.strict_json import loads

HOST = "here"


@dataclass(slots=True)
class OwnClock:
    """A machine's clock, which may be apart from everybody else's."""

    others: SetClock
    off: timedelta = timedelta()

    def now(self) -> datetime:
        return self.others.now() + self.off


@pytest.fixture
def clock(pair: Network) -> Iterator[OwnClock]:
    """Let the trust's node run by a clock of its own, and everybody's answers be dated, as servers date them."""
    own = OwnClock(pair.clock)
    before = pair.nodes[TRUST]
    node = create_node(
        before.settings,
        ExternalPorts(clock=own, transport=pair.wire, case_systems=pair.case_systems, sign_in=pair.wire),
    )
    pair.nodes[TRUST] = node
    pair.wire.apps[TRUST] = node.peer_app
    pair.wire.faults[ANCHOR] = dated(pair.clock)
    pair.wire.faults[COUNCIL] = dated(pair.clock)
    yield own
    before.store.close()
    before.claims.close()


@pytest.fixture
def anchor(pair: Network) -> Iterator[tuple[AnchorParts, OwnClock]]:
    """Make a new anchor, with a clock of its own, below members whose answers are dated."""
    own = OwnClock(pair.clock)
    made = create_anchor(pair.anchor.settings, own, pair.wire)
    for entity in (COUNCIL, TRUST):
        pair.wire.faults[entity] = dated(pair.clock)
    yield made, own
    made.store.close()


def undated(_request: PeerRequest, go_on: Pass) -> PeerResponse:
    answer = go_on()
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return PeerResponse(status=answer.status, content_type=answer.content_type, headers=headers, body=answer.body)


def set_clock(node: Node, clock: OwnClock, **off: float) -> None:
    """Put a machine's clock off, and let the node's next rounds come."""
    clock.off = timedelta(**off)
    node.keeper.check_health()
    node.fitness.invalidate()


def code(answer: PeerResponse) -> tuple[int, object]:
    return answer.status, loads(answer.body, max_bytes=10_000).get("code")


@pytest.mark.holds("A66")
@pytest.mark.parametrize("minutes", [5, -5])
def test_at_a_wrong_clock_a_node_signs_nothing_and_loses_nothing(pair: Network, clock: OwnClock, minutes: int) -> None:
    node = pair.nodes[TRUST]
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    token, raw = hand.token(), hand.signed()
    leaves = len(pair.leaves(TRUST))

    with capture_logs() as alarm:
        set_clock(node, clock, minutes=minutes)

    assert [line["code"] for line in alarm if line["event"] == "maintenance_warning"] == ["clock_wrong"]
    assert "timedatectl" in (node.fitness.fault() or "")
    assert node.operations_app.test_client().get("/health/ready").status_code == 503
    assert code(hand.post(raw, token=token)) == (503, "clock-wrong")  # no reply is signed
    for path in ("/oauth/v1/token", "/.well-known/openid-federation"):  # no token, and no statement
        answer = node.peer_app.test_client().get(path, base_url=TRUST)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert pair.case_client(TRUST).ask_token().status_code == 503

    set_clock(node, clock)

    assert node.fitness.fault() is None
    assert len(pair.leaves(TRUST)) == leaves  # nothing was done, so nothing is on record
    assert reply_body(hand.post(raw, token=token))["status"]  # the very same message is answered now
    assert pair.case_client(TRUST).ask_token().status_code == 200


@pytest.mark.holds("A66", "A22")
def test_what_a_clock_that_is_ahead_takes_for_expired_is_not_forgotten(pair: Network, clock: OwnClock) -> None:
    """Else a proof that was used before could be used again once the clock is right."""
    node = pair.nodes[TRUST]
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    raw, token = hand.signed(), hand.token()
    proof = {"DPoP": hand.proof(token)}
    assert hand.post(raw, token=token, headers=proof).status == 200
    set_clock(node, clock, minutes=5)
    node.keeper.round()
    set_clock(node, clock)
    node.keeper.round()
    assert code(hand.post(raw, token=token, headers=proof)) == (401, "proof-refused")


@pytest.mark.holds("A66")
def test_a_restored_store_is_not_reconciled_by_a_wrong_clock(pair: Network, clock: OwnClock) -> None:
    node = pair.nodes[TRUST]
    node.store.write(lambda tx: store_epoch.begin(tx, at=clock.now()))
    pair.clock.forward(seconds=30)
    set_clock(node, clock, minutes=5)
    assert not node.store.read(store_epoch.read).reconciled
    set_clock(node, clock)
    assert node.store.read(store_epoch.read).reconciled


@pytest.mark.holds("A66")
def test_at_a_wrong_clock_an_anchor_vouches_for_no_member(anchor: tuple[AnchorParts, OwnClock]) -> None:
    made, own = anchor

    def asked(**off: float) -> set[int]:
        own.off = timedelta(**off)
        made.keeper.check_health()
        http = made.peer_app.test_client()
        paths = ("/.well-known/openid-federation", f"/federation/v1/fetch?sub={TRUST}", "/federation/v1/list")
        return {http.get(path, base_url=ANCHOR).status_code for path in paths}

    with capture_logs() as alarm:
        assert asked(minutes=5) == {503}
    assert [line["code"] for line in alarm if line["event"] == "maintenance_warning"] == ["clock_wrong"]
    assert made.operations_app.test_client().get("/health/ready").status_code == 503
    assert asked() == {200}


def asked_in_a_round(network: Network, anchor: AnchorParts) -> int:
    network.wire.asked.clear()
    anchor.keeper.round()
    return len(network.wire.asked)


@pytest.mark.holds("A66")
@pytest.mark.parametrize("minutes", [5, -5])
def test_at_a_wrong_clock_an_anchor_believes_nothing_of_its_members(
    pair: Network, anchor: tuple[AnchorParts, OwnClock], minutes: int
) -> None:
    made, own = anchor
    own.off = timedelta(minutes=minutes)
    made.keeper.check_health()
    assert asked_in_a_round(pair, made) == 0
    own.off = timedelta()
    made.keeper.check_health()
    assert asked_in_a_round(pair, made) >= 2


@pytest.mark.holds("A59")
def test_until_a_restored_anchor_is_reconciled_it_believes_nothing_of_its_members(
    pair: Network, anchor: tuple[AnchorParts, OwnClock]
) -> None:
    made, own = anchor
    made.store.write(lambda tx: store_epoch.begin(tx, at=own.now()))
    assert asked_in_a_round(pair, made) == 0
    pair.clock.forward(seconds=30)
    made.keeper.check_health()
    assert asked_in_a_round(pair, made) >= 2


@pytest.mark.holds("A66")
def test_a_case_system_repeats_what_was_turned_away(pair: Network, clock: OwnClock) -> None:
    node, client = pair.nodes[TRUST], pair.case_client(TRUST)
    headers = client.headers(**{"Idempotency-Key": "a-key-of-its-own"})

    def post() -> tuple[int, object]:
        path = "/case/v1/eligibility"
        answer = client.http.post(path, base_url=client.base_url, json=client.body(), headers=headers)
        return answer.status_code, answer.get_json().get("code")

    set_clock(node, clock, minutes=6)
    assert post() == (503, "clock-wrong")
    set_clock(node, clock)
    assert post()[1] != "clock-wrong"


def test_a_minute_more_or_less_is_no_reason_to_stop(pair: Network, clock: OwnClock) -> None:
    set_clock(pair.nodes[TRUST], clock, seconds=50)
    assert pair.nodes[TRUST].fitness.fault() is None


def test_one_party_with_a_wrong_clock_stops_no_other(pair: Network, clock: OwnClock) -> None:
    node = pair.nodes[TRUST]
    node.directory.resolve(COUNCIL, now=clock.now())
    pair.wire.faults[ANCHOR] = dated(pair.clock, timedelta(minutes=10))
    set_clock(node, clock)
    assert node.fitness.fault() is None


def test_while_no_peer_answers_what_was_known_stays(pair: Network, clock: OwnClock) -> None:
    node = pair.nodes[TRUST]
    set_clock(node, clock, minutes=5)
    cut = dict(pair.wire.apps)
    for entity in (ANCHOR, COUNCIL):
        pair.wire.apps.pop(entity)
    set_clock(node, clock)
    assert node.fitness.fault() is not None
    pair.wire.apps.update(cut)
    set_clock(node, clock)
    assert node.fitness.fault() is None


MEMBERS = tuple(EntityId(f"https://m{number}.example") for number in range(5))


@pytest.mark.holds("A66")
@pytest.mark.parametrize(
    ("anchor", "seconds", "off"),
    [
        # while only an anchor is known, it alone decides
        (300, None, 300),
        (-300, None, -300),
        (59, None, 0),
        # one party decides nothing, an anchor neither
        (300, [], None),
        (None, [300], None),
        (None, [0], None),
        (300, [0], None),
        (300, [0, 0], None),
        # an anchor and a member, or three members
        (300, [310], 310),
        (-300, [-310], -300),
        (None, [300, 300], None),
        (None, [300, 310, 320], 310),
        (None, [0, 10, 20], 0),
        # more than half, on the same side, and of the same time
        (300, [-300], None),
        (300, [400], None),
        (None, [300, 400, 500], None),
        (0, [300, 310, 320], 310),
        (0, [300, 310, 0], None),
        (300, [300, 300, 0, 0], 300),
    ],
)
def test_no_single_party_decides(anchor: int | None, seconds: list[int] | None, off: int | None) -> None:
    read = [] if anchor is None else [ClockReading(entity=EntityId(ANCHOR), off=timedelta(seconds=anchor))]
    read += [
        ClockReading(entity=entity, off=timedelta(seconds=each))
        for entity, each in zip(MEMBERS, seconds or [], strict=False)
    ]
    parties = ClockSources(anchors=(EntityId(ANCHOR),), members=() if seconds is None else MEMBERS)
    assert estimate_skew(read, parties) == (None if off is None else timedelta(seconds=off))
    assert timedelta(seconds=60) == WRONG_BEYOND


@pytest.mark.parametrize(("known", "answered", "decides"), [(1, 1, False), (2, 1, False), (2, 2, True), (5, 2, False)])
def test_an_anchor_is_told_by_three_members_or_by_all_of_two(known: int, answered: int, *, decides: bool) -> None:
    read = [ClockReading(entity=entity, off=timedelta(seconds=300)) for entity in MEMBERS[:answered]]
    assert (estimate_skew(read, ClockSources(members=MEMBERS[:known])) is not None) == decides


@pytest.mark.holds("A66")
def test_a_clock_that_a_time_service_keeps_outweighs_the_others(
    pair: Network, clock: OwnClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_clock, "synchronised", lambda _clock: True)
    node = pair.nodes[TRUST]
    node = create_node(
        node.settings,
        ExternalPorts(clock=clock, transport=pair.wire, case_systems=pair.case_systems, sign_in=pair.wire),
    )
    with capture_logs() as alarm:
        set_clock(node, clock, minutes=5)
    assert [line["code"] for line in alarm if line["event"] == "maintenance_warning"] == ["clock_disputed"]
    assert node.fitness.fault() is None
    node.store.close()
    node.claims.close()


def test_an_answer_proves_a_time_only_by_its_date_or_a_signature_that_lies_ahead(pair: Network) -> None:
    own = OwnClock(pair.clock)

    def read() -> float | None:
        found = read_clock(pair.wire, EntityId(ANCHOR), own)
        return None if found is None else found.off.total_seconds()

    pair.wire.faults[ANCHOR] = undated
    assert read() is None  # signed at most now: its clock may be ahead of that by any time
    own.off = timedelta(minutes=-2)
    assert read() == 120.0
    pair.wire.faults[ANCHOR] = dated(pair.clock)
    own.off = timedelta(minutes=2)
    assert read() == -120.0
    pair.wire.apps[ANCHOR] = pair.wire.apps[COUNCIL]  # another's signature proves nothing for the anchor
    assert read() is None


def test_the_others_are_asked_every_few_minutes_and_at_once_after_a_jump(pair: Network) -> None:
    steady, own = [0.0], OwnClock(pair.clock)
    pair.wire.faults[ANCHOR] = dated(pair.clock)
    watch = ClockMonitor(
        store=pair.nodes[TRUST].store,
        transport=pair.wire,
        clock=own,
        sources=lambda: ClockSources(anchors=(EntityId(ANCHOR),)),
        host=HOST,
        has_time_service=lambda: False,
        notice=lambda _code: None,
        attempt=AtOnce().attempt,
        seconds=lambda: steady[0],
    )

    def asked(passed: int) -> int:
        steady[0] += passed
        pair.clock.forward(seconds=passed)
        before = len(pair.wire.asked)
        watch.round()
        return len(pair.wire.asked) - before

    assert asked(0) == 1
    assert [asked(60) for _ in range(5)] == [0, 0, 0, 0, 1]
    own.off = timedelta(minutes=5)
    assert asked(60) == 1  # it jumped
    assert asked(60) == 1  # and is wrong
    own.off = timedelta()
    assert [asked(60), asked(60)] == [1, 0]
