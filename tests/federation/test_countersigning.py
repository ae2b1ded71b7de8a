"""An agreement is served to any member by its digest, and its signatures to the parties that signed."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.agreements.fetch import fetch_agreement
from gateway.agreements.signature_exchange import address
from gateway.ports import PeerRequest, PeerResponse, Transaction, TransportError
from gateway.store.tables import agreements
from gateway.store.tables.agreements import StoredSignature
from tests.simulator.agreements import call, http, post_call
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, TRUST
from tests.simulator.wire import Pass
from trust.agreements.agreement import Signatory, build_signature
from trust.errors import TrustError
from trust.exchange.message import AgreementRef
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner

ELSEWHERE = EntityId("https://elsewhere.example")


def proposed(pair: Network) -> AgreementRef:
    """Have the trust hold a new version that it has signed and the council has not, nor heard of."""
    return pair.agree(pair.document(version=2), unsigned_by=[COUNCIL], held_by=[TRUST])


def post(network: Network, ref: AgreementRef, signature: bytes | None) -> TestResponse:
    return post_call(network, ref, call(network, ref, signature))


def signers(network: Network, entity: EntityId, ref: AgreementRef) -> set[str]:
    held = network.nodes[entity].store.read(lambda tx: agreements.find(tx, digest=ref.digest))
    return set(held.signatures) if held else set()


def hold(network: Network, entity: EntityId, ref: AgreementRef, signature: StoredSignature) -> None:
    """Have a node fetch the agreement from the trust and hold it with its own signature, as the command does."""
    raw = fetch_agreement(network.wire, address(TRUST, ref.digest))
    now = network.clock.now()

    def put(tx: Transaction) -> None:
        agreements.put(tx, agreement_id=ref.id, version=ref.version, digest=ref.digest, raw=raw, added_at=now)
        agreements.put_signature(tx, agreement=ref, entity=entity, signature=signature, added_at=now)

    network.nodes[entity].store.write(put)


def test_an_agreement_is_fetched_by_its_digest_and_by_nothing_else(pair: Network) -> None:
    ref = proposed(pair)
    fetched = fetch_agreement(pair.wire, address(TRUST, ref.digest))
    assert json.loads(fetched)["id"] == ref.id
    for path in (f"/agreements/v1/{'A' * 43}", f"/agreements/v1/{ref.id}", "/agreements/v1"):
        assert http(pair, TRUST).get(path, base_url=TRUST).status_code == 404
    assert http(pair, COUNCIL).get(f"/agreements/v1/{ref.digest}", base_url=COUNCIL).status_code == 404


def test_what_does_not_have_the_digest_of_its_address_is_refused(pair: Network) -> None:
    ref = proposed(pair)

    def another(request: PeerRequest, ask: Pass) -> PeerResponse:
        answer = ask()
        return PeerResponse(status=200, content_type=answer.content_type, headers={}, body=answer.body + b" ")

    pair.wire.faults[TRUST] = another
    with pytest.raises(TrustError, match="not the agreement"):
        fetch_agreement(pair.wire, address(TRUST, ref.digest))


def test_an_ended_agreement_is_neither_shown_nor_signed(pair: Network) -> None:
    ref = proposed(pair)
    raw = pair.signature(COUNCIL, ref).raw
    now = pair.clock.now()
    pair.nodes[TRUST].store.write(lambda tx: agreements.end(tx, agreement_id=ref.id, version=ref.version, at=now))
    answer = post(pair, ref, raw)
    assert (answer.status_code, answer.get_json()["signatures"]) == (200, [])
    held = pair.nodes[TRUST].store.read(lambda tx: agreements.find_with_ended(tx, digest=ref.digest))
    assert held is not None
    assert set(held.signatures) == {TRUST}
    with pytest.raises(TransportError, match="ended"):
        fetch_agreement(pair.wire, address(TRUST, ref.digest))


def test_a_signing_party_is_given_the_stored_signatures(pair: Network) -> None:
    ref = proposed(pair)
    answer = post(pair, ref, pair.signature(COUNCIL, ref).raw)
    assert answer.status_code == 200, answer.text
    assert len(answer.get_json()["signatures"]) == 2
    assert signers(pair, TRUST, ref) == {COUNCIL, TRUST}
    assert pair.nodes[TRUST].agreements.in_force(now=pair.clock.now())


def test_a_signature_brought_again_changes_nothing(pair: Network) -> None:
    ref = proposed(pair)
    raw = pair.signature(COUNCIL, ref).raw
    first = post(pair, ref, raw)
    epoch = pair.nodes[TRUST].store.read(agreements.epoch)
    again = post(pair, ref, raw)
    assert (again.status_code, again.data) == (200, first.data)
    assert pair.nodes[TRUST].store.read(agreements.epoch) == epoch


def test_an_older_signature_does_not_come_back(pair: Network) -> None:
    ref = proposed(pair)
    older = pair.signature(COUNCIL, ref).raw
    pair.clock.forward(minutes=2)
    newer = pair.signature(COUNCIL, ref).raw
    assert post(pair, ref, newer).status_code == 200
    pair.clock.forward(minutes=2)
    assert post(pair, ref, older).status_code == 200
    held = pair.nodes[TRUST].store.read(lambda tx: agreements.find(tx, digest=ref.digest))
    assert held is not None
    assert held.signatures[COUNCIL].raw == newer


def test_a_signature_is_replaced_once_a_minute_at_most(pair: Network) -> None:
    ref = proposed(pair)
    pair.clock.forward(seconds=90 - pair.clock.moment.second)
    assert post(pair, ref, pair.signature(COUNCIL, ref).raw).status_code == 200
    pair.clock.forward(seconds=1)
    newer = pair.signature(COUNCIL, ref).raw
    refused = post(pair, ref, newer)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "busy")
    pair.clock.forward(minutes=1)
    assert post(pair, ref, newer).status_code == 200


def test_only_a_partys_own_vouched_key_signs_for_it(pair: Network) -> None:
    ref = proposed(pair)
    who = Signatory(name="Somebody", post="Nobody")
    now = pair.clock.now()
    stolen = LocalSigner.generate(KeyUse.FEDERATION)
    forged = build_signature(ref, party=COUNCIL, signatory=who, signer=stolen, now=now)
    assert post(pair, ref, forged).status_code == 400
    council = pair.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION)
    foreign = build_signature(ref, party=ELSEWHERE, signatory=who, signer=council, now=now)
    post(pair, ref, None)  # so that the council's own chain is known
    fetched = len(pair.wire.asked)
    assert post(pair, ref, foreign).status_code == 400
    assert len(pair.wire.asked) == fetched, "nothing is fetched for one who is no party"
    assert signers(pair, TRUST, ref) == {TRUST}


def test_a_signature_under_another_wording_is_refused(pair: Network) -> None:
    ref = proposed(pair)
    other = AgreementRef(id=ref.id, version=ref.version, digest="A" * 43)
    refused = post(pair, ref, pair.signature(COUNCIL, other).raw)
    assert (refused.status_code, "wording of this one" in refused.text) == (403, True)
    assert signers(pair, TRUST, ref) == {TRUST}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_the_inbox_takes_signatures_only(pair: Network, content_type: str) -> None:
    ref = proposed(pair)
    path = f"/agreements/v1/{ref.digest}/signatures"
    assert http(pair, TRUST).post(path, data=b"{}", content_type=content_type, base_url=TRUST).status_code == 415
    assert post_call(pair, ref, b"x" * 33_000).status_code == 413
    assert post_call(pair, ref, b"not a call").status_code == 400
    assert post(pair, ref, b"not a signature").status_code == 400


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"iss": ELSEWHERE}, 400),
        ({"iss": TRUST}, 400),
        ({"aud": ELSEWHERE}, 400),
        ({"signer": LocalSigner.generate(KeyUse.FEDERATION)}, 400),
    ],
    ids=["no-party", "itself", "for-another", "forged"],
)
def test_signatures_are_given_to_parties_only(pair: Network, changes: dict[str, Any], status: int) -> None:
    """A party's signature, which others may have a copy of, proves no caller."""
    ref = proposed(pair)
    signature = pair.signature(COUNCIL, ref).raw
    bare = post_call(pair, ref, signature)
    refused = post_call(pair, ref, call(pair, ref, signature, **changes))
    assert [bare.status_code, refused.status_code] == [400, status]
    assert "R. Example" not in bare.text + refused.text
    assert "signatures" not in refused.get_json()
    assert signers(pair, TRUST, ref) == {TRUST}


def test_a_call_is_good_once_and_for_a_minute(pair: Network) -> None:
    ref = proposed(pair)
    raw = call(pair, ref)
    assert post_call(pair, ref, raw).status_code == 200
    assert (post_call(pair, ref, raw).status_code, post_call(pair, ref, call(pair, ref)).status_code) == (409, 200)
    late = call(pair, ref)
    pair.clock.forward(seconds=61)
    assert post_call(pair, ref, late).status_code == 400


def test_a_party_that_has_not_signed_is_given_who_has(pair: Network) -> None:
    ref = proposed(pair)
    assert len(post(pair, ref, None).get_json()["signatures"]) == 1


def test_a_node_that_was_away_collects_what_it_missed(pair: Network) -> None:
    ref = proposed(pair)
    hold(pair, COUNCIL, ref, pair.signature(COUNCIL, ref))
    del pair.wire.apps[TRUST]
    pair.nodes[COUNCIL].keeper.round()
    assert signers(pair, COUNCIL, ref) == {COUNCIL}

    pair.wire.apps[TRUST] = pair.nodes[TRUST].peer_app
    pair.nodes[COUNCIL].keeper.round()
    assert signers(pair, COUNCIL, ref) == {COUNCIL}, "it waits a minute before it asks again"
    pair.clock.forward(minutes=2)
    pair.nodes[COUNCIL].keeper.round()
    assert signers(pair, COUNCIL, ref) == signers(pair, TRUST, ref) == {COUNCIL, TRUST}

    asked = len([url for url in pair.wire.asked if url.endswith("/signatures")])
    pair.clock.forward(hours=2)
    pair.nodes[COUNCIL].keeper.round()
    assert len([url for url in pair.wire.asked if url.endswith("/signatures")]) == asked


def test_a_party_that_has_not_signed_asks_no_other(pair: Network) -> None:
    pair.agree(pair.document(version=2), unsigned_by=[COUNCIL], held_by=[COUNCIL])
    pair.nodes[COUNCIL].keeper.round()
    assert not [url for url in pair.wire.asked if url.endswith("/signatures")]
