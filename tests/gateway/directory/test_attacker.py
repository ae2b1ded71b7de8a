"""Whatever an attacker mixes, the directory trusts nobody whom the oracle does not, and recovers when he stops."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.directory.federation import FederationDirectory
from gateway.directory.limits import MAX_FETCHES
from gateway.store.opening import open_store
from tests.gateway.directory.attacker import EVIL, FETCH, Attacked, Attacker
from tests.gateway.directory.oracle import Seen, parts, ruled_out, too_old
from tests.support.network import Keys
from tests.support.tree import ANCHOR, COUNCIL, COUNTY, POLICE
from trust.errors import TrustError
from trust.federation.chain import TrustedEntity
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner

T = TypeVar("T")
EXAMPLES = 60
HOUSING = EntityId("https://housing.example")
CONFIGURATION = "/.well-known/openid-federation"
PEERS = (POLICE, HOUSING)
ABOVE = {POLICE: (COUNTY, ANCHOR), HOUSING: (ANCHOR,), COUNTY: (ANCHOR,)}
ADDRESSES = (
    *(entity + CONFIGURATION for entity in (ANCHOR, COUNTY, *PEERS)),
    *(entity + FETCH for entity in (ANCHOR, COUNTY)),
)
SPANS_S = (1, 20, 46, 61, 200, 300, 420, 840, 960, 3600 * 5, 3600 * 23, 3600 * 25, 3600 * 121)

workers = st.integers(0, 1)
peers = st.sampled_from(PEERS)
everybody = st.sampled_from((*PEERS, COUNTY))
addresses = st.sampled_from(ADDRESSES)
picks = st.integers(0, 10_000)


class Attack(RuleBasedStateMachine):
    """Two workers of the council's node over one store, the federation around them, and the attacker between."""

    migrated: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        shutil.copytree(self.migrated, self.at("store"))
        self.tree = Attacked(open_store("sqlite:///node.db", base_dir=self.at("store")))
        for entity, above in ((COUNTY, ANCHOR), (COUNCIL, COUNTY), (POLICE, COUNTY), (HOUSING, ANCHOR)):
            self.tree.add(entity, above)
        self.attacker = Attacker(self.tree)
        self.stored = Seen()
        self.saved: Seen | None = None
        self.links: dict[bytes, tuple[str, str]] = {}
        self.workers: list[FederationDirectory] = []
        self.seen: list[Seen] = []
        self.restart()

    def at(self, name: str) -> Path:
        return Path(self.folder.name) / name

    def teardown(self) -> None:
        self.tree.store.close()
        self.folder.cleanup()

    # ---- the world goes on

    @rule(span=st.sampled_from(SPANS_S))
    def time_passes(self, span: int) -> None:
        self.tree.clock.forward(seconds=span)

    @rule(entity=everybody, place=st.integers(0, 1), state=st.sampled_from(SuspensionState))
    def an_authority_rules(self, entity: EntityId, place: int, state: SuspensionState) -> None:
        issuer = ABOVE[entity][place % len(ABOVE[entity])]
        if issuer == ANCHOR and entity == POLICE:
            self.tree.entities[ANCHOR].log.append((entity, state))
        else:
            self.tree.suspend(issuer, entity, state)

    @rule(entity=everybody)
    def a_federation_key_is_stolen_and_replaced(self, entity: EntityId) -> None:
        self.attacker.steal(entity)
        self.tree.entities[entity].keys = Keys()

    @rule(entity=peers)
    def a_message_key_is_revoked(self, entity: EntityId) -> None:
        self.tree.entities[entity].keys.signers[KeyUse.MESSAGE] = LocalSigner.generate(KeyUse.MESSAGE)

    @rule()
    def the_anchors_key_is_stolen_and_replaced(self) -> None:
        self.attacker.steal(ANCHOR)
        self.tree.replace_anchor_keys(len(self.tree.truth.anchor_sets))
        self.tree.truth.anchor_sets.append(self.tree.entities[ANCHOR].keys.federation_keys().kids)

    @rule(superior=st.sampled_from((ANCHOR, COUNTY)), ahead=st.sampled_from((5, 60, 3600)))
    def an_authoritys_clock_is_ahead(self, superior: EntityId, ahead: int) -> None:
        subject = POLICE if superior == COUNTY else HOUSING
        if subject in self.tree.entities[superior].below:
            at = self.tree.clock.now().replace(microsecond=0)
            self.tree.clock.forward(seconds=ahead)
            self.tree.statement(superior, subject)
            self.tree.clock.moment = at

    # ---- the attacker

    @rule(address=addresses)
    def he_cuts_somebody_off(self, address: str) -> None:
        self.attacker.silence(address)

    @rule(address=addresses, pick=picks)
    def he_replays_what_was_said(self, address: str, pick: int) -> None:
        if self.tree.truth.raw:
            self.attacker.replay(address, self.tree.truth.raw[pick % len(self.tree.truth.raw)])

    @rule(address=addresses, pick=picks)
    def he_signs_again_what_was_said(self, address: str, pick: int) -> None:
        if self.tree.truth.raw:
            self.attacker.impersonate(address, self.tree.truth.raw[pick % len(self.tree.truth.raw)])

    @rule(issuer=st.sampled_from((ANCHOR, COUNTY)), ahead=st.sampled_from((-600, 0, 600)))
    def he_signs_with_what_he_stole(self, issuer: EntityId, ahead: int) -> None:
        at = self.tree.clock.now().replace(microsecond=0)
        self.tree.clock.forward(seconds=ahead)
        raw = self.attacker.as_thief(issuer, COUNTY if issuer == ANCHOR else POLICE, self.tree.clock.now())
        self.tree.clock.moment = at
        if raw is not None:
            self.attacker.replay(issuer + FETCH, raw)

    @rule(recovery=st.booleans())
    def he_replaces_the_anchors_keys(self, *, recovery: bool) -> None:
        anchor, seq = self.tree.entities[ANCHOR], len(self.tree.truth.anchor_sets) + 5
        real = anchor.keys, anchor.keys_document
        by = LocalSigner.generate(KeyUse.RECOVERY) if recovery else None
        if by is not None:
            self.tree.replace_anchor_keys(seq, by=by)
            forged = anchor.keys_document
            anchor.keys, anchor.keys_document = real
            assert forged is not None
            self.attacker.replay(ANCHOR + "/federation/v1/anchor-keys", forged)

    @rule(pick=picks)
    def he_tells_of_suspensions(self, pick: int) -> None:
        teller, issuer, subject = (POLICE, HOUSING)[pick % 2], (ANCHOR, COUNTY)[pick // 2 % 2], POLICE
        seq = len(self.tree.entities[issuer].log) + 1
        state = (SuspensionState.ACTIVE, SuspensionState.SUSPENDED)[pick // 4 % 2]
        forged = self.attacker.forged_suspension(issuer, subject, seq, state)
        lies: tuple[Callable[[list[bytes]], list[bytes]], ...] = (
            lambda entries: entries[1:],
            lambda entries: entries[::-1],
            lambda entries: entries[::2],
            lambda entries: [*entries, forged],
            lambda entries: [forged, *entries],
            lambda _entries: [],
        )
        self.attacker.tell(teller, lies[pick // 8 % len(lies)])
        self.hear(pick % 2, teller, issuer, seq + pick % 3)

    @rule()
    def he_stops(self) -> None:
        self.tree.said.clear()

    # ---- the node's store and processes

    @rule()
    def the_node_restarts(self) -> None:
        self.restart()

    @rule()
    def the_store_is_copied(self) -> None:
        self.tree.store.close()
        shutil.rmtree(self.at("copy"), ignore_errors=True)
        shutil.copytree(self.at("store"), self.at("copy"))
        self.reopen()
        self.saved = self.stored.copy()

    @precondition(lambda self: self.saved is not None)
    @rule()
    def the_store_is_rolled_back(self) -> None:
        assert self.saved is not None
        self.tree.store.close()
        shutil.rmtree(self.at("store"))
        shutil.copytree(self.at("copy"), self.at("store"))
        self.stored = self.saved.copy()
        self.reopen()

    def reopen(self) -> None:
        self.tree.store = open_store("sqlite:///node.db", base_dir=self.at("store"))
        self.restart()

    @initialize()
    def restart(self) -> None:
        self.workers = [self.tree.directory() for _ in range(2)]
        self.seen = [self.stored.copy() for _ in range(2)]

    # ---- what the node is asked

    @rule(worker=workers, entity=everybody, urgent=st.booleans())
    def looks(self, worker: int, entity: EntityId, *, urgent: bool) -> None:
        self.it_looks(worker, entity, urgent=urgent)

    def it_looks(self, worker: int, entity: EntityId, *, urgent: bool) -> TrustedEntity | None:
        now, directory = self.tree.clock.now(), self.workers[worker]
        return self.ask(worker, entity, lambda: directory.trusted(entity, now=now, urgent=urgent), urgent=urgent)

    @rule(worker=workers, entity=everybody)
    def it_refreshes(self, worker: int, entity: EntityId) -> None:
        now = self.tree.clock.now()
        self.ask(worker, entity, lambda: self.workers[worker].refresh(entity, now=now))

    @rule(worker=workers, entity=peers)
    def it_meets_an_unknown_key(self, worker: int, entity: EntityId) -> None:
        now, kid = self.tree.clock.now(), LocalSigner.generate(KeyUse.MESSAGE).kid
        self.ask(worker, entity, lambda: self.workers[worker].learn_key(entity, kid, now=now), urgent=True)

    @rule(worker=workers, entity=peers, chosen=st.lists(picks, min_size=4, max_size=4), honest=st.booleans())
    def it_is_shown_a_chain(self, worker: int, entity: EntityId, chosen: list[int], *, honest: bool) -> None:
        chain = self.tree.chain(entity, *ABOVE[entity]) if honest else self.pieces(entity, chosen)
        now = self.tree.clock.now()
        self.ask(
            worker, entity, lambda: self.workers[worker].presented(entity, chain, now=now, urgent=True), urgent=True
        )

    def pieces(self, entity: EntityId, chosen: list[int]) -> list[bytes]:
        """Choose a statement that was really made for each place of an entity's chain, of whatever time and signer."""
        chain = []
        line = (entity, *ABOVE[entity])
        wanted = [(entity, entity), *((line[place + 1], line[place]) for place in range(len(line) - 1)), (ANCHOR,) * 2]
        for link, pick in zip(wanted, chosen, strict=False):
            fitting = [raw for raw in self.tree.truth.raw if self.link(raw) == link] or [b"x"]
            chain.append(fitting[pick % len(fitting)])
        return chain

    def link(self, raw: bytes) -> tuple[str, str]:
        found = self.links.get(raw)
        if found is None:
            body = parts(raw)[1]
            found = self.links[raw] = (body["iss"], body["sub"])
        return found

    @rule(worker=workers, teller=peers, issuer=st.sampled_from((ANCHOR, COUNTY, EVIL)), more=st.integers(0, 2))
    def hear(self, worker: int, teller: EntityId, issuer: EntityId, more: int) -> None:
        log = self.tree.entities[issuer].log if issuer in self.tree.entities else []
        now = self.tree.clock.now()
        self.spending(4, lambda: self.workers[worker].note_suspensions(teller, {issuer: len(log) + more}, now=now))

    @rule(worker=workers)
    def it_catches_up(self, worker: int) -> None:
        self.spending(8, lambda: self.workers[worker].catch_up(now=self.tree.clock.now()))

    @rule()
    def he_stops_and_soon_all_is_well(self) -> None:
        self.tree.said.clear()
        for worker, directory in enumerate(self.workers):
            self.tree.clock.forward(seconds=301)
            for _ in range(2):
                self.tree.clock.forward(seconds=46)
                directory.catch_up(now=self.tree.clock.now())
                for entity in (COUNTY, *PEERS):
                    self.it_looks(worker, entity, urgent=False)
            seqs = directory.suspension_seqs(now=self.tree.clock.now())
            assert seqs.get(ANCHOR, 0) == len(self.tree.entities[ANCHOR].log)
            for entity in (COUNTY, *PEERS):
                found = self.it_looks(worker, entity, urgent=False)
                assert (found is not None) is self.in_good_standing(entity), entity

    def in_good_standing(self, entity: EntityId) -> bool:
        line = (entity, *ABOVE[entity])
        vouched = all(subject in self.tree.entities[superior].below for subject, superior in pairwise(line))
        return vouched and not ruled_out(line, self.logs(), {issuer: len(log) for issuer, log in self.logs().items()})

    # ---- what must always hold

    def logs(self) -> dict[EntityId, list[tuple[EntityId, SuspensionState]]]:
        return {issuer: self.tree.entities[issuer].log for issuer in (ANCHOR, COUNTY)}

    def spending(self, calls: int, work: Callable[[], T]) -> T:
        before = len(self.tree.fetched)
        try:
            return work()
        finally:
            assert len(self.tree.fetched) - before <= calls * MAX_FETCHES

    def ask(
        self, worker: int, entity: EntityId, question: Callable[[], TrustedEntity], *, urgent: bool = False
    ) -> TrustedEntity | None:
        now, before = self.tree.clock.now(), (len(self.tree.denials), len(self.tree.fetched))
        found = None
        with suppress(TrustError):
            found = self.spending(3, question)
        for superior, subject, at in self.tree.denials[before[0] :]:
            if subject in self.stored.known and superior == ABOVE[subject][0]:
                self.seen[worker].denied[subject] = self.stored.denied[subject] = at
                self.stored.known.discard(subject)
        if found is None:
            return None
        kids = self.workers[worker].anchors(now=now)[ANCHOR].kids
        assert found.entity_id == entity
        assert self.tree.truth.explains(found, kids)
        self.seen[worker].check(found, self.tree.truth, now, here=True)
        self.stored.check(found, self.tree.truth, now, here=False)
        asked_about = {url.rpartition("sub=")[2] for url in self.tree.fetched[before[1] :] if FETCH in url}
        line = (entity, *found.superiors)
        self.stored.known |= {each for each in line if quote(each, safe="") in asked_about}
        assert not too_old(found, now, known=entity in self.stored.known, urgent=urgent)
        assert not ruled_out(line, self.logs(), self.workers[worker].suspension_seqs(now=now))
        for seen in (self.seen[worker], self.stored):
            seen.raise_to(found, self.tree.truth, now)
        return found

    @invariant()
    def what_was_ruled_is_never_made_up_and_never_taken_back(self) -> None:
        now = self.tree.clock.now()
        for directory, seen in zip(self.workers, self.seen, strict=True):
            seqs = directory.suspension_seqs(now=now)
            assert all(seen.seqs.get(issuer, 0) <= seqs.get(issuer, 0) for issuer in seen.seqs)
            assert all(seq <= len(self.logs()[issuer]) for issuer, seq in seqs.items())
            place = self.tree.truth.anchor_sets.index(directory.anchors(now=now)[ANCHOR].kids)
            assert place >= seen.anchor_set
            seen.seqs, seen.anchor_set = dict(seqs), place
            self.stored.seqs = {issuer: max(seq, self.stored.seqs.get(issuer, 0)) for issuer, seq in seqs.items()}
            self.stored.anchor_set = max(place, self.stored.anchor_set)


@pytest.mark.holds("A28", "A30", "A31")
def test_no_attack_makes_the_directory_trust_whom_nobody_vouches_for(migrated: Path) -> None:
    Attack.migrated = migrated
    run_state_machine_as_test(
        Attack,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
