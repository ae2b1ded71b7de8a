"""A node says who it is, where it takes messages and what it understands, in closed forms."""

from dataclasses import replace
from typing import Any

import pytest

from tests.trust.federation.members import COUNCIL, EVIDENCE_KEY, MESSAGE_KEY, NODE
from tests.trust.makers import NOW_S, key_set, signer
from trust.errors import ForbiddenAlgorithm, MalformedClaims, TrustError
from trust.federation.node_metadata import (
    ENTITY_TYPE,
    build_node_metadata,
    parse_node_metadata,
    services_left_out,
    state_service_kinds,
)
from trust.keys import KeySet, KeyUse

SERVICE = {"slug": "housing", "name": "Housing", "kind": "housing"}


def changed(**members: object) -> dict[str, Any]:
    """Give good metadata, changed; a member set to None is left out."""
    merged = build_node_metadata(NODE) | members
    return {name: value for name, value in merged.items() if value is not None}


def test_what_is_written_is_read_back() -> None:
    assert parse_node_metadata(build_node_metadata(NODE), entity=COUNCIL, as_stated=True) == NODE


def test_a_service_that_only_asks_says_so() -> None:
    asking = replace(NODE, services=tuple(replace(each, asks_only=True) for each in NODE.services))
    written = build_node_metadata(asking)
    assert all(each["asks_only"] is True for each in written["services"])
    assert all("asks_only" not in each for each in build_node_metadata(NODE)["services"])
    assert parse_node_metadata(written, entity=COUNCIL, as_stated=True) == asking
    wrongs: tuple[object, ...] = ("true", 1, None)
    for wrong in wrongs:
        with pytest.raises(MalformedClaims, match="asks_only"):
            parse_node_metadata(changed(services=[{**SERVICE, "asks_only": wrong}]), entity=COUNCIL, as_stated=True)


def test_a_node_may_take_encrypted_messages_and_keep_retired_keys() -> None:
    encryption = dict(signer(KeyUse.MESSAGE, number=7).public.jwk) | {"alg": "ECDH-ES", "use": "enc"}
    retired = dict(signer(KeyUse.MESSAGE, number=8).public.jwk) | {"retired_at": NOW_S}
    message = {"keys": [dict(MESSAGE_KEY.public.jwk), retired]}
    node = replace(
        NODE,
        encryption_keys=KeySet.from_jwks({"keys": [encryption]}, KeyUse.ENCRYPTION),
        message_keys=KeySet.from_jwks(message, KeyUse.MESSAGE),
    )
    assert parse_node_metadata(build_node_metadata(node), entity=COUNCIL, as_stated=True) == node


def test_a_service_is_offered_as_the_kind_that_a_superior_states_and_no_other() -> None:
    admitted = {ENTITY_TYPE: changed(services=[SERVICE, SERVICE | {"slug": "repairs"}])}
    kinds = state_service_kinds(admitted)
    assert kinds == {ENTITY_TYPE: {"service_kinds": {"housing": "housing", "repairs": "housing"}}}
    grown = [SERVICE | {"name": "Homes"}, SERVICE | {"slug": "repairs", "kind": "jobcentre"}, SERVICE | {"slug": "new"}]
    node = changed(services=grown, **kinds[ENTITY_TYPE])
    assert [(each.slug, each.name) for each in parse_node_metadata(node, entity=COUNCIL).services] == [
        ("housing", "Homes")
    ]
    assert services_left_out({ENTITY_TYPE: node}) == ("repairs", "new")


def test_a_member_that_showed_no_services_is_vouched_for_none() -> None:
    nothing: tuple[dict[str, Any], ...] = ({}, {"oauth_client": {}})
    for shown in nothing:
        assert state_service_kinds(shown) == {}
    for unvouched in (changed(), changed(service_kinds={})):
        assert parse_node_metadata(unvouched, entity=COUNCIL).services == ()
        assert parse_node_metadata(unvouched, entity=COUNCIL, as_stated=True).services == NODE.services
    assert services_left_out({}) == ()


def test_an_extension_that_we_do_not_know_is_ignored() -> None:
    assert parse_node_metadata(changed(mailbox="later"), entity=COUNCIL, as_stated=True) == NODE


@pytest.mark.parametrize("name", list(build_node_metadata(NODE)))
def test_every_member_is_needed(name: str) -> None:
    with pytest.raises(MalformedClaims, match=name):
        parse_node_metadata(changed(**{name: None}), entity=COUNCIL)


@pytest.mark.parametrize(
    "members",
    [
        {"message_jwks": {"keys": []}},
        {"message_jwks": [MESSAGE_KEY.public.jwk]},
        {"encryption_jwks": key_set(MESSAGE_KEY).to_jwks()},
        {"evidence_key": dict(MESSAGE_KEY.public.jwk)},
        {"evidence_key": {"keys": [dict(EVIDENCE_KEY.public.jwk)]}},
        {"message_endpoint": "/peer/messages"},
        {"receipt_endpoint": 7},
        {"services": []},
        {"services": {}},
        {"services": ["housing"]},
        {"services": [SERVICE] * 2},
        {"services": [SERVICE | {"slug": "Housing"}]},
        {"services": [SERVICE | {"name": ""}]},
        {"services": [SERVICE | {"name": "Housing\x1b[2J"}]},
        {"services": [SERVICE | {"kind": "a b"}]},
        {"services": [SERVICE | {"duty_phone": None}]},
        {"services": [SERVICE | {"slug": f"s{number}"} for number in range(65)]},
        {"service_kinds": []},
        {"kinds_supported": []},
        {"kinds_supported": {"Involvement": [1]}},
        {"kinds_supported": {"involvement.query": []}},
        {"kinds_supported": {"involvement.query": 1}},
        {"kinds_supported": {"involvement.query": [True]}},
        {"kinds_supported": {"involvement.query": [0]}},
        {"kinds_supported": {f"k{number}": [1] for number in range(65)}},
    ],
)
def test_a_member_of_another_form_is_refused(members: dict[str, object]) -> None:
    with pytest.raises((MalformedClaims, ForbiddenAlgorithm)):
        parse_node_metadata(changed(**members), entity=COUNCIL)


def test_a_kind_from_outside_is_not_repeated_unless_it_is_plain() -> None:
    with pytest.raises(TrustError) as refusal:
        parse_node_metadata(changed(kinds_supported={"Jane Doe": "x"}), entity=COUNCIL)
    assert "Jane" not in refusal.value.detail
