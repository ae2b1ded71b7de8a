"""A request to be admitted shows its keys' thumbprints, and proves no more than that its maker holds them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.federation.members import COUNCIL, COUNCIL_KEY, OWN, STRANGER_KEY, council_claims, council_metadata
from tests.trust.makers import NOW, NOW_S, compact, header, key_set, signer
from trust.errors import (
    Expired,
    LivesTooLong,
    MalformedClaims,
    Mismatch,
    RolledBack,
    TrustError,
    UnknownKey,
    WrongIssuer,
    WrongType,
)
from trust.federation.enrolment import (
    EnrolmentChange,
    EnrolmentRequest,
    build_enrolment_request,
    compare,
    parse_enrolment_request,
    refuse_replacement,
)
from trust.federation.entity_statement import StatementDraft, parse_entity_configuration
from trust.federation.node_metadata import ENTITY_TYPE
from trust.federation.party_metadata import CLIENT, FEDERATION_ENTITY, FederationEntity, build_federation_entity
from trust.keys import KeyUse, Signer

TYP = "enrolment-request+jwt"
NEXT_KEY = signer(KeyUse.FEDERATION, number=22)
DRAFT = StatementDraft(
    subject=COUNCIL,
    keys=key_set(COUNCIL_KEY),
    issued_at=NOW,
    expires_at=NOW + timedelta(days=14),
    metadata=council_metadata(),
)


def request(**changed: object) -> EnrolmentRequest:
    """Read a good request, changed; a claim set to None is left out."""
    body = council_claims(authority_hints=None) | changed
    kept = {name: value for name, value in body.items() if value is not None}
    return parse_enrolment_request(compact(header(COUNCIL_KEY, TYP), kept, COUNCIL_KEY), now=NOW)


def test_what_is_built_is_read() -> None:
    read = parse_enrolment_request(build_enrolment_request(DRAFT, COUNCIL_KEY), now=NOW)
    assert read == request(exp=NOW_S + 14 * 86400)
    assert (read.issued_at, read.expires_at) == (NOW, NOW + timedelta(days=14))
    assert (read.entity_id, read.thumbprints) == (COUNCIL, (COUNCIL_KEY.kid,))
    assert read.metadata == council_metadata()


@pytest.mark.holds("A20")
def test_a_request_is_no_statement_and_a_statement_no_request() -> None:
    with pytest.raises(WrongType):
        parse_entity_configuration(build_enrolment_request(DRAFT, COUNCIL_KEY), now=NOW)
    with pytest.raises(WrongType):
        parse_enrolment_request(OWN, now=NOW)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"sub": "https://other.example"}, WrongIssuer),
        ({"sub": None}, WrongIssuer),
        ({"iss": "council"}, MalformedClaims),
        ({"exp": None}, MalformedClaims),
        ({"exp": NOW_S + 14 * 86400 + 1}, LivesTooLong),
        ({"iat": NOW_S - 60, "exp": NOW_S}, Expired),
        ({"jwks": key_set(STRANGER_KEY).to_jwks()}, UnknownKey),
        ({"metadata": []}, MalformedClaims),
    ],
)
def test_a_request_of_another_form_is_refused(changed: dict[str, object], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        request(**changed)


def test_an_intermediate_shows_where_it_will_vouch_for_others() -> None:
    fetch = f"{COUNCIL}/federation/v1/fetch"
    county = {FEDERATION_ENTITY: build_federation_entity(FederationEntity(name="County", fetch_endpoint=fetch))}
    assert request(metadata=county).fetch_endpoint == fetch
    assert request().fetch_endpoint is None
    assert request(metadata=None).fetch_endpoint is None


@pytest.mark.holds("A40")
def test_an_intermediate_does_not_vouch_at_another_host() -> None:
    with pytest.raises(MalformedClaims):
        request(metadata={FEDERATION_ENTITY: {"federation_fetch_endpoint": "https://other.example/fetch"}})


def change(asked: EnrolmentRequest, *keys: Signer) -> EnrolmentChange:
    """Compare a request with a membership under these keys."""
    return compare(asked, keys=key_set(*(keys or (COUNCIL_KEY,))), metadata=council_metadata())


def test_a_member_changes_its_key_with_the_one_in_use() -> None:
    asked = request(jwks=key_set(COUNCIL_KEY, NEXT_KEY).to_jwks())
    assert (asked.signed_with, asked.thumbprints) == (COUNCIL_KEY.kid, (COUNCIL_KEY.kid, NEXT_KEY.kid))
    changed = change(asked)
    assert changed.signed_by_member
    assert (changed.keys_added, changed.keys_dropped) == ((NEXT_KEY.kid,), ())
    later = change(request(), COUNCIL_KEY, NEXT_KEY)
    assert later.signed_by_member
    assert (later.keys_added, later.keys_dropped) == ((), (NEXT_KEY.kid,))


def test_a_request_by_an_unknown_key_proves_no_membership() -> None:
    changed = change(request(jwks=key_set(COUNCIL_KEY, STRANGER_KEY).to_jwks()), STRANGER_KEY)
    assert not changed.signed_by_member
    assert changed.keys_added == (COUNCIL_KEY.kid,)


def test_a_request_gives_way_only_to_a_newer_one_by_the_same_key() -> None:
    held = request()
    refuse_replacement(request(iat=NOW_S + 1), held=held)
    refuse_replacement(held, held=held)
    with pytest.raises(RolledBack):
        refuse_replacement(request(iat=NOW_S - 1), held=held)
    both = key_set(COUNCIL_KEY, NEXT_KEY).to_jwks()
    by_next = compact(header(NEXT_KEY, TYP), council_claims(jwks=both, iat=NOW_S + 1), NEXT_KEY)
    with pytest.raises(Mismatch):
        refuse_replacement(parse_enrolment_request(by_next, now=NOW), held=held)


def test_what_a_request_changes_of_the_metadata_is_told() -> None:
    unchanged = change(request())
    assert (unchanged.keys_added, unchanged.types_added, unchanged.types_dropped, unchanged.types_changed) == ((),) * 4
    metadata = council_metadata() | {CLIENT: {}, "other_type": {}}
    del metadata[ENTITY_TYPE]
    changed = change(request(metadata=metadata))
    assert (changed.types_added, changed.types_dropped) == (("other_type",), (ENTITY_TYPE,))
    assert changed.types_changed == (CLIENT,)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(TrustError):
        parse_enrolment_request(raw, now=NOW)
