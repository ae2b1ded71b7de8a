"""A holder asks whose question it was; only the agency that sent it answers, once it decides to."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest

from gateway.app.node import Node
from gateway.misuse import answers
from gateway.misuse.answers import MisuseQueryReceiver, QueryReused
from gateway.misuse.evidence import (
    account_of,
    sent_message,
    signature_and_consent,
)
from gateway.misuse.queries import MessageForgotten, MisuseQuerySender, open_answer
from gateway.ports import PeerRequest, PeerResponse
from gateway.store.tables import received_misuse_queries
from gateway.store.tables.sent_misuse_queries import SentQueryState
from tests.federation.suspicion import Suspicion
from tests.simulator.network import Network
from tests.simulator.town import BY_ENTITY, COUNCIL, POLICE, SUBJECT, TRUST
from tests.simulator.wire import Pass
from trust import claims, jose
from trust.base64url import decode
from trust.claims import LATEST_SECONDS
from trust.errors import UnknownKey, Untrusted
from trust.exchange.errors import MalformedMessage
from trust.exchange.message import RequestRef
from trust.exchange.misuse import (
    MisuseQuery,
    MisuseReply,
    MisuseState,
    build_query,
    open_reply,
)
from trust.exchange.question_signature import parse_signature, verify_question_signature
from trust.federation.suspension import SuspensionState
from trust.keys import KeyUse


def hmac_key(node: Node) -> bytes:
    return node.vault.evidence_hmac_key()


@pytest.fixture
def suspicion(pair: Network) -> Suspicion:
    return Suspicion(network=pair)


def test_a_query_about_misuse_is_pending_until_the_name_is_released_and_then_told(suspicion: Suspicion) -> None:
    network, message = suspicion.network, suspicion.message
    holder = network.nodes[TRUST]
    first = suspicion.asking().ask(message, "Looked up at three in the morning.", now=network.clock.now())
    assert first.state is SentQueryState.PENDING
    suspicion.release()
    network.clock.forward(minutes=30)
    second = suspicion.asking().ask(message, "ignored", now=network.clock.now())
    assert second.state is SentQueryState.ANSWERED
    assert second.query == first.query
    told = open_answer(holder.vault.seal_key(), second)
    assert (told["name"], told["contact"]) == ("Ada Tarn", "M. Ellery, 01632 960 111")
    assert suspicion.asking().ask(message, "ignored", now=network.clock.now()) == second
    assert len(suspicion.queries()) == 2
    outcomes = {entity: Counter(leaf["outcome"] for leaf in network.leaves(entity)) for entity in (TRUST, COUNCIL)}
    said = {"misuse_pending": 1, "misuse_answered": 1}
    assert outcomes[TRUST].items() >= {"misuse_asked": 2, **said}.items()
    assert outcomes[COUNCIL].items() >= dict.fromkeys(said, 2).items()


def test_the_asking_agency_finds_who_it_was_from_its_own_records(suspicion: Suspicion) -> None:
    message, council = suspicion.message, suspicion.network.nodes[COUNCIL]
    sent = council.store.read(lambda tx: sent_message(tx, suspicion.ref, own=COUNCIL, to=TRUST, key=hmac_key(council)))
    assert sent is not None
    assert sent.digest == message.digest
    account = account_of(council.store, council.vault, sent.id)
    assert account is not None
    assert account["practitioner"]["id"] == "u-17"
    assert account["case_ref"] == "CF-2291"


def test_of_two_cases_of_one_practitioner_in_one_minute_the_one_that_the_message_was_sent_for_is_named(
    suspicion: Suspicion,
) -> None:
    client, council = suspicion.client, suspicion.network.nodes[COUNCIL]
    suspicion.network.clock.forward(seconds=5)
    client.post_lookup(client.body(wait_s=20.0, case_ref="CF-9999"))
    sent = council.store.read(lambda tx: sent_message(tx, suspicion.ref, own=COUNCIL, to=TRUST, key=hmac_key(council)))
    assert sent is not None
    account = account_of(council.store, council.vault, sent.id)
    assert account is not None
    assert (account["case_ref"], account["message"]) == ("CF-9999", suspicion.ref.jti)


def test_a_third_party_verifies_the_signature_of_a_question_with_the_agencys_published_key(
    suspicion: Suspicion,
) -> None:
    holder, message = suspicion.network.nodes[TRUST], suspicion.message
    signature, _ = signature_and_consent(holder.store, holder.vault, message)
    exported = json.dumps(signature)
    assert not [value for value in (*map(str, SUBJECT.values()), suspicion.ref.jti, "early-help") if value in exported]
    published = suspicion.network.nodes[COUNCIL].directory.resolve(TRUST, now=suspicion.network.clock.now())
    asker = holder.directory.resolve(COUNCIL, now=suspicion.network.clock.now())
    assert asker.node is not None
    assert published.node is not None
    kept = parse_signature(json.loads(exported))
    assert verify_question_signature(kept, keys=asker.node.message_keys).use is KeyUse.MESSAGE
    with pytest.raises(UnknownKey):
        verify_question_signature(kept, keys=published.node.message_keys)


def test_the_name_rests_sealed_at_both(suspicion: Suspicion) -> None:
    network = suspicion.network
    suspicion.asking().ask(suspicion.message, "A canary reason.", now=network.clock.now())
    suspicion.release("Canary Name")
    suspicion.asking().ask(suspicion.message, "ignored", now=network.clock.now())
    for entity in (TRUST, COUNCIL):
        files = (network.folder_of(entity) / "data").glob("node.db*")
        held = b"".join(file.read_bytes() for file in files)
        assert b"Canary Name" not in held
        assert b"canary reason" not in held


def test_a_captured_query_fetches_no_name(suspicion: Suspicion) -> None:
    network = suspicion.network
    suspicion.asking().ask(suspicion.message, "Looked up at night.", now=network.clock.now())
    suspicion.release()
    council = network.nodes[COUNCIL]
    again = council.peer_app.test_client().post(
        "/misuse/v1/queries", base_url=COUNCIL, data=suspicion.queries()[0], content_type="application/jwt"
    )
    assert again.status_code == 409
    answering = MisuseQueryReceiver(own=COUNCIL, directory=council.directory, vault=council.vault, store=council.store)
    with pytest.raises(QueryReused):
        answering.receive(suspicion.queries()[0], claims=council.claims, now=network.clock.now())


def forged(suspicion: Suspicion, **changes: Any) -> MisuseReply:
    """Have the trust sign another query than its software would, and return the council's reply."""
    network, message = suspicion.network, suspicion.message
    now = claims.to_seconds(network.clock.now())
    good: dict[str, Any] = {
        "iss": TRUST,
        "aud": COUNCIL,
        "iat": now,
        "exp": now + 300,
        "jti": token_urlsafe(16),
        "query": "q-1",
        "message": suspicion.ref,
        "received_at": claims.to_seconds(message.at),
        "pseudonym": message.pseudonym,
        "reason": "A reason.",
    }
    query = MisuseQuery(**{**good, **changes})
    raw = build_query(query, network.nodes[query.iss].vault.signer(KeyUse.MESSAGE))
    council = network.nodes[COUNCIL]
    answering = MisuseQueryReceiver(own=COUNCIL, directory=council.directory, vault=council.vault, store=council.store)
    answered = answering.receive(raw, claims=council.claims, now=network.clock.now())
    keys = council.vault.published(KeyUse.MESSAGE)
    return open_reply(answered, asker_keys=keys, sent=raw, query=query, now=network.clock.now())


@pytest.mark.parametrize(
    "changes",
    [
        {"message": RequestRef(jti="another", digest="d" * 43)},
        {"pseudonym": "another"},
    ],
)
def test_a_message_that_was_not_sent_to_this_holder_under_that_name_is_not_known(
    suspicion: Suspicion, changes: dict[str, Any]
) -> None:
    assert forged(suspicion).state is MisuseState.PENDING
    reply = forged(suspicion, query="q-2", **changes)
    assert reply.state is MisuseState.UNKNOWN
    assert reply.practitioner is None
    assert len(suspicion.network.nodes[COUNCIL].store.read(received_misuse_queries.list)) == 1


@pytest.mark.parametrize("moment", [0, 1, LATEST_SECONDS])
def test_a_time_at_the_ends_of_time_is_malformed(suspicion: Suspicion, moment: int) -> None:
    with pytest.raises(MalformedMessage):
        forged(suspicion, received_at=moment)


def test_an_answered_query_is_no_way_to_the_name_behind_another_message(suspicion: Suspicion) -> None:
    network = suspicion.network
    first, when = suspicion.ref, suspicion.message.at
    assert forged(suspicion).state is MisuseState.PENDING
    suspicion.release()
    network.clock.forward(minutes=10)
    suspicion.client.look_up()
    assert suspicion.ref != first
    assert forged(suspicion).state is MisuseState.UNKNOWN
    assert forged(suspicion, message=first, received_at=claims.to_seconds(when)).state is MisuseState.ANSWERED


def test_no_member_floods_those_who_answer(suspicion: Suspicion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_OPEN", 3)
    network, message, holder = suspicion.network, suspicion.message, suspicion.network.nodes[TRUST]
    issued = claims.to_seconds(network.clock.now())

    def ask(query: str) -> PeerResponse:
        made = MisuseQuery(
            iss=TRUST,
            aud=COUNCIL,
            iat=issued,
            exp=issued + 300,
            jti=token_urlsafe(16),
            query=query,
            message=suspicion.ref,
            received_at=claims.to_seconds(message.at),
            pseudonym=message.pseudonym,
            reason="Looked up at three in the morning.",
        )
        raw = build_query(made, holder.vault.signer(KeyUse.MESSAGE))
        return network.wire.deliver(
            PeerRequest(
                method="POST",
                url=COUNCIL + "/misuse/v1/queries",
                headers={"Content-Type": "application/jwt"},
                body=raw,
                accept="application/jwt",
                max_bytes=65_536,
                timeout_s=5.0,
            )
        )

    assert [ask(f"query-{number}").status for number in range(4)] == [200, 200, 200, 429]
    assert ask("query-1").status == 200  # what waits can be asked again
    assert len(network.nodes[COUNCIL].store.read(received_misuse_queries.list)) == 3


def test_another_member_learns_nothing_of_a_message_to_another_node(tmp_path: Path) -> None:
    network = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST], BY_ENTITY[POLICE]])
    network.agree()
    suspicion = Suspicion(network=network)
    assert forged(suspicion, iss=POLICE).state is MisuseState.UNKNOWN
    police = network.nodes[POLICE]
    asking = MisuseQuerySender(
        own=POLICE, directory=police.directory, vault=police.vault, store=police.store, transport=network.wire
    )
    with pytest.raises(MessageForgotten):
        asking.ask(suspicion.message, "Curious.", now=network.clock.now())
    network.close()


def test_a_suspended_member_is_not_answered(suspicion: Suspicion) -> None:
    network = suspicion.network
    assert forged(suspicion).state is MisuseState.PENDING
    suspicion.release()
    network.enrol(TRUST, SuspensionState.SUSPENDED)
    network.clock.forward(minutes=6)
    with pytest.raises(Untrusted):
        forged(suspicion)


def test_an_answer_of_another_node_is_no_answer(suspicion: Suspicion) -> None:
    network = suspicion.network

    def other_key(request: PeerRequest, passing: Pass) -> PeerResponse:
        answer = passing()
        if not request.url.endswith("/misuse/v1/queries"):
            return answer
        claims_of = json.loads(decode(answer.body.split(b".")[1], "payload"))
        signer = network.nodes[TRUST].vault.signer(KeyUse.MESSAGE)
        return replace(answer, body=jose.sign(claims_of, typ="misuse-reply+jwt", signer=signer))

    network.wire.faults[COUNCIL] = other_key
    with pytest.raises(UnknownKey):
        suspicion.asking().ask(suspicion.message, "A reason.", now=network.clock.now())
