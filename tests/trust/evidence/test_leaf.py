"""A leaf commits to what happened and holds nothing of what was said."""

import hashlib
import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.examples import MESSAGE, NINO, NOW, PNC_ID, SUBJECT, TRUST, UPN
from trust.errors import TrustError
from trust.evidence.leaf import (
    MAX_DROPPED,
    Leaf,
    LeafKind,
    dropped_members,
    leaf_hash,
    message_key,
    parse_leaf,
    subject_key,
)
from trust.exchange.message import AgreementRef
from trust.exchange.person import Address, Name, Subject
from trust.identifiers import AgreementId

KEY, OTHER_KEY = b"k" * 32, b"l" * 32
LEAF = Leaf(
    kind=LeafKind.ANSWERED,
    at=NOW,
    peer=TRUST,
    message_iss=MESSAGE.iss,
    message_id=MESSAGE.jti,
    message_digest="A" * 43,
    answer_digest="B" * 43,
    agreement=MESSAGE.agreement,
    clause=MESSAGE.clause,
    purpose=MESSAGE.purpose,
    subject_hmac=subject_key(KEY, SUBJECT),
    from_service=MESSAGE.from_service,
    to_service=MESSAGE.to_service,
    practitioner=MESSAGE.practitioner.sub,
    role=MESSAGE.practitioner.role,
    fields=("phone", "worker"),
    outcome_code="nothing_to_share",
    reason_codes=("match:none",),
)


def test_a_leaf_has_one_byte_form() -> None:
    assert json.loads(LEAF.to_bytes()) == {
        "v": 2,
        "kind": "answered",
        "at": "2026-09-01T10:00:00.000+00:00",
        "peer": TRUST,
        "message": {"iss": MESSAGE.iss, "id": MESSAGE.jti, "digest": "A" * 43},
        "answer": "B" * 43,
        "agreement": {"id": "vale-early-help", "v": 3, "digest": "A" * 43},
        "clause": "who-else",
        "purpose": "early-help",
        "subject": subject_key(KEY, SUBJECT),
        "from_service": MESSAGE.from_service,
        "to_service": MESSAGE.to_service,
        "practitioner": MESSAGE.practitioner.sub,
        "role": MESSAGE.practitioner.role,
        "fields": ["phone", "worker"],
        "outcome": "nothing_to_share",
        "reasons": ["match:none"],
    }
    elsewhere = replace(LEAF, at=NOW.astimezone(timezone(timedelta(hours=1))))
    assert elsewhere.to_bytes() == LEAF.to_bytes()


OLD = (
    b'{"agreement":{"digest":"AAAA","id":"vale-early-help","v":3},"answer":"BBBB","at":"2026-09-01T10:00:00.000+00:00",'
    b'"clause":"who-else","kind":"answered","message":{"digest":"AAAA","iss":"https://council.example","jti":"m-1"},'
    b'"outcome":"known","peer":"https://council.example","practitioner":"p","purpose":"early-help",'
    b'"reasons":["match:unique"],"subject":"s","v":1}'
)


def test_a_leaf_of_version_1_is_read_and_written_again_to_the_same_bytes() -> None:
    read = parse_leaf(OLD)
    assert (read.version, read.message_id, read.clause, read.role, read.fields) == (1, "m-1", "who-else", None, None)
    assert read.to_bytes() == OLD


@pytest.mark.parametrize("leaf", [LEAF, Leaf(kind=LeafKind.REFUSED, at=NOW, outcome_code="refused")])
def test_a_leaf_is_read_back_as_it_was(leaf: Leaf) -> None:
    assert parse_leaf(leaf.to_bytes()) == leaf


@pytest.mark.parametrize(
    "raw", [b"{}", b"[]", b"{", LEAF.to_bytes().replace(b'"v":2', b'"v":3'), LEAF.to_bytes().replace(b"answered", b"x")]
)
def test_what_is_no_leaf_known_here_is_refused(raw: bytes) -> None:
    with pytest.raises(TrustError):
        parse_leaf(raw)


def test_the_hash_is_that_of_a_merkle_leaf() -> None:
    assert leaf_hash(LEAF.to_bytes()) == hashlib.sha256(b"\x00" + LEAF.to_bytes()).digest()


def test_the_empty_leaf_hashes_as_in_rfc_6962_test_vectors() -> None:
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": LeafKind.REFUSED},
        {"at": datetime(2026, 9, 1, 10, 0, 1, tzinfo=NOW.tzinfo)},
        {"message_digest": "C" * 43},
        {"answer_digest": None},
        {"agreement": AgreementRef(id=AgreementId("other"), version=1, digest="A" * 43)},
        {"subject_hmac": None},
        {"outcome_code": "known"},
        {"reason_codes": ()},
        {"dropped": ("consent_note",)},
        {"role": None},
        {"from_service": None},
        {"to_service": None},
        {"fields": ()},
        {"fields": None},
        {"peer": None},
        {"message_id": None},
    ],
)
def test_every_member_changes_the_hash(change: dict[str, object]) -> None:
    assert replace(LEAF, **change).to_bytes() != LEAF.to_bytes()  # type: ignore[arg-type]


def test_one_person_has_one_pseudonym_at_one_node_however_they_are_spelt() -> None:
    respelt = replace(SUBJECT, family_name="Thistlewaite", address=None)
    assert subject_key(KEY, SUBJECT) == subject_key(KEY, respelt)
    assert subject_key(KEY, SUBJECT) != subject_key(OTHER_KEY, SUBJECT)
    nameless = replace(SUBJECT, nhs_number=None)
    assert subject_key(KEY, nameless) == subject_key(KEY, replace(nameless, family_name="THISTLETHWAITE"))
    assert subject_key(KEY, nameless) != subject_key(KEY, replace(nameless, birth_date=date(2004, 11, 24)))


@pytest.mark.parametrize(
    "spelt", ["Ire\u200bland", "IRELAND", "Irel-and", "I\u0301reland", "\uff29reland", "Ireland 2"]
)
def test_of_names_only_the_letters_count(spelt: str) -> None:
    named = Subject(family_name="Ireland", given_names="Una", birth_date=date(1987, 6, 5))
    assert subject_key(KEY, replace(named, family_name=spelt)) == subject_key(KEY, named)


def test_a_message_has_another_name_at_each_node_and_for_each_issuer() -> None:
    names = {message_key(key, issuer, "m-1") for key in (KEY, OTHER_KEY) for issuer in ("https://a.example", TRUST)}
    assert len(names) == 4
    assert message_key(KEY, TRUST, "m-1") == message_key(KEY, TRUST, "m-1")


def test_the_same_digits_under_two_identifiers_are_two_people() -> None:
    assert subject_key(KEY, Subject(upn="X")) != subject_key(KEY, Subject(nino="X"))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        subject_key(b"short", SUBJECT)


@pytest.mark.parametrize(
    ("names", "recorded"),
    [
        ((), ()),
        (("consent_note", "fields[]"), ("consent_note", "fields[]")),
        (("Hartley",), ("(1 more)",)),
        (("nhs_9990000018", "a" * 25, "daniel hartley", "x\ny", ""), ("(5 more)",)),
        (
            tuple(f"member_{letter}" for letter in "abcdefghijklmnopqrst"),
            (*(f"member_{x}" for x in "abcdefghijklmnop"), "(4 more)"),
        ),
    ],
)
def test_dropped_members_are_named_where_a_name_can_be_no_value(
    names: tuple[str, ...], recorded: tuple[str, ...]
) -> None:
    assert dropped_members(names) == recorded
    assert len(recorded) <= MAX_DROPPED + 1


WORDS = st.text("ÀÉÎÕÜabcdefghijklmnopqrstuvwxyz", min_size=6, max_size=20)


@given(family=WORDS, given_names=WORDS, alias=WORDS, digits=st.text("0123456789", min_size=9, max_size=12))
def test_no_value_of_the_person_stands_in_the_bytes(family: str, given_names: str, alias: str, digits: str) -> None:
    subject = Subject(
        nhs_number=digits,
        upn=UPN,
        nino=NINO,
        pnc_id=PNC_ID,
        family_name=family,
        given_names=given_names,
        birth_date=date(1987, 6, 5),
        address=Address(uprn=digits[::-1], postcode="ZE7 1QB"),
        aliases=(Name(family_name=alias),),
    )
    for described in (subject, Subject(family_name=family, given_names=given_names, birth_date=date(1987, 6, 5))):
        leaf = replace(LEAF, subject_hmac=subject_key(KEY, described)).to_bytes().decode()
        values = (digits, digits[::-1], UPN, NINO, PNC_ID, family, given_names, alias, "1987-06-05", "ZE7 1QB")
        assert not any(value in leaf for value in values if value not in LEAF.to_bytes().decode())
