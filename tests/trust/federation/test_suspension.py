"""An issuer's log of suspensions: its latest entry decides, and a missing one is noticed."""

from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.strategies import changed
from tests.trust.federation.members import ABOUT, ANCHOR, ANCHOR_KEY, COUNCIL, COUNCIL_KEY, STRANGER
from tests.trust.makers import NOW, NOW_S, compact, header, key_set, signer
from trust.errors import (
    KeyPurposeMismatch,
    MalformedClaims,
    NotYetValid,
    TrustError,
    UnknownKey,
    WrongIssuer,
    WrongType,
)
from trust.federation.suspension import (
    TYP,
    Suspension,
    SuspensionState,
    build_suspension,
    parse_suspension,
    peek_suspension,
    states,
)
from trust.identifiers import EntityId
from trust.keys import KeyUse, Signer

COUNTY = EntityId("https://county.example")
CLAIMS: dict[str, Any] = {"iss": ANCHOR, "sub": COUNCIL, "seq": 3, "state": "suspended", "iat": NOW_S}
ACTIVE, SUSPENDED, REMOVED = SuspensionState.ACTIVE, SuspensionState.SUSPENDED, SuspensionState.REMOVED


def entry(seq: int, state: SuspensionState, subject: EntityId = COUNCIL, issuer: EntityId = ANCHOR) -> Suspension:
    return Suspension(issuer=issuer, subject=subject, seq=seq, state=state, issued_at=NOW)


def opened(body: dict[str, Any], by: Signer = ANCHOR_KEY, typ: str = TYP) -> Suspension:
    raw = compact(header(by, typ), {name: value for name, value in body.items() if value is not None}, by)
    return parse_suspension(raw, issuer_keys=key_set(ANCHOR_KEY), now=NOW)


@pytest.mark.parametrize("state", list(SuspensionState))
def test_what_is_built_is_read(state: SuspensionState) -> None:
    raw = build_suspension(entry(3, state), ANCHOR_KEY)
    assert peek_suspension(raw) == (ANCHOR, 3)
    assert parse_suspension(raw, issuer_keys=key_set(ANCHOR_KEY), now=NOW) == entry(3, state)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"sub": ANCHOR}, WrongIssuer),
        ({"sub": None}, MalformedClaims),
        ({"iss": "anchor"}, MalformedClaims),
        ({"seq": 0}, MalformedClaims),
        ({"seq": True}, MalformedClaims),
        ({"seq": None}, MalformedClaims),
        ({"state": "paused"}, MalformedClaims),
        ({"state": None}, MalformedClaims),
        ({"iat": None}, MalformedClaims),
        ({"iat": NOW_S + 11}, NotYetValid),
    ],
)
def test_an_entry_of_another_form_is_refused(change: dict[str, Any], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        opened(CLAIMS | change)


def test_only_the_issuer_makes_an_entry() -> None:
    with pytest.raises(UnknownKey):
        opened(CLAIMS, by=COUNCIL_KEY)
    with pytest.raises(WrongType):
        opened(CLAIMS, typ="entity-statement+jwt")
    with pytest.raises(WrongType):
        parse_suspension(ABOUT, issuer_keys=key_set(ANCHOR_KEY), now=NOW)
    with pytest.raises(KeyPurposeMismatch):
        parse_suspension(ABOUT, issuer_keys=key_set(signer(KeyUse.MESSAGE)), now=NOW)


def test_the_latest_entry_about_an_entity_decides_in_any_order() -> None:
    log = [entry(1, SUSPENDED), entry(2, SUSPENDED, STRANGER), entry(3, ACTIVE), entry(4, REMOVED, STRANGER)]
    for order in permutations(log):
        assert states(order) == {COUNCIL: ACTIVE, STRANGER: REMOVED}
    assert states([]) == {}


def test_the_strictest_of_several_issuers_decides() -> None:
    county = [entry(9, ACTIVE, issuer=COUNTY), entry(5, SUSPENDED, STRANGER, COUNTY)]
    assert states([entry(1, SUSPENDED), entry(2, REMOVED, STRANGER), *county]) == {
        COUNCIL: SUSPENDED,
        STRANGER: REMOVED,
    }


def test_an_issuer_that_gives_one_number_twice_gains_nothing_by_it() -> None:
    for twice in permutations([entry(1, ACTIVE), entry(1, SUSPENDED)]):
        assert states(twice) == {COUNCIL: SUSPENDED}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(TrustError):
        parse_suspension(raw, issuer_keys=key_set(ANCHOR_KEY), now=NOW)
    with suppress(TrustError):
        peek_suspension(raw)


@given(changed(CLAIMS))
def test_any_signed_claims_give_an_entry_or_a_refusal(body: dict[str, Any]) -> None:
    with suppress(TrustError):
        assert opened(body).seq >= 1
