"""Accessions of a node's agreements: held here, brought by other nodes, and delivered to those that need them.

A document of a joiner or of a party is accepted in this order:

1. it proves under the federation keys that its issuer's superior vouches for now;
2. an accession fits its class: at every node, the joiner holds the marks and its services are of the kinds;
3. an admission is by a party that may admit; a ruling is by its caller, a member, on an accession that is held here;
4. an accession without an admission is brought by its joiner, to a party that may admit it, while few enough wait;
5. of two rulings the later counts.

What cannot be accepted changes nothing (assertion A72). The joiner's node delivers its accession, to the admitting
parties until one admits it, and then with the admission to every other party; the admitting party's node delivers both
to the joiner and to the parties of the document; a ruling goes to its joiner.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.agreements.registry import AgreementRegistry
from gateway.ports import NodeBusy, Store, Transaction, TrustResolver
from gateway.store.tables import accessions
from gateway.store.tables.accessions import StoredAccession, StoredRuling
from gateway.store.tables.agreements import StoredSignature
from trust import strict_json
from trust.agreements.accession import (
    ACCESSION_TYP,
    ADMISSION_TYP,
    RULING_TYP,
    Accession,
    PartyRuling,
    check_accession,
    may_admit,
    verify_accession,
    verify_admission,
    verify_ruling,
)
from trust.agreements.agreement import Agreement
from trust.agreements.joined import HeldAccession, counts
from trust.agreements.party_call import NO_PAPERS, Papers
from trust.agreements.signature import peek_party
from trust.claims import digest
from trust.errors import WrongIssuer
from trust.exchange.envelope import AgreementRef
from trust.exchange.errors import JoinerUnfit
from trust.federation.trust_mark import valid_types
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeySet, KeyUse

MOST_WAITING: Final = 200
"""Accessions of one agreement that wait at one node for an admission."""
MOST_JOINERS: Final = 5_000
PAGE: Final = 64
"""Accessions in one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """The types of an agency's trust marks that are valid now, and its services' kinds, as anchors vouch for them."""

    marks: frozenset[str]
    kinds: Mapping[ServiceSlug, str]


def member_facts(directory: TrustResolver, entity: EntityId, now: datetime) -> MemberFacts:
    """Return an agency's valid trust marks and the kinds of its services. Raises ``TrustError``."""
    party = directory.resolve(entity, now=now)
    services = () if party.node is None else party.node.services
    kinds = {each.slug: each.kind for each in services}
    return MemberFacts(marks=valid_types(party.marks, now=now), kinds=kinds)


PaperNotice = Callable[[EntityId, AgreementRef, str], None]
"""Record a document of that sort that is about to be accepted from another node; where that fails, it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperDelivery:
    """Documents that a party's node lacks. They are found in the store when they are sent."""

    party: EntityId
    accession: str = ""
    joiner: EntityId | None = None
    key: str = ""
    """What is recorded once they are delivered; empty where they are sent again until there is more to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accessions:
    """The accessions of one node's agreements. Safe for several threads."""

    own: EntityId
    store: Store
    book: AgreementRegistry
    keys_of: Callable[[EntityId, datetime], KeySet]
    facts_of: Callable[[EntityId, datetime], MemberFacts]
    notice: PaperNotice

    def is_joiner(self, agreement: Agreement, entity: EntityId, *, now: datetime) -> bool:
        """Say whether an agency has joined, by an admitted accession that is held here."""
        return any(record.accession.issuer == entity for record in self._counting(agreement, now))

    def accept(self, agreement: Agreement, papers: Papers, *, caller: EntityId, now: datetime) -> tuple[EntityId, ...]:
        """Verify and store what another node brought; return the joiners that are new or ruled on.

        Raises ``TrustError`` for what is not accepted, ``AgreementConflict`` for an agreement that was ended, and
        :class:`gateway.ports.NodeBusy` where too many wait.
        """
        changed = []
        if papers.accession is not None:
            changed.append(self.accept_accession(agreement, papers.accession, papers.admission, caller, now))
        if papers.ruling is not None:
            ruling = self.accept_ruling(agreement, papers.ruling, caller=caller, now=now)
            changed.append(None if ruling is None else ruling.joiner)
        return tuple(each for each in changed if each is not None)

    def accept_accession(
        self, agreement: Agreement, raw: bytes, admission: bytes | None, caller: EntityId, now: datetime
    ) -> EntityId | None:
        """Verify and store an accession, with its admission if it has one; return its joiner where that is new."""
        record = self._record(agreement, digest(raw), now)
        if record is not None and (record.admission is not None or admission is None):
            return None
        joiner = peek_party(raw, typ=ACCESSION_TYP)
        keys = self._keys(joiner, now)
        accession = verify_accession(raw, party=joiner, keys=keys, agreement=agreement.ref, now=now)  # 1
        if joiner != self.own:
            self._check_class(agreement, accession, now)  # 2
        if admission is None and not self._may_wait(agreement, accession, caller):  # 4
            raise WrongIssuer("An accession that is not admitted is brought by its joiner, to a party that may admit.")
        signed = None if admission is None else self._prove_admission(agreement, accession, admission, now)
        self._refuse_too_many(agreement, joiner, now, waits=admission is None)
        self.notice(joiner, agreement.ref, "accession")
        self._store(agreement.ref, accession, _stored(raw, keys), signed, now)
        return joiner

    def accept_ruling(self, agreement: Agreement, raw: bytes, *, caller: EntityId, now: datetime) -> PartyRuling | None:
        """Verify and store a ruling of the caller's own; return it where it is new."""
        party = peek_party(raw, typ=RULING_TYP)
        if party != caller:  # 3
            raise WrongIssuer("A ruling is brought by the party that made it.")
        keys = self._keys(party, now)
        ruling = verify_ruling(raw, party=party, keys=keys, agreement=agreement.ref, now=now)  # 1
        self._require_accession(agreement, ruling, now)  # 3
        earlier = self.book.joiner_records(agreement.ref, now=now).ruling(party, ruling.joiner)
        if earlier is not None and earlier.signed_at >= ruling.signed_at:  # 5
            return None
        self.notice(party, agreement.ref, "ruling")
        stored = StoredRuling(
            agreement_id=agreement.id,
            version=agreement.version,
            party=party,
            joiner=ruling.joiner,
            signed=_stored(raw, keys),
        )
        self.store.write(lambda tx: accessions.put_ruling(tx, agreement=agreement.ref, ruling=stored, added_at=now))
        return ruling

    def admit(self, agreement: Agreement, accession: Accession, raw: bytes, *, now: datetime) -> bool:
        """Store an admission of an accession that is held; return false where it has one. Raises ``TrustError``."""
        party, signed = self._prove_admission(agreement, accession, raw, now)
        return self.store.write(
            lambda tx: accessions.admit(
                tx, agreement=agreement.ref, digest=accession.digest, party=party, signed=signed, at=now
            )
        )

    def answer(
        self, agreement: Agreement, caller: EntityId, after: str | None, *, now: datetime
    ) -> tuple[tuple[Papers, ...], bytes | None]:
        """Return what a member of the agreement is told of accessions, and this node's ruling on it.

        It is told of its own and of this node's; or, if it asked for all, of :data:`PAGE` after a digest.
        """
        counting = self._counting(agreement, now)
        if after is None:
            digests = {each.accession.digest for each in counting if each.accession.issuer in {caller, self.own}}
        else:
            digests = set(sorted(each.accession.digest for each in counting if each.accession.digest > after)[:PAGE])
        ref = agreement.ref

        def read(tx: Transaction) -> tuple[tuple[Papers, ...], bytes | None]:
            rows = (accessions.find(tx, agreement=ref, digest=each) for each in sorted(digests))
            papers = tuple(_papers(each) for each in rows if each is not None)
            return papers, accessions.find_ruling(tx, agreement=ref, party=self.own, joiner=caller)

        return self.store.read(read)

    def undelivered(self, agreement: Agreement, *, now: datetime) -> tuple[PaperDelivery, ...]:
        """Return what this node has to deliver, and to which party."""
        if not self.book.joiner_records(agreement.ref, now=now).accessions:
            return ()
        delivered = self.store.read(lambda tx: accessions.deliveries(tx, agreement.ref))
        return tuple(
            each
            for each in self._deliveries(agreement, now)
            if each.party != self.own and (each.key, each.party) not in delivered
        )

    def sources(self, *, now: datetime) -> tuple[tuple[Agreement, EntityId], ...]:
        """Return each agreement of this node that agencies may join, with a party that admits them."""
        pairs = []
        for agreement in self.book.open_documents(now=now):
            admitting = [party for joining in agreement.joining for party in joining.admitted_by if party != self.own]
            member = agreement.party(self.own) is not None or self.is_joiner(agreement, self.own, now=now)
            pairs += [(agreement, each) for each in admitting[:1] if member]
        return tuple(pairs)

    def papers(self, agreement: AgreementRef, delivery: PaperDelivery) -> Papers:
        """Return the documents of a delivery."""

        def read(tx: Transaction) -> Papers:
            if delivery.joiner is not None:
                ruling = accessions.find_ruling(tx, agreement=agreement, party=self.own, joiner=delivery.joiner)
                return Papers(ruling=ruling)
            stored = accessions.find(tx, agreement=agreement, digest=delivery.accession)
            return NO_PAPERS if stored is None else _papers(stored)

        return self.store.read(read)

    def record_delivery(self, agreement: AgreementRef, delivery: PaperDelivery, *, now: datetime) -> None:
        """Record that a party's node has the documents of a delivery."""
        if delivery.key:
            self.store.write(
                lambda tx: accessions.record_deliveries(
                    tx, agreement=agreement, digests=(delivery.key,), party=delivery.party, told_at=now
                )
            )

    def _deliveries(self, agreement: Agreement, now: datetime) -> Iterator[PaperDelivery]:
        records, counting = self.book.joiner_records(agreement.ref, now=now), self._counting(agreement, now)
        parties = [party.entity for party in agreement.parties]
        joiners = {record.accession.issuer: None for record in counting}
        for record in records.accessions:
            accession, admission = record.accession, record.admission
            joining = agreement.joining_class(accession.class_id)
            if admission is None and accession.issuer == self.own and joining is not None:
                yield from (PaperDelivery(party=each, accession=accession.digest) for each in joining.admitted_by)
            elif admission is not None and self.own in {accession.issuer, admission.issuer}:
                others = (*parties, *(joiners if accession.issuer == self.own else (accession.issuer,)))
                for each in others:
                    yield PaperDelivery(party=each, accession=accession.digest, key=accession.digest)
        for ruling in records.rulings.values():
            if ruling.issuer == self.own:
                key = f"{ruling.accession} {ruling.ruling} {ruling.signed_at}"
                yield PaperDelivery(party=ruling.joiner, joiner=ruling.joiner, key=key)

    def _counting(self, agreement: Agreement, now: datetime) -> list[HeldAccession]:
        records = self.book.joiner_records(agreement.ref, now=now).accessions
        return [record for record in records if counts(agreement, record)]

    def _record(self, agreement: Agreement, accession_digest: str, now: datetime) -> HeldAccession | None:
        records = self.book.joiner_records(agreement.ref, now=now).accessions
        return next((each for each in records if each.accession.digest == accession_digest), None)

    def _check_class(self, agreement: Agreement, accession: Accession, now: datetime) -> None:
        facts = self.facts_of(accession.issuer, now)
        reasons = check_accession(agreement, accession, marks=facts.marks, kinds=facts.kinds)
        if reasons:
            raise JoinerUnfit(" ".join(reasons))

    def _require_accession(self, agreement: Agreement, ruling: PartyRuling, now: datetime) -> None:
        """Refuse a ruling of an agency that is no member, or on an accession that is not held here."""
        party = ruling.issuer
        is_member = agreement.party(party) is not None or self.is_joiner(agreement, party, now=now)
        record = self._record(agreement, ruling.accession, now)
        if not is_member or record is None or record.accession.issuer != ruling.joiner:
            raise WrongIssuer("The ruling is not by a member on an accession that is held here.")

    def _may_wait(self, agreement: Agreement, accession: Accession, caller: EntityId) -> bool:
        is_own = caller == self.own == accession.issuer
        return is_own or (accession.issuer == caller and may_admit(agreement, accession.class_id, self.own))

    def _prove_admission(
        self, agreement: Agreement, accession: Accession, raw: bytes, now: datetime
    ) -> tuple[EntityId, StoredSignature]:
        party = peek_party(raw, typ=ADMISSION_TYP)
        if not may_admit(agreement, accession.class_id, party):  # 3
            raise WrongIssuer(f"The admission is by {party}, which does not admit to class {accession.class_id}.")
        keys = self._keys(party, now)
        verify_admission(raw, party=party, keys=keys, accession=accession, now=now)  # 1
        return party, _stored(raw, keys)

    def _refuse_too_many(self, agreement: Agreement, joiner: EntityId, now: datetime, *, waits: bool) -> None:
        records = self.book.joiner_records(agreement.ref, now=now).accessions
        others = [each for each in records if each.accession.issuer != joiner and (each.admission is None) == waits]
        if len(others) >= (MOST_WAITING if waits else MOST_JOINERS):
            raise NodeBusy("too many agencies have joined this agreement, or wait to be admitted")

    def _store(
        self,
        agreement: AgreementRef,
        accession: Accession,
        signed: StoredSignature,
        admission: tuple[EntityId, StoredSignature] | None,
        now: datetime,
    ) -> None:
        stored = StoredAccession(
            agreement_id=agreement.id,
            version=agreement.version,
            digest=accession.digest,
            entity=accession.issuer,
            accession=signed,
        )

        def put(tx: Transaction) -> None:
            accessions.put(tx, agreement=agreement, accession=stored, added_at=now)
            if admission is not None:
                party, document = admission
                accessions.admit(tx, agreement=agreement, digest=accession.digest, party=party, signed=document, at=now)

        self.store.write(put)

    def _keys(self, entity: EntityId, now: datetime) -> KeySet:
        return self.keys_of(entity, now).require_use(KeyUse.FEDERATION)


def _stored(raw: bytes, keys: KeySet) -> StoredSignature:
    return StoredSignature(raw=raw, jwks=strict_json.dumps(keys.to_jwks()))


def _papers(stored: StoredAccession) -> Papers:
    admission = None if stored.admission is None else stored.admission.raw
    return Papers(accession=stored.accession.raw, admission=admission)
