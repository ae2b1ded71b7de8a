"""A webhook receiver against the advocacy service's real HTTPS server, and against answers of every kind."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import (
    AdapterContext,
    AdapterError,
    Deadline,
    DeliveredMessage,
    HttpCaller,
    HttpResponse,
    MessageRejected,
    SourceMisconfigured,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.receiver_conformance import ReceiverTrial, run_receiver
from adapters.receivers.webhook import FACTORY, MAX_ANSWER_BYTES, Webhook, WebhookReceiverSettings
from adapters.receivers.webhook_auth import signature
from gateway.demo.case_systems import advocacy_api
from tests.support.case_systems import running
from tests.support.http import TestCaller
from tests.support.tls import Authority, make_authority

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("advocacy") / "referrals.db"
    advocacy_api.create(path, secret=SECRET, closed_topics=["fridges"])
    return path


@pytest.fixture(scope="module")
def url(db: Path, authority: Authority) -> Iterator[str]:
    with running("advocacy", db, authority) as base:
        yield base


@dataclass(frozen=True)
class Service:
    """The running advocacy service, and how to look into its case system."""

    url: str
    db: Path
    receiver: Webhook

    def rows(self, message_id: str) -> list[tuple[int, str]]:
        with closing(sqlite.connect(str(self.db))) as connection:
            query = "SELECT number, document FROM referral WHERE message_id = ?"
            return list(connection.execute(query, (message_id,)))

    def records(self, message_id: str) -> int:
        return len(self.rows(message_id))


@pytest.fixture
def service(url: str, db: Path, caller: TestCaller, context: AdapterContext, secret_file: Path) -> Service:
    return Service(url, db, build(url, caller, context))


@pytest.fixture
def caller(authority: Authority) -> TestCaller:
    return TestCaller(ca=authority.certificate)


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "webhook.secret"
    path.touch(mode=0o600)
    path.write_text(SECRET + "\n")
    return path


def build(base: str, caller: HttpCaller, context: AdapterContext, **settings: object) -> Webhook:
    plain = {"url": f"{base}/messages", "holds_url": f"{base}/messages/held", "signature_file": "webhook.secret"}
    built = FACTORY.build(
        WebhookReceiverSettings.model_validate(plain | settings), replace(context, http=caller)
    ).receiver
    assert isinstance(built, Webhook)
    return built


def test_it_keeps_every_promise(
    service: Service, authority: Authority, caller: TestCaller, context: AdapterContext, tmp_path: Path
) -> None:
    closed = tmp_path / "closed.db"
    advocacy_api.create(closed, secret=SECRET, closed_topics=["advocacy"])
    with (
        running("advocacy", service.db, authority, "--fault", "lost-answer") as losing,
        running("advocacy", closed, authority) as refusing,
        running("advocacy", service.db, authority, "--fault", "nonsense") as nonsense,
    ):
        trial = ReceiverTrial(
            receiver=service.receiver,
            records=service.records,
            names=lambda: [exchange.url for exchange in caller.log],
            interrupted=build(losing, caller, context),
            refusing=build(refusing, caller, context),
            nonsense=build(nonsense, caller, context),
        )
        assert [line for line in run_receiver(trial) if not line.ok] == []


def test_the_service_gets_the_whole_message(service: Service, message: DeliveredMessage, soon: Deadline) -> None:
    ref = service.receiver.receive(message, deadline=soon)
    ((number, document),) = service.rows(message.message_id)
    assert (ref, json.loads(document)) == (f"ADV-{number:06}", message.document)


def test_another_secret_is_refused_and_may_be_retried(
    service: Service, secret_file: Path, another: DeliveredMessage, soon: Deadline
) -> None:
    secret_file.write_text("whsec_" + base64.b64encode(b"x" * 32).decode())
    with pytest.raises(SourceUnavailable, match="credentials"):
        service.receiver.receive(another, deadline=soon)
    assert service.records(another.message_id) == 0


def test_a_record_that_the_case_system_lost_is_not_held(
    service: Service, message: DeliveredMessage, soon: Deadline
) -> None:
    service.receiver.receive(replace(message, message_id="lost-inside"), deadline=soon)
    assert service.receiver.holds(["lost-inside", "other"], deadline=soon) == {"lost-inside"}
    with closing(sqlite.connect(str(service.db))) as connection, connection:
        connection.execute("DELETE FROM referral WHERE message_id = 'lost-inside'")
    assert service.receiver.holds(["lost-inside", "other"], deadline=soon) == frozenset()


def test_many_ids_go_in_batches(
    url: str, caller: TestCaller, context: AdapterContext, secret_file: Path, soon: Deadline
) -> None:
    assert build(url, caller, context).holds([f"none-{n}" for n in range(1001)], deadline=soon) == frozenset()
    assert [len(json.loads(each.sent)["message_ids"]) for each in caller.log] == [500, 500, 1]


def test_a_signature_is_that_of_the_specifications_example(tmp_path: Path) -> None:
    """The example of the Standard Webhooks specification 1.0, section on symmetric signatures."""
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sign = signature(path, now=lambda: datetime.fromtimestamp(1614265330, UTC))
    headers = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("text", ["plain", "whsec_", "whsec_AAAA", "whsec_not base64 at all, not at all"])
def test_a_weak_or_malformed_secret_is_a_fault_that_does_not_repeat_it(
    tmp_path: Path, context: AdapterContext, message: DeliveredMessage, soon: Deadline, text: str
) -> None:
    path = tmp_path / "webhook.secret"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(SourceMisconfigured) as refused:
        build("https://case.example", context.http, context).receive(message, deadline=soon)
    assert text.removeprefix("whsec_") == "" or text not in str(refused.value)


@dataclass
class Scripted:
    """An HttpCaller whose service gives one answer."""

    answer: HttpResponse
    headers: list[Mapping[str, str]] = field(default_factory=list)
    limits: set[int] = field(default_factory=set)

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        self.headers.append(headers)
        self.limits.add(max_bytes)
        return self.answer


Answering = Callable[..., Webhook]


@pytest.fixture
def answering(context: AdapterContext, secret_file: Path) -> Answering:
    def build_one(status: int, body: object, media_type: str = "application/json", **settings: object) -> Webhook:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        caller = Scripted(HttpResponse(status=status, headers={"Content-Type": media_type}, body=raw))
        return build("https://case.example", caller, context, **settings)

    return build_one


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, {"error": "form"}, "application/json"), MessageRejected),
        ((413, {}, "application/json; charset=utf-8"), MessageRejected),
        ((422, {}, "application/problem+json"), MessageRejected),
        ((400, b"<html>", "text/html"), SourceNonsense),
        ((403, {}, "application/json"), SourceUnavailable),
        ((404, {}, "application/json"), SourceNonsense),
        ((301, {}, "application/json"), SourceNonsense),
        ((408, {}, "application/json"), SourceUnavailable),
        ((429, {}, "application/json"), SourceUnavailable),
        ((503, {}, "application/json"), SourceUnavailable),
        ((409, {"error": "id already used"}, "application/json"), SourceNonsense),
        ((200, b"", "application/json"), SourceNonsense),
        ((200, b"[" * 100_000, "application/json"), SourceNonsense),
        ((200, {"ref": ""}, "application/json"), SourceNonsense),
        ((200, {"ref": True}, "application/json"), SourceNonsense),
        ((200, {"ref": {"id": 4}}, "application/json"), SourceNonsense),
        ((200, {"ref": "x" * 201}, "application/json"), SourceNonsense),
        ((200, {"ref": "a\x1b[2J"}, "application/json"), SourceNonsense),
        ((204, b"", ""), SourceNonsense),
    ],
)
def test_each_answer_without_a_key_is_an_error_of_its_kind(
    answering: Answering,
    message: DeliveredMessage,
    soon: Deadline,
    answer: tuple[int, object, str],
    error: type[AdapterError],
) -> None:
    with pytest.raises(AdapterError) as refused:
        answering(*answer).receive(message, deadline=soon)
    assert type(refused.value) is error


def test_a_key_is_read_at_its_path_also_from_a_duplicate(
    answering: Answering, message: DeliveredMessage, soon: Deadline
) -> None:
    assert answering(201, {"case": {"id": 41}}, ref_path="case.id").receive(message, deadline=soon) == "41"
    assert answering(409, {"ref": "ADV-1"}).receive(message, deadline=soon) == "ADV-1"


@pytest.mark.parametrize("body", [{}, {"held": None}, {"held": {}}, {"held": [1]}, {"held": ["other"]}, [], b"held"])
def test_a_list_that_is_none_or_names_other_messages_is_nonsense(
    answering: Answering, soon: Deadline, body: object
) -> None:
    with pytest.raises(SourceNonsense):
        answering(200, body).holds(["mine"], deadline=soon)


def test_a_list_that_is_refused_refuses_no_message(answering: Answering, soon: Deadline) -> None:
    with pytest.raises(SourceNonsense):
        answering(422, {"error": "form"}).holds(["mine"], deadline=soon)


def test_a_bearer_token_is_sent(
    context: AdapterContext, secret_file: Path, message: DeliveredMessage, soon: Deadline
) -> None:
    caller = Scripted(HttpResponse(status=200, headers={}, body=b'{"ref": "1"}'))
    receiver = build("https://case.example", caller, context, signature_file=None, bearer_file="webhook.secret")
    receiver.receive(message, deadline=soon)
    assert caller.headers[0]["Authorization"] == f"Bearer {SECRET}"
    secret_file.write_text("two words\u00e9")
    with pytest.raises(SourceMisconfigured, match="bearer token"):
        receiver.receive(message, deadline=soon)
    assert len(caller.headers) == 1


def test_an_answer_is_limited(
    context: AdapterContext, secret_file: Path, message: DeliveredMessage, soon: Deadline
) -> None:
    caller = Scripted(HttpResponse(status=200, headers={}, body=b'{"ref": "1", "held": []}'))
    receiver = build("https://case.example", caller, context)
    receiver.receive(message, deadline=soon)
    receiver.holds(["1"], deadline=soon)
    assert caller.limits == {MAX_ANSWER_BYTES}


@pytest.mark.parametrize(
    "wrong",
    [
        {"bearer_file": "token"},
        {"signature_file": None},
        {"url": "http://case.example/in"},
        {"url": "https://case.example/in?name=x"},
        {"url": "https://user:word@case.example/in"},
    ],
)
def test_settings_that_cannot_work_are_refused(context: AdapterContext, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        build("https://case.example", context.http, context, **wrong)


def test_a_check_sends_no_message(
    url: str, caller: TestCaller, context: AdapterContext, secret_file: Path, soon: Deadline
) -> None:
    assert [line.ok for line in build(url, caller, context).check(deadline=soon)] == [True]
    assert {each.url for each in caller.log} == {f"{url}/messages/held"}
    (line,) = build(url, caller, context, holds_url=None).check(deadline=soon)
    assert line.warning
    assert len(caller.log) == 1
    secret_file.unlink()
    (line,) = build(url, caller, context, holds_url=None).check(deadline=soon)
    assert not line.ok
