"""The inbox of an authority: strangers may write into it, and nothing happens because of what they write."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.authority import enrolment
from gateway.authority.enrolment import EnrolmentQueue
from gateway.authority.statements import ENROLMENTS_PATH
from gateway.http.authority.enrolments import enrolments_blueprint
from gateway.store.tables import enrolments, key_revocations
from gateway.store.tables.federation_records import StoredKeyRevocation
from gateway.web.face import build_face
from tests.simulator.federation import Federation, Keys, Silent
from tests.simulator.town import ANCHOR, COUNCIL, POLICE
from trust.federation.enrolment import build_enrolment_request
from trust.federation.entity_statement import MAX_BYTES, StatementDraft, build_entity_configuration
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.spoken_digits import digits_of_keys, spoken

HARBOUR = EntityId("https://harbour.example")


def draft(federation: Federation, keys: KeySet, entity: EntityId) -> StatementDraft:
    now = federation.clock.now()
    return StatementDraft(subject=entity, keys=keys, issued_at=now, expires_at=now + timedelta(days=14))


def request(federation: Federation, keys: Keys, entity: EntityId = HARBOUR) -> bytes:
    asked = draft(federation, keys.federation_keys(), entity)
    return build_enrolment_request(asked, keys.signer(KeyUse.FEDERATION))


def post(anchor: FlaskClient, raw: bytes, content_type: str = "application/jwt") -> TestResponse:
    return anchor.post(ENROLMENTS_PATH, data=raw, content_type=content_type)


def waiting(federation: Federation) -> list[bytes]:
    now = federation.clock.now()
    return [each.raw for each in federation.anchor_store.read(lambda tx: enrolments.list(tx, now=now))]


def client(federation: Federation, queue: EnrolmentQueue) -> FlaskClient:
    blueprint = enrolments_blueprint(queue, clock=federation.clock)
    return build_face("anchor", [blueprint], max_body=MAX_BYTES, observer=Silent()).test_client()


def code(answer: TestResponse) -> object:
    assert answer.content_type == "application/problem+json"
    assert answer.json
    return answer.json["code"]


@pytest.mark.parametrize("content_type", ["application/jwt", "application/enrolment-request+jwt"])
def test_a_request_waits_and_its_sender_is_told_what_to_read_out(
    federation: Federation, anchor: FlaskClient, content_type: str
) -> None:
    keys = Keys()
    raw = request(federation, keys)
    answer = post(anchor, raw, content_type)
    assert (answer.status_code, answer.content_type) == (202, "application/json")
    kid = keys.signer(KeyUse.FEDERATION).kid
    assert answer.json
    assert answer.json["thumbprints"] == [kid]
    assert kid in answer.json["message"]
    assert spoken(digits_of_keys([kid])) in answer.json["message"]
    assert waiting(federation) == [raw]


def test_a_flood_of_requests_fills_no_more_than_its_room(federation: Federation) -> None:
    keys = Keys()
    queue = EnrolmentQueue(ANCHOR, federation.anchor_store, most=5)
    app = client(federation, queue)
    answers = [
        post(app, request(federation, keys, EntityId(f"https://flood-{number}.example"))) for number in range(40)
    ]
    assert [answer.status_code for answer in answers] == [202] * 5 + [503] * 35
    assert code(answers[-1]) == "enrolment-queue-full"
    assert len(waiting(federation)) == 5
    renewal = request(federation, federation.keys[COUNCIL], COUNCIL)
    assert post(app, renewal).status_code == 202, "a member's renewal finds room in a full queue"


def test_so_many_are_written_down_in_a_minute(
    federation: Federation, anchor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment, "STRANGERS_A_MINUTE", 2)
    queue = EnrolmentQueue(ANCHOR, federation.anchor_store)
    app = client(federation, queue)
    keys = Keys()
    assert [post(app, request(federation, keys)).status_code for _ in range(3)] == [202, 202, 503]
    renewal = request(federation, federation.keys[COUNCIL], COUNCIL)
    renewed = [post(app, renewal).status_code for _ in range(enrolment.RENEWALS_A_MINUTE + 1)]
    expected = [*[202] * enrolment.RENEWALS_A_MINUTE, 503]
    assert renewed == expected, "strangers starve no member, and a member itself alone"
    assert post(app, request(federation, federation.keys[POLICE], POLICE)).status_code == 202
    federation.clock.forward(minutes=1)
    assert post(app, request(federation, keys)).status_code == 202


def test_a_request_with_other_keys_does_not_push_the_first_aside(federation: Federation, anchor: FlaskClient) -> None:
    first = request(federation, Keys())
    post(anchor, first)
    federation.clock.forward(hours=1)
    assert code(post(anchor, request(federation, Keys()))) == "enrolment-refused"
    assert waiting(federation) == [first]


def test_an_earlier_request_does_not_come_back(federation: Federation, anchor: FlaskClient) -> None:
    keys = Keys()
    earlier = request(federation, keys)
    post(anchor, earlier)
    federation.clock.forward(hours=1)
    newer = request(federation, keys)
    assert post(anchor, newer).status_code == 202
    assert post(anchor, earlier).status_code == 409
    assert waiting(federation) == [newer]


def test_what_a_stranger_put_there_gives_way_to_the_member_itself(federation: Federation, anchor: FlaskClient) -> None:
    post(anchor, request(federation, Keys(), COUNCIL))
    renewal = request(federation, federation.keys[COUNCIL], COUNCIL)
    assert post(anchor, renewal).status_code == 202
    assert waiting(federation) == [renewal]
    assert post(anchor, request(federation, Keys(), COUNCIL)).status_code == 409


def test_a_suspended_members_key_is_no_better_than_a_strangers(federation: Federation, anchor: FlaskClient) -> None:
    federation.admit(COUNCIL, SuspensionState.SUSPENDED)
    stranger = request(federation, Keys(), COUNCIL)
    post(anchor, stranger)
    assert post(anchor, request(federation, federation.keys[COUNCIL], COUNCIL)).status_code == 409
    assert waiting(federation) == [stranger]


@pytest.mark.holds("A59")
def test_a_key_that_a_member_has_revoked_is_no_better_than_a_strangers(
    federation: Federation, anchor: FlaskClient
) -> None:
    keys, now = federation.keys[COUNCIL], federation.clock.now()
    signer = keys.signer(KeyUse.FEDERATION)
    revoked = StoredKeyRevocation(
        issuer=COUNCIL, subject=COUNCIL, kid=signer.kid, use="federation", revoked_at=now, raw=b"as its owner signed it"
    )
    federation.anchor_store.write(lambda tx: key_revocations.put(tx, revoked, at=now))
    honest = request(federation, Keys(), COUNCIL)
    assert post(anchor, honest).status_code == 202
    assert post(anchor, request(federation, keys, COUNCIL)).status_code == 409
    assert waiting(federation) == [honest]


def test_a_request_ends_by_itself(federation: Federation, anchor: FlaskClient) -> None:
    raw = request(federation, Keys())
    post(anchor, raw)
    federation.clock.forward(days=14)
    assert waiting(federation) == []
    assert code(post(anchor, raw)) == "message-untimely"


def test_a_request_that_is_none_is_refused_and_not_kept(federation: Federation, anchor: FlaskClient) -> None:
    keys = Keys()
    signer = keys.signer(KeyUse.FEDERATION)
    statement = build_entity_configuration(
        draft(federation, keys.federation_keys(), HARBOUR), signer, authority_hints=(ANCHOR,)
    )
    foreign = build_enrolment_request(draft(federation, Keys().federation_keys(), HARBOUR), signer)
    good = request(federation, keys)
    assert code(post(anchor, statement)) == "message-not-verified"
    assert code(post(anchor, foreign)) == "message-not-verified"
    assert code(post(anchor, good[:-4] + b"AAAA")) == "message-not-verified"
    assert code(post(anchor, b"no token")) == "message-malformed"
    assert code(post(anchor, b"")) == "message-malformed"
    assert code(post(anchor, good, "text/plain")) == "unsupported-media-type"
    assert code(post(anchor, good, "application/jwt; charset=utf-8")) == "unsupported-media-type"
    assert code(post(anchor, b"a" * (MAX_BYTES + 1))) == "too-large"
    assert code(post(anchor, request(federation, federation.anchor_keys, ANCHOR))) == "enrolment-refused"
    assert code(anchor.get(ENROLMENTS_PATH)) == "method-not-allowed"
    assert waiting(federation) == []
