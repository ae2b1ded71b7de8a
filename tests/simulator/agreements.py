"""Agreements of a network: their reference, their end, and a party's call about one."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from secrets import token_hex
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.app.node import Node
from gateway.store.tables import agreements
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, TRUST
from trust.agreements.party_call import PartyCall, build_call, call_parties
from trust.exchange.message import AgreementRef
from trust.identifiers import EntityId
from trust.keys import KeyUse


def end(network: Network, agreement_id: str, version: int, *at: EntityId) -> None:
    for entity in at or tuple(network.nodes):
        network.nodes[entity].store.write(
            lambda tx: agreements.end(tx, agreement_id=agreement_id, version=version, at=network.clock.now())
        )


def ref_of(network: Network) -> AgreementRef:
    [held] = network.nodes[COUNCIL].agreements.standings(now=network.clock.now())
    return held.agreement.ref


def http(network: Network, entity: EntityId) -> FlaskClient:
    return network.nodes[entity].peer_app.test_client()


def call(network: Network, ref: AgreementRef, signature: bytes | None = None, **changes: Any) -> bytes:
    """Make the council's call on the trust about an agreement, with some of it changed."""
    signer = changes.pop("signer", None) or network.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION)
    documents = {name: changes.pop(name, None) for name in ("ending", "suspension")}
    parties = call_parties(COUNCIL, TRUST, jti=token_hex(8), now=network.clock.now())
    called = PartyCall(parties=replace(parties, **changes), agreement=ref, signature=signature, **documents)
    return build_call(called, signer=signer)


def post_call(network: Network, ref: AgreementRef, raw: bytes) -> TestResponse:
    path = f"/agreements/v1/{ref.digest}/signatures"
    return http(network, TRUST).post(path, data=raw, content_type="application/jwt", base_url=TRUST)


def restored(network: Network, entity: EntityId, work: Callable[[], object]) -> Node:
    """Let something happen, and then put the node's store back to what it was before."""
    data, copy = network.folder_of(entity) / "data", network.folder / "backup"
    network.nodes[entity].store.close()
    shutil.copytree(data, copy)
    network.start(entity)
    work()
    network.nodes[entity].store.close()
    network.nodes[entity].claims.close()
    shutil.rmtree(data)
    copy.rename(data)
    return network.start(entity)
