"""A trust anchor's public face."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway.http.anchor import FETCH_PATH, LIST_PATH, MemberState
from tests.support.network import ANCHOR, COUNCIL, POLICE, Federation
from trust.federation.entity_statement import parse_entity_configuration, parse_subordinate_statement
from trust.federation.party_metadata import parse_federation_entity


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path)
    yield made
    made.close()


@pytest.fixture
def anchor(federation: Federation) -> FlaskClient:
    return federation.wire.apps[ANCHOR].test_client()


def test_an_anchor_names_its_endpoints_and_no_superior(federation: Federation, anchor: FlaskClient) -> None:
    stated = parse_entity_configuration(anchor.get("/.well-known/openid-federation").data, now=federation.clock.now())
    assert (stated.entity_id, stated.authority_hints) == (ANCHOR, ())
    member = stated.metadata["federation_entity"]
    assert parse_federation_entity(member, entity=ANCHOR).fetch_endpoint == ANCHOR + FETCH_PATH
    assert member["federation_list_endpoint"] == ANCHOR + LIST_PATH


def test_it_vouches_for_a_members_keys_and_kinds_and_overrides_nothing(
    federation: Federation, anchor: FlaskClient
) -> None:
    answer = anchor.get(FETCH_PATH, query_string={"sub": POLICE})
    assert (answer.status_code, answer.content_type) == (200, "application/entity-statement+jwt")
    assert answer.headers["Cache-Control"] == "no-store"
    vouched = parse_subordinate_statement(
        answer.data, superior_keys=federation.anchor_keys.federation_keys(), now=federation.clock.now()
    )
    assert (vouched.issuer, vouched.subject) == (ANCHOR, POLICE)
    assert vouched.metadata == {"information_exchange_node": {"service_kinds": {"duty": "children"}}}
    assert vouched.keys.kids == federation.keys[POLICE].federation_keys().kids
    assert vouched.issued_at == federation.clock.now()
    assert vouched.expires_at - vouched.issued_at == timedelta(hours=120)


@pytest.mark.parametrize("state", [MemberState.SUSPENDED, "removed", ""])
def test_a_member_that_is_not_active_is_as_unknown_as_a_stranger(
    federation: Federation, anchor: FlaskClient, state: str
) -> None:
    federation.admit(POLICE, state)
    suspended = anchor.get(FETCH_PATH, query_string={"sub": POLICE})
    stranger = anchor.get(FETCH_PATH, query_string={"sub": "https://stranger.example"})
    assert suspended.status_code == stranger.status_code == 404
    assert suspended.json == stranger.json
    assert suspended.content_type == "application/json"
    assert suspended.json
    assert suspended.json["error"] == "not_found"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", "invalid_request"),
        ("sub=https://council.example&sub=https://police.example", "invalid_request"),
        ("sub=http://council.example", "invalid_request"),
        ("sub=%00", "invalid_request"),
        ("sub=https://council.example&iss=https://anchor.example", "unsupported_parameter"),
        ("entity=https://council.example", "unsupported_parameter"),
    ],
)
def test_a_request_outside_the_standard_is_refused_as_the_standard_writes_it(
    anchor: FlaskClient, query: str, error: str
) -> None:
    answer = anchor.get(f"{FETCH_PATH}?{query}")
    assert answer.status_code == 400
    assert answer.json
    assert answer.json["error"] == error
    assert "council" not in answer.json["error_description"]


def test_it_lists_its_active_members(federation: Federation, anchor: FlaskClient) -> None:
    assert anchor.get(LIST_PATH).json == [COUNCIL, POLICE]
    federation.admit(POLICE, MemberState.SUSPENDED)
    assert anchor.get(LIST_PATH).json == [COUNCIL]


@pytest.mark.parametrize("parameter", ["entity_type", "trust_marked", "trust_mark_type", "intermediate", "page"])
def test_it_filters_its_list_by_nothing_yet(anchor: FlaskClient, parameter: str) -> None:
    answer = anchor.get(f"{LIST_PATH}?{parameter}=x")
    assert answer.status_code == 400
    assert answer.json
    assert answer.json["error"] == "unsupported_parameter"
