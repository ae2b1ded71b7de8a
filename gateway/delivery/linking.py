"""The record that a message is about, for the case system alone. Delivery never depends on it.

A message is linked where it has one victim, or with no victim one child, or with neither one other person, and the
matcher finds one record beyond doubt. None, several or doubtful is *not linked*: a person on duty decides.
"""

from datetime import datetime

from adapters.contract import AdapterError, Deadline
from adapters.matching import decide as matching
from gateway.exchange.answer import call_adapter, check_subject
from gateway.exchange.services import HostedService
from trust.exchange.persons import ConcernedPerson, Part

_FIRST = (Part.VICTIM, Part.CHILD, Part.OTHER)


def find_record(
    service: HostedService, persons: tuple[ConcernedPerson, ...], *, now: datetime, deadline: Deadline
) -> str | None:
    """Return the case system's key of the one record that a message is about; none where a person must decide."""
    source, person = service.adapter.involvement, _main_person(persons)
    if source is None or person is None or check_subject(person.subject, today=now.date()) is not None:
        return None
    try:
        candidates = call_adapter(lambda: source.find(person.subject, deadline=deadline))
    except AdapterError:
        return None
    match = matching.match(person.subject, candidates, institutions=service.institutions)
    return match.ref if match.outcome is matching.MatchResult.UNIQUE else None


def _main_person(persons: tuple[ConcernedPerson, ...]) -> ConcernedPerson | None:
    for part in _FIRST:
        of_part = [each for each in persons if each.part is part]
        if of_part:
            return of_part[0] if len(of_part) == 1 else None
    return None
