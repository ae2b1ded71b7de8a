"""Conformance kit of receivers: :func:`check_reading` writes nothing, :func:`run_receiver` writes invented messages.

``hearthgate adapter check`` runs the first against the real case system. The second is for tests of a receiver, against
a case system of their own. A promise that needs a broken case system is tested if :class:`ReceiverTrial` has one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from adapters.contract import (
    AdapterError,
    CheckLine,
    Deadline,
    DeliveredMessage,
    MessageRejected,
    Receiver,
    SourceNonsense,
)
from adapters.promises import GRACE_S, collected_log, error_texts, errors_line, promise_line, silence_line

Call = Callable[[Deadline], object]

_SOURCE: Final = "messages"
_THREADS: Final = 4
_MANY: Final = 1200
_ABSENT_IDS: Final = tuple(f"hearthgate-conformance-no-such-message-{number}" for number in range(_MANY))
"""More ids than a case system takes at once, of messages that no one sends."""
_SHORTEST_TELLING: Final = 4

SAMPLE_MESSAGE: Final = DeliveredMessage(
    message_id="hearthgate-conformance-message",
    kind="referral",
    topic="advocacy",
    urgency="amber",
    received_at=datetime(2026, 11, 30, 13, 59, 7, tzinfo=UTC),
    from_agency="Hearthgate-Conformance",
    from_service="conformance",
    to_service="conformance",
    reference="HG-C0NF0RMX",
    document={
        "persons": [
            {
                "ref": "p1",
                "part": "victim",
                "subject": {"family_name": "Thistlewood", "given_names": "Ottoline", "birth_date": "1901-02-03"},
                "safe_contact": {"method": "telephone", "times": "Wednesdays, from noon"},
            }
        ],
        "details": {"risk_level": "high"},
        "statements": [
            {"field": "reason", "text": "Ottoline's <invented> circumstances; =1+1\n& more.", "about": ["p1"],
             "standing": "allegation"},
        ],
        "practitioner": {"role": "social-worker", "call_back": "01632 960999"},
    },
)  # fmt: skip
"""A message about a person who does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverTrial:
    """A receiver of a test's case system, and what the kit needs to look into it.

    ``records`` counts the case system's records of a message id. ``import_now`` makes a case system that imports later
    do so. ``names`` returns the file names and URLs that the case system has seen. ``interrupted`` is a receiver into
    the same case system, which stores the message and fails before it answers. The case systems of ``refusing`` and
    ``nonsense`` refuse each message, and answer with nonsense.
    """

    receiver: Receiver
    message: DeliveredMessage = SAMPLE_MESSAGE
    records: Callable[[str], int]
    import_now: Callable[[], object] = lambda: None
    names: Callable[[], Iterable[str]] = tuple
    interrupted: Receiver | None = None
    refusing: Receiver | None = None
    nonsense: Receiver | None = None


def check_reading(receiver: Receiver, *, timeout_s: float) -> list[CheckLine]:
    """Test the promises of a receiver that can be tested without writing."""
    if not receiver.can_prove:
        detail = "The case system has no list of messages: each receipt says that arrival cannot be proved."
        remedy = "Set up the receiver's list of messages that the case system holds, if it has one."
        return [CheckLine(name=f"{_SOURCE}: proof", ok=True, warning=True, detail=detail, remedy=remedy)]
    kit = _Kit(timeout_s=timeout_s)
    with collected_log():
        return [
            kit.ends_by_its_deadline({"holds": lambda deadline: receiver.holds(_ABSENT_IDS[:1], deadline=deadline)}),
            kit.holds_nothing_absent(receiver),
            errors_line(_SOURCE, kit.errors),
        ]


def run_receiver(trial: ReceiverTrial, *, timeout_s: float = 10.0) -> list[CheckLine]:
    """Test every promise of a receiver; it writes two invented messages into the case system."""
    kit = _Kit(timeout_s=timeout_s)
    calls: dict[str, Call] = {"receive": lambda deadline: trial.receiver.receive(trial.message, deadline=deadline)}
    if trial.receiver.can_prove:
        calls["holds"] = lambda deadline: trial.receiver.holds([trial.message.message_id], deadline=deadline)
    with collected_log() as log_lines:
        lines = [
            kit.ends_by_its_deadline(calls),
            kit.receives_once(trial),
            kit.proves(trial),
            kit.survives_an_interruption(trial),
            kit.refuses_for_good(trial),
            kit.tells_nonsense(trial),
            errors_line(_SOURCE, kit.errors),
        ]
    places = ("an error", error_texts(kit.errors)), ("a log line", log_lines), ("a file name or URL", trial.names())
    return [*lines, silence_line(_SOURCE, list(_telling(trial.message.document)), places)]


@dataclass(slots=True, kw_only=True)
class _Kit:
    """The promises of a receiver, with every error of its calls."""

    timeout_s: float
    errors: list[Exception] = field(default_factory=list)

    def ends_by_its_deadline(self, calls: Mapping[str, Call]) -> CheckLine:
        """Promise 1: a call with an expired deadline ends with an error."""
        late: list[str] = []
        for name, call in calls.items():
            began = monotonic()
            outcome = self._try(call, Deadline.after(0))
            if monotonic() - began > GRACE_S or not isinstance(outcome, AdapterError):
                late.append(name)
        return promise_line(
            f"{_SOURCE}: deadline",
            ok=not late,
            good="Every call with an expired deadline ends at once.",
            bad=f"These calls continue after their deadline: {', '.join(late)}.",
            remedy="Limit every wait to deadline.remaining_s(), and raise SourceUnavailable.",
        )

    def holds_nothing_absent(self, receiver: Receiver) -> CheckLine:
        """Promise 7: the case system holds none of many ids that no sender uses, also for several threads."""
        with ThreadPoolExecutor(_THREADS) as pool:
            outcomes = list(pool.map(lambda _: self._holds(receiver, _ABSENT_IDS), range(_THREADS)))
        return promise_line(
            f"{_SOURCE}: proof",
            ok=outcomes == [frozenset()] * _THREADS,
            good=f"The case system says which messages it holds; of {_MANY} that no one sent, it holds none.",
            bad=f"The question for {_MANY} messages that no one sent gave an error, or one of them.",
            remedy="Return only ids that were asked and that the case system has; split a long list.",
        )

    def receives_once(self, trial: ReceiverTrial) -> CheckLine:
        """Promise 6: the same message, again and from several threads, is one record with one key."""
        with ThreadPoolExecutor(_THREADS) as pool:
            refs = list(pool.map(lambda _: self._receive(trial.receiver, trial.message), range(_THREADS)))
        trial.import_now()
        refs.append(self._receive(trial.receiver, trial.message))
        trial.import_now()
        is_one = isinstance(refs[0], str) and bool(refs[0]) and refs == refs[:1] * len(refs)
        return promise_line(
            f"{_SOURCE}: once",
            ok=is_one and trial.records(trial.message.message_id) == 1,
            good="The same message again makes no second record and returns the same key.",
            bad="The same message again failed, made no record or a second one, or returned another key.",
            remedy="Make the message id a unique key of the case system, and look it up before storing.",
        )

    def proves(self, trial: ReceiverTrial) -> CheckLine:
        """Promise 7: ``holds`` returns the stored message, and nothing that was not asked or not stored."""
        if not trial.receiver.can_prove:
            return promise_line(f"{_SOURCE}: proof", ok=True, good="Not checked: no list.", bad="", remedy="")
        mine = trial.message.message_id
        ids = [mine, mine, *_ABSENT_IDS]
        lists = self._holds(trial.receiver, ids), self._holds(trial.receiver, _ABSENT_IDS)
        none = self._holds(trial.receiver, ())
        return promise_line(
            f"{_SOURCE}: proof",
            ok=(*lists, none) == (frozenset({mine}), frozenset(), frozenset()),
            good="The case system's own list has the stored message, and no other of those asked.",
            bad="The list lacks the stored message, or has another one.",
            remedy="Read the list from the case system, and return the ids that were asked and are in it.",
        )

    def survives_an_interruption(self, trial: ReceiverTrial) -> CheckLine:
        """Promise 6: a message whose answer was lost is sent again and stays one record."""
        name, message = f"{_SOURCE}: interruption", replace(trial.message, message_id=f"{trial.message.message_id}-2")
        if trial.interrupted is None:
            return promise_line(name, ok=True, good="Not checked: no interruption was given.", bad="", remedy="")
        lost = self._receive(trial.interrupted, message)
        ref = self._receive(trial.receiver, message)
        trial.import_now()
        return promise_line(
            name,
            ok=isinstance(lost, AdapterError) and isinstance(ref, str) and trial.records(message.message_id) == 1,
            good="A message whose answer was lost, sent again, is one record.",
            bad="A message whose answer was lost, sent again, failed or became another number of records than one.",
            remedy="Store the message and its id in one transaction.",
        )

    def refuses_for_good(self, trial: ReceiverTrial) -> CheckLine:
        """Promise 8: a refusal is :class:`MessageRejected`."""
        name = f"{_SOURCE}: refusal"
        if trial.refusing is None:
            return promise_line(name, ok=True, good="Not checked: no refusal was given.", bad="", remedy="")
        outcome = self._receive(trial.refusing, trial.message)
        return promise_line(
            name,
            ok=isinstance(outcome, MessageRejected),
            good="A message that the case system refuses is MessageRejected.",
            bad=f"A message that the case system refuses is {type(outcome).__name__}.",
            remedy="Raise MessageRejected where a retry cannot succeed.",
        )

    def tells_nonsense(self, trial: ReceiverTrial) -> CheckLine:
        """Raise :class:`SourceNonsense` for an answer that cannot be read, never take it for a success."""
        name = f"{_SOURCE}: nonsense"
        if trial.nonsense is None:
            return promise_line(name, ok=True, good="Not checked: no nonsense was given.", bad="", remedy="")
        outcomes: list[object] = [self._receive(trial.nonsense, trial.message)]
        if trial.nonsense.can_prove:
            outcomes.append(self._holds(trial.nonsense, [trial.message.message_id]))
        return promise_line(
            name,
            ok=all(isinstance(outcome, SourceNonsense) for outcome in outcomes),
            good="An answer that cannot be read is SourceNonsense.",
            bad="An answer that cannot be read was taken for another outcome.",
            remedy="Check each answer's form, and raise SourceNonsense.",
        )

    def _receive(self, receiver: Receiver, message: DeliveredMessage) -> object:
        return self._try(lambda deadline: receiver.receive(message, deadline=deadline), self._deadline())

    def _holds(self, receiver: Receiver, message_ids: Iterable[str]) -> object:
        return self._try(lambda deadline: receiver.holds(tuple(message_ids), deadline=deadline), self._deadline())

    def _deadline(self) -> Deadline:
        return Deadline.after(self.timeout_s)

    def _try(self, call: Call, deadline: Deadline) -> object:
        """Return the answer or the error; record every error."""
        try:
            return call(deadline)
        except Exception as error:  # noqa: BLE001 - the kit reports receivers that raise other errors
            self.errors.append(error)
            return error


def _telling(value: object) -> Iterator[str]:
    """Yield the texts of a document that are long enough to identify, and the words of those with several."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name not in {"part", "ref", "field", "standing", "method", "role"}:
                yield from _telling(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _telling(item)
    elif isinstance(value, str) and len(value) >= _SHORTEST_TELLING:
        yield value
