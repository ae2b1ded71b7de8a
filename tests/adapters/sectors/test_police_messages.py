"""The police receiver against the real service: SOAP over TLS in a process of its own."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pysqlite3.dbapi2 as sqlite
import pytest
from lxml import etree

from adapters.contract import (
    Adapter,
    AdapterContext,
    Deadline,
    DeliveredMessage,
    MessageRejected,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.receiver_conformance import SAMPLE_MESSAGE, ReceiverTrial, run_receiver
from adapters.sectors.police import FACTORY, PoliceSettings
from adapters.sectors.police_messages import SCHEMA, PoliceMessages
from gateway.demo.case_systems import police_soap
from tests.support.case_systems import running
from tests.support.http import TestCaller
from tests.support.tls import Authority, make_authority

PASSWORD: Final = "a long and random password"
WSDL: Final = SCHEMA.with_suffix(".wsdl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("police") / "records.db"
    police_soap.create(path, [], accounts={"hearthgate": PASSWORD})
    return path


@pytest.fixture(scope="module")
def url(db: Path, authority: Authority) -> Iterator[str]:
    with running("police", db, authority) as base:
        yield base


@dataclass(frozen=True)
class Force:
    """The running force, and how to look into its record system."""

    url: str
    db: Path
    caller: TestCaller
    context: AdapterContext

    def adapter(self, base: str | None = None) -> Adapter:
        settings = {
            "url": f"{base or self.url}/involvement",
            "messages_url": f"{base or self.url}/messages",
            "sender": "urn:hearthgate:test",
            "user": "hearthgate",
            "password_file": "police.secret",
        }
        return FACTORY.build(PoliceSettings.model_validate(settings), replace(self.context, http=self.caller))

    def receiver(self, base: str | None = None) -> PoliceMessages:
        built = self.adapter(base).receiver
        assert isinstance(built, PoliceMessages)
        return built

    def rows(self, message_id: str) -> list[tuple[str, str | None, str]]:
        with closing(sqlite.connect(str(self.db))) as connection:
            query = "SELECT urgency, linked_record, document FROM message WHERE message_id = ?"
            return list(connection.execute(query, (message_id,)))

    def records(self, message_id: str) -> int:
        return len(self.rows(message_id))


@pytest.fixture
def force(url: str, db: Path, authority: Authority, context: AdapterContext, tmp_path: Path) -> Force:
    secret = tmp_path / "police.secret"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD)
    return Force(url, db, TestCaller(ca=authority.certificate), context)


def test_it_keeps_every_promise(force: Force, authority: Authority, tmp_path: Path) -> None:
    refusing_db = tmp_path / "refusing.db"
    police_soap.create(refusing_db, [], accounts={"hearthgate": PASSWORD}, refused_topics=["advocacy"])
    with (
        running("police", force.db, authority, "--fault", "lost-answer") as losing,
        running("police", refusing_db, authority) as refusing,
        running("police", force.db, authority, "--fault", "wrong-schema") as nonsense,
    ):
        trial = ReceiverTrial(
            receiver=force.receiver(),
            records=force.records,
            names=lambda: [exchange.url for exchange in force.caller.log],
            interrupted=force.receiver(losing),
            refusing=force.receiver(refusing),
            nonsense=force.receiver(nonsense),
        )
        assert [line for line in run_receiver(trial) if not line.ok] == []


def test_the_record_has_the_whole_message(force: Force, soon: Deadline) -> None:
    message = replace(SAMPLE_MESSAGE, message_id="whole", linked_ref="P-1001", not_linked=False)
    assert force.receiver().receive(message, deadline=soon).startswith("M-")
    ((urgency, linked_record, document),) = force.rows("whole")
    root = etree.fromstring(document)
    assert (urgency, linked_record) == ("amber", "P-1001")
    assert root.findtext("persons/item/subject/family_name") == "Thistlewood"
    assert root.findtext("statements/item/text") == message.document["statements"][0]["text"]


def test_the_longest_names_of_a_sender_fit(force: Force, soon: Deadline) -> None:
    message = replace(
        SAMPLE_MESSAGE,
        message_id="M" * 128,
        topic="x" * 80,
        from_agency="https://" + "a." * 500 + "example",
        from_service="s" * 63,
    )
    assert force.receiver().receive(message, deadline=soon).startswith("M-")


@pytest.mark.holds("A51")
def test_markup_in_a_text_is_text(force: Force, soon: Deadline) -> None:
    text = "</text></item></statements></document><urgency>green</urgency>\x00\x1b[2J"
    message = replace(SAMPLE_MESSAGE, message_id="markup", document={"statements": [{"text": text}]})
    force.receiver().receive(message, deadline=soon)
    ((urgency, _, document),) = force.rows("markup")
    assert urgency == "amber"
    assert etree.fromstring(document).findtext("statements/item/text") == text.replace("\x00\x1b", "")


def test_a_message_that_the_schema_cannot_hold_is_refused_and_not_sent(force: Force, soon: Deadline) -> None:
    with pytest.raises(MessageRejected, match="schema does not allow"):
        force.receiver().receive(replace(SAMPLE_MESSAGE, message_id="x y"), deadline=soon)
    assert force.caller.log == []


def test_a_record_that_was_lost_is_not_held(force: Force, soon: Deadline) -> None:
    force.receiver().receive(replace(SAMPLE_MESSAGE, message_id="lost"), deadline=soon)
    ids = ["lost", *(f"none-{number}" for number in range(700))]
    assert force.receiver().holds(ids, deadline=soon) == {"lost"}
    with closing(sqlite.connect(str(force.db))) as connection, connection:
        connection.execute("DELETE FROM message WHERE message_id = 'lost'")
    assert force.receiver().holds(ids, deadline=soon) == frozenset()


def test_a_fault_is_no_refusal(force: Force, soon: Deadline) -> None:
    (Path(force.context.base_dir) / "police.secret").write_text("another password")
    with pytest.raises(SourceUnavailable, match="credentials"):
        force.receiver().receive(SAMPLE_MESSAGE, deadline=soon)
    with pytest.raises((SourceUnavailable, SourceNonsense)):
        force.receiver(f"{force.url}/gone").receive(SAMPLE_MESSAGE, deadline=soon)


def test_a_check_stores_nothing(force: Force, soon: Deadline) -> None:
    lines = [line for check in force.adapter().checks for line in check(deadline=soon)]
    assert [(line.name, line.ok) for line in lines] == [("police service", True), ("police messages", True)]
    assert force.records("hearthgate-check") == 0


def test_a_force_without_the_service_takes_no_messages(context: AdapterContext) -> None:
    settings = PoliceSettings(
        url="https://force.example/involvement", sender="urn:x", user="u", password_file=Path("police.secret")
    )
    assert FACTORY.build(settings, context).receiver is None


def test_the_wsdl_has_the_actions_and_elements_that_both_sides_use(force: Force, soon: Deadline) -> None:
    root = etree.parse(str(WSDL)).getroot()
    actions = {
        value for element in root.iter() for name, value in element.attrib.items() if str(name).endswith("Action")
    }
    elements = {element.get("name") for element in etree.parse(str(SCHEMA)).getroot().iterfind("{*}element")}
    parts = {part.get("element", "").partition(":")[2] for part in root.iter("{*}part")}
    assert parts == elements
    message: DeliveredMessage = replace(SAMPLE_MESSAGE, message_id="actions")
    force.receiver().receive(message, deadline=soon)
    force.receiver().holds([message.message_id], deadline=soon)
    for exchange in force.caller.log:
        for raw in (exchange.sent, exchange.answer.body):
            assert etree.fromstring(raw).findtext(".//{*}Action") in actions
