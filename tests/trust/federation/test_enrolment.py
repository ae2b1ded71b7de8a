"""A request to be admitted shows its keys' thumbprints, and proves no more than that its maker holds them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.federation.members import COUNCIL, COUNCIL_KEY, OWN, STRANGER_KEY, council_claims, council_metadata
from tests.trust.makers import NOW, NOW_S, compact, header, key_set
from trust.errors import Expired, LivesTooLong, MalformedClaims, TrustError, UnknownKey, WrongIssuer, WrongType
from trust.federation.enrolment import EnrolmentRequest, build_enrolment_request, parse_enrolment_request
from trust.federation.entity_statement import StatementDraft, parse_entity_configuration

TYP = "enrolment-request+jwt"
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
    assert read == request()
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


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(TrustError):
        parse_enrolment_request(raw, now=NOW)
