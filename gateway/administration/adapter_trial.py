"""Search for one person in this agency's own case system, and say why they are found or not.

The reason is recorded in the administrators' journal before anything is searched; the person is recorded nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.contract import Adapter, Candidate, Deadline, Finder, InvolvementRow, RecordUnreadable
from adapters.matching.decide import Match, MatchResult, explain, match
from config.settings import NodeSettings, Service
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from trust.exchange.involvement import involvement_to_fields
from trust.exchange.person import Subject, for_holder

MOST_SHOWN: Final = 5
_SHORTEST_REASON: Final = 8
_SHORTEST_NAME: Final = 3
_TIMEOUT_S: Final = 30.0
_FIELDS: Final = ("family_name", "given_names", "birth_date", "gender", "nhs_number", "upn", "nino", "pnc_id")
_FOUND: Final = {
    MatchResult.UNIQUE: "linked beyond doubt",
    MatchResult.REVIEW: "a human must decide",
    MatchResult.NONE: "not like the person",
}


def search(settings: NodeSettings, source: tuple[Service, Adapter], subject: Subject, *, reason: str) -> UseCaseResult:
    """Search for a person as a partner's question does. Raises ``AdapterError`` and ``OperationRefused``."""
    _refuse_reason(reason, subject)
    service, adapter = source
    record(settings, "adapter try", service=service.slug, reason=reason)
    institutions = frozenset(service.adapter.institutions if service.adapter else ())
    trial = _trial(adapter, subject, institutions)
    return UseCaseResult(lines=[*trial.lines(subject), *_not_sent(subject, service.kind)], data=trial.to_json(subject))


def _refuse_reason(reason: str, subject: Subject) -> None:
    """Refuse a reason that says nothing, or that names the person. Raises :class:`OperationRefused`."""
    if len(reason) < _SHORTEST_REASON:
        raise OperationRefused("Give a reason of a few words, such as the ticket and what was reported.")
    names = f"{subject.family_name or ''} {subject.given_names or ''}".lower().split()
    identifiers = (subject.nhs_number, subject.upn, subject.nino, subject.pnc_id)
    telling = [name for name in names if len(name) >= _SHORTEST_NAME] + [text.lower() for text in identifiers if text]
    words = "".join(char if char.isalnum() else " " for char in reason.lower()).split()
    if any(text in words or (text in "".join(words) and text[-1:].isdigit()) for text in telling):
        raise OperationRefused(
            "The reason stays in the journal: leave out what the person is called, and their numbers."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """What the case system gave, what the matcher made of it, and the rows of the record that was linked."""

    candidates: Sequence[Candidate]
    matched: Match
    rows: Sequence[InvolvementRow]
    institutions: frozenset[str]

    def lines(self, subject: Subject) -> list[str]:
        """Write it for people."""
        lines = [f"The case system has {len(self.candidates)} records that share a detail."]
        for number, (outcome, reasons) in enumerate(self._explained(subject), start=1):
            lines += [f"Record {number}: {_FOUND[outcome]}.", *(f"  {reason}" for reason in reasons)]
        if len(self.candidates) > MOST_SHOWN:
            lines.append(f"{len(self.candidates) - MOST_SHOWN} more are not shown.")
        lines += [f"Together: {_FOUND[self.matched.outcome]}.", *(f"  {why}" for why in self.matched.explanation)]
        lines += [line for number, row in enumerate(self.rows, start=1) for line in _row_lines(number, row)]
        return [*lines, f"A partner who may be told of a record would be told: {self.status}."]

    def to_json(self, subject: Subject) -> dict[str, Any]:
        """Write it for machines."""
        return {
            "records": [
                {"outcome": str(outcome), "reasons": list(reasons)} for outcome, reasons in self._explained(subject)
            ],
            "found": len(self.candidates),
            "outcome": str(self.matched.outcome),
            "reasons": list(self.matched.explanation),
            "involvements": [
                {"current": row.current, "why_not": row.why_not, "fields": _fields(row)} for row in self.rows
            ],
            "status": self.status,
        }

    @property
    def status(self) -> str:
        """The status that an unconditional clause would give."""
        if self.matched.outcome is not MatchResult.UNIQUE:
            return "review" if self.matched.outcome is MatchResult.REVIEW else "not_known"
        if any(row.current for row in self.rows):
            return "known"
        return "review" if any(row.involvement is None for row in self.rows) else "no_current_involvement"

    def _explained(self, subject: Subject) -> list[tuple[MatchResult, tuple[str, ...]]]:
        candidates = self.candidates[:MOST_SHOWN]
        return [explain(subject, candidate, institutions=self.institutions) for candidate in candidates]


def _trial(adapter: Adapter, subject: Subject, institutions: frozenset[str]) -> _Trial:
    """Search, match, and read the involvements of the record that is linked. Raises ``AdapterError``."""
    deadline = Deadline.after(_TIMEOUT_S)
    source: Finder | None = adapter.involvement or adapter.eligibility
    candidates = () if source is None else source.find(subject, deadline=deadline)
    matched = match(subject, candidates, institutions=institutions)
    rows: Sequence[InvolvementRow] = ()
    if matched.ref is not None:
        rows = _rows(adapter, matched.ref, deadline=deadline)
    return _Trial(candidates=candidates, matched=matched, rows=rows, institutions=institutions)


def _rows(adapter: Adapter, ref: str, *, deadline: Deadline) -> Sequence[InvolvementRow]:
    if adapter.sampled is not None:
        return adapter.sampled.involvement_rows(ref, deadline=deadline)
    if adapter.involvement is None:
        return ()
    try:
        involvements = adapter.involvement.involvements(ref, deadline=deadline)
    except RecordUnreadable as doubt:
        return (InvolvementRow(involvement=None, current=False, why_not=doubt.detail),)
    return tuple(InvolvementRow(involvement=each, current=True) for each in involvements)


def _row_lines(number: int, row: InvolvementRow) -> list[str]:
    state = "current" if row.current else f"not current, because {row.why_not}"
    fields = ", ".join(f"{name.replace('_', ' ')}: {text}" for name, text in _fields(row).items())
    faults = [f"  {fault.column} {fault.cause}." for fault in row.faults]
    return [f"Involvement {number}: {state}.", *([f"  {fields}"] if fields else []), *faults]


def _fields(row: InvolvementRow) -> dict[str, str]:
    if row.involvement is None:
        return {}
    return {str(name): text for name, text in involvement_to_fields(row.involvement).items()}


def _not_sent(subject: Subject, kind: str) -> list[str]:
    """Say what a partner would leave out for a service of this kind, so that the search may differ."""
    description = for_holder(subject, kind)
    left_out = [name for name in _FIELDS if getattr(subject, name) is not None and getattr(description, name) is None]
    if subject.address is not None and description.address != subject.address:
        left_out.append("address")
    if not left_out:
        return []
    return [f"Unless an agreement lists it, partners do not send a service of this kind: {', '.join(left_out)}."]
