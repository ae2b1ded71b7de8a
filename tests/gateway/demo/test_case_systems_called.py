"""Adapters and case systems over the node's own caller: the name is checked, the wall time is bounded."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.contract import Adapter, AdapterContext, AdapterError, CheckLine, Deadline, SourceUnavailable
from adapters.receiver_conformance import SAMPLE_MESSAGE, check_reading
from adapters.receivers import webhook
from adapters.sectors import jobcentre, police
from gateway.demo.case_systems import advocacy_api, dci_registry, police_soap, sql_systems
from gateway.demo.case_systems.records import CaseService
from gateway.peers.case_system_client import CaseSystemCaller
from gateway.peers.ssrf import HostAddress
from gateway.peers.transport import client_tls
from tests.support.case_systems import NAME, running
from tests.support.people import DANIEL, award, involvement
from tests.support.tls import Authority, make_authority
from trust.exchange.eligibility import Answer, EligibilityQuery, Question
from trust.exchange.person import Subject

ASKED = Subject(nino=DANIEL.nino, pnc_id=DANIEL.pnc_id, family_name=DANIEL.family_name, birth_date=DANIEL.birth_date)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@contextmanager
def calling(base: str, authority: Authority) -> Iterator[CaseSystemCaller]:
    port = int(base.rpartition(":")[2])
    caller = CaseSystemCaller(
        tls=client_tls(authority.certificate),
        names={NAME},
        hosts={NAME: HostAddress(address="127.0.0.1", port=port)},
    )
    try:
        yield caller
    finally:
        caller.close()


def context(folder: Path, caller: CaseSystemCaller) -> AdapterContext:
    return AdapterContext(
        organisation="An agency",
        service="a-service",
        service_kind="kind",
        duty_phone="101",
        base_dir=str(folder),
        http=caller,
    )


def secret(folder: Path) -> str:
    path = folder / "secret"
    path.touch(mode=0o600)
    path.write_text("a secret")
    return path.name


@contextmanager
def police_source(folder: Path, authority: Authority, *options: str) -> Iterator[police.PoliceService]:
    db = folder / "police.db"
    police_soap.create(db, [involvement(CaseService.POLICE, local_id="P-1")], accounts={"node": "a secret"})
    settings = police.PoliceSettings.model_validate(
        {"url": f"https://{NAME}/involvement", "sender": "node", "user": "node", "password_file": secret(folder)}
    )
    with running("police", db, authority, *options) as base, calling(base, authority) as caller:
        source = police.FACTORY.build(settings, context(folder, caller)).involvement
        assert isinstance(source, police.PoliceService)
        yield source


def test_the_police_are_asked_through_the_nodes_own_caller(tmp_path: Path, authority: Authority) -> None:
    with police_source(tmp_path, authority) as source:
        (found,) = source.find(ASKED, deadline=Deadline.after(10))
        (work,) = source.involvements(found.ref, deadline=Deadline.after(10))
    assert work.worker == "Priya Nair"


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_silent_or_dripping_service_ends_with_the_deadline(tmp_path: Path, authority: Authority, fault: str) -> None:
    with (
        police_source(tmp_path, authority, "--fault", fault) as source,
        pytest.raises(SourceUnavailable, match="within the time"),
    ):
        source.find(ASKED, deadline=Deadline.after(0.5))


@pytest.mark.parametrize("fault", ["nonsense", "wrong-schema"])
def test_nonsense_is_an_error_without_names(tmp_path: Path, authority: Authority, fault: str) -> None:
    with police_source(tmp_path, authority, "--fault", fault) as source, pytest.raises(AdapterError) as caught:
        source.find(ASKED, deadline=Deadline.after(10))
    assert "artley" not in str(caught.value)


def test_the_benefit_registry_is_asked_through_the_nodes_own_caller(tmp_path: Path, authority: Authority) -> None:
    registry_db, coaches = tmp_path / "registry.db", tmp_path / "coaches.db"
    dci_registry.create(registry_db, [award()], clients={"node": "a secret"})
    sql_systems.create(CaseService.JOBCENTRE, coaches, [])
    settings = jobcentre.JobcentreSettings.model_validate(
        {
            "allocations": sql_systems.adapter_settings(CaseService.JOBCENTRE, coaches),
            "registry": {
                "base_url": f"https://{NAME}",
                "sender_id": "node",
                "receiver_id": dci_registry.REGISTRY_ID,
                "client_id": "node",
                "client_secret_file": secret(tmp_path),
            },
        }
    )
    with running("dci", registry_db, authority) as base, calling(base, authority) as caller:
        source = jobcentre.FACTORY.build(settings, context(tmp_path, caller)).eligibility
        assert source is not None
        (found,) = source.find(ASKED, deadline=Deadline.after(10))
        query = EligibilityQuery(question=Question.ENTITLED, as_of=DANIEL.birth_date.replace(year=2025))
        assert source.answer(found.ref, query, deadline=Deadline.after(10)).answer is Answer.YES


def test_messages_reach_the_police_and_the_advocates_through_the_nodes_own_caller(
    tmp_path: Path, authority: Authority
) -> None:
    shared = "whsec_" + "QUJD" * 8
    advocacy_db, police_db = tmp_path / "advocacy.db", tmp_path / "police.db"
    advocacy_api.create(advocacy_db, secret=shared)
    police_soap.create(police_db, [], accounts={"node": "a secret"})
    (tmp_path / "webhook").touch(mode=0o600)
    (tmp_path / "webhook").write_text(shared)
    hook = webhook.WebhookReceiverSettings.model_validate(
        {"url": f"https://{NAME}/messages", "holds_url": f"https://{NAME}/messages/held", "signature_file": "webhook"}
    )
    force = police.PoliceSettings.model_validate(
        {
            "url": f"https://{NAME}/involvement",
            "messages_url": f"https://{NAME}/messages",
            "sender": "node",
            "user": "node",
            "password_file": secret(tmp_path),
        }
    )
    builders: dict[str, tuple[Path, Callable[[AdapterContext], Adapter]]] = {
        "advocacy": (advocacy_db, lambda node: webhook.FACTORY.build(hook, node)),
        "police": (police_db, lambda node: police.FACTORY.build(force, node)),
    }
    for system, (db, build) in builders.items():
        with running(system, db, authority) as base, calling(base, authority) as caller:
            receiver = build(context(tmp_path, caller)).receiver
            assert receiver is not None
            assert broken(check_reading(receiver, timeout_s=10)) == []
            first, second = (receiver.receive(SAMPLE_MESSAGE, deadline=Deadline.after(10)) for _ in range(2))
            assert first == second
            held = receiver.holds([SAMPLE_MESSAGE.message_id, "other"], deadline=Deadline.after(10))
            assert held == {SAMPLE_MESSAGE.message_id}


def broken(lines: Sequence[CheckLine]) -> list[str]:
    return [line.name for line in lines if not line.ok]
