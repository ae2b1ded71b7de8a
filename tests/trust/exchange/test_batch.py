"""Reading and writing of batches: what is written is read again, and anything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.errors import MalformedInput, TrustError
from trust.exchange.batch import MAX_MESSAGES, BatchRefusal, build_answers, build_batch, read_answers, read_batch

TOKENS = st.from_regex(r"[A-Za-z0-9_-]{1,20}\.[A-Za-z0-9_-]{1,20}\.[A-Za-z0-9_-]{1,20}", fullmatch=True).map(str.encode)
REFUSALS = st.builds(BatchRefusal, status=st.integers(400, 599), code=st.sampled_from(["busy", "too-large"]))


@given(st.lists(TOKENS, min_size=1, max_size=MAX_MESSAGES))
def test_what_is_written_is_read_again(messages: list[bytes]) -> None:
    assert list(read_batch(build_batch(messages))) == messages


@given(st.lists(TOKENS | REFUSALS, min_size=1, max_size=MAX_MESSAGES))
def test_answers_are_read_in_their_order(answers: list[bytes | BatchRefusal]) -> None:
    written = build_answers(
        [each if isinstance(each, bytes) else {"status": each.status, "code": each.code} for each in answers]
    )
    assert list(read_answers(written, expected=len(answers))) == answers
    with pytest.raises(MalformedInput):
        read_answers(written, expected=len(answers) + 1)


@given(st.binary(max_size=200))
def test_any_other_bytes_raise_nothing_but_refusals(raw: bytes) -> None:
    for read in (read_batch, lambda some: read_answers(some, expected=1)):
        with pytest.raises(TrustError):
            read(raw)
