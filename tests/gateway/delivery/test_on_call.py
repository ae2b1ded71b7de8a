"""Bells ring by mail and by signed webhook, say nothing of a person, and count as absent when they are not tested."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from http_message_signatures import InvalidSignature

from gateway.delivery.mail_bell import MailBell, MailServer, mail_tls
from gateway.delivery.on_call import SENTENCES, BellFailed, BellStep, OnCall
from gateway.delivery.webhook_bell import WebhookBell, WebhookSender, sign_request
from gateway.peers.case_system_client import CaseSystemCaller
from gateway.peers.ssrf import HostAddress
from gateway.peers.transport import client_tls
from gateway.ports import Store
from gateway.store.tables import bells
from gateway.telemetry.metrics import exposition
from tests.gateway.delivery.servers import (
    HOST,
    NOW,
    Mailbox,
    Rings,
    SignedRequest,
    machine_now,
    mail_server,
    server_context,
    verify,
    webhook_receiver,
)
from tests.support.tls import Authority, make_authority
from trust.federation.opening_hours import Fallback
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import Alg, KeySet, KeyUse, LocalSigner

REFERENCE = "HG-7K2M9QXD"
DUTY = ServiceSlug("duty")
MANAGER = Fallback(name="Duty Manager", phone="01632 960777")
KEY = LocalSigner.generate(KeyUse.MESSAGE)
KEYS = KeySet.of(KeyUse.MESSAGE, [KEY.public])
NAME = "bell.council.example"
OpenBell = Callable[..., MailBell]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


def mail_bell(port: int, authority: Authority, *, host: str = HOST, **server: object) -> MailBell:
    values: dict[str, object] = {"security": "tls", **server}
    return MailBell(
        server=MailServer(host=host, port=port, tls=mail_tls(authority.certificate), **values),  # type: ignore[arg-type]
        service="Family Duty",
        fallback=MANAGER,
        sender="hearthgate@council.example",
        recipients=("duty@council.example", "manager@council.example"),
    )


@pytest.fixture
def webhook(authority: Authority) -> Iterator[Callable[[Rings], WebhookBell]]:
    with ExitStack() as stack:

        def start(rings: Rings) -> WebhookBell:
            port = stack.enter_context(webhook_receiver(rings, server_context(authority, NAME)))
            http = CaseSystemCaller(
                tls=client_tls(authority.certificate), names={NAME}, hosts={NAME: HostAddress(address=HOST, port=port)}
            )
            stack.callback(http.close)
            return WebhookBell(
                url=f"https://{NAME}/hooks/duty",
                sender=WebhookSender(own=EntityId("https://council.example"), service=DUTY, fallback=MANAGER),
                http=http,
                signer=lambda: KEY,
            )

        yield start


def test_a_mail_says_that_something_waits_and_under_which_reference(authority: Authority) -> None:
    box = Mailbox()
    with mail_server(box, tls=server_context(authority, HOST)) as port:
        mail_bell(port, authority).ring(REFERENCE, BellStep.UNREAD, NOW)
    ((recipients, text),) = box.messages
    assert recipients == ["duty@council.example", "manager@council.example"]
    assert f"Subject: Urgent item waiting, open {REFERENCE}\r\n" in text
    assert SENTENCES[BellStep.UNREAD] in text
    assert "Auto-Submitted: auto-generated" in text


def test_the_last_ring_names_the_person_to_telephone(authority: Authority) -> None:
    box = Mailbox()
    with mail_server(box, tls=server_context(authority, HOST)) as port:
        mail_bell(port, authority).ring(REFERENCE, BellStep.FALLBACK, NOW)
    assert "Telephone Duty Manager on 01632 960777 now." in box.messages[0][1]


@pytest.mark.parametrize("to_quit", ["421 closing", "500 what", "221 bye"])
def test_a_message_that_was_taken_is_sent_once_for_any_answer_to_quit(authority: Authority, to_quit: str) -> None:
    box = Mailbox(to_quit=to_quit)
    with mail_server(box, tls=server_context(authority, HOST)) as port:
        mail_bell(port, authority).ring(REFERENCE, BellStep.UNREAD, NOW)
    assert len(box.messages) == 1


@pytest.mark.parametrize("to_data", ["421 closing", "451 later", "554 no"])
def test_a_message_that_was_not_taken_is_a_failure_without_the_servers_text(authority: Authority, to_data: str) -> None:
    box = Mailbox(to_data=to_data)
    with (
        mail_server(box, tls=server_context(authority, HOST)) as port,
        pytest.raises(BellFailed, match=f"it answered {to_data[:3]}$"),
    ):
        mail_bell(port, authority).ring(REFERENCE, BellStep.UNREAD, NOW)


def test_one_address_is_enough_and_none_is_a_failure(authority: Authority) -> None:
    box = Mailbox(refused=frozenset({"duty@council.example"}))
    with mail_server(box, tls=server_context(authority, HOST)) as port:
        bell = mail_bell(port, authority)
        bell.ring(REFERENCE, BellStep.UNREAD, NOW)
        assert [recipients for recipients, _ in box.messages] == [["manager@council.example"]]
        box.refused |= {"manager@council.example"}
        with pytest.raises(BellFailed, match="refused every address"):
            bell.ring(REFERENCE, BellStep.UNREAD, NOW)


def test_mail_goes_over_verified_tls_only(authority: Authority) -> None:
    box = Mailbox()
    with (
        mail_server(box, tls=server_context(authority, "other.example")) as port,
        pytest.raises(BellFailed, match="certificate could not be verified"),
    ):
        mail_bell(port, authority).ring(REFERENCE, BellStep.UNREAD, NOW)
    with mail_server(box, tls=None) as port:  # neither TLS nor STARTTLS
        for security in ("tls", "starttls"):
            with pytest.raises(BellFailed):
                mail_bell(port, authority, security=security).ring(REFERENCE, BellStep.UNREAD, NOW)
    assert box.messages == []


def test_starttls_comes_before_the_password(authority: Authority) -> None:
    box = Mailbox()
    with mail_server(box, tls=None, starttls=server_context(authority, HOST)) as port:
        mail_bell(port, authority, security="starttls", login=("duty", "secret")).ring(REFERENCE, BellStep.UNREAD, NOW)
        with pytest.raises(BellFailed, match="it answered 535"):
            mail_bell(port, authority, security="starttls", login=("duty", "x")).ring(REFERENCE, BellStep.UNREAD, NOW)
    assert len(box.messages) == 1


def test_a_mail_server_that_is_away_is_a_failure(authority: Authority) -> None:
    box = Mailbox()
    with mail_server(box, tls=server_context(authority, HOST)) as port:
        bell = mail_bell(port, authority)
    with pytest.raises(BellFailed, match="could not be reached"):
        bell.ring(REFERENCE, BellStep.UNREAD, NOW)


def test_a_webhook_is_a_post_that_the_receiver_verifies(webhook: Callable[[Rings], WebhookBell]) -> None:
    rings, at = Rings(keys=KEYS), machine_now()
    webhook(rings).ring(REFERENCE, BellStep.UNREAD, at)
    assert rings.refused == []
    (body,) = rings.bodies
    assert json.loads(body) == {
        "from": "https://council.example",
        "service": "duty",
        "step": "unread",
        "reference": REFERENCE,
        "at": int(at.timestamp()),
        "title": f"Urgent item waiting, open {REFERENCE}",
        "text": SENTENCES[BellStep.UNREAD],
    }


def test_a_webhook_of_another_key_is_refused_and_told(webhook: Callable[[Rings], WebhookBell]) -> None:
    rings = Rings(keys=KeySet.of(KeyUse.MESSAGE, [LocalSigner.generate(KeyUse.MESSAGE).public]))
    with pytest.raises(BellFailed, match="answered 401"):
        webhook(rings).ring(REFERENCE, BellStep.UNREAD, machine_now())


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_webhook_that_does_not_take_the_ring_is_a_failure(
    webhook: Callable[[Rings], WebhookBell], status: int
) -> None:
    with pytest.raises(BellFailed, match=f"answered {status}"):
        webhook(Rings(keys=KEYS, status=status)).ring(REFERENCE, BellStep.UNREAD, machine_now())


URL = "https://bell.council.example/hooks/duty"
BODY = b'{"step":"unread"}'


def signed() -> SignedRequest:
    return SignedRequest("POST", URL, sign_request(URL, BODY, KEY, machine_now()))


def test_the_port_that_https_has_by_itself_makes_no_other_signature() -> None:
    verify(replace(signed(), url="https://bell.council.example:443/hooks/duty"), BODY, KEYS)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"url": "https://bell.council.example/hooks/other"},
        {"url": "https://other.council.example/hooks/duty"},
        {"url": "https://bell.council.example:8443/hooks/duty"},
    ],
)
def test_the_signature_covers_method_authority_and_path(change: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        verify(replace(signed(), **change), BODY, KEYS)  # type: ignore[arg-type]


def test_the_signature_covers_the_body_and_its_type() -> None:
    with pytest.raises(InvalidSignature):
        verify(signed(), b'{"step":"test"}', KEYS)
    request = signed()
    request.headers["content-type"] = "text/plain"
    with pytest.raises(InvalidSignature):
        verify(request, BODY, KEYS)


def test_a_signature_is_good_for_minutes() -> None:
    old = SignedRequest("POST", URL, sign_request(URL, BODY, KEY, machine_now() - timedelta(minutes=6)))
    with pytest.raises(InvalidSignature, match="past"):
        verify(old, BODY, KEYS)


def test_a_key_without_a_name_in_the_standard_signs_nothing() -> None:
    with pytest.raises(BellFailed, match="rotate it"):
        sign_request(URL, BODY, LocalSigner.generate(KeyUse.MESSAGE, Alg.PS256), NOW)


@dataclass
class Gong:
    """A bell in memory."""

    channel: str = "gong"
    broken: bool = False
    rung: list[tuple[str, BellStep]] = field(default_factory=list)

    def ring(self, reference: str, step: BellStep, now: datetime) -> None:
        if self.broken:
            raise BellFailed("it is broken")
        self.rung.append((reference, step))


def test_a_channel_that_fails_keeps_no_other_from_ringing(store: Store) -> None:
    broken, other = Gong("one", broken=True), Gong("two")
    results = OnCall({DUTY: (broken, other)}, store).ring(DUTY, REFERENCE, BellStep.UNREAD, NOW)
    assert [(each.channel, each.failure) for each in results] == [("one", "it is broken"), ("two", None)]
    assert other.rung == [(REFERENCE, BellStep.UNREAD)]
    (record,) = store.read(bells.list)
    assert (record.channel, record.rung_at, record.tested_at) == ("two", NOW, None)


def test_a_channel_that_was_not_tested_for_seven_days_counts_as_absent(store: Store) -> None:
    gong = Gong()
    on_call = OnCall({DUTY: (gong,)}, store)

    def absence(after: timedelta) -> str | None:
        (status,) = on_call.statuses(NOW + after)
        assert on_call.is_present(DUTY, NOW + after) is (status.absence is None)
        return status.absence

    on_call.ring(DUTY, REFERENCE, BellStep.UNREAD, NOW)  # no test
    assert absence(timedelta()) == "it was never tested"
    on_call.test(DUTY, NOW)
    assert absence(timedelta(days=7)) is None
    assert absence(timedelta(days=7, seconds=1)) == "it was last tested 7 days ago"
    gong.broken = True
    on_call.test(DUTY, NOW)
    assert absence(timedelta()) == "its last test failed"
    on_call.set_absent(NOW)
    assert b"hearthgate_on_call_absent 1.0" in exposition()[1]


def test_a_service_without_a_channel_has_no_bell(store: Store) -> None:
    on_call = OnCall({DUTY: ()}, store)
    assert on_call.ring(DUTY, REFERENCE, BellStep.UNREAD, NOW) == ()
    assert not on_call.is_present(DUTY, NOW)
