"""An anchor that alone vouches for a key of its own making speaks in no member's name: the member disowns the key."""

import json
from datetime import timedelta

import pytest

from gateway.store.tables import disowned_keys, members
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network, federation_keys
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from tests.support.logs import capture_logs
from trust import jose
from trust.errors import TrustError
from trust.federation.chain import TrustChain, open_chain
from trust.federation.entity_statement import MAX_BYTES, TYP, StatementDraft, build_entity_configuration
from trust.federation.suspension import SuspensionState
from trust.keys import KeySet, KeyUse, LocalSigner

FORGED = LocalSigner.generate(KeyUse.FEDERATION)


@pytest.fixture
def deceived(pair: Network) -> Network:
    """Have the anchor vouch for a key of its own making beside the trust's."""
    PeerHand(network=pair, agreement=ref_of(pair)).ask()
    pair.clock.forward(minutes=6)
    for entity in (COUNCIL, TRUST):
        pair.nodes[entity].keeper.round()
    vouch(pair, FORGED)
    pair.clock.forward(minutes=6)
    return pair


def vouch(network: Network, *added: LocalSigner) -> None:
    keys = federation_keys(network.nodes[TRUST].vault)
    jwks = KeySet.of(KeyUse.FEDERATION, [*keys.keys, *(each.public for each in added)]).to_jwks()
    held = network.anchor.store.read(lambda tx: members.get(tx, entity=TRUST))
    assert held is not None
    network.anchor.store.write(
        lambda tx: members.admit(
            tx,
            entity=TRUST,
            jwks=jwks,
            metadata=held.metadata,
            state=SuspensionState.ACTIVE,
            at=network.clock.now(),
        )
    )


def forged_chain(network: Network) -> TrustChain:
    """Return a chain in which the anchor speaks as the trust, with the trust's metadata and a key of its own."""
    now = network.clock.now()
    http = network.anchor.peer_app.test_client()
    about = http.get(f"/federation/v1/fetch?sub={TRUST}", base_url=ANCHOR).data
    anchor = http.get("/.well-known/openid-federation", base_url=ANCHOR).data
    own = network.nodes[TRUST].peer_app.test_client().get("/.well-known/openid-federation", base_url=TRUST).data
    said = jose.peek(own, typ=TYP, max_bytes=MAX_BYTES).claims
    draft = StatementDraft(
        subject=TRUST,
        keys=KeySet.of(KeyUse.FEDERATION, [FORGED.public]),
        issued_at=now,
        expires_at=now + timedelta(hours=1),
        metadata=json.loads(json.dumps(said["metadata"])),
    )
    own = build_entity_configuration(draft, FORGED, authority_hints=(ANCHOR,))
    return open_chain((own, about, anchor), anchors=network.nodes[COUNCIL].directory.anchors(now=now), now=now)


def test_the_member_raises_the_alarm_and_its_peers_refuse_the_key(deceived: Network) -> None:
    council, now = deceived.nodes[COUNCIL], deceived.clock.now
    assert FORGED.kid in council.directory.refresh(TRUST, now=now()).federation_keys.kids  # until it was told

    with capture_logs() as alarm:
        deceived.nodes[TRUST].keeper.round()
    assert ("foreign_key", ANCHOR) in [(line.get("code"), line.get("peer")) for line in alarm]
    deceived.clock.forward(minutes=6)
    with capture_logs() as told:
        council.keeper.round()
    assert ("key_disowned", TRUST) in [(line.get("code"), line.get("peer")) for line in told]

    trusted = council.directory.refresh(TRUST, now=now())
    assert trusted.federation_keys == federation_keys(deceived.nodes[TRUST].vault)
    chains = council.directory._chains.store
    with pytest.raises(TrustError, match="revoked"):
        chains.verify(forged_chain(deceived), now=now())


def test_what_is_no_longer_disowned_counts_again(deceived: Network) -> None:
    """Its host may have been told of a new key before the other host was."""
    for entity in (TRUST, COUNCIL):
        deceived.nodes[entity].keeper.round()
        deceived.clock.forward(minutes=6)
    vouch(deceived)
    for entity in (TRUST, COUNCIL):
        deceived.nodes[entity].keeper.round()
        deceived.clock.forward(minutes=6)
    assert deceived.nodes[TRUST].store.read(disowned_keys.kids) == {}
    assert deceived.nodes[COUNCIL].store.read(disowned_keys.kids) == {}


def test_nothing_is_disowned_while_the_superior_names_its_own_keys_only(pair: Network) -> None:
    PeerHand(network=pair, agreement=ref_of(pair)).ask()
    pair.clock.forward(minutes=6)
    with capture_logs() as said:
        pair.nodes[TRUST].keeper.round()
    assert "foreign_key" not in [line.get("code") for line in said]
    assert pair.nodes[TRUST].store.read(disowned_keys.kids) == {}
