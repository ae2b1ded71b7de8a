"""The whole contract between Hearthgate and an agency's case system.

An adapter answers three questions about its own system, takes messages, and makes no decision about sharing:

1. ``find``: which records may be this person?
2. ``involvements``: who works with the person of a record?
3. ``answer``: what does the registry say about a benefit?

Its ``receiver``, if it has one, puts the alerts, referrals and notices of other agencies into the case system and says
which of them the case system holds.

The gateway matches, decides, minimises and signs. An adapter therefore returns everything that it holds in these
shapes, and never filters by asker, purpose or role.

A package publishes a *factory* under the entry-point group ``hearthgate.adapters``. The gateway validates the service's
``[services.adapter.settings]`` table with the factory's ``settings_model`` and calls ``build`` once, before any worker
is forked. A factory therefore opens nothing; the adapter opens what it needs at first use, in each worker.

An adapter keeps these promises, which the conformance kit in :mod:`adapters.conformance` tests:

1. Every call ends by its deadline, with an answer or an :class:`AdapterError`.
2. No error, log line, URL, file name or temporary file holds anything about a person. The one exception is a message
   that is being written into a drop folder: only the node's account may read that file.
3. ``ref`` is opaque and stays inside the node; only the adapter that made it receives it again.
4. An absent person is an empty sequence, never an error; an unreadable source is an error, never an empty sequence. A
   record that cannot be read in full is a candidate with ``unreadable`` fields.
5. Several threads may call at once.

A receiver keeps these promises too:

6. ``receive`` returns after the case system has stored the message durably. The same message again makes no second
   record and returns the same ``ref``, also after a crash between storing and answering.
7. ``holds`` returns a subset of the ids asked, by reading the case system's own list; never from the adapter's memory.
8. A message that the case system refuses for good is a :class:`MessageRejected`; every other failure may be retried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from time import monotonic
from typing import Any, Protocol

from pydantic import BaseModel

from trust.exchange.eligibility import EligibilityAnswer, EligibilityQuery
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject


class AdapterError(Exception):
    """The reason why a case system gave no usable answer; ``str()`` is safe to log and to show."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class SourceUnavailable(AdapterError):
    """The case system could not be reached, refused us, or did not finish by the deadline."""


class SourceNonsense(AdapterError):
    """The case system's answer does not match its published schema or its configuration."""


class RecordUnreadable(SourceNonsense):
    """The source's data on this person cannot be read, or is too much to compare: a human must decide."""


class MessageRejected(AdapterError):
    """The case system refuses this message for good: no retry can succeed, and a human must act."""


class SourceMisconfigured(AdapterError):
    """The configuration of this source cannot work; ``faults`` lists every mistake."""

    def __init__(self, detail: str, faults: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment, on the monotonic clock, by which a call must end."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return a deadline ``seconds`` from now."""
        return cls(monotonic() + seconds)

    def remaining_s(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.at - monotonic())


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One local record that may be the subject, with the details that tell people apart.

    ``identifiers_verified`` is true only if the configuration declares that this source's identifiers were verified
    with their issuer; an exact identifier then links without a confirming date of birth. ``unreadable`` names the
    fields (as in the settings, with ``ref``) that cannot be read; ``person`` lacks them.
    """

    ref: str
    person: Subject
    identifiers_verified: bool = False
    unreadable: frozenset[str] = frozenset()


class Finder(Protocol):
    """A source that finds the local records of a person."""

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        """Return every plausible record: exact identifiers, and name with birth date; the matcher decides.

        Raises :class:`AdapterError`.
        """
        ...


class InvolvementSource(Finder, Protocol):
    """A source of involvements: the workers of a person."""

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        """Return the current involvements of the record ``ref``, most recent first. Raises :class:`AdapterError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFault:
    """The reason why a value of one column cannot be read, without the value.

    ``part`` is ``persons`` or ``involvements``, ``column`` the column or path in the settings, and ``cause`` the end of
    a sentence about it, such as ``is not a date in the form %d/%m/%Y``.
    """

    part: str
    column: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSample:
    """Some of a source's own records, read as ``find`` reads them.

    ``rows`` counts the rows; several rows may be one record. ``faults`` counts unreadable values by column and cause.
    ``records`` lacks records with an unreadable key.
    """

    records: Sequence[Candidate]
    rows: int
    faults: Mapping[CellFault, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvolvementRow:
    """One row about a record, current or not.

    ``involvement`` is ``None`` if the row cannot be used. ``why_not`` is the reason why the row is not current (its
    end, its status, or an unreadable field), without a value; it is empty if ``current`` is true.
    """

    involvement: Involvement | None
    current: bool
    why_not: str = ""
    faults: tuple[CellFault, ...] = ()


class SampledSource(InvolvementSource, Protocol):
    """A source of this agency's own that a check may sample, to find each record again.

    No check samples a registry or service of another organisation.
    """

    def sample(self, limit: int, *, deadline: Deadline) -> RecordSample:
        """Return the records of at most ``limit`` rows, old and new. Raises :class:`AdapterError`."""
        ...

    def involvement_rows(self, ref: str, *, deadline: Deadline) -> Sequence[InvolvementRow]:
        """Return every row about the record ``ref``, current or not. Raises :class:`AdapterError`."""
        ...


class EligibilitySource(Finder, Protocol):
    """A source that answers a benefit question only with yes, no or unknown."""

    def answer(self, ref: str, query: EligibilityQuery, *, deadline: Deadline) -> EligibilityAnswer:
        """Answer one question about the record ``ref``. Raises :class:`AdapterError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredMessage:
    """One alert, referral or notice for the case system, already decided on and cut to what this service may know.

    ``message_id`` is unique for ever and among all senders. A ``jti`` alone is not: a sender that repeats another one's
    must not make that message a duplicate. ``kind`` is ``alert``, ``referral`` or ``notice``, ``topic`` its topic,
    service type or notice type, and ``urgency`` ``red``, ``amber`` or ``green``. ``reference`` (``HG-...``) is what
    people say on the telephone. ``document`` is JSON: ``persons``, ``details``, ``statements`` and ``practitioner``.
    ``linked_ref`` is the record that the persons were matched with, if one; ``not_linked`` says that a human must link
    the message.
    """

    message_id: str
    kind: str
    topic: str
    urgency: str
    received_at: datetime
    from_agency: str
    from_service: str
    to_service: str
    reference: str
    document: Mapping[str, Any]
    linked_ref: str | None = None
    not_linked: bool = True


class Receiver(Protocol):
    """A case system that takes the messages of other agencies."""

    @property
    def can_prove(self) -> bool:
        """Whether ``holds`` can ask the case system; if not, receipts say that arrival cannot be proved."""
        ...

    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        """Store the message durably and return the case system's own key for it. Safe to repeat.

        Raises :class:`MessageRejected` for a refusal for good, and another :class:`AdapterError` for a failure that may
        be retried.
        """
        ...

    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        """Return those of ``message_ids``, any number of them, that the case system holds now.

        Raises :class:`AdapterError`; also if ``can_prove`` is false.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One line of ``hearthgate adapter check``: the check, its result, and the remedy of a failure.

    A ``warning`` passes (``ok``), but may soon fail, or could not be checked.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """The sources and checks of one service; a source that the system lacks is ``None``.

    ``sampled`` is the involvement source again, if a check may sample it. ``receiver`` takes the messages of others.
    """

    name: str
    involvement: InvolvementSource | None = None
    eligibility: EligibilitySource | None = None
    sampled: SampledSource | None = None
    receiver: Receiver | None = None
    checks: Sequence["Check"] = ()


class Check(Protocol):
    """A probe of the source, for the doctor and the conformance kit."""

    def __call__(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Probe the source and report each finding, without personal data."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A case system's complete HTTP response, within the size limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpCaller(Protocol):
    """The only access of an adapter to the network; the gateway supplies it.

    It verifies TLS, follows no redirects, ignores the environment's proxies, and limits the bytes and the total time of
    each call.
    """

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        """POST ``body``. Raises :class:`SourceUnavailable`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterContext:
    """The service for which the gateway builds an adapter.

    ``base_dir`` is the folder of the configuration file, against which relative paths in settings are resolved.
    """

    organisation: str
    service: str
    service_kind: str
    duty_phone: str
    base_dir: str
    http: HttpCaller


class AdapterFactory(Protocol):
    """The object of an entry point in the group ``hearthgate.adapters``."""

    settings_model: type[BaseModel]

    def build(self, settings: Any, context: AdapterContext) -> Adapter:  # noqa: ANN401 - each its own model
        """Build the adapter without opening anything. Raises :class:`SourceMisconfigured`."""
        ...


def current_month(day: date) -> str:
    """Return the month of ``day`` as ``YYYY-MM``: a node never sends the day of a last contact."""
    return f"{day.year:04d}-{day.month:02d}"
