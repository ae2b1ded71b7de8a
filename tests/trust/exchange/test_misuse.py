"""A query about misuse proves who asks, and its answer that it answers this very query."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.makers import NOW, NOW_S, key_set, signer
from trust import jose
from trust.claims import digest
from trust.errors import (
    BadSignature,
    Expired,
    KeyPurposeMismatch,
    LivesTooLong,
    TrustError,
    UnknownKey,
    WrongAudience,
    WrongIssuer,
    WrongType,
)
from trust.exchange import message, misuse
from trust.exchange.envelope import RequestRef
from trust.exchange.errors import MalformedMessage, ReplyMismatch
from trust.exchange.misuse import MisuseQuery, MisuseReply, MisuseState, NamedPractitioner, OpenedQuery
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner

HOLDER, ASKER = EntityId("https://trust.example"), EntityId("https://council.example")
HOLDERS, ASKERS = LocalSigner.generate(KeyUse.MESSAGE), LocalSigner.generate(KeyUse.MESSAGE)
QUERY = MisuseQuery(
    iss=HOLDER,
    aud=ASKER,
    iat=NOW_S,
    exp=NOW_S + 300,
    jti="query-jwt-1",
    query="query-1",
    message=RequestRef(jti="m-1", digest="d" * 43),
    received_at=NOW_S - 3600,
    pseudonym="p-1",
    reason="Looked up at night.",
)
RAW = misuse.build_query(QUERY, HOLDERS)
REPLY = MisuseReply(
    iss=ASKER,
    aud=HOLDER,
    iat=NOW_S,
    exp=NOW_S + 300,
    jti="reply-jwt-1",
    query="query-1",
    request=RequestRef(jti="query-jwt-1", digest=digest(RAW)),
    state=MisuseState.ANSWERED,
    due=NOW_S + 86_400,
    practitioner=NamedPractitioner(name="Ada Tarn", role="key-worker", org_unit="north", contact="01632 960 111"),
)


def opened(raw: bytes = RAW, *, at: datetime = NOW) -> OpenedQuery:
    return misuse.open_query(raw, holder_keys=key_set(HOLDERS), own_id=ASKER, now=at)


def answered(reply: MisuseReply = REPLY, *, by: object = ASKERS) -> MisuseReply:
    raw = misuse.build_reply(reply, by)  # type: ignore[arg-type]
    return misuse.open_reply(raw, asker_keys=key_set(ASKERS), sent=RAW, query=QUERY, now=NOW)


def test_what_is_sent_is_what_is_read() -> None:
    assert opened().query == QUERY
    assert opened().digest == digest(RAW)
    assert misuse.peek_holder(RAW) == HOLDER
    assert answered() == REPLY
    pending = replace(REPLY, state=MisuseState.PENDING, practitioner=None)
    assert answered(pending) == pending
    unknown = replace(pending, state=MisuseState.UNKNOWN, due=None)
    assert answered(unknown) == unknown


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"aud": EntityId("https://police.example")}, WrongAudience),
        ({"exp": NOW_S + 301}, LivesTooLong),
        ({"iat": NOW_S - 300, "exp": NOW_S}, Expired),
        ({"reason": ""}, MalformedMessage),
        ({"reason": "r" * 501}, MalformedMessage),
        ({"reason": "two\nlines"}, MalformedMessage),
        ({"query": "white space"}, MalformedMessage),
        ({"pseudonym": ""}, MalformedMessage),
        ({"message": RequestRef(jti="m-1", digest="short")}, MalformedMessage),
        ({"received_at": 5}, MalformedMessage),
    ],
)
def test_another_query_is_refused(changes: dict[str, object], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        opened(misuse.build_query(replace(QUERY, **changes), HOLDERS))  # type: ignore[arg-type]


def test_a_query_needs_the_holders_message_key_and_its_own_type() -> None:
    with pytest.raises(UnknownKey):
        opened(misuse.build_query(QUERY, ASKERS))
    with pytest.raises(BadSignature):
        opened(RAW[:-4] + (b"AAAA" if not RAW.endswith(b"AAAA") else b"BBBB"))
    for typ in (message.TYP, misuse.REPLY_TYP, "JWT"):
        with pytest.raises(WrongType):
            opened(jose.sign({"iss": HOLDER}, typ=typ, signer=HOLDERS))
    with pytest.raises(KeyPurposeMismatch):
        misuse.open_query(RAW, holder_keys=key_set(signer(KeyUse.OAUTH)), own_id=ASKER, now=NOW)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"iss": HOLDER}, WrongIssuer),
        ({"aud": ASKER}, WrongAudience),
        ({"query": "query-2"}, ReplyMismatch),
        ({"request": RequestRef(jti="query-jwt-2", digest=digest(RAW))}, ReplyMismatch),
        ({"request": RequestRef(jti="query-jwt-1", digest="d" * 43)}, ReplyMismatch),
        ({"practitioner": None}, MalformedMessage),
        ({"due": None}, MalformedMessage),
        ({"exp": NOW_S + 301}, LivesTooLong),
    ],
)
def test_another_answer_is_no_answer(changes: dict[str, object], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        answered(replace(REPLY, **changes))  # type: ignore[arg-type]


def test_an_answer_of_another_key_is_no_answer() -> None:
    with pytest.raises(UnknownKey):
        answered(by=HOLDERS)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (datetime(2026, 11, 23, 9, 30, tzinfo=UTC), datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),
        (datetime(2026, 11, 27, 16, 0, tzinfo=UTC), datetime(2026, 11, 30, 16, 0, tzinfo=UTC)),
        (datetime(2026, 11, 28, 8, 0, tzinfo=UTC), datetime(2026, 11, 30, 8, 0, tzinfo=UTC)),
    ],
)
def test_the_name_is_due_one_working_day_later(received: datetime, due: datetime) -> None:
    assert misuse.due_by(received) == due
    assert due - received <= timedelta(days=3)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_query_or_a_trust_error(raw: bytes) -> None:
    with suppress(TrustError):
        opened(raw)
    with suppress(TrustError):
        misuse.peek_holder(raw)
