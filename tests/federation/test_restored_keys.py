"""Keys, agreements, case systems and changes that were closed before a loss stay closed after a restore."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from gateway.federation.entity_configuration import HISTORICAL_KEYS_PATH
from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS
from gateway.keys.rotation import apply, draft_revocation
from gateway.keys.vault import read_records
from gateway.store.tables import agreements, clients, key_revocations, restore_holds, store_epoch
from gateway.store.tables.federation_records import StoredKeyRevocation
from gateway.store.tables.restore_holds import HoldKind, RestoreHold
from tests.simulator.agreements import ref_of
from tests.simulator.copies import LATER, Kept, confirm, mind
from tests.simulator.faults import dated
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from trust.errors import TrustError
from trust.exchange.envelope import AgreementRef
from trust.federation.historical_keys import RevocationReason, parse_historical_keys
from trust.federation.key_revocation import KeyRevocation, build_key_revocation
from trust.identifiers import EntityId
from trust.keys import KeyUse, Signer

USES = (KeyUse.MESSAGE, KeyUse.OAUTH, KeyUse.ENCRYPTION, KeyUse.EVIDENCE)


@pytest.fixture(autouse=True)
def dated_answers(pair: Network) -> None:
    for entity in (ANCHOR, COUNCIL, TRUST):
        pair.wire.faults[entity] = dated(pair.clock)


@dataclass(slots=True, kw_only=True)
class Folder:
    """The private keys of a party as they were backed up."""

    keys: Path
    copy: Path

    @classmethod
    def of(cls, network: Network, entity: EntityId) -> "Folder":
        keys = network.folder_of(entity) / "keys"
        copy = network.folder / f"keys-of-{entity.removeprefix('https://')}"
        shutil.copytree(keys, copy)
        return cls(keys=keys, copy=copy)

    def restore(self) -> None:
        shutil.rmtree(self.keys)
        shutil.copytree(self.copy, self.keys)


def revoke(network: Network, entity: EntityId, use: KeyUse) -> str:
    """Revoke the key of a use that signs, as the command does, and return its id."""
    keys, at = network.folder_of(entity) / "keys", network.clock.now()
    records = read_records(keys, NODE_KEYS if entity != ANCHOR else ANCHOR_KEYS)
    kid = next(each.kid for each in records if each.use is use and each.revoked_at is None)
    apply(keys, draft_revocation(records, kid, RevocationReason.COMPROMISED, at=at), at=at)
    return kid


def kids_of(network: Network, entity: EntityId, use: KeyUse) -> frozenset[str]:
    """Return the keys of a use that another party believes of an entity now."""
    trusted = network.nodes[COUNCIL].directory.refresh(entity, now=network.clock.now())
    assert trusted.node is not None
    assert trusted.node.encryption_keys is not None
    assert trusted.authorization_server is not None
    assert trusted.oauth_client_keys is not None
    every: Mapping[KeyUse, frozenset[str]] = {
        KeyUse.MESSAGE: trusted.node.message_keys.kids,
        KeyUse.ENCRYPTION: trusted.node.encryption_keys.kids,
        KeyUse.EVIDENCE: frozenset({trusted.node.evidence_key.kid}),
        KeyUse.OAUTH: trusted.authorization_server.keys.kids | trusted.oauth_client_keys.kids,
    }
    return every[use]


def rounds(network: Network, *entities: EntityId) -> None:
    """Let time pass until everything is asked for again, and the keepers' rounds come."""
    network.clock.forward(minutes=6)
    for entity in entities:
        keeper = network.anchor.keeper if entity == ANCHOR else network.nodes[entity].keeper
        keeper.round()


@pytest.fixture
def known(pair: Network) -> Network:
    """Have both nodes know each other, and the anchor both."""
    PeerHand(network=pair, agreement=ref_of(pair)).ask()
    rounds(pair, COUNCIL, TRUST, ANCHOR)
    return pair


@pytest.mark.holds("A59")
@pytest.mark.parametrize("use", USES)
def test_a_revoked_key_is_published_for_every_use_and_never_taken_again(known: Network, use: KeyUse) -> None:
    backup = Folder.of(known, TRUST)
    kid = revoke(known, TRUST, use)
    rounds(known, COUNCIL)
    told = known.nodes[COUNCIL].store.read(lambda tx: key_revocations.of(tx, subject=TRUST))
    assert [(each.kid, each.use) for each in told] == [(kid, use)]

    backup.restore()  # it names the revoked key again, and no revocation
    known.start(TRUST)
    known.clock.forward(minutes=6)
    try:
        found = kids_of(known, TRUST, use)
    except TrustError:
        found = frozenset()
    assert kid not in found


@pytest.mark.holds("A59")
@pytest.mark.parametrize("use", USES)
def test_a_restored_node_revokes_again_what_it_had_revoked_before_it_serves(known: Network, use: KeyUse) -> None:
    kept, backup = Kept.of(known, TRUST), Folder.of(known, TRUST)
    kid = revoke(known, TRUST, use)
    rounds(known, COUNCIL, ANCHOR)
    backup.restore()
    kept.restore()
    known.clock.forward(seconds=LATER)
    mind(known, TRUST)
    node = known.nodes[TRUST]
    assert node.fitness.fault() is None
    assert [each.kid for each in node.vault.revoked()] == [kid]
    assert kid not in node.vault.published(use).kids
    known.clock.forward(minutes=6)
    assert kid not in kids_of(known, TRUST, use)
    if use is KeyUse.MESSAGE:  # and it can be asked with its new key
        hand = PeerHand(network=known, agreement=ref_of(known))
        mind(known, TRUST)
        assert hand.post(hand.signed()).status == 200


@pytest.mark.holds("A59")
def test_it_stays_closed_while_no_party_tells_which_of_its_keys_it_revoked(known: Network) -> None:
    kept = Kept.of(known, TRUST)
    kept.restore()
    known.clock.forward(seconds=LATER)
    for entity in (ANCHOR, COUNCIL):

        def mute(request: object, go_on: object, entity: EntityId = entity) -> object:
            if "key-revocations" in request.url:  # type: ignore[attr-defined]
                raise OverflowError
            return dated(known.clock)(request, go_on)  # type: ignore[arg-type]

        known.wire.faults[entity] = mute  # type: ignore[assignment]
    mind(known, TRUST)
    assert known.nodes[TRUST].fitness.fault() is not None
    confirm(known, TRUST)
    mind(known, TRUST)
    assert known.nodes[TRUST].fitness.fault() is None


def notice(kid: str, subject: EntityId, signer: Signer, issuer: EntityId, network: Network) -> bytes:
    now = network.clock.now()
    made = KeyRevocation(
        issuer=issuer, subject=subject, kid=kid, use=KeyUse.MESSAGE, revoked_at=now, issued_at=now, reason="x"
    )
    return build_key_revocation(made, signer)


@pytest.fixture
def told_of_trust(known: Network) -> Iterator[tuple[Network, list[bytes]]]:
    """Have the council tell the trust, once restored, these notices about the trust's keys."""
    told: list[bytes] = []
    kept = Kept.of(known, TRUST)
    yield known, told
    store = known.nodes[COUNCIL].store
    now = known.clock.now()
    for number, raw in enumerate(told):
        stored = StoredKeyRevocation(
            issuer=TRUST, subject=TRUST, kid=f"kid-{number}", use="message", revoked_at=now, raw=raw
        )
        store.write(partial(key_revocations.put, revocation=stored, at=now))
    kept.restore()
    known.clock.forward(seconds=LATER)
    mind(known, TRUST)
    assert known.nodes[TRUST].fitness.fault() is None
    assert known.nodes[TRUST].vault.revoked() == ()


@pytest.mark.holds("A59")
@pytest.mark.parametrize("who", [COUNCIL, TRUST])
def test_no_peer_revokes_a_key_of_another(told_of_trust: tuple[Network, list[bytes]], who: EntityId) -> None:
    """Neither in its own name nor, with its own key, in that of the owner."""
    network, told = told_of_trust
    kid = network.nodes[TRUST].vault.signer(KeyUse.MESSAGE).kid
    signer = network.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION)
    told += [notice(kid, TRUST, signer, who, network), b"a.b.c"]


def test_what_is_published_names_keys_of_other_uses_by_thumbprint_only(known: Network) -> None:
    kid = revoke(known, TRUST, KeyUse.MESSAGE)
    node = known.nodes[TRUST]
    known.clock.forward(minutes=2)
    raw = node.peer_app.test_client().get(HISTORICAL_KEYS_PATH, base_url=TRUST).data
    keys = node.vault.published(KeyUse.FEDERATION)
    history = parse_historical_keys(raw, issuer_keys=keys, now=known.clock.now())
    assert history.keys == ()
    assert len(history.revocations) == 1
    assert kid.encode() not in raw.split(b".")[1]


def holds(network: Network, entity: EntityId) -> tuple[RestoreHold, ...]:
    store = network.anchor.store if entity == ANCHOR else network.nodes[entity].store
    return store.read(restore_holds.list)


@pytest.mark.holds("A59")
def test_a_restored_case_system_is_refused_until_it_was_confirmed(known: Network) -> None:
    client = known.case_client(TRUST)
    kept = Kept.of(known, TRUST)
    known.nodes[TRUST].store.write(lambda tx: clients.revoke(tx, client_id=client.client_id, at=known.clock.now()))
    kept.restore()
    known.clock.forward(seconds=LATER)
    mind(known, TRUST)
    client.http = known.nodes[TRUST].case_app.test_client()
    assert client.ask_token().status_code == 401
    added = known.case_client(TRUST)  # one that was registered since is not held
    assert added.ask_token().status_code == 200
    assert RestoreHold(kind=HoldKind.CLIENT, name=client.client_id) in holds(known, TRUST)
    confirm(known, TRUST)
    assert client.ask_token().status_code == 200
    assert holds(known, TRUST) == ()


def end(network: Network, entity: EntityId, ref: AgreementRef) -> None:
    """End an agreement at one party, and bring the notice to the others."""
    node = network.nodes[entity]
    standing = node.agreements.find(ref, now=network.clock.now())
    assert standing is not None
    node.countersigning.endings.end(standing.agreement, now=network.clock.now())
    node.keeper.collect_signatures(network.clock.now())


@pytest.mark.holds("A59", "A72")
def test_an_agreement_that_was_ended_since_is_ended_again_unattended(known: Network) -> None:
    ref, kept = ref_of(known), Kept.of(known, TRUST)
    end(known, TRUST, ref)
    kept.restore()
    known.clock.forward(seconds=LATER)
    assert known.nodes[TRUST].agreements.in_force(now=known.clock.now()) == ()
    mind(known, TRUST)
    ended = known.nodes[TRUST].store.read(agreements.load_all)
    assert [each.ended_at is not None for each in ended] == [True]


@pytest.mark.holds("A59", "A72")
def test_an_agreement_that_a_party_does_not_answer_for_waits(known: Network) -> None:
    kept = Kept.of(known, TRUST)
    kept.restore()
    known.clock.forward(seconds=LATER)
    silent = known.wire.apps.pop(COUNCIL)
    mind(known, TRUST)
    node = known.nodes[TRUST]
    assert node.fitness.fault() is None  # inbound goes on
    assert node.agreements.in_force(now=known.clock.now()) == ()
    known.wire.apps[COUNCIL] = silent
    known.clock.forward(minutes=6)
    mind(known, TRUST)
    assert len(node.agreements.in_force(now=known.clock.now())) == 1


@pytest.mark.holds("A59")
def test_a_restored_anchor_vouches_for_no_key_that_a_member_has_revoked(known: Network) -> None:
    kid = known.nodes[TRUST].vault.signer(KeyUse.FEDERATION).kid
    now = known.clock.now()
    signer = known.nodes[TRUST].vault.signer(KeyUse.FEDERATION)
    stored = StoredKeyRevocation(
        issuer=TRUST,
        subject=TRUST,
        kid=kid,
        use="federation",
        revoked_at=now,
        raw=notice(kid, TRUST, signer, TRUST, known),
    )
    known.anchor.store.write(lambda tx: key_revocations.put(tx, stored, at=now))
    asked = known.anchor.peer_app.test_client()
    assert asked.get(f"/federation/v1/fetch?sub={TRUST}", base_url=ANCHOR).status_code == 404
    assert asked.get(f"/federation/v1/fetch?sub={COUNCIL}", base_url=ANCHOR).status_code == 200


def test_confirming_ends_the_wait_for_good(known: Network) -> None:
    kept = Kept.of(known, TRUST)
    kept.restore()
    assert not known.nodes[TRUST].store.read(store_epoch.read).confirmed
    confirm(known, TRUST)
    assert known.nodes[TRUST].store.read(store_epoch.read).confirmed


def test_a_superior_ends_the_trust_in_a_members_key_for_good(known: Network) -> None:
    """The member goes on publishing it, and members refuse it all the same; so they do what a stranger says nowhere."""
    kid = known.nodes[TRUST].vault.signer(KeyUse.MESSAGE).kid
    other = known.nodes[COUNCIL].vault.signer(KeyUse.MESSAGE).kid
    for issuer, store, signer, revoked, subject in (
        (ANCHOR, known.anchor.store, known.anchor.vault.signer(KeyUse.FEDERATION), kid, TRUST),
        (TRUST, known.nodes[TRUST].store, known.nodes[TRUST].vault.signer(KeyUse.FEDERATION), other, COUNCIL),
    ):
        raw = notice(revoked, subject, signer, issuer, known)
        stored = StoredKeyRevocation(
            issuer=issuer, subject=subject, kid=revoked, use="message", revoked_at=known.clock.now(), raw=raw
        )
        store.write(lambda tx, stored=stored: key_revocations.put(tx, stored, at=known.clock.now()))  # type: ignore[misc]
    rounds(known, COUNCIL, ANCHOR)
    held = known.nodes[COUNCIL].store.read(lambda tx: key_revocations.of(tx, subject=TRUST))
    assert [(each.kid, each.issuer) for each in held] == [(kid, ANCHOR)]
    with pytest.raises(TrustError):
        kids_of(known, TRUST, KeyUse.MESSAGE)
    assert known.anchor.store.read(lambda tx: key_revocations.of(tx, subject=COUNCIL)) == ()
