"""The kit passes a receiver that keeps the contract, and names the promise that another one breaks."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import pytest

from adapters.conformance import Samples, run
from adapters.contract import (
    Adapter,
    CheckLine,
    Deadline,
    DeliveredMessage,
    MessageRejected,
    Receiver,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.receiver_conformance import ReceiverTrial, check_reading, run_receiver


@dataclass
class Tray:
    """A case system in memory, and a receiver into it that keeps the contract."""

    messages: list[str] = field(default_factory=list)
    can_prove: bool = True
    lock: Lock = field(default_factory=Lock)

    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        _in_time(deadline)
        with self.lock:
            if delivery.message_id not in self.messages:
                self.messages.append(delivery.message_id)
        return delivery.message_id

    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        _in_time(deadline)
        return frozenset(message_ids) & frozenset(self.messages)


def _in_time(deadline: Deadline) -> None:
    if deadline.remaining_s() <= 0:
        raise SourceUnavailable("The tray did not answer in time.")


class Doubling(Tray):
    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        _in_time(deadline)
        self.messages.append(delivery.message_id)
        return delivery.message_id


class Renaming(Tray):
    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        super().receive(delivery, deadline=deadline)
        return f"{id(deadline)}"


class Losing(Tray):
    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        _in_time(deadline)
        return delivery.message_id


class Boasting(Tray):
    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        _in_time(deadline)
        return frozenset(message_ids)


class Endless(Tray):
    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        return super().receive(delivery, deadline=Deadline.after(5))


class Chatty(Tray):
    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        logging.getLogger("vendor").debug("storing %s", delivery.document)
        return super().receive(delivery, deadline=deadline)


class Crashing(Tray):
    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        if deadline.remaining_s() > 0 and not message_ids:
            raise KeyError(0)
        return super().holds(message_ids, deadline=deadline)


class Refusing(Tray):
    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        raise MessageRejected("No.")


class Failing(Tray):
    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        super().receive(delivery, deadline=deadline)
        raise SourceUnavailable("The connection broke.")


class Nonsense(Tray):
    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        raise SourceNonsense("No form.")

    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        raise SourceNonsense("No list.")


def broken(lines: Sequence[CheckLine]) -> list[str]:
    return [line.name.removeprefix("messages: ") for line in lines if not line.ok]


@pytest.mark.parametrize(
    ("tray", "promises"),
    [
        (Tray(), []),
        (Tray(can_prove=False), []),
        (Doubling(), ["once"]),
        (Renaming(), ["once"]),
        (Losing(), ["once", "proof"]),
        (Boasting(), ["proof"]),
        (Endless(), ["deadline"]),
        (Chatty(), ["silence"]),
        (Crashing(), ["proof", "errors"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_broken_promise_is_named(tray: Tray, promises: list[str]) -> None:
    lines = run_receiver(ReceiverTrial(receiver=tray, records=tray.messages.count))
    assert broken(lines) == promises
    for line in lines:
        assert bool(line.remedy) is not line.ok
        assert "Thistlewood" not in line.detail


def test_each_broken_case_system_is_told_for_what_it_is() -> None:
    tray = Tray()
    good = ReceiverTrial(
        receiver=tray,
        records=tray.messages.count,
        interrupted=Failing(messages=tray.messages),
        refusing=Refusing(),
        nonsense=Nonsense(),
    )
    assert broken(run_receiver(good)) == []
    swapped = ReceiverTrial(
        receiver=tray, records=tray.messages.count, interrupted=Doubling(), refusing=Failing(), nonsense=Tray()
    )
    assert broken(run_receiver(swapped)) == ["interruption", "refusal", "nonsense"]


def test_a_name_about_a_person_is_told() -> None:
    tray = Tray()
    trial = ReceiverTrial(receiver=tray, records=tray.messages.count, names=lambda: ["Thistlewood-1901.xml"])
    assert broken(run_receiver(trial)) == ["silence"]


def test_a_check_of_an_adapter_tries_its_receiver_without_writing() -> None:
    for tray, promises in ((Tray(), []), (Boasting(), ["proof"]), (Refusing(), [])):
        lines = run(Adapter(name="x", receiver=tray), Samples())
        assert broken(lines) == promises
        assert tray.messages == []


def test_a_receiver_without_proof_is_a_warning() -> None:
    receiver: Receiver = Tray(can_prove=False)
    (line,) = check_reading(receiver, timeout_s=1)
    assert line.ok
    assert line.warning
    assert "cannot be proved" in line.detail
