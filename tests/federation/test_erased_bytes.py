"""Erased content stays in the files of the store for a while, and cannot be read any more."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.keys.daily_seal import SealExpired
from gateway.store.engine.statement import Statement
from gateway.store.housekeeping import erase_expired
from gateway.store.schema import messages
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import COUNCIL, TRUST
from trust.errors import Unverified
from trust.evidence.leaf import message_key
from trust.sealing import open_sealed

_REPLIES = Statement(select(messages.c.sealed_reply))


def files_of(network: Network) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((network.folder_of(TRUST) / "data").glob("node.db*")))


def key_files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "keys").iterdir() if path.is_file()]


def test_the_reply_that_was_erased_is_in_the_files_and_no_key_that_is_left_opens_it(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    message = hand.message()
    hand.post(hand.signed(message))
    node = pair.nodes[TRUST]
    name = message_key(node.vault.evidence_hmac_key(), COUNCIL, message.jti)
    place = f"reply {COUNCIL} {name}".encode()
    [row] = node.store.read(lambda tx: [bytes(each.sealed_reply) for each in tx.rows(_REPLIES, {})])
    assert b'"known"' not in row
    assert node.vault.open_of_a_day(row, place)
    pair.clock.forward(days=2)
    erase_expired(node.keeper.store, node.keeper.claims, now=pair.clock.now() + timedelta(hours=1))
    node.vault.destroy_old_seals()
    assert row in files_of(pair)  # the write-ahead log and free pages keep what was erased
    with pytest.raises(SealExpired):
        node.vault.open_of_a_day(row, place)
    left = key_files(pair.folder_of(TRUST))
    for raw in {node.vault.seal_key(), *(each[start : start + 32] for each in left for start in range(len(each) - 31))}:
        with pytest.raises(Unverified):
            open_sealed(raw, row[4:], place)
