"""A mark counts for its bearer only as the anchor, the mark's issuer and its owner together say."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.strategies import changed
from tests.trust.federation.members import ABOUT, ANCHOR, COUNCIL, COUNCIL_KEY, STRANGER
from tests.trust.makers import NOW, NOW_S, compact, header, key_set, signer
from trust.errors import (
    BadSignature,
    Expired,
    KeyPurposeMismatch,
    MalformedClaims,
    MarkRefused,
    Mismatch,
    NotYetValid,
    TooOld,
    TrustError,
    UnknownKey,
    WrongIssuer,
    WrongType,
)
from trust.federation.trust_mark import (
    DELEGATION_TYP,
    MAX_STATUS_AGE,
    STATUS_TYP,
    TYP,
    MarkDraft,
    MarkOwner,
    MarkStatus,
    StatedMark,
    TrustMark,
    agreement_mark,
    build_delegation,
    build_status_response,
    build_trust_mark,
    data_protection_mark,
    name_mark,
    parse_status_response,
    peek_mark,
    stated_marks,
    stated_marks_to_json,
    valid_types,
    verify_trust_mark,
)
from trust.identifiers import AgreementId, EntityId, parse_mark_type
from trust.keys import KeySet, KeyUse, Signer

ISSUER = EntityId("https://inspector.example")
OWNER = EntityId("https://ministry.example")
ISSUER_KEY = signer(KeyUse.FEDERATION, number=11)
OWNER_KEY = signer(KeyUse.FEDERATION, number=12)
ASSURED = data_protection_mark(ANCHOR)
KEYS: Mapping[EntityId, KeySet] = {ISSUER: key_set(ISSUER_KEY), COUNCIL: key_set(COUNCIL_KEY)}
OWNED = {ASSURED: MarkOwner(entity=OWNER, keys=key_set(OWNER_KEY))}
DAY = timedelta(days=1)


def claims(**changed: Any) -> dict[str, Any]:
    """Give the claims of a good mark, changed; a claim set to None is left out."""
    body = {"iss": ISSUER, "sub": COUNCIL, "trust_mark_type": ASSURED, "iat": NOW_S, "exp": NOW_S + 86400} | changed
    return {name: value for name, value in body.items() if value is not None}


def mark(by: Signer = ISSUER_KEY, typ: str = TYP, **changed: Any) -> bytes:
    """Sign a mark of any content."""
    return compact(header(by, typ), claims(**changed), by)


def delegation(by: Signer = OWNER_KEY, typ: str = DELEGATION_TYP, **changed: Any) -> str:
    """Sign a delegation of any content."""
    return mark(by, typ, **{"iss": OWNER, "sub": ISSUER, "exp": None} | changed).decode()


def verified(raw: bytes, **given: Any) -> TrustMark:
    """Verify a mark that the council shows, under an anchor that accredits the issuer."""
    known: dict[str, Any] = {"subject": COUNCIL, "issuers": {ASSURED: (ISSUER,)}, "owners": {}}
    return verify_trust_mark(raw, **known | {"keys_of": KEYS.get, "now": NOW} | given)


def test_what_is_built_is_verified() -> None:
    draft = MarkDraft(issuer=ISSUER, subject=COUNCIL, mark_type=ASSURED, issued_at=NOW, expires_at=NOW + DAY)
    raw = build_trust_mark(draft, ISSUER_KEY)
    assert peek_mark(raw) == (ASSURED, ISSUER)
    assert verified(raw) == TrustMark(
        issuer=ISSUER,
        subject=COUNCIL,
        mark_type=ASSURED,
        issued_at=NOW,
        expires_at=NOW + DAY,
        raw=raw,
        signed_with=ISSUER_KEY.kid,
    )


def test_a_mark_without_an_end_counts_until_further_notice() -> None:
    forever = verified(mark(exp=None))
    assert forever.expires_at is None
    assert valid_types([forever], now=NOW + 1000 * DAY) == {ASSURED}


def test_a_verified_mark_counts_until_it_ends() -> None:
    held = [verified(mark())]
    assert valid_types(held, now=NOW + DAY - timedelta(seconds=1)) == {ASSURED}
    assert valid_types(held, now=NOW + DAY) == frozenset()


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (mark(sub=STRANGER), MarkRefused),
        (mark(sub=None), MarkRefused),
        (mark(iss=STRANGER), MarkRefused),
        (mark(iss="marks"), MalformedClaims),
        (mark(trust_mark_type=ASSURED + "/"), MarkRefused),
        (mark(trust_mark_type=None), MalformedClaims),
        (mark(iat=None), MalformedClaims),
        (mark(iat=NOW_S + 11), NotYetValid),
        (mark(iat=NOW_S - 60, exp=NOW_S), Expired),
        (mark(COUNCIL_KEY), UnknownKey),
        (mark()[:-8] + b"AAAAAAAA", BadSignature),
        (mark(typ="JWT"), WrongType),
        (mark(typ=DELEGATION_TYP), WrongType),
        (ABOUT, WrongType),
    ],
)
def test_a_mark_that_breaks_a_rule_is_refused(raw: bytes, refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        verified(raw)


def test_a_type_that_the_anchor_does_not_list_counts_for_nothing() -> None:
    with pytest.raises(MarkRefused, match="trust_mark_issuers"):
        verified(mark(), issuers={})
    with pytest.raises(MarkRefused, match="trust_mark_issuers"):
        verified(mark(delegation=delegation()), issuers={}, owners=OWNED)


def test_an_issuer_that_the_anchor_does_not_accredit_is_refused() -> None:
    with pytest.raises(MarkRefused, match=f"does not let {ISSUER}"):
        verified(mark(), issuers={ASSURED: (OWNER,)})


def test_an_issuer_without_a_superior_is_refused() -> None:
    with pytest.raises(MarkRefused, match="not trusted"):
        verified(mark(), keys_of={}.get)


def test_any_member_may_issue_a_type_with_an_empty_list_even_to_itself() -> None:
    own = mark(COUNCIL_KEY, iss=COUNCIL)
    assert verified(own, issuers={ASSURED: ()}).issuer == COUNCIL
    with pytest.raises(MarkRefused, match="does not let"):
        verified(own)


def test_only_a_federation_key_signs_a_mark() -> None:
    oauth = signer(KeyUse.OAUTH, number=11)
    with pytest.raises(KeyPurposeMismatch):
        verified(mark(oauth), keys_of={ISSUER: key_set(oauth)}.get)


def test_an_owned_type_is_issued_under_its_owners_delegation() -> None:
    draft = MarkDraft(issuer=OWNER, subject=ISSUER, mark_type=ASSURED, issued_at=NOW)
    raw = build_trust_mark(
        MarkDraft(issuer=ISSUER, subject=COUNCIL, mark_type=ASSURED, issued_at=NOW, expires_at=NOW + DAY),
        ISSUER_KEY,
        delegation=build_delegation(draft, OWNER_KEY),
    )
    assert verified(raw, owners=OWNED).expires_at == NOW + DAY


def test_a_mark_ends_with_its_delegation() -> None:
    hour = timedelta(hours=1)
    assert verified(mark(delegation=delegation(exp=NOW_S + 3600)), owners=OWNED).expires_at == NOW + hour
    assert verified(mark(exp=None, delegation=delegation(exp=NOW_S + 3600)), owners=OWNED).expires_at == NOW + hour
    assert verified(mark(exp=None, delegation=delegation()), owners=OWNED).expires_at is None


@pytest.mark.parametrize(
    ("shown", "refusal"),
    [
        (None, MarkRefused),
        (delegation(sub=STRANGER), MarkRefused),
        (delegation(iss=ISSUER), MarkRefused),
        (delegation(trust_mark_type=ASSURED + "x"), MarkRefused),
        (delegation(ISSUER_KEY), UnknownKey),
        (delegation(typ=TYP), WrongType),
        (delegation(iat=NOW_S + 11), NotYetValid),
        (delegation(iat=NOW_S - 60, exp=NOW_S), Expired),
        (7, MalformedClaims),
        ("not a token", TrustError),
    ],
)
def test_a_delegation_that_breaks_a_rule_refuses_the_mark(shown: object, refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        verified(mark(delegation=shown), owners=OWNED)


def test_a_delegation_that_no_owner_can_be_found_for_refuses_the_mark() -> None:
    with pytest.raises(MarkRefused, match="names no owner"):
        verified(mark(delegation=delegation()))


def test_the_issuer_says_what_has_become_of_a_mark() -> None:
    raw = mark()
    for status in MarkStatus:
        said = build_status_response(issuer=ISSUER, mark=raw, status=status, issued_at=NOW, signer=ISSUER_KEY)
        assert parse_status_response(said, issuer_keys=KEYS[ISSUER], mark=raw, now=NOW) is status


def test_a_status_of_the_issuers_own_is_none_that_is_known() -> None:
    raw = mark()
    for status in ("suspended", "ACTIVE"):
        body = {"iss": ISSUER, "iat": NOW_S, "trust_mark": raw.decode(), "status": status}
        said = compact(header(ISSUER_KEY, STATUS_TYP), body, ISSUER_KEY)
        assert parse_status_response(said, issuer_keys=KEYS[ISSUER], mark=raw, now=NOW) is None


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"iss": OWNER}, WrongIssuer),
        ({"trust_mark": mark(sub=STRANGER).decode()}, Mismatch),
        ({"trust_mark": None}, MalformedClaims),
        ({"status": ""}, MalformedClaims),
        ({"iat": NOW_S - int(MAX_STATUS_AGE.total_seconds()) - 1}, TooOld),
        ({"iat": NOW_S + 11}, NotYetValid),
    ],
)
def test_a_status_that_may_be_anothers_or_a_replay_is_refused(
    changed: dict[str, Any], refusal: type[TrustError]
) -> None:
    raw = mark()
    body = {"iss": ISSUER, "iat": NOW_S, "trust_mark": raw.decode(), "status": "active"} | changed
    with pytest.raises(refusal):
        parse_status_response(
            compact(header(ISSUER_KEY, STATUS_TYP), body, ISSUER_KEY), issuer_keys=KEYS[ISSUER], mark=raw, now=NOW
        )


def test_the_two_types_of_this_product_have_names() -> None:
    signatory = agreement_mark(ANCHOR, AgreementId("vale-early-help"))
    assert ASSURED == "https://anchor.example/marks/data-protection-assured"
    assert signatory == "https://anchor.example/marks/agreement/vale-early-help"
    assert name_mark(ASSURED) == f'the mark "data-protection assured" of {ANCHOR} ({ASSURED})'
    assert name_mark(signatory) == f'the mark "signatory of agreement vale-early-help" of {ANCHOR} ({signatory})'
    assert name_mark("https://other.example/cyber") == "the mark https://other.example/cyber"


def test_a_mark_type_of_ours_is_an_address_with_a_path() -> None:
    assert parse_mark_type(ASSURED) == ASSURED
    for text in (ANCHOR, "http://a.example/m", "https://a.example/m?x=1", "https://a.example/m#x", "mark", ASSURED * 9):
        with pytest.raises(MalformedClaims):
            parse_mark_type(text)


def test_stated_marks_are_read_as_they_were_written() -> None:
    stated = (StatedMark(mark_type=ASSURED, raw=mark()),)
    assert stated_marks({"trust_marks": stated_marks_to_json(stated)}) == stated
    assert stated_marks({}) == ()
    malformed: list[object] = [
        {},
        [7],
        [{}],
        [{"trust_mark_type": ASSURED}],
        [{"trust_mark_type": ASSURED, "trust_mark": ""}],
    ]
    for wrong in malformed:
        with pytest.raises(MalformedClaims):
            stated_marks({"trust_marks": wrong})


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(TrustError):
        verified(raw)
    with suppress(TrustError):
        parse_status_response(raw, issuer_keys=KEYS[ISSUER], mark=mark(), now=NOW)


@given(changed(claims(delegation=delegation())))
def test_any_signed_claims_give_the_councils_mark_or_a_refusal(body: dict[str, Any]) -> None:
    with suppress(TrustError):
        assert verified(compact(header(ISSUER_KEY, TYP), body, ISSUER_KEY), owners=OWNED).subject == COUNCIL
