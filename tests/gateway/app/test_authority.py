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
from gateway.federation.own_trust_marks import OwnTrustMarks
from gateway.http.authority.enrolments import ENROLMENT_TYPE
from gateway.store.tables import issued_trust_marks, members
from tests.simulator.levels import Levels
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY
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
def levels(tmp_path: Path) -> Iterator[Levels]:
    made = Levels(tmp_path, (COUNCIL,), marks={ANCHOR: MARKS})
    yield made
    made.close()


def client(levels: Levels, entity: str) -> FlaskClient:
    return levels.wire.apps[entity].test_client()


def ask(levels: Levels, at: str, subject: str, anchor: str = ANCHOR, **more: str) -> TestResponse:
    query = urlencode({"sub": subject, "trust_anchor": anchor, **more})
    return client(levels, at).get(f"{RESOLVE_PATH}?{query}")


def resolved(levels: Levels, at: str, answer: TestResponse) -> ResolveResponse:
    assert (answer.status_code, answer.content_type) == (200, "application/resolve-response+jwt"), answer.data
    parts = levels.anchor if at == ANCHOR else levels.authorities[COUNTY]
    keys = parts.vault.published(KeyUse.FEDERATION)
    return parse_resolve_response(answer.data, issuer_keys=keys, now=levels.clock.now())


def error(answer: TestResponse) -> tuple[int, object]:
    assert answer.content_type == "application/json"
    assert answer.json
    return answer.status_code, answer.json["error"]


def test_an_intermediate_names_its_superior_and_its_endpoints(levels: Levels) -> None:
    now = levels.clock.now()
    county = parse_entity_configuration(client(levels, COUNTY).get("/.well-known/openid-federation").data, now=now)
    anchor = parse_entity_configuration(client(levels, ANCHOR).get("/.well-known/openid-federation").data, now=now)
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
    assert client(levels, ANCHOR).get("/federation/v1/historical-keys").status_code == 200
    assert client(levels, ANCHOR).get("/federation/v1/pin").status_code == 200
    assert client(levels, COUNTY).get("/federation/v1/pin").status_code == 404


def test_a_node_below_an_intermediate_is_trusted_through_it(levels: Levels) -> None:
    trusted = levels.nodes[COUNCIL].directory.resolve(COUNCIL, now=levels.clock.now())
    assert trusted.superiors == (COUNTY, ANCHOR)


@pytest.mark.parametrize("terms", [NODE, SubordinateTerms(intermediate=True, permitted=(".elsewhere.example",))])
def test_an_entity_not_admitted_to_vouch_vouches_for_no_other(tmp_path: Path, terms: SubordinateTerms) -> None:
    levels = Levels(tmp_path, (COUNCIL,), county=terms)
    with pytest.raises(Untrusted):
        levels.nodes[COUNCIL].directory.resolve(COUNCIL, now=levels.clock.now())
    levels.close()


def test_it_resolves_its_members_with_a_chain_that_proves_itself(levels: Levels) -> None:
    levels.authorities[COUNTY].keeper.round()
    now = levels.clock.now()
    found = resolved(levels, COUNTY, ask(levels, COUNTY, COUNCIL))
    assert (found.issuer, found.subject, found.issued_at) == (COUNTY, COUNCIL, now)
    pinned = {ANCHOR: levels.anchor.vault.published(KeyUse.FEDERATION)}
    chain = verify_chain(found.trust_chain, anchors=pinned, now=now)
    assert (chain.entity_id, chain.superiors, chain.expires_at) == (COUNCIL, (COUNTY, ANCHOR), found.expires_at)
    assert found.metadata == chain.metadata
    one = resolved(levels, COUNTY, ask(levels, COUNTY, COUNCIL, entity_type="oauth_client"))
    assert one.metadata.keys() == {"oauth_client"}
    levels.anchor.keeper.round()
    assert resolved(levels, ANCHOR, ask(levels, ANCHOR, COUNTY)).subject == COUNTY


def join(levels: Levels, at: str, entity: EntityId) -> TestResponse:
    """Have a stranger send in its request to be vouched for."""
    now, signer = levels.clock.now(), LocalSigner.generate(KeyUse.FEDERATION)
    keys = KeySet.of(KeyUse.FEDERATION, [signer.public])
    draft = StatementDraft(subject=entity, keys=keys, issued_at=now, expires_at=now + timedelta(days=1))
    raw = build_enrolment_request(draft, signer)
    return client(levels, at).post(ENROLMENTS_PATH, data=raw, content_type=ENROLMENT_TYPE)


@pytest.mark.holds("A35")
def test_nothing_is_fetched_because_of_a_request(levels: Levels) -> None:
    levels.authorities[COUNTY].keeper.round()
    levels.wire.asked.clear()
    resolved(levels, COUNTY, ask(levels, COUNTY, COUNCIL))
    for number in range(20):
        assert error(ask(levels, COUNTY, f"https://stranger-{number}.example")) == (404, "not_found")
    assert error(ask(levels, ANCHOR, COUNCIL)) == (404, "not_found")
    for number in range(20):
        assert join(levels, COUNTY, EntityId(f"https://stranger-{number}.example")).status_code == 202
    levels.clock.forward(hours=1)
    resolved(levels, COUNTY, ask(levels, COUNTY, COUNCIL))
    levels.clock.forward(hours=24)
    assert error(ask(levels, COUNTY, COUNCIL)) == (404, "not_found")
    assert levels.wire.asked == []


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("", (400, "invalid_request")),
        (f"sub={COUNCIL}", (400, "invalid_request")),
        (f"trust_anchor={ANCHOR}", (400, "invalid_request")),
        (f"sub={COUNCIL}&sub={COUNTY}&trust_anchor={ANCHOR}", (400, "invalid_request")),
        (f"sub=council&trust_anchor={ANCHOR}", (400, "invalid_request")),
        (f"sub={COUNCIL}&trust_anchor=anchor", (400, "invalid_request")),
        (f"sub={COUNCIL}" + f"&trust_anchor={ANCHOR}" * 9, (400, "invalid_request")),
        (f"sub={COUNCIL}&trust_anchor=https://other.example", (404, "invalid_trust_anchor")),
    ],
)
def test_a_question_that_is_none_is_refused_as_the_standard_writes_it(
    levels: Levels, query: str, refusal: tuple[int, str]
) -> None:
    assert error(client(levels, COUNTY).get(f"{RESOLVE_PATH}?{query}")) == refusal


def test_any_of_several_anchors_will_do(levels: Levels) -> None:
    levels.authorities[COUNTY].keeper.round()
    query = urlencode(
        [("sub", COUNCIL), ("trust_anchor", "https://other.example"), ("trust_anchor", ANCHOR), ("type", "x")]
    )
    resolved(levels, COUNTY, client(levels, COUNTY).get(f"{RESOLVE_PATH}?{query}"))


def test_an_intermediate_relays_its_superiors_suspensions_and_resolves_no_suspended_member(
    levels: Levels,
) -> None:
    levels.authorities[COUNTY].keeper.round()
    levels.rule(ANCHOR, COUNCIL)
    levels.clock.forward(minutes=5)
    levels.authorities[COUNTY].keeper.round()
    told = client(levels, COUNTY).get(f"{SUSPENSIONS_PATH}?{urlencode({'iss': ANCHOR})}").json
    assert told
    (entry,) = told["suspensions"]
    keys = levels.anchor.vault.published(KeyUse.FEDERATION)
    assert parse_suspension(entry.encode(), issuer_keys=keys, now=levels.clock.now()).subject == COUNCIL
    assert error(ask(levels, COUNTY, COUNCIL)) == (404, "not_found")


def test_a_member_that_is_suspended_is_resolved_no_longer_and_not_kept_fresh(levels: Levels) -> None:
    levels.authorities[COUNTY].keeper.round()
    levels.authorities[COUNTY].store.write(
        lambda tx: members.set_state(tx, entity=COUNCIL, state=SuspensionState.SUSPENDED, at=levels.clock.now())
    )
    assert error(ask(levels, COUNTY, COUNCIL)) == (404, "not_found")
    levels.clock.forward(minutes=5)
    levels.wire.asked.clear()
    levels.authorities[COUNTY].keeper.round()
    assert not [url for url in levels.wire.asked if url.startswith(COUNCIL)]


def test_a_node_shows_the_mark_that_it_was_given_and_renews_it(levels: Levels) -> None:
    clock, office, node = levels.clock, levels.anchor.authority.mark_issuer, levels.nodes[COUNCIL]
    node.directory.refresh(COUNCIL, now=clock.now())
    node.keeper.renew_marks(clock.now())
    assert OwnTrustMarks(node.store).current(clock.now()) == ()
    first = office.issue(ASSURED, COUNCIL, now=clock.now()).raw
    clock.forward(minutes=10)
    node.directory.refresh(COUNCIL, now=clock.now())
    node.keeper.renew_marks(clock.now())
    assert [mark.raw for mark in OwnTrustMarks(node.store).current(clock.now())] == [first]

    clock.forward(days=16)
    node.directory.refresh(COUNCIL, now=clock.now())
    node.keeper.renew_marks(clock.now())
    (renewed,) = OwnTrustMarks(node.store).current(clock.now())
    assert renewed.raw != first
    clock.forward(days=30)
    assert OwnTrustMarks(node.store).current(clock.now()) == ()


def test_a_resolved_member_shows_the_marks_that_its_authority_stands_by(tmp_path: Path) -> None:
    levels = Levels(tmp_path, (COUNCIL,), marks={ANCHOR: MARKS})
    clock, anchor = levels.clock, levels.anchor
    anchor.authority.mark_issuer.issue(ASSURED, COUNTY, now=clock.now())
    levels.authorities[COUNTY].keeper.round()
    clock.forward(minutes=6)
    levels.authorities[COUNTY].keeper.round()
    levels.clock.forward(minutes=6)
    county = levels.authorities[COUNTY].authority.own_marks
    county._read_at = 0.0  # type: ignore[attr-defined]  # as after five seconds
    anchor.keeper.round()
    found = resolved(levels, ANCHOR, ask(levels, ANCHOR, COUNTY))
    assert [mark.mark_type for mark in found.trust_marks] == [ASSURED]
    anchor.store.write(
        lambda tx: issued_trust_marks.revoke(tx, mark_type=ASSURED, subject=COUNTY, reason="audit", at=clock.now())
    )
    assert resolved(levels, ANCHOR, ask(levels, ANCHOR, COUNTY)).trust_marks == ()
    levels.close()
