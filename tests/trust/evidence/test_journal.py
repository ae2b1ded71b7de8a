"""A journal shows the first line that is not as it was written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.makers import key_set, signer
from trust.errors import Mismatch
from trust.evidence.journal import build_entry, verify_journal
from trust.keys import KeySet, KeyUse

ANN = signer(KeyUse.ADMINISTRATOR)
KEYS = key_set(ANN)


def journal(count: int, *, signed: bool = False) -> list[bytes]:
    lines: list[bytes] = []
    for number in range(count):
        previous = verify_journal(lines, keys=KEYS).head
        facts = {"at": "2026-11-30T10:00:00+00:00", "by": "ann", "act": "client add", "number": number}
        lines.append(build_entry(facts, previous=previous, signer=ANN if signed else None))
    return lines


@pytest.mark.parametrize("signed", [False, True])
def test_a_whole_journal_stands(signed: bool) -> None:
    lines = journal(4, signed=signed)
    chain = verify_journal(lines, keys=KEYS)
    assert (len(chain.digests), chain.unchained, chain.head) == (4, 0, chain.digests[3])
    assert verify_journal([], keys=KEYS).head == ""


@given(st.integers(0, 4), st.sampled_from(["change", "drop", "double", "swap"]))
def test_the_first_line_that_does_not_follow_is_named(at: int, change: str) -> None:
    lines = journal(6)
    if change == "change":
        lines[at] = lines[at].replace(b'"ann"', b'"ben"')
    elif change == "drop":
        del lines[at]
    elif change == "double":
        lines.insert(at, lines[at])
    else:
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    first = at + 1 if change in {"drop", "swap"} else at + 2
    with pytest.raises(Mismatch, match=f"Line {first} "):
        verify_journal(lines, keys=KEYS)


def test_lines_from_before_the_chain_stand_at_the_beginning_only() -> None:
    old = [b'{"act":"init","by":"ann"}', b'{"act":"client add","by":"ann"}']
    head = verify_journal(old, keys=KEYS).head
    followed = [*old, build_entry({"act": "client add"}, previous=head, signer=None)]
    assert verify_journal(followed, keys=KEYS).unchained == 2
    with pytest.raises(Mismatch, match="Line 4 "):
        verify_journal([*followed, old[0]], keys=KEYS)


def test_a_signature_is_its_administrators_over_its_own_entry() -> None:
    (line,) = journal(1, signed=True)
    moved = json.loads(line) | {"act": "client revoke"}
    with pytest.raises(Mismatch, match="over another entry"):
        verify_journal([json.dumps(moved).encode()], keys=KEYS)
    with pytest.raises(Mismatch, match="No trusted administrator key"):
        verify_journal([line], keys=KeySet.of(KeyUse.ADMINISTRATOR, []))
