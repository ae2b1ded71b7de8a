"""Conformance kit: test an adapter against the promises of its contract.

``hearthgate adapter check`` runs it with an invented person, and an adapter's own tests with a person that the case
system knows. Each promise gives one line, or more if it is broken; no line holds a value of the sample.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from threading import Thread
from time import monotonic
from typing import Final

from adapters.contract import Adapter, AdapterError, CheckLine, Deadline, Finder
from adapters.promises import GRACE_S, collected_log, error_texts, errors_line, promise_line, silence_line
from adapters.receiver_conformance import check_reading
from trust.exchange.eligibility import Answer, EligibilityAnswer, EligibilityQuery, Question
from trust.exchange.person import Address, Subject

_THREADS: Final = 4
_NO_REF: Final = "conformance:no-such-record"
_SHORTEST_TELLING: Final = 4
"""The least length of a value that identifies: ``M`` or ``Jo`` occur in any text."""

ABSENT_PERSON: Final = Subject(
    nhs_number="9998135745",
    upn="C999274106853",
    nino="ZY981347D",
    pnc_id="1902/8135740A",
    family_name="Hearthgate-Conformance",
    given_names="Absent",
    birth_date=date(1901, 2, 3),
    address=Address(uprn="999274106853", postcode="ZE9 9WZ"),
)
"""A person unknown to every case system: numbers of test ranges, places that do not exist, no stand-ins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The sample people: ``absent`` must not be in the case system, and ``known`` (if set) must be."""

    absent: Subject = ABSENT_PERSON
    known: Subject | None = None
    question: EligibilityQuery = field(
        default_factory=lambda: EligibilityQuery(question=Question.KNOWN_TO_SERVICE, as_of=datetime.now(UTC).date())
    )


Call = Callable[[Deadline], object]


def run(adapter: Adapter, samples: Samples, *, timeout_s: float = 10.0) -> list[CheckLine]:
    """Test every promise and run the adapter's own checks; each call may take ``timeout_s`` seconds."""
    lines = [line for check in adapter.checks for line in check(deadline=Deadline.after(timeout_s))]
    for kit in _kits(adapter, samples, timeout_s):
        with collected_log() as log_lines:
            lines += [kit.ends_by_its_deadline(), kit.absence_is_empty(), kit.knows_the_known()]
            lines += [kit.keeps_refs_apart(), kit.answers_several_threads(), kit.raises_only_its_own()]
        lines.append(kit.says_nothing_personal(log_lines))
    if adapter.receiver is not None:
        lines += check_reading(adapter.receiver, timeout_s=timeout_s)
    return lines


def _kits(adapter: Adapter, samples: Samples, timeout_s: float) -> Iterator["_Kit"]:
    """Yield a kit for each source of the adapter."""
    involvement, eligibility = adapter.involvement, adapter.eligibility
    if involvement is not None:
        yield _Kit(
            name="involvement",
            finder=involvement,
            ask=lambda deadline: involvement.involvements(_NO_REF, deadline=deadline),
            samples=samples,
            timeout_s=timeout_s,
        )
    if eligibility is not None:
        yield _Kit(
            name="eligibility",
            finder=eligibility,
            ask=lambda deadline: eligibility.answer(_NO_REF, samples.question, deadline=deadline),
            samples=samples,
            timeout_s=timeout_s,
        )


@dataclass(slots=True, kw_only=True)
class _Kit:
    """The promises of one source; ``ask`` is its second call, with a key that it never returned."""

    name: str
    finder: Finder
    ask: Call
    samples: Samples
    timeout_s: float
    errors: list[Exception] = field(default_factory=list)

    def ends_by_its_deadline(self) -> CheckLine:
        """Promise 1: a call with an expired deadline ends."""
        late: list[str] = []
        person = self.samples.known or self.samples.absent
        for what, call in (("find", self._find(person)), (f"the question of {self.name}", self.ask)):
            began = monotonic()
            self._try(call, Deadline.after(0))
            if monotonic() - began > GRACE_S:
                late.append(what)
        return self._line(
            "deadline",
            ok=not late,
            good="Every call with an expired deadline ends at once.",
            bad=f"These calls continue after their deadline: {', '.join(late)}.",
            remedy="Limit every wait to deadline.remaining_s().",
        )

    def absence_is_empty(self) -> CheckLine:
        """Promise 4: an absent person is an empty sequence."""
        candidates = self._try(self._find(self.samples.absent), self._deadline())
        return self._line(
            "absence",
            ok=_is_sequence(candidates) and not candidates,
            good="An absent person is an empty answer.",
            bad="An absent person gave an error or a candidate.",
            remedy="Return an empty sequence for an absent person, and search by identifier and birth date only.",
        )

    def knows_the_known(self) -> CheckLine:
        """Find the known person twice, under the same key."""
        if self.samples.known is None:
            return self._line("presence", ok=True, good="Not checked: no known person was given.", bad="", remedy="")
        first, second = self._refs(self.samples.known), self._refs(self.samples.known)
        return self._line(
            "presence",
            ok=bool(first) and all(first or ()) and first == second,
            good="The known person is found under the same key each time.",
            bad="The known person was not found, or under changing or empty keys.",
            remedy="Check the columns or paths in the settings.",
        )

    def keeps_refs_apart(self) -> CheckLine:
        """Promise 3: a key that the adapter never returned finds no record.

        A registry may answer ``no`` or ``unknown`` for an absent record; ``yes`` needs a record.
        """
        answer = self._try(self.ask, self._deadline())
        tells = answer.answer is Answer.YES if isinstance(answer, EligibilityAnswer) else bool(answer)
        return self._line(
            "keys",
            ok=isinstance(answer, AdapterError) or not tells,
            good="An unknown key finds no record.",
            bad="An unknown key found a record.",
            remedy="Read a record only by the exact key that find() returned.",
        )

    def answers_several_threads(self) -> CheckLine:
        """Promise 5: several concurrent threads get the answer that one gets."""
        person = self.samples.known or self.samples.absent
        alone = self._refs(person)
        together: list[Sequence[str] | None] = []
        threads = [Thread(target=lambda: together.append(self._refs(person))) for _ in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.timeout_s + GRACE_S)
        return self._line(
            "threads",
            ok=alone is not None and together == [alone] * _THREADS,
            good=f"{_THREADS} concurrent threads get the answer that one gets.",
            bad=f"{_THREADS} concurrent threads did not all get the answer that one gets.",
            remedy="Share nothing between threads, or guard it with a lock.",
        )

    def raises_only_its_own(self) -> CheckLine:
        """Promise 1 again: a call raises only its own errors."""
        return errors_line(self.name, self.errors)

    def says_nothing_personal(self, log_lines: Sequence[str]) -> CheckLine:
        """Promise 2: no error and no log line of this run holds a value of a sample person."""
        values = [value for person in (self.samples.known, self.samples.absent) if person for value in _values(person)]
        return silence_line(self.name, values, (("an error", error_texts(self.errors)), ("a log line", log_lines)))

    def _find(self, subject: Subject) -> Call:
        return lambda deadline: self.finder.find(subject, deadline=deadline)

    def _refs(self, subject: Subject) -> list[str] | None:
        candidates = self._try(self._find(subject), self._deadline())
        return [candidate.ref for candidate in candidates] if isinstance(candidates, list | tuple) else None

    def _try(self, call: Call, deadline: Deadline) -> object:
        """Return the answer or the error; record every error."""
        try:
            return call(deadline)
        except Exception as error:  # noqa: BLE001 - the kit reports adapters that raise other errors
            self.errors.append(error)
            return error

    def _deadline(self) -> Deadline:
        return Deadline.after(self.timeout_s)

    def _line(self, promise: str, *, ok: bool, good: str, bad: str, remedy: str) -> CheckLine:
        return promise_line(f"{self.name}: {promise}", ok=ok, good=good, bad=bad, remedy=remedy)


def _is_sequence(value: object) -> bool:
    return isinstance(value, list | tuple)


def _values(person: Subject) -> Iterator[str]:
    """Yield the person's values that are long enough to identify."""
    address = person.address or Address()
    texts = (
        person.nhs_number,
        person.upn,
        person.nino,
        person.pnc_id,
        person.family_name,
        person.given_names,
        person.birth_date.isoformat() if person.birth_date else None,
        address.uprn,
        address.postcode,
    )
    yield from (text for text in texts if text and len(text) >= _SHORTEST_TELLING)
