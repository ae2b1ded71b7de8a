"""A superior's approval is for one change of one entity, for a week."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.trust.federation.members import ANCHOR, ANCHOR_KEY, COUNCIL, STRANGER, STRANGER_KEY
from tests.trust.makers import NOW, key_set
from trust.errors import BadSignature, Expired, Mismatch, TrustError, UnknownKey, WrongIssuer
from trust.federation.second_approval import MAX_LIFE, ChangeApproval, build_approval, verify_approval
from trust.keys import KeyUse, LocalSigner

APPROVAL = ChangeApproval(superior=ANCHOR, entity=COUNCIL, change="3f9c01ab", digest="1" * 30)
KEYS = key_set(ANCHOR_KEY)


def test_the_approval_of_this_change_stands() -> None:
    raw = build_approval(APPROVAL, ANCHOR_KEY, now=NOW)
    verify_approval(raw, expected=APPROVAL, keys=KEYS, now=NOW + MAX_LIFE - timedelta(seconds=1))
    with pytest.raises(Expired):
        verify_approval(raw, expected=APPROVAL, keys=KEYS, now=NOW + MAX_LIFE)


@pytest.mark.parametrize(
    ("approved", "refusal"),
    [
        (replace(APPROVAL, superior=STRANGER), WrongIssuer),
        (replace(APPROVAL, entity=STRANGER), Mismatch),
        (replace(APPROVAL, change="00000000"), Mismatch),
        (replace(APPROVAL, digest="2" * 30), Mismatch),
    ],
)
def test_an_approval_of_anything_else_is_refused(approved: ChangeApproval, refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        verify_approval(build_approval(approved, ANCHOR_KEY, now=NOW), expected=APPROVAL, keys=KEYS, now=NOW)


def test_only_the_superiors_key_approves() -> None:
    with pytest.raises(UnknownKey):
        verify_approval(build_approval(APPROVAL, STRANGER_KEY, now=NOW), expected=APPROVAL, keys=KEYS, now=NOW)
    raw = build_approval(APPROVAL, LocalSigner.generate(KeyUse.FEDERATION), now=NOW)
    head, body, _ = build_approval(APPROVAL, ANCHOR_KEY, now=NOW).split(b".")
    with pytest.raises(BadSignature):
        verify_approval(head + b"." + body + b"." + raw.split(b".")[2], expected=APPROVAL, keys=KEYS, now=NOW)
