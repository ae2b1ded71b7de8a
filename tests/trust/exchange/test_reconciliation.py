"""A comparison of two nodes proves who asks, and its reply that it answers this very query."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.makers import NOW, NOW_S, key_set
from trust import jose
from trust.claims import digest
from trust.errors import Expired, LivesTooLong, TrustError, UnknownKey, WrongAudience, WrongIssuer, WrongType
from trust.exchange import reconciliation
from trust.exchange.envelope import MAX_BYTES, RequestRef
from trust.exchange.errors import MalformedMessage, ReplyMismatch
from trust.exchange.reconciliation import (
    MAX_MESSAGES,
    OpenedReconciliation,
    ReconciliationQuery,
    ReconciliationReply,
    Whereabouts,
)
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner

SENDER, RECIPIENT = EntityId("https://council.example"), EntityId("https://police.example")
SENDERS, RECIPIENTS = LocalSigner.generate(KeyUse.MESSAGE), LocalSigner.generate(KeyUse.MESSAGE)
QUERY = ReconciliationQuery(
    iss=SENDER,
    aud=RECIPIENT,
    iat=NOW_S,
    exp=NOW_S + 300,
    jti="query-1",
    messages=tuple(RequestRef(jti=f"m-{number}", digest="d" * 43) for number in range(3)),
)
RAW = reconciliation.build_query(QUERY, SENDERS)
REPLY = ReconciliationReply(
    iss=RECIPIENT,
    aud=SENDER,
    iat=NOW_S,
    exp=NOW_S + 300,
    jti="reply-1",
    request=RequestRef(jti="query-1", digest=digest(RAW)),
    whereabouts=(Whereabouts.HELD, Whereabouts.UNKNOWN, Whereabouts.HELD),
)


def opened(raw: bytes = RAW) -> OpenedReconciliation:
    return reconciliation.open_query(raw, sender_keys=key_set(SENDERS), own_id=RECIPIENT, now=NOW)


def read(raw: bytes, query: ReconciliationQuery = QUERY, sent: bytes = RAW) -> ReconciliationReply:
    return reconciliation.open_reply(raw, recipient_keys=key_set(RECIPIENTS), raw_query=sent, query=query, now=NOW)


def answered(reply: ReconciliationReply = REPLY, *, by: LocalSigner = RECIPIENTS) -> ReconciliationReply:
    return read(reconciliation.build_reply(reply, by))


def test_a_query_and_its_reply_are_read_as_they_were_written() -> None:
    assert opened().query == QUERY
    assert opened().ref == REPLY.request
    assert reconciliation.peek_sender(RAW) == SENDER
    assert answered() == REPLY


@given(st.lists(st.sampled_from(Whereabouts), min_size=1, max_size=MAX_MESSAGES))
def test_every_message_keeps_its_own_answer(whereabouts: list[Whereabouts]) -> None:
    messages = tuple(RequestRef(jti=f"m-{number}", digest="d" * 43) for number in range(len(whereabouts)))
    query = replace(QUERY, messages=messages)
    raw = reconciliation.build_query(query, SENDERS)
    reply = replace(REPLY, request=RequestRef(jti="query-1", digest=digest(raw)), whereabouts=tuple(whereabouts))
    assert read(reconciliation.build_reply(reply, RECIPIENTS), query, raw).whereabouts == tuple(whereabouts)


def test_the_largest_query_fits_the_cap() -> None:
    messages = tuple(RequestRef(jti=f"{number:0>128}", digest="d" * 43) for number in range(MAX_MESSAGES))
    assert len(reconciliation.build_query(replace(QUERY, messages=messages), SENDERS)) < MAX_BYTES


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"aud": SENDER}, WrongAudience),
        ({"exp": NOW_S + 301}, LivesTooLong),
        ({"iat": NOW_S - 300, "exp": NOW_S}, Expired),
        ({"messages": ()}, MalformedMessage),
        ({"messages": (RequestRef(jti="m-1", digest="short"),)}, MalformedMessage),
        ({"messages": (QUERY.messages[0], QUERY.messages[0])}, MalformedMessage),
    ],
)
def test_another_query_is_refused(changes: dict[str, object], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        opened(reconciliation.build_query(replace(QUERY, **changes), SENDERS))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"iss": SENDER}, WrongIssuer),
        ({"aud": RECIPIENT}, WrongAudience),
        ({"exp": NOW_S + 301}, LivesTooLong),
        ({"request": RequestRef(jti="query-1", digest="d" * 43)}, ReplyMismatch),
        ({"whereabouts": (Whereabouts.HELD, Whereabouts.HELD)}, ReplyMismatch),
    ],
)
def test_another_reply_is_no_reply(changes: dict[str, object], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        answered(replace(REPLY, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "whereabouts", [{}, {"held": [0, 1, 1]}, {"held": [0, 1], "unknown": [1]}, {"held": [0, 2]}, {"safe": [0, 1, 2]}]
)
def test_a_reply_names_each_message_once(whereabouts: dict[str, list[int]]) -> None:
    claims = jose.peek(reconciliation.build_reply(REPLY, RECIPIENTS), typ=reconciliation.REPLY_TYP, max_bytes=MAX_BYTES)
    forged = jose.sign({**claims.claims, "whereabouts": whereabouts}, typ=reconciliation.REPLY_TYP, signer=RECIPIENTS)
    with pytest.raises((MalformedMessage, ReplyMismatch)):
        read(forged)


def test_a_query_and_a_reply_need_their_own_key_and_type() -> None:
    with pytest.raises(UnknownKey):
        opened(reconciliation.build_query(QUERY, RECIPIENTS))
    with pytest.raises(UnknownKey):
        answered(by=SENDERS)
    with pytest.raises(WrongType):
        opened(jose.sign({"iss": SENDER}, typ=reconciliation.REPLY_TYP, signer=SENDERS))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_query_or_a_trust_error(raw: bytes) -> None:
    with suppress(TrustError):
        opened(raw)
    with suppress(TrustError):
        reconciliation.peek_sender(raw)
