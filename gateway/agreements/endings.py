"""Endings of agreements: made here, learnt from other parties, and told to them until each has the notice.

1. A notice counts that proves under the federation keys that a party's superior vouches for now.
2. What is closed here already is not closed again, so a repeated notice changes nothing.
3. Every notice that leaves is signed afresh: it proves although keys were rotated since, and a node restored from an
   older backup learns from any party what it has forgotten.
4. Where the agreement names those that may end it, another party's notice that it is closed for all is refused. Any
   party may leave (:mod:`trust.agreements.leaving`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.agreements.registry import AgreementRegistry
from gateway.ports import Store, Transaction
from gateway.store.tables import agreements
from gateway.store.tables.agreements import StoredEnding
from trust import strict_json
from trust.agreements.agreement import Agreement, Closure, NotInForce
from trust.agreements.ending import AgreementEnding, build_ending, verify_ending
from trust.errors import WrongIssuer
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer

EndingNotice = Callable[[EntityId, AgreementRef, Closure], None]
"""Record a closure that is about to be accepted from another node; where that fails, it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementEndings:
    """The endings of one node's agreements. Safe for several threads."""

    own: EntityId
    store: Store
    book: AgreementRegistry
    signer: Callable[[], Signer]
    notice: EndingNotice

    def end(self, agreement: Agreement, *, now: datetime) -> bool:
        """End one version, and every lower one where it had taken effect; return false where it has ended already."""
        closure = Closure.ENDED if self.book.took_effect(agreement.ref, now=now) else Closure.WITHDRAWN
        signer = self.signer()
        raw = build_ending(agreement.ref, closure, party=self.own, signer=signer, now=now)
        ending = _stored(agreement.ref, closure, self.own, raw, KeySet.of(KeyUse.FEDERATION, [signer.public]))
        return self.store.write(lambda tx: _close(tx, ending, closure, now))

    def leave(self, agreement: Agreement, *, now: datetime) -> bool:
        """Leave one version, which goes on between the others; return false where this agency has left it already."""
        signer = self.signer()
        raw = build_ending(agreement.ref, Closure.LEFT, party=self.own, signer=signer, now=now)
        leaving = _stored(agreement.ref, Closure.LEFT, self.own, raw, KeySet.of(KeyUse.FEDERATION, [signer.public]))
        return self.store.write(lambda tx: _close(tx, leaving, Closure.LEFT, now))

    def statement(self, agreement: AgreementRef, *, now: datetime) -> bytes | None:
        """Return a fresh notice where the version is closed here, however that came."""
        closure = self.closure(agreement, now=now)
        if closure is None:
            return None
        return build_ending(agreement, closure, party=self.own, signer=self.signer(), now=now)

    def accept(self, agreement: Agreement, raw: bytes, *, party: EntityId, keys: KeySet, now: datetime) -> bool:
        """Verify a party's notice, and close the version as it says; return whether that was new.

        Raises ``TrustError`` for a notice that does not prove.
        """
        ending = verify_ending(raw, party=party, keys=keys, agreement=agreement.ref, now=now)  # 1
        if not self._may_close(agreement, ending, now):  # 4
            if ending.closure is Closure.REPLACED:
                return False
            raise WrongIssuer("The notice is from a party that may leave this agreement, and may not end it for all.")
        current = self.closure(agreement.ref, now=now)
        if current is not None and current in {ending.closure, Closure.ENDED, Closure.REPLACED}:  # 2
            return False
        self.notice(party, agreement.ref, ending.closure)
        stored = _stored(agreement.ref, ending.closure, party, raw, keys)
        self.store.write(lambda tx: _close(tx, stored, ending.closure, now))
        return True

    def closure(self, agreement: AgreementRef, *, now: datetime) -> Closure | None:
        """Return why a version that is held never binds again, or ``None`` where it still may."""
        standing = self.book.find(agreement, now=now)
        return standing.closure if isinstance(standing, NotInForce) else None

    def _may_close(self, agreement: Agreement, ending: AgreementEnding, now: datetime) -> bool:
        """Say whether a party may close a version so; every party may leave, and withdraw what has not taken effect."""
        if ending.closure is Closure.LEFT:
            return True
        standing = self.book.find(agreement.ref, now=now)
        if standing is not None and ending.party in standing.agreement.leavers:
            return False
        withdraws = (
            ending.closure is Closure.WITHDRAWN
            and agreement.is_signing_party(ending.party)
            and not self.book.took_effect(agreement.ref, now=now)
        )
        return withdraws or agreement.may_end(ending.party)

    def leavings(self, agreement: AgreementRef) -> tuple[bytes, ...]:
        """Return the notices of the parties that left, as they signed them."""
        endings = self.store.read(agreements.endings)
        version = (agreement.id, agreement.version)
        return tuple(
            each.raw for each in endings if each.state == Closure.LEFT and (each.agreement_id, each.version) == version
        )

    def undelivered(self, *, now: datetime) -> tuple[tuple[Agreement, EntityId], ...]:
        """Return which parties are still to be told of an ending that was made here, while the agreement would last."""
        endings, deliveries = self.store.read(lambda tx: (agreements.endings(tx), agreements.deliveries(tx)))
        ours = {(each.agreement_id, each.version) for each in endings if each.entity == self.own}
        ended_here = [
            standing.agreement
            for standing in self.book.standings(now=now)
            if (standing.agreement.id, standing.agreement.version) in ours
            and standing.agreement.valid_until >= now.date()
        ]
        return tuple(
            (agreement, party.entity)
            for agreement in ended_here
            for party in agreement.parties
            if party.entity != self.own and (agreement.id, agreement.version, party.entity) not in deliveries
        )

    def record_delivery(self, agreement: AgreementRef, party: EntityId, *, now: datetime) -> None:
        """Record that a party's node has the notice, or does not hold the agreement."""
        self.store.write(
            lambda tx: agreements.record_delivery(
                tx, agreement_id=agreement.id, version=agreement.version, party=party, told_at=now
            )
        )


def _stored(agreement: AgreementRef, closure: Closure, party: EntityId, raw: bytes, keys: KeySet) -> StoredEnding:
    return StoredEnding(
        agreement_id=agreement.id,
        version=agreement.version,
        entity=party,
        state=closure,
        raw=raw,
        jwks=strict_json.dumps(keys.to_jwks()),
    )


def _close(tx: Transaction, ending: StoredEnding, closure: Closure, now: datetime) -> bool:
    agreement_id, version = ending.agreement_id, ending.version
    if closure is Closure.LEFT:
        return agreements.put_leaving(tx, ending, added_at=now)
    changed = closure is not Closure.REPLACED and agreements.end(tx, agreement_id=agreement_id, version=version, at=now)
    if closure is not Closure.WITHDRAWN:
        changed = agreements.retire(tx, agreement_id=agreement_id, through=version) or changed
    if changed:
        agreements.put_ending(tx, ending, added_at=now)
    return changed
