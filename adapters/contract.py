"""The whole contract between Hearthgate and an agency's case system.

An adapter answers three questions about its own system and makes no decision about sharing: who might this
person be (``find``), who works with them (``involvements``) and what does the registry say (``answer``). The
gateway matches, decides, cuts the fields and signs; so an adapter returns everything it holds in these shapes and never
filters by asker, purpose or role.

How one is made: a *factory* is published under the entry-point group ``hearthgate.adapters``. The gateway validates the
service's ``[services.adapter.settings]`` table with the factory's ``settings_model`` and calls ``build`` once, before
any worker is forked. A factory therefore opens nothing; the adapter opens what it needs at first use, in each worker.

What an adapter must keep (the conformance kit in :mod:`adapters.conformance` tests it):

1. Every call ends by its deadline, with an answer or an :class:`AdapterError`.
2. Nothing about a person stands in an error, a log line, a URL or a temporary file.
3. ``ref`` is opaque, stays inside the node, and is only ever given back to the adapter that made it.
4. A person who is not there is an empty sequence, never an error; a source that cannot be read is an error, never an
   empty sequence. A record that was found and cannot be read in full is a candidate with ``unreadable`` fields.
5. Calls may come from several threads at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from time import monotonic
from typing import Any, Protocol

from pydantic import BaseModel

from trust.exchange.eligibility import EligibilityAnswer, EligibilityQuery
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject


class AdapterError(Exception):
    """Say why a case system gave no usable answer; ``str()`` is safe to log and to show to an administrator."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class SourceUnavailable(AdapterError):
    """The case system could not be reached, refused us, or did not finish by the deadline."""


class SourceNonsense(AdapterError):
    """The case system answered, but not with what its published schema or its configuration promises."""


class RecordUnreadable(SourceNonsense):
    """What the source holds about this person cannot be read, or is too much to compare: only a human can decide."""


class SourceMisconfigured(AdapterError):
    """The configuration of this source cannot work; ``faults`` lists every mistake that was found."""

    def __init__(self, detail: str, faults: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment, on the monotonic clock, by which a call must have ended."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Set a deadline ``seconds`` from now."""
        return cls(monotonic() + seconds)

    def remaining_s(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.at - monotonic())


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One local record that may be the person asked about, with what the source knows to tell people apart.

    ``identifiers_verified`` is true only where the configuration declares that this source's identifiers were traced
    against their issuer, so that an exact identifier may stand without a confirming date of birth. ``unreadable`` names
    the fields (as settings call them, ``ref`` included) whose value cannot be read; ``person`` lacks them.
    """

    ref: str
    person: Subject
    identifiers_verified: bool = False
    unreadable: frozenset[str] = frozenset()


class Finder(Protocol):
    """Find the local records that may be a person."""

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        """Return every plausible record: exact identifiers, and name with birth date; the matcher decides.

        Raises :class:`AdapterError`.
        """
        ...


class InvolvementSource(Finder, Protocol):
    """A source that knows who works with a person."""

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        """Return the current involvements of the record ``ref``, most recent first. Raises :class:`AdapterError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFault:
    """Why a value of one column cannot be read; it never holds the value.

    ``part`` is ``persons`` or ``involvements``, ``column`` the column or path that the settings name, and ``cause`` the
    end of a sentence about it, such as ``is not a date in the form %d/%m/%Y``.
    """

    part: str
    column: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSample:
    """Some of a source's own records, read as ``find`` reads them.

    ``rows`` counts the rows looked at; several rows may be one record. ``faults`` counts, by column and cause, the
    values that could not be read. A record whose key cannot be read is not among ``records``.
    """

    records: Sequence[Candidate]
    rows: int
    faults: Mapping[CellFault, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvolvementRow:
    """One row about a record, current or not.

    ``involvement`` is ``None`` where the row cannot be used. ``why_not`` says why the row is not current (it ended, its
    status, or what cannot be read), without a value of it; it is empty where ``current`` is true.
    """

    involvement: Involvement | None
    current: bool
    why_not: str = ""
    faults: tuple[CellFault, ...] = ()


class SampledSource(InvolvementSource, Protocol):
    """A source of this agency's own that may be sampled, so that a check can find each record again.

    A registry or a service of another organisation is never sampled.
    """

    def sample(self, limit: int, *, deadline: Deadline) -> RecordSample:
        """Return at most ``limit`` rows' records, old and new ones. Raises :class:`AdapterError`."""
        ...

    def involvement_rows(self, ref: str, *, deadline: Deadline) -> Sequence[InvolvementRow]:
        """Return every row about the record ``ref``, and why it is not current. Raises :class:`AdapterError`."""
        ...


class EligibilitySource(Finder, Protocol):
    """A source that answers a benefit question with yes, no or unknown, and with nothing else."""

    def answer(self, ref: str, query: EligibilityQuery, *, deadline: Deadline) -> EligibilityAnswer:
        """Answer one question about the record ``ref``. Raises :class:`AdapterError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One line of ``hearthgate adapter check``: what was tried, whether it held, and what to do if it did not.

    A ``warning`` holds (``ok``), and will not for long, or could not be tried from here.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """What a service's configuration resolved to; a source that the system lacks is ``None``.

    ``sampled`` is the involvement source once more, where it may be sampled.
    """

    name: str
    involvement: InvolvementSource | None = None
    eligibility: EligibilitySource | None = None
    sampled: SampledSource | None = None
    checks: Sequence["Check"] = ()


class Check(Protocol):
    """A real probe of the source for the doctor and the conformance kit."""

    def __call__(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Try the source and report each finding, without personal data."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A case system's HTTP answer, read completely and within its caps."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpCaller(Protocol):
    """The only way from an adapter to the network; the gateway supplies it.

    TLS is verified, redirects are not followed, the environment's proxies are ignored, and both the bytes read and the
    total wall time are bounded, whatever the peer does.
    """

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        """POST ``body``. Raises :class:`SourceUnavailable`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterContext:
    """What the gateway tells an adapter about the service it is built for.

    ``base_dir`` is the folder of the configuration file: relative paths in settings are resolved against it.
    """

    organisation: str
    service: str
    service_kind: str
    duty_phone: str
    base_dir: str
    http: HttpCaller


class AdapterFactory(Protocol):
    """What an entry point in the group ``hearthgate.adapters`` names."""

    settings_model: type[BaseModel]

    def build(self, settings: Any, context: AdapterContext) -> Adapter:  # noqa: ANN401 - each its own model
        """Make the adapter without opening anything. Raises :class:`SourceMisconfigured`."""
        ...


def current_month(day: date) -> str:
    """Return the month of ``day`` as ``YYYY-MM``, the only precision in which a last contact leaves a node."""
    return f"{day.year:04d}-{day.month:02d}"
