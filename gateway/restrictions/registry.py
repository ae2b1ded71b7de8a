"""Restricted places as people keep them: declare, list, release to a recipient, and lift.

1. A restriction counts from the transaction that stores it. Two people lift it: one asks, another confirms.
2. Where a clause authorises a recipient and no link is declared, a task waits for a named person at the service. They
   release the place to that recipient until a day, or decline. A later decision replaces an earlier one.
3. A release never overrides a link: :func:`trust.agreements.location.rule_on_location` decides each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from secrets import token_urlsafe

from gateway.accountability.subject_buckets import person_keys, strongest_keys
from gateway.callers import CaseRefusal, CaseRefused
from gateway.ports import KeyVault, Store, StoreBusy, Transaction
from gateway.restrictions.declaration import (
    PlaceActor,
    PlaceDeclaration,
    PlaceReview,
    actor_to_json,
    open_declaration,
    open_record,
    seal_declaration,
    seal_record,
)
from gateway.store.tables import place_releases, place_restrictions
from gateway.store.tables.place_releases import ReleaseState, StoredRelease
from gateway.store.tables.place_restrictions import StoredRestriction
from trust.claims import keyed_digest
from trust.exchange.person import Subject
from trust.identifiers import ServiceRef, ServiceSlug
from trust.strict_json import dumps

RELEASE_TERM = timedelta(hours=72)
"""The time in which a named person decides a task."""
MAX_REVIEWS = 50
"""The latest reviews that stay with a restriction."""
COMMAND = ""
"""The client of what an administrator declares."""
_TASK = "hearthgate place release 1"
_LIFT, _RELEASE = "lift", "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionView:
    """A restriction in force, without anything that tells whose it is but the case's own reference.

    ``lift_asked`` says that a first person asked to lift it. ``links`` counts what was declared of the alleged
    perpetrator.
    """

    id: str
    case_ref: str
    reason: str
    declared_at: datetime
    review_at: datetime | None
    persons: int
    links: int
    lift_asked: bool
    state: str = "in_force"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    """A task, or what a named person decided on it. ``record`` is the case system's own key, for its people alone."""

    id: str
    service: str
    recipient: str
    state: str
    opened_at: datetime
    due_at: datetime
    record: str | None = field(default=None, repr=False)
    decided_at: datetime | None = None
    until: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDecision:
    """What a named person decided: to release a place until a moment, or with none to decline."""

    by: PlaceActor
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRegistry:
    """Keep restrictions and releases. ``new_id`` makes their ids.

    ``links_of`` returns the services of this node whose own case systems know an alleged perpetrator.
    """

    store: Store
    vault: KeyVault
    links_of: Callable[[tuple[Subject, ...]], frozenset[str]] = lambda _: frozenset()
    new_id: Callable[[], str] = lambda: token_urlsafe(16)

    def declare(
        self, declaration: PlaceDeclaration, *, client_id: str, now: datetime, review_at: datetime | None = None
    ) -> str:
        """Store a restriction with the links that this node finds itself, and return its id; it counts from then on.

        Raises :class:`CaseRefused` where a person is described too vaguely to be found.
        """
        key = self.vault.evidence_hmac_key()
        if not all(person_keys(key, person) for person in (*declaration.persons, *declaration.perpetrators)):
            raise CaseRefused(
                CaseRefusal.NOT_PERMITTED,
                detail="A person is described too vaguely to be found again.",
                remedy="Give each person an identifier, or a family name and a birth date.",
            )
        restriction = self.new_id()
        links = self.links_of(declaration.perpetrators)
        declaration = replace(declaration, linked=declaration.linked | links)
        stored = StoredRestriction(
            id=restriction,
            client_id=client_id,
            sealed=seal_declaration(self.vault.seal_key(), restriction, declaration),
            declared_at=now,
            review_at=review_at,
        )
        self.store.write(lambda tx: place_restrictions.put(tx, stored, declaration.keys(key)))
        return restriction

    def list(self, *, client_id: str | None) -> tuple[RestrictionView, ...]:
        """Return the restrictions in force, of one case system or all."""
        rows = self.store.read(lambda tx: place_restrictions.list_in_force(tx, client_id=client_id))
        return tuple(map(self._view, rows))

    def get(self, restriction: str, *, client_id: str | None) -> RestrictionView | None:
        """Return a restriction of a case system, or of any; none where there is no such one."""
        row = self.store.read(lambda tx: place_restrictions.get(tx, id=restriction))
        return None if row is None or client_id not in {None, row.client_id} else self._view(row)

    def lift(self, restriction: str, *, by: PlaceActor, reason: str, now: datetime) -> bool:
        """Ask to lift a restriction and return false, or as a second person lift it and return true.

        Raises :class:`CaseRefused` where the same person asks again, and ``StoreBusy``.
        """
        row = self.store.read(lambda tx: place_restrictions.get(tx, id=restriction))
        if row is None or row.lifted_at is not None:
            raise _refuse("The restriction was lifted already.", "List those in force.")
        key = self.vault.seal_key()
        entry = {"by": actor_to_json(by), "reason": reason, "at": now.isoformat()}
        if row.sealed_lift is None:
            sealed = seal_record(key, restriction, _LIFT, {"asked": entry})
            if not self.store.write(lambda tx: place_restrictions.ask_to_lift(tx, id=restriction, sealed=sealed)):
                raise StoreBusy("Another person asked at the same time; look at it again.")
            return False
        first = open_record(key, restriction, _LIFT, sealed=row.sealed_lift)
        if first["asked"]["by"]["name"] == by.name:
            raise _refuse("You asked to lift it; another person confirms.", "Have another person lift it.")
        sealed = seal_record(key, restriction, _LIFT, {**first, "confirmed": entry})
        if not self.store.write(lambda tx: place_restrictions.lift(tx, id=restriction, sealed=sealed, at=now)):
            raise StoreBusy("Another person lifted it at the same time; look at it again.")
        return True

    def review(self, restriction: str, *, by: PlaceActor, reason: str, next_at: datetime, now: datetime) -> None:
        """Record that a person finds the place still to be restricted, and when to look at it again.

        Raises :class:`CaseRefused` where it was lifted, and ``StoreBusy``.
        """
        row = self.store.read(lambda tx: place_restrictions.get(tx, id=restriction))
        if row is None or row.lifted_at is not None:
            raise _refuse("The restriction was lifted already.", "List those in force.")
        key = self.vault.seal_key()
        declaration = open_declaration(key, restriction, row.sealed)
        entry = PlaceReview(by=by, reason=reason, at=now.isoformat())
        sealed = seal_declaration(
            key, restriction, replace(declaration, reviews=(*declaration.reviews, entry)[-MAX_REVIEWS:])
        )
        if not self.store.write(lambda tx: place_restrictions.set_review(tx, row, sealed=sealed, review_at=next_at)):
            raise StoreBusy("Another person changed it at the same time; look at it again.")

    def lift_at_once(self, tx: Transaction, restriction: str, *, by: PlaceActor, now: datetime) -> bool:
        """Lift a restriction that two administrators decided on, in the transaction that records both."""
        entry = {"by": actor_to_json(by), "at": now.isoformat()}
        sealed = seal_record(self.vault.seal_key(), restriction, _LIFT, {"confirmed": entry})
        return place_restrictions.lift(tx, id=restriction, sealed=sealed, at=now)

    def open_task(
        self,
        tx: Transaction,
        service: ServiceSlug,
        record: str,
        record_key: str,
        *,
        recipient: ServiceRef,
        now: datetime,
    ) -> None:
        """Leave a task for a named person of a service, unless there is one for this record and recipient."""
        task_key = self._task_key(service, [record_key], recipient)
        if place_releases.of_task(tx, task_key=task_key) is not None:
            return
        release = self.new_id()
        sealed = seal_record(self.vault.seal_key(), release, _RELEASE, {"record": record})
        task = _task(release, task_key, service, recipient, now)
        place_releases.open(tx, replace(task, sealed=sealed), [record_key])

    def tasks(
        self, services: Sequence[str], *, after: tuple[int, str] = (-1, ""), limit: int = 100
    ) -> tuple[ReleaseView, ...]:
        """Return the tasks that wait at these services, the one that is due first first."""
        rows = self.store.read(lambda tx: place_releases.list_open(tx, services=services, after=after, limit=limit))
        return tuple(map(self._release_view, rows))

    def find_release(self, release: str, services: Sequence[str]) -> ReleaseView | None:
        """Return a task or decision of these services, or none."""
        row = self.store.read(lambda tx: place_releases.get(tx, id=release))
        return None if row is None or row.service not in services else self._release_view(row)

    def decide(self, release: str, decision: ReleaseDecision, *, now: datetime) -> ReleaseView:
        """Record what a named person decided on a task, in place of an earlier decision. Raises ``StoreBusy``."""
        row = self.store.read(lambda tx: place_releases.get(tx, id=release))
        if row is None:
            raise _refuse("There is no such task.", "List those that wait.")
        decided = self._decided(row, decision, now)
        if not self.store.write(lambda tx: place_releases.decide(tx, decided, was=row.state)):
            raise StoreBusy("Another person decided at the same time; look at it again.")
        return self._release_view(decided)

    def release(
        self, person: Subject, *, service: ServiceSlug, recipient: ServiceRef, decision: ReleaseDecision, now: datetime
    ) -> ReleaseView:
        """Release the place of a person to a recipient without waiting for a task, as a sender does.

        Raises :class:`CaseRefused` for a person who is described too vaguely, and ``StoreBusy``.
        """
        keys = strongest_keys(self.vault.evidence_hmac_key(), person)
        if not keys:
            raise _refuse("The person is described too vaguely.", "Give an identifier, or birth date and full name.")
        task_key = self._task_key(service, sorted(keys), recipient)
        task = self.store.read(lambda tx: place_releases.of_task(tx, task_key=task_key))
        if task is None:
            sealed = seal_record(self.vault.seal_key(), (release := self.new_id()), _RELEASE, {})
            task = new_task = replace(_task(release, task_key, service, recipient, now), sealed=sealed)
            self.store.write(lambda tx: place_releases.open(tx, new_task, keys))
        return self.decide(task.id, decision, now=now)

    def _decided(self, row: StoredRelease, decision: ReleaseDecision, now: datetime) -> StoredRelease:
        key = self.vault.seal_key()
        record = open_record(key, row.id, _RELEASE, sealed=row.sealed)
        entry = {"by": actor_to_json(decision.by), "reason": decision.reason, "at": now.isoformat()}
        decisions = [*record.get("decisions", ()), entry]
        return replace(
            row,
            state=ReleaseState.DECLINED if decision.until is None else ReleaseState.RELEASED,
            sealed=seal_record(key, row.id, _RELEASE, {**record, "decisions": decisions}),
            decided_at=now,
            until=decision.until,
        )

    def _task_key(self, service: ServiceSlug, about: Sequence[str], recipient: ServiceRef) -> str:
        return keyed_digest(self.vault.evidence_hmac_key(), dumps([_TASK, service, *about, str(recipient)]))

    def _view(self, row: StoredRestriction) -> RestrictionView:
        declaration = open_declaration(self.vault.seal_key(), row.id, row.sealed)
        return RestrictionView(
            id=row.id,
            case_ref=declaration.case_ref,
            reason=declaration.reason,
            declared_at=row.declared_at,
            review_at=row.review_at,
            persons=len(declaration.persons),
            links=len(declaration.linked) + len(declaration.perpetrators),
            lift_asked=row.sealed_lift is not None,
            state="in_force" if row.lifted_at is None else "lifted",
        )

    def _release_view(self, row: StoredRelease) -> ReleaseView:
        record = open_record(self.vault.seal_key(), row.id, _RELEASE, sealed=row.sealed)
        decisions = record.get("decisions", ())
        return ReleaseView(
            id=row.id,
            service=row.service,
            recipient=row.recipient,
            state=str(row.state),
            opened_at=row.opened_at,
            due_at=row.due_at,
            record=record.get("record"),
            decided_at=row.decided_at,
            until=row.until,
            reason=decisions[-1]["reason"] if decisions else None,
        )


def _task(release: str, task_key: str, service: ServiceSlug, recipient: ServiceRef, now: datetime) -> StoredRelease:
    return StoredRelease(
        id=release,
        task_key=task_key,
        service=service,
        recipient=str(recipient),
        state=ReleaseState.OPEN,
        sealed=b"",
        opened_at=now,
        due_at=now + RELEASE_TERM,
    )


def _refuse(detail: str, remedy: str) -> CaseRefused:
    return CaseRefused(CaseRefusal.NOT_PERMITTED, detail=detail, remedy=remedy)
