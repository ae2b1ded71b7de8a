"""The claim on a message id."""

from datetime import timedelta

from gateway.ports import Store, Transaction
from gateway.store.tables import messages
from gateway.store.tables.messages import REMEMBERED_PAST_EXPIRY, StoredReply
from tests.gateway.store.makers import COUNCIL, DIGEST, LATER, POLICE


def claim(tx: Transaction, jti: str, reply: bytes | None = b"sealed", issuer: str = COUNCIL) -> StoredReply | None:
    return messages.claim(tx, issuer=issuer, message=jti, digest=DIGEST, sealed_reply=reply, expires=LATER)


def test_an_id_is_unknown_until_it_is_claimed(store: Store) -> None:
    assert store.read(lambda tx: messages.find(tx, issuer=COUNCIL, message="a")) is None
    assert store.write(lambda tx: claim(tx, "a")) is None
    assert store.read(lambda tx: messages.find(tx, issuer=COUNCIL, message="a")) == StoredReply(
        digest=DIGEST, sealed_reply=b"sealed"
    )


def test_the_loser_of_a_claim_gets_the_winners_bytes(store: Store) -> None:
    store.write(lambda tx: claim(tx, "a", b"the winner's"))
    assert store.write(lambda tx: claim(tx, "a", b"the loser's")) == StoredReply(
        digest=DIGEST, sealed_reply=b"the winner's"
    )


def test_the_same_id_from_another_sender_is_independent(store: Store) -> None:
    store.write(lambda tx: claim(tx, "a"))
    assert store.write(lambda tx: claim(tx, "a", issuer=POLICE)) is None


def test_a_claim_may_keep_no_answer(store: Store) -> None:
    store.write(lambda tx: claim(tx, "a", None))
    assert store.write(lambda tx: claim(tx, "a")) == StoredReply(digest=DIGEST, sealed_reply=None)


def test_an_expired_message_loses_its_answer_at_once_and_its_id_later(store: Store) -> None:
    store.write(lambda tx: claim(tx, "a"))
    before, after, long_after = LATER - timedelta(seconds=1), LATER, LATER + REMEMBERED_PAST_EXPIRY

    assert store.write(lambda tx: messages.erase_expired(tx, now=before, batch=10)) == 0
    assert store.write(lambda tx: messages.erase_expired(tx, now=after, batch=10)) == 1
    assert store.read(lambda tx: messages.find(tx, issuer=COUNCIL, message="a")) == StoredReply(
        digest=DIGEST, sealed_reply=None
    )
    assert store.write(lambda tx: messages.erase_expired(tx, now=long_after, batch=10)) == 1
    assert store.read(lambda tx: messages.find(tx, issuer=COUNCIL, message="a")) is None


def test_erasing_takes_no_more_than_its_batch(store: Store) -> None:
    store.write(lambda tx: [claim(tx, str(number)) for number in range(5)])
    erased = [store.write(lambda tx: messages.erase_expired(tx, now=LATER, batch=2)) for _ in range(4)]
    assert erased == [2, 2, 1, 0]
