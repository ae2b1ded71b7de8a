"""The doctor's lines about other nodes: each with a real exchange, right and broken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from config.loading import load
from config.settings import AnchorSettings, NodeSettings
from gateway.administration.checks import agreements, clock, peers
from gateway.administration.checks.lines import format_duration
from gateway.administration.context import opened_store
from gateway.administration.federation_context import FederationContext
from gateway.app.authority import create_anchor
from gateway.app.commands import federation_of
from gateway.app.node import create_node
from gateway.federation.resolver import EntityStatus
from gateway.health.clock_skew import ClockSources
from gateway.store.engine.sqlite_files import connect
from gateway.store.tables import evidence_leaves, flags, store_epoch
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, POLICE, Partnership, hearthgate, listening
from tests.gateway.cli.county import DISTRICT, SCHOOL
from tests.gateway.cli.doctor import failing, looked
from tests.simulator.town import COUNTY
from tests.simulator.tree import Tree
from tests.support.case_systems import free_port
from trust.agreements.decision import LocalPolicy
from trust.evidence.leaf import parse_leaf
from trust.federation.chain import TrustedEntity
from trust.federation.trust_mark import TrustMark, agreement_mark
from trust.identifiers import AgreementId, EntityId

AT_FIRST = (
    "up to date. Without another answer, in 15 min an alarm is raised and new peers are refused; in 24 h only what is "
    "urgent is exchanged; in 120 h nothing is exchanged"
)
OF_US = f"what {POLICE} says of this node"


def node_settings(partnership: Partnership, name: str = "council") -> NodeSettings:
    settings = load(partnership.config(name), {})
    assert isinstance(settings, NodeSettings)
    return settings


def lead(partnership: Partnership, name: str, port: int) -> None:
    """Have the council's configuration lead a name to another port."""
    config = partnership.config("council")
    text = config.read_text().replace(f'127.0.0.1:{partnership.ports[name]}", reason', f'127.0.0.1:{port}", reason')
    assert text != config.read_text()
    config.write_text(text)


def add(partnership: Partnership, *names: str, **changes: Any) -> None:
    """Have both sign an agreement, and these hold it."""
    document = partnership.agreement(**changes)
    signatures = [partnership.signature(name, document) for name in ("council", "police")]
    for name in names:
        assert (
            hearthgate("agreement", "add", document, *signatures, "--config", partnership.config(name), "--yes").code
            == 0
        )


@pytest.fixture
def working(both: Partnership) -> Partnership:
    """Both agencies run, and nothing is agreed yet."""
    for name in ("council", "police"):
        both.run_node(name)
    return both


class TestWhatAPeerSaysOfUs:
    def test_it_lets_us_ask(self, whole: Partnership) -> None:
        found = looked(whole)["ok"]
        assert found[OF_US] == "it trusts this node, and lets it ask under vale-early-help version 1"
        assert found[f"the way to {POLICE}"].startswith("TLSv1.3")
        assert looked(whole, "police")["ok"][f"what {COUNCIL} says of this node"] == (
            "it trusts this node, which no agreement lets ask it anything"
        )

    def test_it_does_not_hold_the_agreement(self, working: Partnership) -> None:
        add(working, "council")
        assert failing(working)[OF_US] == (
            "it trusts this node, and holds no such agreement in force: vale-early-help version 1"
        )

    def test_its_own_store_is_not_reconciled(self, whole: Partnership) -> None:
        with opened_store(node_settings(whole, "police")) as store:
            store.write(lambda tx: store_epoch.begin(tx, at=datetime.now(UTC)))
        assert "the answer was 503" in failing(whole)[f"{POLICE} is trusted and can be reached"]

    def test_it_cannot_be_reached(self, whole: Partnership) -> None:
        lead(whole, "police", free_port())
        found = failing(whole)
        assert "no connection came about" in found[f"the way to {POLICE}"]
        assert f"{POLICE} is trusted and can be reached" in found
        assert OF_US not in found

    def test_a_ping_gets_a_token_and_a_decision_and_says_how_long_it_took(self, whole: Partnership) -> None:
        answer = hearthgate("ping", POLICE, "--config", whole.config("council"))
        assert answer.code == 0, answer.err
        assert f"{OF_US}: it trusts this node, and lets it ask under vale-early-help version 1 (" in answer.out
        assert f"whether {POLICE} would answer: it would, under clause " in answer.out
        assert " ms for token, message and signed answer)" in answer.out
        with opened_store(node_settings(whole, "police")) as store:
            newest = store.read(lambda tx: evidence_leaves.recent(tx, limit=1))[0]
            assert parse_leaf(newest.leaf).reason_codes == ("not_enough_to_go_on",)
            assert store.read(flags.count_open) == 0
        lead(whole, "police", free_port())
        assert hearthgate("ping", POLICE, "--config", whole.config("council")).code == 1

    def test_a_ping_tells_why_the_peer_would_refuse(self, whole: Partnership, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(LocalPolicy, "withdraws", lambda *_: True)
        answer = hearthgate("ping", POLICE, "--config", whole.config("council"))
        assert answer.code == 1
        assert f"whether {POLICE} would answer: it refuses, under clause " in answer.out

    def test_its_certificate_ends_soon(self, working: Partnership) -> None:
        add(working, "council", "police")
        files = working.authority.issue("old.example", "police.example", age=timedelta(days=99))
        node, port = create_node(node_settings(working, "police")), free_port()
        lead(working, "police", port)
        with listening(node.peer_app, port, files):
            assert f"the certificate of {POLICE} is in time" in looked(working)["warning"]
        node.store.close()
        node.claims.close()


class TestOurOwnName:
    def test_it_leads_to_us(self, working: Partnership) -> None:
        assert looked(working)["ok"][f"{COUNCIL} leads to this node"] == "it answers with these keys"

    def test_it_leads_nowhere(self, partnership: Partnership) -> None:
        assert "no connection came about" in looked(partnership)["warning"][f"{COUNCIL} leads to this node"]

    def test_it_leads_to_another_node(self, working: Partnership) -> None:
        node, port = create_node(node_settings(working, "police")), free_port()
        lead(working, "council", port)
        with listening(node.peer_app, port, working.files["council"]):
            assert "other federation keys" in failing(working)[f"{COUNCIL} leads to this node"]
        with listening(Flask("nobody"), port, working.files["council"]):
            assert "says 404" in failing(working)[f"{COUNCIL} leads to this node"]
        node.store.close()
        node.claims.close()


class TestTheClock:
    @pytest.fixture(autouse=True)
    def no_time_service(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the others decide, on any machine."""
        monkeypatch.setattr(clock, "synchronised", lambda _clock: False)

    def test_a_clock_that_a_time_service_keeps_is_not_at_fault(
        self, both: Partnership, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "synchronised", lambda _clock: True)
        settings = load(both.config("anchor"), {})
        assert isinstance(settings, AnchorSettings)
        parts, port = create_anchor(settings), free_port()
        lead(both, "anchor", port)
        with listening(parts.peer_app, port, both.files["anchor"], off=timedelta(seconds=300)):
            found = looked(both)
        assert f"the clock agrees with {ANCHOR}" in found["warning"]
        assert found["ok"]["a time service keeps the clock"] == "yes"
        parts.store.close()

    @pytest.mark.parametrize(("off", "state"), [(5, "ok"), (30, "warning"), (300, "fault"), (-300, "ok")])
    def test_it_is_compared_with_the_anchors(self, both: Partnership, off: int, state: str) -> None:
        """The last one's date is contradicted by what it has just signed."""
        settings = load(both.config("anchor"), {})
        assert isinstance(settings, AnchorSettings)
        parts, port = create_anchor(settings), free_port()
        lead(both, "anchor", port)
        with listening(parts.peer_app, port, both.files["anchor"], off=timedelta(seconds=off)):
            assert f"the clock agrees with {ANCHOR}" in looked(both)[state]
        parts.store.close()

    def test_one_of_several_is_wrong_itself(self, working: Partnership) -> None:
        node, port = create_node(node_settings(working, "police")), free_port()
        lead(working, "police", port)
        with (
            listening(node.peer_app, port, working.files["police"], off=timedelta(hours=1)),
            federation_of(node_settings(working)) as parts,
        ):
            parties = ClockSources(anchors=(EntityId(ANCHOR),), members=(EntityId(POLICE),))
            _, *lines = clock.check_against_others(parts.transport, parties)
        assert [(line.ok, line.warning) for line in lines] == [(True, False), (True, True)]
        assert "that its clock is wrong" in lines[1].remedy
        node.store.close()
        node.claims.close()

    def test_no_peer_answers(self, partnership: Partnership) -> None:
        assert "the clock agrees with the others'" in looked(partnership)["warning"]

    def test_it_was_put_back(self) -> None:
        now = datetime.now(UTC)
        assert clock.check_not_behind(now + timedelta(seconds=9), now).ok
        assert clock.check_not_behind(None, now).ok
        assert not clock.check_not_behind(now + timedelta(seconds=11), now).ok


class TestHowFreshAPeerIs:
    @pytest.mark.parametrize(
        ("hours", "state", "said"),
        [
            (0, (True, False), AT_FIRST),
            (20.7, (True, True), "new ones refused. Without another answer, in 3 h 18 min only what is urgent"),
            (25, (False, True), "only what is urgent is exchanged. Without another answer, in 95 h nothing"),
        ],
    )
    def test_each_stage_is_counted_down(
        self, working: Partnership, hours: float, state: tuple[bool, bool], said: str
    ) -> None:
        with federation_of(node_settings(working)) as parts:
            refreshed = parts.directory.resolve(EntityId(POLICE), now=datetime.now(UTC)).refreshed_at
            now = refreshed + timedelta(hours=hours)
            [standing] = [each for each in parts.directory.statuses(now=now) if each.entity == POLICE]
            line = peers.check_freshness(standing, own=parts.own, now=now)
        assert (line.ok, line.warning) == state
        assert said in line.detail

    def test_a_peer_that_is_not_trusted_now(self) -> None:
        now, own = datetime.now(UTC), EntityId(COUNCIL)
        ended = EntityStatus(entity=EntityId(POLICE), freshness=None, trusted=None, ended=True)
        assert "vouches for it no longer" in peers.check_freshness(ended, own=own, now=now).detail
        suspended = replace(ended, ended=False, suspended_by=EntityId(ANCHOR))
        assert f"suspended by {ANCHOR}" in peers.check_freshness(suspended, own=own, now=now).detail
        gone = replace(ended, ended=False)
        assert "no statement about it stands" in peers.check_freshness(gone, own=own, now=now).detail

    def test_the_doctor_shows_those_that_the_node_knows(self, working: Partnership) -> None:
        with federation_of(node_settings(working)) as parts:
            parts.directory.resolve(EntityId(POLICE), now=datetime.now(UTC))
        assert f"how fresh {POLICE} is" in looked(working)["ok"]


class TestAgreementsAndMarks:
    @pytest.mark.parametrize(
        ("days", "remarks"), [(89, "within 90 days"), (29, "within 30 days"), (6, "within 7 days")]
    )
    def test_one_that_runs_out_or_is_to_be_reviewed(self, working: Partnership, days: int, remarks: str) -> None:
        last = (datetime.now(UTC).date() + timedelta(days=days)).isoformat()
        add(working, "council", valid_until=last, review_date=last)
        warned = looked(working)["warning"]["vale-early-help version 1"]
        assert f"its review is due {remarks}; it ends {remarks}, and no signed version follows" in warned

    def test_one_whose_review_is_overdue(self, working: Partnership) -> None:
        today = datetime.now(UTC).date()
        begun, yesterday = (today - timedelta(days=each) for each in (30, 1))
        add(working, "council", valid_from=begun.isoformat(), review_date=yesterday.isoformat())
        assert "its review is overdue" in looked(working)["warning"]["vale-early-help version 1"]

    def test_a_mark_that_an_agreement_demands_and_no_party_has(self, working: Partnership) -> None:
        demanded = agreement_mark(EntityId(ANCHOR), AgreementId("vale-early-help"))
        add(working, "council", "police", required_marks=[demanded])
        found = failing(working)
        assert demanded in found["this node has the marks that agreements demand"]
        assert demanded in found[f"{POLICE} has what vale-early-help demands"]

    @pytest.mark.parametrize(("days", "warning"), [(None, False), (31, False), (29, True)])
    def test_how_long_a_mark_is_good_yet(self, working: Partnership, days: int | None, warning: bool) -> None:
        now = datetime.now(UTC)
        demanded = agreement_mark(EntityId(ANCHOR), AgreementId("vale-early-help"))
        with federation_of(node_settings(working)) as parts:
            held = with_mark(parts, demanded, None if days is None else now + timedelta(days=days), now)
            [line] = agreements.check_own_marks(parts, held, now)
        assert (line.ok, line.warning) == (True, warning)


def with_mark(parts: FederationContext, mark_type: str, expires_at: datetime | None, now: datetime) -> TrustedEntity:
    own = parts.directory.refresh(parts.own, now=now)
    mark = TrustMark(
        issuer=EntityId(ANCHOR),
        subject=parts.own,
        mark_type=mark_type,
        issued_at=now,
        expires_at=expires_at,
        signed_with="",
        raw=b"",
    )
    return replace(own, marks=(mark,))


class TestChainsOfSeveralLevels:
    def test_those_between_are_named(self, tree: Tree, federation: FederationContext) -> None:
        trusted, line = peers.check_chain(federation, SCHOOL, tree.clock.now())
        assert trusted is not None
        assert f", through {DISTRICT} and {COUNTY}, until" in line.detail

    def test_the_step_that_fails_is_told(self, tree: Tree, federation: FederationContext) -> None:
        tree.down.add(COUNTY)
        trusted, line = peers.check_chain(federation, SCHOOL, tree.clock.now())
        assert (trusted, line.ok) == (None, False)
        assert line.remedy


class TestAnAnchor:
    def test_a_member_that_is_silent_and_one_that_signs_with_other_keys(self, whole: Partnership) -> None:
        signs = f"{POLICE} signs with the keys that are vouched for"
        assert looked(whole, "anchor")["ok"][signs] == "1 of its 1"
        connection = connect(whole.root / "anchor" / "data" / "anchor.db")
        connection.execute(
            "UPDATE members SET jwks = (SELECT jwks FROM members WHERE entity = :other) WHERE entity = :entity",
            {"entity": POLICE, "other": COUNCIL},
        )
        connection.close()
        assert failing(whole, "anchor")[signs] == "0 of its 1"
        config = whole.config("anchor")
        config.write_text(config.read_text().replace(f"127.0.0.1:{whole.ports['police']}", "127.0.0.1:1"))
        assert signs in looked(whole, "anchor")["warning"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (40, "40 s"), (119, "119 s"), (120, "2 min"), (3_600, "1 h"), (12_000, "3 h 20 min")],
)
def test_lengths_of_time_in_words(seconds: int, said: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == said
    assert format_duration(timedelta(days=12, hours=3)) == "12 days"
