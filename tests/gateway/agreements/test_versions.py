"""A retired version of an agreement never binds again, after any events in any order (A72)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.agreements.endings import AgreementEndings
from gateway.agreements.registry import AgreementRegistry
from gateway.store.factory import open_store
from gateway.store.tables import agreements
from gateway.store.tables.agreements import AgreementConflict, StoredSignature
from tests.support.stores import make_store
from trust.agreements.agreement import Agreement, Closure, Signatory, build_signature, parse_agreement
from trust.agreements.ending import build_ending
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner

COUNCIL, POLICE = EntityId("https://council.example"), EntityId("https://police.example")
SIGNERS = {party: LocalSigner.generate(KeyUse.FEDERATION) for party in (COUNCIL, POLICE)}
KEYS = {party: KeySet.of(KeyUse.FEDERATION, [signer.public]) for party, signer in SIGNERS.items()}
START = datetime(2027, 3, 1, 12, tzinfo=UTC)
VERSIONS = st.integers(1, 4)


def document(version: int, begins: int, lasts: int) -> bytes:
    """Write a version that begins so many days from the start, and lasts so many."""
    first = START.date() + timedelta(days=begins)
    last = (first + timedelta(days=lasts)).isoformat()
    prose = ("benefits", "individuals_informed", "consent_text", "rights", "retention", "security", "dpia_reference")
    clause: dict[str, Any] = {
        "id": "who-else",
        "kind": "involvement.query",
        "version": 1,
        "purpose": "early-help",
        "askers": [f"{COUNCIL}#families"],
        "holders": [f"{POLICE}#neighbourhood"],
        "fields_by_role": {"key-worker": ["organisation"]},
        "basis": ["6-1-e"],
        "existence": "conditional",
        "keep_days": 90,
        "onward": "none",
    }
    return json.dumps(
        {
            "id": "vale",
            "version": version,
            "title": "Vale",
            "purposes": [{"code": "early-help", "description": "Help."}],
            "parties": [
                {"entity": COUNCIL, "name": "Council", "services": ["families"]},
                {"entity": POLICE, "name": "Police", "services": ["neighbourhood"]},
            ],
            "powers": ["ca2004-s10"],
            "items": ["Who works with the person."],
            **dict.fromkeys(prose, "As written down."),
            "valid_from": first.isoformat(),
            "valid_until": last,
            "review_date": last,
            "clauses": [clause],
        }
    ).encode()


def unheard(party: EntityId, agreement: AgreementRef, closure: Closure) -> None:
    """Take a notice."""


class Life(RuleBasedStateMachine):
    """One node's store, opened again and again; ``highest`` and ``ended`` are what an observer remembers."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        make_store(Path(self.folder.name))
        self.now = START
        self.held: dict[int, Agreement] = {}
        self.highest, self.ended = 0, set[int]()
        self.open()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule()
    def restart(self) -> None:
        """Forget everything but the store."""
        self.store.close()
        self.open()

    def open(self) -> None:
        self.store = open_store("sqlite:///node.db", base_dir=Path(self.folder.name))
        self.book = AgreementRegistry(self.store)
        self.endings = AgreementEndings(
            own=COUNCIL, store=self.store, book=self.book, signer=lambda: SIGNERS[COUNCIL], notice=unheard
        )

    @rule(version=VERSIONS, begins=st.integers(-2, 3), lasts=st.integers(0, 4))
    def add(self, version: int, begins: int, lasts: int) -> None:
        if version not in self.held:
            raw = document(version, begins, lasts)
            held = self.held[version] = parse_agreement(raw)
            self.store.write(
                lambda tx: agreements.put(
                    tx, agreement_id="vale", version=version, digest=held.ref.digest, raw=raw, added_at=self.now
                )
            )

    @precondition(lambda self: self.held)
    @rule(version=VERSIONS, parties=st.sets(st.sampled_from(sorted(SIGNERS)), min_size=1))
    def sign(self, version: int, parties: set[EntityId]) -> None:
        for party in parties if version in self.held else ():
            ref = self.held[version].ref
            who = Signatory(name="R. Example", post="SIRO")
            raw = build_signature(ref, party=party, signatory=who, signer=SIGNERS[party], now=self.now)
            self.put_signature(ref, party, raw, json.dumps(KEYS[party].to_jwks()).encode())

    @rule(version=VERSIONS, lasts=st.integers(1, 4))
    def conclude(self, version: int, lasts: int) -> None:
        """Add a version that every party has signed: left to chance, two of them seldom meet."""
        if version not in self.held:
            self.add(version, -1, lasts)
            self.sign(version, set(SIGNERS))

    @precondition(lambda self: self.held)
    @rule(version=VERSIONS)
    def spoil(self, version: int) -> None:
        """Leave a signature unproved, as a version of the software that knows its algorithm no more would."""
        self.book.settle(self.now)  # the keeper does so each minute
        if version in self.held:
            self.put_signature(self.held[version].ref, POLICE, b"no.signature.atall", b'{"keys":[]}')

    @precondition(lambda self: self.held)
    @rule(version=VERSIONS, closure=st.sampled_from(sorted(set(Closure) - {Closure.LEFT})), ours=st.booleans())
    def end(self, version: int, closure: Closure, ours: bool) -> None:
        if version not in self.held:
            return
        ref = self.held[version].ref
        if ours:
            self.endings.end(self.held[version], now=self.now)
            self.ended.add(version)
            return
        raw = build_ending(ref, closure, party=POLICE, signer=SIGNERS[POLICE], now=self.now)
        self.endings.accept(self.held[version], raw, party=POLICE, keys=KEYS[POLICE], now=self.now)
        self.ended.add(version)

    @rule(days=st.integers(0, 3))
    def pass_days(self, days: int) -> None:
        self.now += timedelta(days=days, minutes=1)

    @rule()
    def set_the_clock_back(self) -> None:
        self.book.settle(self.now)
        self.now = max(START, self.now - timedelta(days=1))

    @invariant()
    def what_was_retired_does_not_bind(self) -> None:
        if not self.held:
            return
        binding = [standing.agreement.version for standing in self.book.in_force(now=self.now)]
        assert len(binding) <= 1
        for version in binding:
            assert version >= self.highest, "a lower version than one that was in force binds again"
            assert version not in self.ended, "a version that was ended binds again"
            self.highest = version

    @invariant()
    def ending_the_highest_ends_the_agreement(self) -> None:
        if self.highest in self.ended:
            below = [each for each in self.book.in_force(now=self.now) if each.agreement.version <= self.highest]
            assert below == []

    def put_signature(self, ref: AgreementRef, party: EntityId, raw: bytes, jwks: bytes) -> None:
        signature = StoredSignature(raw=raw, jwks=jwks)
        try:
            self.store.write(
                lambda tx: agreements.put_signature(
                    tx, agreement=ref, entity=party, signature=signature, added_at=self.now
                )
            )
        except AgreementConflict:
            assert ref.version in self.ended


@pytest.mark.holds("A72")
def test_no_retired_version_ever_binds_again() -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=30, stateful_step_count=20, deadline=None))
