"""Consents of this agency: record one, show it, say what ends with it, and end it.

1. A consent names purposes and services that an agreement in force lets this agency share for and with.
2. The one who gives or withdraws it has authority in law (:mod:`trust.consents.authority`).
3. A withdrawal is one transaction: the state, the reference that supports nothing from then on, and the tasks of a
   named worker. The notices follow (:mod:`gateway.consents.notices`); a crash between them delays notices only.
4. A client sees its own consents; another's is as one that does not exist (assertion A49).
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from secrets import token_urlsafe

from gateway.accountability.subject_buckets import person_keys
from gateway.agreements.registry import AgreementRegistry
from gateway.callers import CaseCaller, CaseRefusal, CaseRefused
from gateway.consents.storage import ConsentSeal, StoredConsent, Worker, is_same_person
from gateway.delivery.calendars import ZONE
from gateway.delivery.recipient_plan import AnyAlert, offer_route
from gateway.ports import Store, Transaction
from gateway.store.tables import consents
from gateway.store.tables.consents import ConsentRow, ConsentTask, ConsentUse
from trust import typed_json
from trust.agreements.clause import Clause
from trust.agreements.clause_selection import QuerySpec
from trust.agreements.remaining_routes import remaining_routes
from trust.consents.authority import Assessment, Decision, Giver, deny_authority
from trust.consents.preview import Flow, Preview, preview
from trust.consents.record import Consent, ConsentEvent, ConsentState
from trust.consents.status import SENTENCES, deny_use
from trust.exchange.alert import ALERT_KIND
from trust.exchange.consent import ConsentRecord
from trust.exchange.envelope import AgreementRef
from trust.exchange.errors import Fault
from trust.exchange.person import Subject
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceRef, ServiceSlug
from trust.strict_json import JsonObject

TELL_PERSON = "tell-person"
TELL_SERVICE = "tell-service"
CONSENT_ENDS = "consent-ends"
WARN_WITHIN = timedelta(days=14)
"""How long before a consent's last day the worker who recorded it is warned."""
TELL_WITHIN = timedelta(days=3)
"""Time in which the named worker tells the person, or records why that is unsafe."""
KindOf = Callable[[ServiceRef, datetime], str | None]
"""Return the kind of a service as its superior vouches for it, if it is known."""
EXPIRY = "expiry"


class ConsentFaults(Exception):
    """A consent that does not count; ``faults`` names each reason by its field."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConsent:
    """A consent as a case system records it. ``is_refused`` says that the person refused it."""

    stored: StoredConsent
    service: ServiceSlug
    is_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A withdrawal as a case system records it; ``worker`` is named to tell the person."""

    giver: Giver
    assessment: Assessment | None
    worker: Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldConsent:
    """A consent with all that the store knows about it."""

    row: ConsentRow
    stored: StoredConsent
    uses: tuple[ConsentUse, ...]
    tasks: tuple[ConsentTask, ...]

    @property
    def consent(self) -> Consent:
        """The consent."""
        return self.stored.consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """Use cases of consents. ``kind_of`` is asked only for a preview."""

    own: EntityId
    store: Store
    seal: ConsentSeal
    agreements: AgreementRegistry
    kind_of: KindOf

    def record(self, caller: CaseCaller, new: NewConsent, *, idempotency_key: str, now: datetime) -> str:
        """Store a consent or a refusal and return its id; the same key with the same content returns the first.

        Raises :class:`ConsentFaults`, :class:`CaseRefused` for a key that stands for another consent, and the store's
        ``StoreFull`` and ``StoreBusy``.
        """
        self._check(new, now)
        state = ConsentState.REFUSED if new.is_refused else ConsentState.GRANTED
        event = ConsentEvent(state=state, at=now, by=new.stored.consent.giver.relation)
        stored = replace(new.stored, consent=replace(new.stored.consent, id=token_urlsafe(16), events=(event,)))
        consent, client_id = stored.consent, caller.client.client_id
        content = typed_json.encode(replace(new.stored, consent=replace(consent, id="", events=())))
        row = ConsentRow(
            id=consent.id,
            client_id=client_id,
            idempotency_key=self.seal.digest("key", idempotency_key),
            request_digest=self.seal.digest("request", str(state), str(content)),
            service=new.service,
            state=state,
            created_at=now,
            expires_on=consent.expires_on,
            sealed=self.seal.seal(stored),
        )
        keys = person_keys(self.seal.vault.evidence_hmac_key(), consent.subject)
        first = self.store.write(lambda tx: consents.create(tx, row, keys))
        if first is None:
            return consent.id
        if first.request_digest != row.request_digest:
            raise CaseRefused(
                CaseRefusal.KEY_REUSED,
                detail="This Idempotency-Key already stands for another consent.",
                remedy="Use a new key for each consent; repeat one with exactly the same body.",
            )
        return first.id

    def find(self, caller: CaseCaller, consent: str) -> HeldConsent | None:
        """Return a consent of this client, or ``None``."""
        entry = self.get(consent)
        return entry if entry is not None and entry.row.client_id == caller.client.client_id else None

    def get(self, consent: str) -> HeldConsent | None:
        """Return a consent of whichever client, or ``None``."""

        def read(tx: Transaction) -> HeldConsent | None:
            row = consents.get(tx, consent)
            if row is None:
                return None
            return HeldConsent(
                row=row,
                stored=self.seal.open(row.id, row.sealed),
                uses=consents.uses(tx, row.id),
                tasks=consents.tasks(tx, row.id),
            )

        return self.store.read(read)

    def page(
        self, caller: CaseCaller, *, before: tuple[datetime, str], limit: int, last: date | None = None
    ) -> tuple[ConsentRow, ...]:
        """Return a page of this client's consents, newest first: all, or those in force that end by a day."""
        client_id = caller.client.client_id
        if last is not None:
            return self.store.read(
                lambda tx: consents.ending_of_client(tx, client_id=client_id, last=last, before=before, limit=limit)
            )
        return self.store.read(lambda tx: consents.of_client(tx, client_id=client_id, before=before, limit=limit))

    def resolve(
        self, caller: CaseCaller, consent: str, subject: Subject, purpose: str | None, now: datetime
    ) -> ConsentRecord:
        """Return the record that messages carry. Raises :class:`CaseRefused` where it supports no sharing now."""
        entry = self.find(caller, consent)
        if entry is None:
            raise CaseRefused(
                CaseRefusal.NOT_PERMITTED,
                detail="This case system recorded no consent of that id.",
                remedy="Record the person's consent at /case/v1/consents, and name its id.",
                code="consent_unknown",
            )
        unusable = deny_use(
            entry.consent,
            ConsentState(entry.row.state),
            purpose=purpose,
            is_same_person=is_same_person(entry.consent.subject, subject),
            on=day_of(now),
        )
        if unusable is not None:
            reason, remedy = SENTENCES[unusable]
            refusal = CaseRefused(CaseRefusal.NOT_PERMITTED, detail=reason, remedy=remedy, code=str(unusable))
            refusal.routes = self._routes(entry, now)
            raise refusal
        return entry.consent.to_wire()

    def _routes(self, entry: HeldConsent, now: datetime) -> tuple[JsonObject, ...]:
        """Return the alerts that need no consent, for the service and the role that recorded this one."""
        spec = QuerySpec(
            asker=ServiceRef(entity=self.own, service=ServiceSlug(entry.row.service)),
            kind=ALERT_KIND,
            purpose=PurposeCode(""),
            role=RoleCode(entry.stored.worker.role),
            query=AnyAlert(),
        )
        in_force = self.agreements.in_force(now=now)
        names = {party.entity: party.name for each in in_force for party in each.agreement.parties}
        offers = (offer_route(each, names, each.holder.service) for each in remaining_routes(in_force, spec))
        return tuple(asdict(each) for each in offers)

    def preview(self, entry: HeldConsent, *, now: datetime) -> Preview:
        """Return what stops and what goes on when a consent ends."""
        names: dict[ServiceRef, str] = {}
        flows = []
        for standing in self.agreements.in_force(now=now):
            parties = {party.entity: party.name for party in standing.agreement.parties}
            for clause in standing.agreement.clauses:
                for asker, holder in _pairs(clause, self.own):
                    names |= {each: _name(each, parties) for each in (asker, holder)}
                    flows.append(self._flow(asker, holder, standing.agreement.ref, clause, now))
        flows.sort(key=lambda flow: (str(flow.asker), str(flow.holder), flow.agreement, flow.clause.id))
        return preview(entry.consent, flows, names=names, own=self.own)

    def withdraw(self, entry: HeldConsent, withdrawal: Withdrawal, *, now: datetime) -> None:
        """End a consent. A second withdrawal changes nothing.

        Raises :class:`ConsentFaults` for one who has no authority, and :class:`CaseRefused` for a refusal, which never
        was in force.
        """
        consent = entry.consent
        if entry.row.state == ConsentState.REFUSED:
            raise CaseRefused(
                CaseRefusal.NOT_PERMITTED,
                detail="The person refused this consent, so there is nothing to withdraw.",
                remedy="Nothing is shared on it.",
            )
        self._check_authority(consent, withdrawal.giver, withdrawal.assessment, day_of(now))
        self.store.write(
            lambda tx: end_consent(
                tx,
                self.seal,
                entry.row,
                own=self.own,
                event=ConsentEvent(state=ConsentState.WITHDRAWN, at=now, by=withdrawal.giver.relation),
                worker=withdrawal.worker,
            )
        )

    def finish(self, entry: HeldConsent, kind: str, *, outcome: str, now: datetime) -> bool:
        """Note what came of the tasks of a kind; false where none was open."""
        open_tasks = [each for each in entry.tasks if each.kind == kind and each.done_at is None]

        def effect(tx: Transaction) -> bool:
            return sum(consents.finish_task(tx, each.id, outcome=outcome, at=now) for each in open_tasks) > 0

        return bool(open_tasks) and self.store.write(effect)

    def _flow(self, asker: ServiceRef, holder: ServiceRef, ref: AgreementRef, clause: Clause, now: datetime) -> Flow:
        return Flow(
            asker=asker,
            holder=holder,
            asker_kind=self.kind_of(asker, now),
            holder_kind=self.kind_of(holder, now),
            agreement=f"{ref.id}/{ref.version}",
            clause=clause,
        )

    def _check(self, new: NewConsent, now: datetime) -> None:
        consent, today = new.stored.consent, day_of(now)
        faults = []
        if consent.given_on > today:
            faults.append(Fault(path="given_on", problem="lies ahead"))
        if consent.expires_on is not None and consent.expires_on < max(today, consent.given_on):
            faults.append(Fault(path="expires_on", problem="is over: an expired consent supports nothing"))
        asker = ServiceRef(entity=self.own, service=new.service)
        faults += self._faults_of_scope(consent, asker, now)
        if faults:
            raise ConsentFaults(*faults)
        self._check_authority(consent, consent.giver, consent.assessment, consent.given_on)

    def _faults_of_scope(self, consent: Consent, own: ServiceRef, now: datetime) -> list[Fault]:
        """Return the purposes and recipients that no agreement in force lets the service share for and with."""
        clauses = [
            clause
            for standing in self.agreements.in_force(now=now)
            for clause in standing.agreement.clauses
            if own in clause.askers or own in clause.holders
        ]
        current = {str(clause.purpose) for clause in clauses}
        partners = {str(each) for clause in clauses for each in clause.askers | clause.holders}
        faults = []
        if not consent.purposes <= current:
            names = ", ".join(sorted(current)) or "none"
            faults.append(Fault(path="purposes", problem=f"must be those of agreements in force here: {names}"))
        if not consent.recipients <= partners:
            faults.append(
                Fault(
                    path="recipients",
                    problem="must be services that an agreement in force lets this service share with",
                )
            )
        return faults

    def _check_authority(self, consent: Consent, giver: Giver, assessment: Assessment | None, on: date) -> None:
        denial = deny_authority(
            Decision(
                jurisdiction=consent.jurisdiction,
                giver=giver,
                on=on,
                birth_date=consent.subject.birth_date,
                assessment=assessment,
            )
        )
        if denial is not None:
            raise ConsentFaults(Fault(path="given_by", problem=f"cannot decide this: {denial}"))


def end_consent(
    tx: Transaction, seal: ConsentSeal, row: ConsentRow, *, own: EntityId, event: ConsentEvent, worker: Worker | None
) -> bool:
    """End a consent with its reference, and give a named worker the task to tell the person; false if it had ended.

    Without ``worker`` the one who recorded it has the task.
    """
    stored = seal.open(row.id, row.sealed)
    consent = replace(stored.consent, events=(*stored.consent.events, event))
    sealed = seal.seal(replace(stored, consent=consent))
    if not consents.end(tx, row.id, state=event.state, sealed=sealed, at=event.at):
        return False
    consents.put_ended(tx, seal.key(own, consent.reference), at=event.at)
    consents.finish_task(tx, task_id(seal, row.id, CONSENT_ENDS), outcome=str(event.state), at=event.at)
    task = new_task(seal, row, TELL_PERSON, worker or stored.worker, now=event.at)
    consents.put_task(tx, task)
    return True


def new_task(
    seal: ConsentSeal, row: ConsentRow, kind: str, worker: Worker, *, now: datetime, about: str = ""
) -> ConsentTask:
    """Return a task of a named worker; ``about`` is the service that must be told, if any."""
    name = task_id(seal, row.id, kind, about)
    return ConsentTask(
        id=name,
        consent=row.id,
        kind=kind,
        client_id=row.client_id,
        service=row.service,
        created_at=now,
        due_at=now + TELL_WITHIN,
        sealed=seal.seal_json(row.id, f"task {name}", {"worker": typed_json.encode(worker), "about": about}),
    )


def task_id(seal: ConsentSeal, consent: str, kind: str, about: str = "") -> str:
    """Return the id of the one task of a kind about a consent, and about a service."""
    return seal.digest("task", consent, kind, about)[:22]


def day_of(now: datetime) -> date:
    """Return the day in the United Kingdom."""
    return now.astimezone(ZONE).date()


def _pairs(clause: Clause, own: EntityId) -> Iterator[tuple[ServiceRef, ServiceRef]]:
    """Yield the pairs of services that a clause lets share, where one of the two is of this agency."""
    for asker in clause.askers:
        yield from ((asker, holder) for holder in clause.holders - {asker} if own in (asker.entity, holder.entity))


def _name(service: ServiceRef, parties: dict[EntityId, str]) -> str:
    return f"{parties.get(service.entity, service.entity)} ({service.service})"
