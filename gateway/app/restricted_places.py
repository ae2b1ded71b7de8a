"""Restricted places in answers: a source of restrictions, and the tasks of named persons.

The same statements run, and one seal is opened, where no place is restricted, so that no answer tells by its time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from adapters.contract import AdapterError, Deadline
from adapters.matching.decide import MatchResult, match
from gateway.accountability.subject_buckets import person_keys
from gateway.exchange.answer import PersonInSight, call_adapter
from gateway.exchange.case_question import CaseQuestion
from gateway.exchange.services import HostedService, ServiceRegistry
from gateway.keys.sealed import open_own
from gateway.ports import Transaction
from gateway.restrictions.places import PlaceFinding, PlaceQuery, Places
from gateway.restrictions.registry import PlaceRegistry
from gateway.store.tables import evidence_index, place_releases, place_restrictions
from trust.agreements.decision import PersonRestrictions
from trust.agreements.location import LocationRuling, merge_restrictions
from trust.exchange.location_fields import tells_by_itself
from trust.exchange.person import Subject
from trust.identifiers import ServiceRef
from trust.sealing import seal

_NO_KEYS = ("-",)
_DECOY = b"decoy"
_DECOY_BYTES = 600
"""About as many as a declaration has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedPlaces:
    """Restrict the place of a person whose record was found (:class:`gateway.exchange.answer.RestrictionSource`).

    A declaration restricts it, and the case system's own mark of a restricted address in record or question.
    """

    places: Places

    def __call__(
        self, tx: Transaction, person: PersonInSight, restrictions: PersonRestrictions, /
    ) -> PersonRestrictions:
        """Return the restrictions so far, with that of the place."""
        record, message = person.record, person.message
        is_flagged = message.subject.address_restricted or (record is not None and record.person.address_restricted)
        if not place_restrictions.find(tx, person.keys or _NO_KEYS) and not is_flagged:
            self._work_alike(tx, person)
            return restrictions
        query = PlaceQuery(
            keys=person.keys,
            release_keys=self.places.release_keys(message.subject, record, person.record_key),
            recipient=message.asker,
            service=person.service.ref.service,
            now=person.now,
            is_flagged=is_flagged,
        )
        finding = self.places.find(tx, query)
        if finding is None:
            return restrictions
        restriction = replace(finding.restriction, tells_by_itself=tells_by_itself(person.service.kind))
        earlier = () if restrictions.location is None else (restrictions.location,)
        return replace(restrictions, location=merge_restrictions((*earlier, restriction)), place=finding.place)

    def _work_alike(self, tx: Transaction, person: PersonInSight) -> None:
        """Do what finding a restriction takes, and use none of it."""
        keys, recipient = person.keys or _NO_KEYS, str(person.message.asker)
        place_restrictions.find(tx, keys)
        place_releases.is_released(tx, keys, recipient=recipient, now=person.now)
        evidence_index.find(tx, _NO_KEYS, before=_DECOY, limit=1)
        key = self.places.vault.seal_key()
        open_own(key, _seal_decoy(key), _DECOY)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionPlaces:
    """Find restricted places for questions of this node (:data:`gateway.exchange.outbound.FindPlace`)."""

    places: Places

    def __call__(self, question: CaseQuestion, holder: ServiceRef, now: datetime) -> PlaceFinding | None:
        """Return what restricts the place of the person for a holder, or none."""
        subject, places = question.subject, self.places
        keys = person_keys(places.vault.evidence_hmac_key(), subject)
        rows = places.store.read(lambda tx: place_restrictions.find(tx, keys or _NO_KEYS))
        if not rows and not subject.address_restricted:
            return None
        return places.of_question(subject, service=question.from_service, holder=holder, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTasks:
    """Leave a task where only a named person's release is missing (:class:`gateway.exchange.answer.ReleaseNote`)."""

    registry: PlaceRegistry

    def __call__(self, tx: Transaction, person: PersonInSight, reasons: Sequence[str], /) -> None:
        """Leave the task, unless there is one."""
        record, key = person.record, person.record_key
        if record is not None and key is not None and LocationRuling.NO_LINKS_DECLARED in reasons:
            service, recipient = person.service.ref.service, person.message.asker
            self.registry.open_task(tx, service, record.ref, key, recipient=recipient, now=person.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLinks:
    """Find the services of this node that know an alleged perpetrator, by their own case systems.

    A service whose case system cannot be read counts as linked: no place may be told where that is not known.
    """

    services: ServiceRegistry
    case_system_s: float

    def __call__(self, perpetrators: tuple[Subject, ...]) -> frozenset[str]:
        """Return these services in full; all are asked within one time."""
        deadline = Deadline.after(self.case_system_s)
        return frozenset(
            str(service.ref)
            for service in self.services.values()
            for person in perpetrators
            if self._knows(service, person, deadline)
        )

    def _knows(self, service: HostedService, person: Subject, deadline: Deadline) -> bool:
        source = service.adapter.involvement
        if source is None:
            return False
        try:
            candidates = call_adapter(lambda: source.find(person, deadline=deadline))
        except AdapterError:
            return True
        return match(person, candidates).outcome is not MatchResult.NONE


@lru_cache(maxsize=4)
def _seal_decoy(key: bytes) -> bytes:
    return seal(key, bytes(_DECOY_BYTES), _DECOY)
