"""A trust anchor's public face."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from gateway.authority.statements import FETCH_PATH, LIST_PATH, subordinate_statement
from gateway.store.tables import anchor_keys, members
from gateway.store.tables.federation_records import StoredAnchorKeys
from tests.simulator.federation import Federation
from tests.simulator.town import ANCHOR, COUNCIL, POLICE
from trust.federation.anchor_keys import AnchorKeys, build_anchor_keys, parse_pin
from trust.federation.entity_statement import parse_entity_configuration, parse_subordinate_statement
from trust.federation.party_metadata import parse_federation_entity
from trust.federation.suspension import SuspensionState
from trust.federation.terms import NODE, SubordinateTerms
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse


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


@pytest.mark.parametrize("state", [SuspensionState.SUSPENDED, "removed", ""])
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
        ("sub=https://anchor.example", "invalid_request"),
        ("entity=https://council.example", "invalid_request"),
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
    federation.admit(POLICE, SuspensionState.SUSPENDED)
    assert anchor.get(LIST_PATH).json == [COUNCIL]


def test_parameters_that_are_not_understood_are_ignored(anchor: FlaskClient) -> None:
    """OpenID Federation 1.0 section 8: extensions and other versions send more."""
    fetched = anchor.get(FETCH_PATH, query_string={"sub": COUNCIL, "iss": ANCHOR, "aud": "x"})
    assert fetched.status_code == 200
    assert anchor.get(f"{LIST_PATH}?page=1&sub={COUNCIL}").json == [COUNCIL, POLICE]


def test_nothing_is_stated_of_a_member_that_showed_no_node(federation: Federation) -> None:
    member = federation.anchor_store.read(lambda tx: members.get(tx, entity=POLICE))
    assert member is not None
    signed = subordinate_statement(
        replace(member, metadata={"federation_entity": {}}),
        KeySet.from_jwks(dict(member.jwks), KeyUse.FEDERATION),
        issuer=ANCHOR,
        signer=federation.anchor_keys.signer(KeyUse.FEDERATION),
        now=federation.clock.now(),
    )
    stated = parse_subordinate_statement(
        signed, superior_keys=federation.anchor_keys.federation_keys(), now=federation.clock.now()
    )
    assert stated.metadata == {}


def test_it_lists_by_entity_type_and_who_may_vouch(federation: Federation, anchor: FlaskClient) -> None:
    def listed(query: str) -> object:
        return anchor.get(f"{LIST_PATH}?{query}").json

    set_terms(federation, POLICE, SubordinateTerms(intermediate=True))
    assert listed("entity_type=information_exchange_node") == [COUNCIL, POLICE]
    assert listed("entity_type=information_exchange_node&entity_type=openid_provider") == []
    assert listed("intermediate=true") == [POLICE]
    assert listed("intermediate=false") == [COUNCIL, POLICE]
    set_terms(federation, POLICE, SubordinateTerms(intermediate=True, allowed_entity_types=("oauth_client",)))
    assert listed("entity_type=information_exchange_node") == [COUNCIL]
    assert listed("entity_type=federation_entity&intermediate=true") == [POLICE]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("intermediate=1", "invalid_request"),
        ("intermediate=true&intermediate=false", "invalid_request"),
    ],
)
def test_a_list_that_cannot_be_had_is_refused_as_the_standard_writes_it(
    anchor: FlaskClient, query: str, error: str
) -> None:
    answer = anchor.get(f"{LIST_PATH}?{query}")
    assert answer.status_code == 400
    assert answer.json
    assert answer.json["error"] == error


@pytest.mark.parametrize(
    ("terms", "constraints"),
    [(NODE, {"max_path_length": 0}), (SubordinateTerms(intermediate=True, max_path_length=1), {"max_path_length": 1})],
)
def test_it_states_a_members_terms(
    federation: Federation, anchor: FlaskClient, terms: SubordinateTerms, constraints: dict[str, int]
) -> None:
    policy = {"oauth_client": {"client_name": {"value": "A node"}}}
    set_terms(federation, POLICE, replace(terms, metadata_policy=policy))
    vouched = parse_subordinate_statement(
        anchor.get(FETCH_PATH, query_string={"sub": POLICE}).data,
        superior_keys=federation.anchor_keys.federation_keys(),
        now=federation.clock.now(),
    )
    assert vouched.constraints == constraints
    assert vouched.metadata_policy == policy


def set_terms(federation: Federation, entity: EntityId, terms: SubordinateTerms) -> None:
    """Let the anchor state other terms of a member."""
    assert federation.anchor_store.write(lambda tx: members.set_terms(tx, entity=entity, terms=terms))


def test_it_offers_its_keys_to_be_pinned(federation: Federation, anchor: FlaskClient) -> None:
    pin = parse_pin(anchor.get("/federation/v1/pin").data, ANCHOR)
    assert pin.keys == federation.anchor_keys.federation_keys()
    assert pin.recovery is None


def test_it_serves_the_document_that_replaced_its_keys(federation: Federation, anchor: FlaskClient) -> None:
    missing = anchor.get("/federation/v1/anchor-keys")
    assert missing.status_code == 404
    assert missing.json
    assert missing.json["error"] == "not_found"
    now = federation.clock.now()
    keys = AnchorKeys(anchor=ANCHOR, seq=1, keys=federation.anchor_keys.federation_keys(), issued_at=now)
    raw = build_anchor_keys(keys, federation.recovery)
    document = StoredAnchorKeys(anchor=ANCHOR, seq=1, raw=raw, accepted_at=now)
    federation.anchor_store.write(lambda tx: anchor_keys.put(tx, document))
    answer = anchor.get("/federation/v1/anchor-keys")
    assert (answer.content_type, answer.data) == ("application/jwt", raw)
