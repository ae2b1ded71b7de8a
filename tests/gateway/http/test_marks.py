"""An authority's trust marks: given out, renewed, listed, and answered for when they are revoked."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.authority.statements import MARK_PATH, MARKED_PATH, STATUS_PATH, AccreditedMarks, Authority
from gateway.authority.trust_marks import MarkTerms, TrustMarkIssuer, delegated
from gateway.http.authority.authority_api import create_anchor_app
from gateway.store.tables import issued_trust_marks
from tests.simulator.federation import Federation, Keys, Silent
from tests.simulator.town import ANCHOR, COUNCIL, POLICE
from trust import base64url
from trust.errors import MarkRefused, WrongType
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.suspension import SuspensionState
from trust.federation.trust_mark import (
    MarkDraft,
    MarkOwner,
    MarkStatus,
    build_delegation,
    build_trust_mark,
    data_protection_mark,
    open_own_mark,
    parse_status_response,
    verify_trust_mark,
)
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner

ASSURED = data_protection_mark(ANCHOR)
OWNED = "https://owner.example/marks/cyber-checked"
OWNER = EntityId("https://owner.example")
LIFE = timedelta(days=30)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Issuing:
    """An anchor that issues one type of its own and one of another's."""

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self.owner = Keys()
        now = federation.clock.now()
        delegation = build_delegation(
            MarkDraft(
                issuer=OWNER, subject=ANCHOR, mark_type=OWNED, issued_at=now, expires_at=now + timedelta(days=10)
            ),
            self.owner.signer(KeyUse.FEDERATION),
        )
        owners = {OWNED: MarkOwner(entity=OWNER, keys=self.owner.federation_keys())}
        self.authority = Authority(
            entity_id=ANCHOR,
            name="Anchor",
            vault=federation.anchor_keys,
            store=federation.anchor_store,
            clock=federation.clock,
            mark_types={
                ASSURED: MarkTerms(lifetime=LIFE),
                OWNED: MarkTerms(lifetime=LIFE, delegation=delegated(delegation, own=ANCHOR, mark_type=OWNED)),
            },
            accredited=AccreditedMarks(issuers={ASSURED: (ANCHOR,), OWNED: (ANCHOR,)}, owners=owners),
        )
        self.issuer: TrustMarkIssuer = self.authority.mark_issuer
        self.client: FlaskClient = create_anchor_app(self.authority, observer=Silent()).test_client()

    def issue(self, mark_type: str = ASSURED, subject: EntityId = POLICE) -> bytes:
        return self.issuer.issue(mark_type, subject, now=self.federation.clock.now()).raw

    def revoke(self, mark_type: str = ASSURED, subject: EntityId = POLICE) -> None:
        now = self.federation.clock.now()
        self.federation.anchor_store.write(
            lambda tx: issued_trust_marks.revoke(tx, mark_type=mark_type, subject=subject, reason="audit", at=now)
        )

    def ask(self, mark_type: str = ASSURED, subject: str = POLICE) -> TestResponse:
        return self.client.get(MARK_PATH, query_string={"trust_mark_type": mark_type, "sub": subject})

    def post(self, mark: bytes, **more: str) -> TestResponse:
        return self.client.post(STATUS_PATH, data={"trust_mark": mark.decode("ascii"), **more})

    def status(self, mark: bytes) -> MarkStatus | None:
        answer = self.post(mark)
        assert (answer.status_code, answer.content_type) == (200, "application/trust-mark-status-response+jwt")
        keys = self.federation.anchor_keys.federation_keys()
        return parse_status_response(answer.data, issuer_keys=keys, mark=mark, now=self.federation.clock.now())


@pytest.fixture
def issuing(federation: Federation) -> Issuing:
    return Issuing(federation)


def error(answer: TestResponse) -> tuple[int, object]:
    assert answer.content_type == "application/json"
    assert answer.json
    assert answer.json.keys() == {"error", "error_description"}
    return answer.status_code, answer.json["error"]


def twin(mark: bytes) -> bytes:
    """Return the other signature that verifies over the same bytes (RFC 6979 leaves both; r, n - s)."""
    signed, _, encoded = mark.rpartition(b".")
    signature = base64url.decode(encoded, "signature")
    s = P256_ORDER - int.from_bytes(signature[32:], "big")
    return signed + b"." + base64url.encode(signature[:32] + s.to_bytes(32, "big"))


def test_its_statement_names_the_endpoints_and_who_may_issue_what(issuing: Issuing) -> None:
    raw = issuing.client.get("/.well-known/openid-federation").data
    stated = parse_entity_configuration(raw, now=issuing.federation.clock.now())
    named = stated.metadata["federation_entity"]
    assert named["federation_trust_mark_status_endpoint"] == ANCHOR + STATUS_PATH
    assert named["federation_trust_mark_list_endpoint"] == ANCHOR + MARKED_PATH
    assert named["federation_trust_mark_endpoint"] == ANCHOR + MARK_PATH
    assert stated.trust_mark_issuers == {ASSURED: (ANCHOR,), OWNED: (ANCHOR,)}
    assert stated.trust_mark_owners[OWNED].entity == OWNER


def test_an_authority_that_issues_no_marks_serves_and_names_no_endpoint_for_them(issuing: Issuing) -> None:
    plain = issuing.federation.wire.apps[ANCHOR].test_client()
    assert plain.get(MARKED_PATH).status_code == 404
    raw = plain.get("/.well-known/openid-federation").data
    stated = parse_entity_configuration(raw, now=issuing.federation.clock.now())
    assert not [name for name in stated.metadata["federation_entity"] if "trust_mark" in name]


def test_a_mark_that_was_granted_is_given_to_any_requester(issuing: Issuing) -> None:
    assert error(issuing.ask()) == (404, "not_found")
    raw = issuing.issue()
    answer = issuing.ask()
    assert (answer.status_code, answer.content_type, answer.data) == (200, "application/trust-mark+jwt", raw)
    keys, now = issuing.federation.anchor_keys.federation_keys(), issuing.federation.clock.now()
    mark = open_own_mark(raw, subject=POLICE, issuer=ANCHOR, keys=keys, now=now)
    assert (mark.mark_type, mark.expires_at) == (ASSURED, now + LIFE)
    with pytest.raises(MarkRefused):
        open_own_mark(raw, subject=COUNCIL, issuer=ANCHOR, keys=keys, now=now)
    assert error(issuing.ask(subject=COUNCIL)) == (404, "not_found")
    assert error(issuing.ask("https://anchor.example/marks/another")) == (404, "not_found")


def test_a_mark_is_renewed_in_the_second_half_of_its_life_and_once(issuing: Issuing) -> None:
    first = issuing.issue()
    issuing.federation.clock.forward(days=15)
    assert issuing.ask().data == first
    issuing.federation.clock.forward(minutes=1)
    second = issuing.ask().data
    assert second != first
    assert issuing.ask().data == second
    assert (issuing.status(first), issuing.status(second)) == (MarkStatus.ACTIVE, MarkStatus.ACTIVE)
    issuing.federation.clock.forward(days=15)
    assert issuing.status(first) is MarkStatus.EXPIRED


def test_a_mark_is_renewed_once_another_key_signs(issuing: Issuing) -> None:
    first = issuing.issue()
    next_key = issuing.federation.anchor_keys.signers[KeyUse.FEDERATION] = LocalSigner.generate(KeyUse.FEDERATION)
    second = issuing.ask().data
    assert second != first
    keys = KeySet.of(KeyUse.FEDERATION, [next_key.public])
    open_own_mark(second, subject=POLICE, issuer=ANCHOR, keys=keys, now=issuing.federation.clock.now() + LIFE / 2)
    assert issuing.ask().data == second


def test_a_revoked_mark_is_neither_given_nor_renewed_until_it_is_granted_again(issuing: Issuing) -> None:
    first = issuing.issue()
    issuing.federation.clock.forward(days=20)
    second = issuing.ask().data
    issuing.revoke()
    assert (issuing.status(first), issuing.status(second)) == (MarkStatus.REVOKED, MarkStatus.REVOKED)
    assert error(issuing.ask()) == (404, "not_found")
    third = issuing.issue()
    assert issuing.ask().data == third
    assert issuing.status(second) is MarkStatus.REVOKED


@pytest.mark.holds("A26")
def test_another_signature_over_a_revoked_mark_is_revoked_as_well(issuing: Issuing) -> None:
    raw = issuing.issue()
    other = twin(raw)
    assert other != raw
    assert issuing.status(other) is MarkStatus.ACTIVE
    issuing.revoke()
    assert issuing.status(other) is MarkStatus.REVOKED
    assert issuing.status(raw.rpartition(b".")[0] + b"." + b"A" * 86) is MarkStatus.INVALID


def test_a_suspended_member_is_given_no_mark(issuing: Issuing) -> None:
    issuing.issue()
    issuing.federation.admit(POLICE, SuspensionState.SUSPENDED)
    assert error(issuing.ask()) == (404, "not_found")


def test_a_mark_of_anothers_type_carries_the_owners_delegation_and_ends_with_it(issuing: Issuing) -> None:
    raw, now = issuing.issue(OWNED), issuing.federation.clock.now()
    authority = issuing.authority
    mark = verify_trust_mark(
        raw,
        subject=POLICE,
        issuers=authority.accredited.issuers,
        owners=authority.accredited.owners,
        keys_of=lambda _: issuing.federation.anchor_keys.federation_keys(),
        now=now,
    )
    assert mark.expires_at == now + timedelta(days=10)
    issuing.federation.clock.forward(days=10)
    assert error(issuing.ask(OWNED)) == (404, "not_found")
    with pytest.raises(MarkRefused, match="ask its owner"):
        issuing.issue(OWNED)


def test_a_delegation_for_another_entity_is_refused_before_anything_is_served(issuing: Issuing) -> None:
    now, signer = issuing.federation.clock.now(), issuing.owner.signer(KeyUse.FEDERATION)
    draft = MarkDraft(issuer=OWNER, subject=COUNCIL, mark_type=OWNED, issued_at=now)
    with pytest.raises(MarkRefused):
        delegated(build_delegation(draft, signer), own=ANCHOR, mark_type=OWNED)
    with pytest.raises(WrongType):
        delegated(build_trust_mark(draft, signer), own=COUNCIL, mark_type=OWNED)
    with pytest.raises(MarkRefused):
        issuing.issue("https://anchor.example/marks/another")


def test_a_mark_that_was_not_issued_here_has_no_status(issuing: Issuing) -> None:
    now = issuing.federation.clock.now()
    draft = MarkDraft(issuer=ANCHOR, subject=POLICE, mark_type=ASSURED, issued_at=now, expires_at=now + LIFE)
    forged = build_trust_mark(draft, Keys().signer(KeyUse.FEDERATION))
    for unknown in (forged, b"no mark", b"a.b.c", b"a" * 20_000):
        assert error(issuing.post(unknown)) == (404, "not_found")
    assert error(issuing.client.post(STATUS_PATH, data={"trust_mark": "é"})) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ("", "application/x-www-form-urlencoded", "invalid_request"),
        ("sub=x", "application/x-www-form-urlencoded", "invalid_request"),
        ("trust_mark=a&trust_mark=b", "application/x-www-form-urlencoded", "invalid_request"),
        ("trust_mark", "application/x-www-form-urlencoded", "invalid_request"),
        ("&".join(["trust_mark=a"] * 9), "application/x-www-form-urlencoded", "invalid_request"),
        ("trust_mark=a", "text/plain", "invalid_request"),
        ('{"trust_mark": "a"}', "application/json", "invalid_request"),
    ],
)
def test_a_question_for_a_status_that_is_none_is_refused_as_the_standard_writes_it(
    issuing: Issuing, body: str, content_type: str, code: str
) -> None:
    assert error(issuing.client.post(STATUS_PATH, data=body, content_type=content_type)) == (400, code)


def test_a_status_is_asked_for_in_the_body_and_within_its_cap(issuing: Issuing) -> None:
    assert error(issuing.client.post(f"{STATUS_PATH}?trust_mark=a", data={"trust_mark": "a"})) == (
        400,
        "invalid_request",
    )
    assert error(issuing.client.post(f"{STATUS_PATH}?trace=1", data={"trust_mark": "a"})) == (404, "not_found")
    assert issuing.client.post(STATUS_PATH, data={"trust_mark": "a" * 40_000}).status_code == 413
    assert issuing.client.get(f"{STATUS_PATH}?trust_mark=a").status_code == 405


def test_who_has_a_valid_mark_is_listed(issuing: Issuing) -> None:
    issuing.issue(subject=COUNCIL)
    issuing.issue(subject=POLICE)
    issuing.issue(OWNED, COUNCIL)

    def marked(**query: str) -> object:
        return issuing.client.get(f"{MARKED_PATH}?{urlencode(query)}").json

    assert marked(trust_mark_type=ASSURED) == [COUNCIL, POLICE]
    assert marked(trust_mark_type=ASSURED, sub=POLICE) == [POLICE]
    assert marked(trust_mark_type=OWNED, page="1") == [COUNCIL]
    assert marked(trust_mark_type="https://anchor.example/marks/another") == []
    issuing.revoke()
    assert marked(trust_mark_type=ASSURED) == [COUNCIL]
    issuing.federation.clock.forward(days=30)
    assert marked(trust_mark_type=ASSURED) == []


@pytest.mark.parametrize("path", [MARKED_PATH, MARK_PATH])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid_request"),
        ("trust_mark_type=", "invalid_request"),
        ("trust_mark_type=" + "a" * 257, "invalid_request"),
        ("trust_mark_type=a&trust_mark_type=b", "invalid_request"),
        ("trust_mark_type=a&sub=council", "invalid_request"),
    ],
)
def test_a_question_for_marks_that_is_none_is_refused_as_the_standard_writes_it(
    issuing: Issuing, path: str, query: str, code: str
) -> None:
    assert error(issuing.client.get(f"{path}?{query}")) == (400, code)


def test_members_are_listed_by_their_marks(issuing: Issuing) -> None:
    issuing.issue(subject=POLICE)
    issuing.issue(OWNED, COUNCIL)

    def listed(**query: str) -> object:
        return issuing.client.get(f"/federation/v1/list?{urlencode(query)}").json

    assert listed(trust_marked="true") == [COUNCIL, POLICE]
    assert listed(trust_mark_type=ASSURED) == [POLICE]
    assert listed(trust_mark_type=ASSURED, trust_marked="true", entity_type="oauth_client") == [POLICE]
    assert listed(trust_mark_type="https://anchor.example/marks/another") == []
    assert listed(trust_marked="false") == [COUNCIL, POLICE]
    issuing.revoke()
    assert listed(trust_marked="true") == [COUNCIL]
