"""A trust anchor and an intermediate from their settings: what they keep fresh, resolve, hand on, and give out."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.authority.statements import ENROLMENTS_PATH, RESOLVE_PATH
from gateway.federation.fetch import SUSPENSIONS_PATH
from gateway.http.authority.enrolments import ENROLMENT_TYPE
from gateway.store.tables import issued_trust_marks, members
from tests.support.authorities import COUNTY, HARBOUR, Authorities
from tests.support.network import ANCHOR
from trust.errors import Untrusted
from trust.federation.chain import verify_chain
from trust.federation.enrolment import build_enrolment_request
from trust.federation.entity_statement import StatementDraft, parse_entity_configuration
from trust.federation.resolve_response import ResolveResponse, parse_resolve_response
from trust.federation.suspension import SuspensionState, parse_suspension
from trust.federation.terms import NODE, SubordinateTerms
from trust.federation.trust_mark import data_protection_mark
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner

ASSURED = data_protection_mark(ANCHOR)
MARKS = {"issues": [{"type": ASSURED, "lifetime_days": 30}]}


@pytest.fixture
def authorities(tmp_path: Path) -> Iterator[Authorities]:
    made = Authorities(tmp_path, marks=MARKS)
    yield made
    made.close()


def client(authorities: Authorities, entity: str) -> FlaskClient:
    return authorities.wire.apps[entity].test_client()


def ask(authorities: Authorities, at: str, subject: str, anchor: str = ANCHOR, **more: str) -> TestResponse:
    query = urlencode({"sub": subject, "trust_anchor": anchor, **more})
    return client(authorities, at).get(f"{RESOLVE_PATH}?{query}")


def resolved(authorities: Authorities, at: str, answer: TestResponse) -> ResolveResponse:
    assert (answer.status_code, answer.content_type) == (200, "application/resolve-response+jwt"), answer.data
    parts = authorities.anchor if at == ANCHOR else authorities.county
    keys = parts.vault.published(KeyUse.FEDERATION)
    return parse_resolve_response(answer.data, issuer_keys=keys, now=authorities.clock.now())


def error(answer: TestResponse) -> tuple[int, object]:
    assert answer.content_type == "application/json"
    assert answer.json
    return answer.status_code, answer.json["error"]


def test_an_intermediate_names_its_superior_and_its_endpoints(authorities: Authorities) -> None:
    now = authorities.clock.now()
    county = parse_entity_configuration(client(authorities, COUNTY).get("/.well-known/openid-federation").data, now=now)
    anchor = parse_entity_configuration(client(authorities, ANCHOR).get("/.well-known/openid-federation").data, now=now)
    assert (county.authority_hints, anchor.authority_hints) == ((ANCHOR,), ())
    assert (county.trust_mark_issuers, anchor.trust_mark_issuers) == ({}, {ASSURED: (ANCHOR,)})
    served = {name for name in anchor.metadata["federation_entity"] if name.endswith("_endpoint")}
    assert served == {
        "federation_fetch_endpoint",
        "federation_list_endpoint",
        "federation_resolve_endpoint",
        "federation_trust_mark_status_endpoint",
        "federation_trust_mark_list_endpoint",
        "federation_trust_mark_endpoint",
        "federation_historical_keys_endpoint",
        "hearthgate_enrolment_endpoint",
    }
    assert client(authorities, ANCHOR).get("/federation/v1/historical-keys").status_code == 200
    assert client(authorities, ANCHOR).get("/federation/v1/pin").status_code == 200
    assert client(authorities, COUNTY).get("/federation/v1/pin").status_code == 404


def test_a_node_below_an_intermediate_is_trusted_through_it(authorities: Authorities) -> None:
    trusted = authorities.node.directory.resolve(HARBOUR, now=authorities.clock.now())
    assert trusted.superiors == (COUNTY, ANCHOR)


@pytest.mark.parametrize("terms", [NODE, SubordinateTerms(intermediate=True, permitted=(".elsewhere.example",))])
def test_whoever_was_not_admitted_to_vouch_vouches_for_nobody(tmp_path: Path, terms: SubordinateTerms) -> None:
    authorities = Authorities(tmp_path, county=terms)
    with pytest.raises(Untrusted):
        authorities.node.directory.resolve(HARBOUR, now=authorities.clock.now())
    authorities.close()


def test_it_resolves_its_members_with_a_chain_that_proves_itself(authorities: Authorities) -> None:
    authorities.county.keeper.round()
    now = authorities.clock.now()
    found = resolved(authorities, COUNTY, ask(authorities, COUNTY, HARBOUR))
    assert (found.issuer, found.subject, found.issued_at) == (COUNTY, HARBOUR, now)
    pinned = {ANCHOR: authorities.anchor.vault.published(KeyUse.FEDERATION)}
    chain = verify_chain(found.trust_chain, anchors=pinned, now=now)
    assert (chain.entity_id, chain.superiors, chain.expires_at) == (HARBOUR, (COUNTY, ANCHOR), found.expires_at)
    assert found.metadata == chain.metadata
    one = resolved(authorities, COUNTY, ask(authorities, COUNTY, HARBOUR, entity_type="oauth_client"))
    assert one.metadata.keys() == {"oauth_client"}
    authorities.anchor.keeper.round()
    assert resolved(authorities, ANCHOR, ask(authorities, ANCHOR, COUNTY)).subject == COUNTY


def join(authorities: Authorities, at: str, entity: EntityId) -> TestResponse:
    """Have a stranger send in its request to be vouched for."""
    now, signer = authorities.clock.now(), LocalSigner.generate(KeyUse.FEDERATION)
    keys = KeySet.of(KeyUse.FEDERATION, [signer.public])
    draft = StatementDraft(subject=entity, keys=keys, issued_at=now, expires_at=now + timedelta(days=1))
    raw = build_enrolment_request(draft, signer)
    return client(authorities, at).post(ENROLMENTS_PATH, data=raw, content_type=ENROLMENT_TYPE)


@pytest.mark.holds("A35")
def test_nothing_is_fetched_because_somebody_asks(authorities: Authorities) -> None:
    authorities.county.keeper.round()
    authorities.wire.asked.clear()
    resolved(authorities, COUNTY, ask(authorities, COUNTY, HARBOUR))
    for number in range(20):
        assert error(ask(authorities, COUNTY, f"https://stranger-{number}.example")) == (404, "not_found")
    assert error(ask(authorities, ANCHOR, HARBOUR)) == (404, "not_found")
    for number in range(20):
        assert join(authorities, COUNTY, EntityId(f"https://stranger-{number}.example")).status_code == 202
    authorities.clock.forward(hours=1)
    resolved(authorities, COUNTY, ask(authorities, COUNTY, HARBOUR))
    authorities.clock.forward(hours=24)
    assert error(ask(authorities, COUNTY, HARBOUR)) == (404, "not_found")
    assert authorities.wire.asked == []


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("", (400, "invalid_request")),
        (f"sub={HARBOUR}", (400, "invalid_request")),
        (f"trust_anchor={ANCHOR}", (400, "invalid_request")),
        (f"sub={HARBOUR}&sub={COUNTY}&trust_anchor={ANCHOR}", (400, "invalid_request")),
        (f"sub=harbour&trust_anchor={ANCHOR}", (400, "invalid_request")),
        (f"sub={HARBOUR}&trust_anchor=anchor", (400, "invalid_request")),
        (f"sub={HARBOUR}" + f"&trust_anchor={ANCHOR}" * 9, (400, "invalid_request")),
        (f"sub={HARBOUR}&trust_anchor=https://other.example", (404, "invalid_trust_anchor")),
    ],
)
def test_a_question_that_is_none_is_refused_as_the_standard_writes_it(
    authorities: Authorities, query: str, refusal: tuple[int, str]
) -> None:
    assert error(client(authorities, COUNTY).get(f"{RESOLVE_PATH}?{query}")) == refusal


def test_any_of_several_anchors_will_do(authorities: Authorities) -> None:
    authorities.county.keeper.round()
    query = urlencode(
        [("sub", HARBOUR), ("trust_anchor", "https://other.example"), ("trust_anchor", ANCHOR), ("type", "x")]
    )
    resolved(authorities, COUNTY, client(authorities, COUNTY).get(f"{RESOLVE_PATH}?{query}"))


def test_an_intermediate_hands_on_its_superiors_suspensions_and_resolves_nobody_suspended(
    authorities: Authorities,
) -> None:
    authorities.county.keeper.round()
    authorities.rule(authorities.anchor, HARBOUR)
    authorities.clock.forward(minutes=5)
    authorities.county.keeper.round()
    told = client(authorities, COUNTY).get(f"{SUSPENSIONS_PATH}?{urlencode({'iss': ANCHOR})}").json
    assert told
    (entry,) = told["suspensions"]
    keys = authorities.anchor.vault.published(KeyUse.FEDERATION)
    assert parse_suspension(entry.encode(), issuer_keys=keys, now=authorities.clock.now()).subject == HARBOUR
    assert error(ask(authorities, COUNTY, HARBOUR)) == (404, "not_found")


def test_a_member_that_is_suspended_is_resolved_no_longer_and_not_kept_fresh(authorities: Authorities) -> None:
    authorities.county.keeper.round()
    authorities.county.store.write(
        lambda tx: members.set_state(tx, entity=HARBOUR, state=SuspensionState.SUSPENDED, at=authorities.clock.now())
    )
    assert error(ask(authorities, COUNTY, HARBOUR)) == (404, "not_found")
    authorities.clock.forward(minutes=5)
    authorities.wire.asked.clear()
    authorities.county.keeper.round()
    assert not [url for url in authorities.wire.asked if url.startswith(HARBOUR)]


def test_a_node_shows_the_mark_that_it_was_given_and_renews_it(authorities: Authorities) -> None:
    clock, office, node = authorities.clock, authorities.anchor.authority.mark_issuer, authorities.node
    node.directory.refresh(HARBOUR, now=clock.now())
    node.marks.round(clock.now())
    assert node.held.current(clock.now()) == ()
    first = office.issue(ASSURED, HARBOUR, now=clock.now()).raw
    clock.forward(minutes=10)
    node.directory.refresh(HARBOUR, now=clock.now())
    node.marks.round(clock.now())
    held = type(node.held)(node.store)
    assert [mark.raw for mark in held.current(clock.now())] == [first]

    clock.forward(days=16)
    node.directory.refresh(HARBOUR, now=clock.now())
    node.marks.round(clock.now())
    (renewed,) = type(node.held)(node.store).current(clock.now())
    assert renewed.raw != first
    clock.forward(days=30)
    assert type(node.held)(node.store).current(clock.now()) == ()


def test_a_resolved_member_shows_the_marks_that_its_authority_stands_by(tmp_path: Path) -> None:
    authorities = Authorities(tmp_path, marks=MARKS)
    clock, anchor = authorities.clock, authorities.anchor
    anchor.authority.mark_issuer.issue(ASSURED, COUNTY, now=clock.now())
    authorities.county.keeper.round()
    clock.forward(minutes=6)
    authorities.county.keeper.round()
    authorities.clock.forward(minutes=6)
    county = authorities.county.authority.own_marks
    county._read_at = 0.0  # type: ignore[attr-defined]  # as after five seconds
    anchor.keeper.round()
    found = resolved(authorities, ANCHOR, ask(authorities, ANCHOR, COUNTY))
    assert [mark.mark_type for mark in found.trust_marks] == [ASSURED]
    anchor.store.write(
        lambda tx: issued_trust_marks.revoke(tx, mark_type=ASSURED, subject=COUNTY, reason="audit", at=clock.now())
    )
    assert resolved(authorities, ANCHOR, ask(authorities, ANCHOR, COUNTY)).trust_marks == ()
    authorities.close()
