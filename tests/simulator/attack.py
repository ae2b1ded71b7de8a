"""A state machine: two workers of one node, the federation around them and an attacker between."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import quote

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.federation.limits import MAX_FETCHES
from gateway.federation.resolver import FederationResolver
from gateway.store.factory import open_store
from tests.simulator.attacker import EVIL, FETCH, SUSPENSIONS, Attacked, Attacker
from tests.simulator.federation import Keys
from tests.simulator.oracle import Seen, ruled_out, too_old
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, HOUSING, POLICE
from tests.support.stores import make_store
from trust.errors import TrustError
from trust.federation.chain import TrustedEntity
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner

T = TypeVar("T")


EXAMPLES = settings().max_examples // 3


MANY = 1_000
"""A run of all tests walks the same few chains each time. With ``pytest --hypothesis-profile=long`` they are over a
thousand, and others each time. What a few may miss is walked by hand in ``test_attacks``."""


CONFIGURATION = "/.well-known/openid-federation"


PEERS = (POLICE, HOUSING)


ABOVE = {POLICE: (COUNTY, ANCHOR), HOUSING: (ANCHOR,), COUNTY: (ANCHOR,)}


ADDRESSES = (
    *(entity + CONFIGURATION for entity in (ANCHOR, COUNTY, *PEERS)),
    *(entity + FETCH for entity in (ANCHOR, COUNTY)),
)


SPANS_S = (1, 46, 200, 301, 301, 420, 420, 960, 3600 * 23, 3600 * 25, 3600 * 121)


workers = st.integers(0, 1)


peers = st.sampled_from(PEERS)


everybody = st.sampled_from((*PEERS, COUNTY))


addresses = st.sampled_from(ADDRESSES)


picks = st.integers(0, 10_000)


class Attack(RuleBasedStateMachine):
    """Two workers of the council's node over one store, the federation around them, and the attacker between."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        make_store(self.at("store"))
        self.tree = Attacked(open_store("sqlite:///node.db", base_dir=self.at("store")))
        for entity, above in ((COUNTY, ANCHOR), (COUNCIL, COUNTY), (POLICE, COUNTY), (HOUSING, ANCHOR)):
            self.tree.add(entity, above)
        self.attacker = Attacker(self.tree)
        self.stored = Seen()
        self.saved: Seen | None = None
        self.workers: list[FederationResolver] = []
        self.seen: list[Seen] = []
        self.restart()

    def at(self, name: str) -> Path:
        return Path(self.folder.name) / name

    def teardown(self) -> None:
        self.tree.store.close()
        self.folder.cleanup()

    # ---- the world goes on

    @rule(span=st.sampled_from(SPANS_S), worker=workers, urgent=st.booleans())
    def time_passes_and_it_looks_around(self, span: int, worker: int, *, urgent: bool) -> None:
        self.tree.clock.forward(seconds=span)
        self.it_looks_around(worker, urgent=urgent)

    @rule(entity=everybody, by_anchor=st.booleans(), state=st.sampled_from(SuspensionState))
    def an_authority_rules(self, entity: EntityId, state: SuspensionState, *, by_anchor: bool) -> None:
        if by_anchor and entity == POLICE:  # which does not vouch for it itself
            self.tree.entities[ANCHOR].log.append((entity, state))
        else:
            self.tree.suspend(ABOVE[entity][0], entity, state)

    @rule(entity=st.sampled_from((ANCHOR, COUNTY, *PEERS)), federation=st.booleans())
    def a_key_is_stolen_and_replaced(self, entity: EntityId, *, federation: bool) -> None:
        if federation or entity not in PEERS:
            self.attacker.steal(entity)
            self.tree.entities[entity].keys = Keys()
        else:
            self.tree.entities[entity].keys.signers[KeyUse.MESSAGE] = LocalSigner.generate(KeyUse.MESSAGE)
        if entity == ANCHOR:
            self.tree.replace_anchor_keys(len(self.tree.truth.anchor_sets))
            self.tree.truth.anchor_sets.append(self.tree.entities[entity].keys.federation_keys().kids)

    @rule(subject=everybody, ahead=st.sampled_from((5, 60, 3600)))
    def an_authoritys_clock_is_ahead(self, subject: EntityId, ahead: int) -> None:
        if subject in self.tree.entities[ABOVE[subject][0]].below:
            self.tree.statement(ABOVE[subject][0], subject, self.tree.clock.now() + timedelta(seconds=ahead))

    # ---- the attacker

    @rule(pick=picks)
    def he_repeats_what_authorities_said(self, pick: int) -> None:
        for authority in (ANCHOR, COUNTY):
            self.attacker.hold_back(authority + FETCH, pick)

    @rule(address=addresses, pick=picks, how=st.sampled_from(("silence", "older", "foreign", "forged")))
    def he_answers(self, address: str, pick: int, how: str) -> None:
        said = list(chain.from_iterable(self.tree.truth.said.values())) or [b"x.y.z"]
        if how == "silence":
            self.attacker.silence(address)
        elif how == "older":
            self.attacker.hold_back(address, pick)
        elif how == "foreign":
            self.attacker.replay(address, said[pick % len(said)])
        elif len(said) > 1:
            self.attacker.impersonate(address, said[pick % len(said)])

    @rule(issuer=st.sampled_from((ANCHOR, COUNTY)), ahead=st.sampled_from((-600, 0, 600)))
    def he_signs_with_what_he_stole(self, issuer: EntityId, ahead: int) -> None:
        at = self.tree.clock.now() + timedelta(seconds=ahead)
        raw = self.attacker.as_thief(issuer, COUNTY if issuer == ANCHOR else POLICE, at)
        if raw is not None:
            self.attacker.replay(issuer + FETCH, raw)

    @rule()
    def he_replaces_the_anchors_keys_with_a_recovery_key_of_his_own(self) -> None:
        anchor, seq = self.tree.entities[ANCHOR], len(self.tree.truth.anchor_sets) + 5
        real = anchor.keys, anchor.keys_document
        self.tree.replace_anchor_keys(seq, by=LocalSigner.generate(KeyUse.RECOVERY))
        forged = anchor.keys_document
        anchor.keys, anchor.keys_document = real
        assert forged is not None
        self.attacker.replay(ANCHOR + "/federation/v1/anchor-keys", forged)

    @rule(worker=workers, teller=peers, issuer=st.sampled_from((ANCHOR, COUNTY)), pick=picks)
    def he_tells_of_suspensions(self, worker: int, teller: EntityId, issuer: EntityId, pick: int) -> None:
        seq = len(self.tree.entities[issuer].log) + 1
        state = (SuspensionState.ACTIVE, SuspensionState.SUSPENDED)[pick % 2]
        forged = self.attacker.forged_suspension(issuer, POLICE, seq, state)
        lies: tuple[Callable[[list[bytes]], list[bytes]], ...] = (
            lambda entries: entries[1:],
            lambda entries: entries[::-1],
            lambda entries: entries[::2],
            lambda entries: [*entries, forged],
            lambda entries: [forged, *entries],
            lambda _entries: [],
        )
        self.attacker.tell(teller, lies[pick // 2 % len(lies)])
        self.attacker.silence(issuer + SUSPENSIONS)
        self.it_hears(worker, teller, issuer, seq)

    # ---- the node's store and processes

    @initialize()
    def restart(self) -> None:
        self.workers = [self.tree.directory() for _ in range(2)]
        self.seen = [self.stored.copy() for _ in range(2)]

    @rule(what=st.sampled_from(("restart", "copy", "roll back")))
    def the_node_is_looked_after(self, what: str) -> None:
        self.tree.store.close()
        if what == "copy":
            shutil.rmtree(self.at("copy"), ignore_errors=True)
            shutil.copytree(self.at("store"), self.at("copy"))
            self.saved = self.stored.copy()
        elif what == "roll back" and self.saved is not None:
            shutil.rmtree(self.at("store"))
            shutil.copytree(self.at("copy"), self.at("store"))
            self.stored = self.saved.copy()
        self.tree.store = open_store("sqlite:///node.db", base_dir=self.at("store"))
        self.restart()

    # ---- what the node is asked

    @rule(worker=workers, urgent=st.booleans())
    def it_looks_around(self, worker: int, *, urgent: bool) -> None:
        for entity in (*PEERS, COUNTY):
            self.it_looks(worker, entity, urgent=urgent)

    def it_looks(self, worker: int, entity: EntityId, *, urgent: bool) -> TrustedEntity | None:
        now, directory = self.tree.clock.now(), self.workers[worker]
        return self.ask(worker, entity, lambda: directory.resolve(entity, now=now, urgent=urgent), urgent=urgent)

    @rule(worker=workers, entity=everybody)
    def it_refreshes(self, worker: int, entity: EntityId) -> None:
        now = self.tree.clock.now()
        self.ask(worker, entity, lambda: self.workers[worker].refresh(entity, now=now))

    @rule(worker=workers, entity=peers)
    def it_meets_an_unknown_key(self, worker: int, entity: EntityId) -> None:
        now, kid = self.tree.clock.now(), LocalSigner.generate(KeyUse.MESSAGE).kid
        self.ask(worker, entity, lambda: self.workers[worker].refresh_keys(entity, kid, now=now), urgent=True)

    @rule(worker=workers, entity=peers, chosen=st.lists(picks, min_size=4, max_size=4), honest=st.booleans())
    def it_is_shown_a_chain(self, worker: int, entity: EntityId, chosen: list[int], *, honest: bool) -> None:
        shown = self.tree.chain(entity, *ABOVE[entity]) if honest else self.pieces(entity, chosen)
        now, directory = self.tree.clock.now(), self.workers[worker]
        self.ask(worker, entity, lambda: directory.resolve_presented(entity, shown, now=now, urgent=True), urgent=True)

    def pieces(self, entity: EntityId, chosen: list[int]) -> list[bytes]:
        """Choose for each place of an entity's chain a statement that was really made, at any time."""
        line = (entity, *ABOVE[entity])
        wanted = [(entity, entity), *((above, below) for below, above in pairwise(line)), (ANCHOR, ANCHOR)]
        said = [self.tree.truth.said.get(link, [b"x.y.z"]) for link in wanted]
        return [of_this[pick % len(of_this)] for of_this, pick in zip(said, chosen, strict=False)]

    @rule(worker=workers, teller=peers, issuer=st.sampled_from((ANCHOR, COUNTY, EVIL)), more=st.integers(0, 1))
    def it_hears(self, worker: int, teller: EntityId, issuer: EntityId, more: int) -> None:
        log = self.tree.entities[issuer].log if issuer in self.tree.entities else []
        now = self.tree.clock.now()
        self.listening(4, lambda: self.workers[worker].note_suspensions(teller, {issuer: len(log) + more}, now=now))

    @rule(worker=workers)
    def it_catches_up(self, worker: int) -> None:
        self.listening(8, lambda: self.workers[worker].catch_up(now=self.tree.clock.now()))

    @rule()
    def he_stops_and_soon_all_is_well(self) -> None:
        self.tree.said.clear()
        for worker, directory in enumerate(self.workers):
            self.tree.clock.forward(seconds=301)
            for _ in range(2):
                self.tree.clock.forward(seconds=46)
                self.it_catches_up(worker)
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

    def listening(self, calls: int, work: Callable[[], None]) -> None:
        """Let the node hear rulings, for which it has to come to know the authority that says them."""
        denials, fetched = len(self.tree.denials), len(self.tree.fetched)
        self.spending(calls, work)
        asked = any(FETCH in url and url.endswith(quote(COUNTY, safe="")) for url in self.tree.fetched[fetched:])
        if asked and COUNTY not in {subject for _, subject, _ in self.tree.denials[denials:]}:
            self.stored.known.add(COUNTY)

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
        held = self.seen[worker].hold(self.workers[worker].suspension_seqs(now=now))  # it may have learnt more just now
        assert not ruled_out(line, self.logs(), held)
        for seen in (self.seen[worker], self.stored):
            seen.raise_to(found, self.tree.truth, now)
        return found

    @invariant()
    def what_was_ruled_is_never_made_up_and_never_taken_back(self) -> None:
        now = self.tree.clock.now()
        for directory, seen in zip(self.workers, self.seen, strict=True):
            seqs = directory.suspension_seqs(now=now)
            assert all(seq <= len(self.logs()[issuer]) for issuer, seq in seqs.items())
            place = self.tree.truth.anchor_sets.index(directory.anchors(now=now)[ANCHOR].kids)
            seen.note_logs(seqs, place)
            both = {issuer: max(seqs.get(issuer, 0), self.stored.seqs.get(issuer, 0)) for issuer in (ANCHOR, COUNTY)}
            if place != self.stored.anchor_set:  # its log is fetched again: what counts is that under the newer keys
                newer = seqs if place > self.stored.anchor_set else self.stored.seqs
                both[ANCHOR] = newer.get(ANCHOR, 0)
            self.stored.note_logs(both, max(place, self.stored.anchor_set))
