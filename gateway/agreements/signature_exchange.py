"""Bring the signatures under an agreement together, from node to node.

A node never sends an agreement: a holder of its digest may fetch it, and the digest proves what was fetched. A party
calls on the nodes of the other parties with its own signature, and each answers with those that it holds. The order in
which the parties sign and their nodes start does not matter, because each calls again for what it still misses. Calls
also carry endings (:mod:`gateway.agreements.endings`), in both directions.

A call is accepted in this order:

1. its agreement is held here, and its caller is another party to it;
2. it proves under the federation keys that the caller's superior vouches for now, for this node alone;
3. it is good once.

A signature, in a call or in its answer, is accepted in this order:

4. it is of a party to an agreement that is not closed here;
5. it proves under the federation keys that this party's superior vouches for now;
6. it is newer than the one held of that party, so that an old one cannot come back;
7. a call replaces a party's signature once in a minute at most.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from secrets import token_urlsafe

from gateway.agreements.endings import AgreementEndings
from gateway.agreements.registry import AgreementRegistry
from gateway.ports import (
    ClaimStore,
    NodeBusy,
    PeerRequest,
    PeerResponse,
    Store,
    Transport,
    TransportError,
)
from gateway.runtime.background import Attempt
from gateway.store.tables import agreements
from gateway.store.tables.agreements import AgreementConflict, StoredAgreement, StoredSignature
from trust import strict_json
from trust.agreements.agreement import (
    MAX_BYTES,
    Agreement,
    AgreementSignature,
    NotInForce,
    parse_agreement,
    verify_signature,
)
from trust.agreements.party_call import PartyCall, build_call, call_parties, open_call, peek_caller
from trust.agreements.signature import peek_party
from trust.claims import digest, from_seconds
from trust.errors import TrustError, WrongIssuer
from trust.exchange.envelope import AgreementRef
from trust.exchange.errors import Fault, MalformedAgreement, SignatureMismatch
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer

AGREEMENTS_PATH = "/agreements/v1"
SIGNATURES = "/signatures"
CALL_TYPE = "application/jwt"
JSON = "application/json"
CLAIMED_FOR = timedelta(minutes=2)
"""How long it is remembered that a party's signature was replaced in this minute."""
MAX_ANSWER = 1_048_576
"""Bytes of all the signatures that a node answers with."""
_SPACE = "agreement-signature"
_CALLS = "agreement-call"
_JTI_BYTES = 16
_KEYS_MAX_BYTES = 65_536
_ASK_S = 5.0
_OK, _NOT_FOUND = 200, 404
_FIRST_AGAIN, _LAST_AGAIN = timedelta(minutes=1), timedelta(hours=1)
_OFFERS_A_ROUND = 8

KeysOf = Callable[[EntityId, datetime], KeySet]
"""Return the federation keys that a party's superior vouches for. Raises ``TrustError``."""


class CallReused(Exception):
    """A party's call was made before."""


SignatureNotice = Callable[[EntityId, AgreementRef], None]
"""Record a signature that is about to be accepted from another node; where that fails, it is not."""


class DeliveryStatus(StrEnum):
    """What became of our signature at another party."""

    DELIVERED = "told"
    NOT_HELD = "not_held"
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferResult:
    """How one party answered; ``received`` are the parties whose signatures came back and were new."""

    party: EntityId
    status: DeliveryStatus
    detail: str = ""
    received: tuple[EntityId, ...] = ()
    closed: bool = False
    """It answered that the version is closed there, which was new here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingsResult:
    """Which parties said how their agreements stand, which could not be asked, and what was closed here for it."""

    responders: frozenset[EntityId]
    silent: frozenset[EntityId]
    closed: frozenset[AgreementRef]


def address(entity: EntityId, agreement_digest: str) -> str:
    """Return the address at which a node that holds an agreement lets it be fetched."""
    return f"{entity}{AGREEMENTS_PATH}/{agreement_digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureExchange:
    """The signatures of one node's agreements. Safe for several threads."""

    own: EntityId
    store: Store
    transport: Transport
    keys_of: KeysOf
    notice: SignatureNotice
    signer: Callable[[], Signer]
    endings: AgreementEndings

    def document(self, agreement_digest: str) -> bytes | None:
        """Return the agreement of this digest, which this node holds and which has not ended."""
        stored = self._find(agreement_digest)
        return None if stored is None else stored.raw

    def receive(self, agreement_digest: str, raw: bytes, *, claims: ClaimStore, now: datetime) -> bytes | None:
        """Take in a party's call and answer it, as JSON; ``None`` where the agreement is not held here.

        Raises ``TrustError`` for what is not accepted, :class:`CallReused` for a call that was made before, and
        :class:`gateway.ports.NodeBusy` for a change too soon.
        """
        stored = self._find_with_ended(agreement_digest)
        if stored is None:
            return None
        agreement = parse_agreement(stored.raw)
        call = self._open_call(agreement, raw, claims, now)
        if call.ending is not None:
            party = call.parties.iss
            self.endings.accept(agreement, call.ending, party=party, keys=self._keys(party, now), now=now)
        statement = self.endings.statement(agreement.ref, now=now)
        if statement is not None:
            return strict_json.dumps({"signatures": [], "ending": statement.decode("ascii")})

        def in_turn(party: EntityId) -> None:
            key = f"{agreement_digest}:{party}:{now:%H:%M}"
            if not claims.claim(space=_SPACE, key=key, issued_at=now, expires=now + CLAIMED_FOR, now=now):  # 7
                raise NodeBusy("a signature of this party was taken in a moment ago")

        if call.signature is not None:
            self._accept(agreement, stored.signatures, call.signature, now, in_turn)
        return _answer(self._find(agreement_digest) or stored)

    def _open_call(self, agreement: Agreement, raw: bytes, claims: ClaimStore, now: datetime) -> PartyCall:
        caller = peek_caller(raw)
        if agreement.party(caller) is None or caller == self.own:  # 1
            raise WrongIssuer("The call is from an agency that is not another party to this agreement.")
        call = open_call(
            raw, caller=caller, keys=self._keys(caller, now), own=self.own, agreement=agreement.ref, now=now
        )  # 2
        parties = call.parties
        first = claims.claim(
            space=_CALLS,
            key=digest(f"{caller} {parties.jti}".encode()),
            issued_at=from_seconds(parties.iat),
            expires=from_seconds(parties.exp) + CLAIMED_FOR,
            now=now,
        )
        if not first:  # 3
            raise CallReused
        return call

    def offer(self, agreement: Agreement, party: EntityId, *, now: datetime) -> OfferResult:
        """Call on another party's node with our signature and our notice of an ending, and accept what it answers."""
        ref = agreement.ref
        stored, ending = self._find(ref.digest), self.endings.statement(ref, now=now)
        own = None if stored is None or ending is not None else stored.signatures.get(self.own)
        call = PartyCall(
            parties=call_parties(self.own, party, jti=token_urlsafe(_JTI_BYTES), now=now),
            agreement=ref,
            signature=None if own is None else own.raw,
            ending=ending,
        )
        try:
            answer = self._post(address(party, ref.digest) + SIGNATURES, build_call(call, signer=self.signer()))
        except TransportError as failed:
            return OfferResult(party=party, status=DeliveryStatus.SILENT, detail=str(failed))
        if answer.status not in {_OK, _NOT_FOUND}:
            return OfferResult(party=party, status=DeliveryStatus.REFUSED, detail=_reason(answer))
        if ending is not None:
            self.endings.record_delivery(ref, party, now=now)
        if answer.status == _NOT_FOUND:
            return OfferResult(party=party, status=DeliveryStatus.NOT_HELD)
        return self._apply_answer(agreement, party, answer.body, now)

    def ask_endings(self, *, now: datetime) -> EndingsResult:
        """Ask every party of each agreement that may still bind whether it is closed there, and close it here too.

        For a node that was restored from a backup, which has forgotten endings and newer versions since. A node that
        could not be asked is among ``silent``: ask again.
        """
        responders, silent, closed = set[EntityId](), set[EntityId](), set[AgreementRef]()
        for standing in self.endings.book.standings(now=now):
            agreement = standing.agreement
            if isinstance(standing, NotInForce) and standing.closure is not None:
                continue
            for party in agreement.parties:
                if party.entity != self.own:
                    result = self.offer(agreement, party.entity, now=now)
                    (
                        responders if result.status in {DeliveryStatus.DELIVERED, DeliveryStatus.NOT_HELD} else silent
                    ).add(party.entity)
            if self.endings.closure(agreement.ref, now=now) is not None:
                closed.add(agreement.ref)
        return EndingsResult(
            responders=frozenset(responders - silent), silent=frozenset(silent), closed=frozenset(closed)
        )

    def _apply_answer(self, agreement: Agreement, party: EntityId, body: bytes, now: datetime) -> OfferResult:
        """Accept each signature and the ending that a party answered with; one that is refused costs no other."""
        received, closed, detail = [], False, ""
        try:
            signatures, ending = _read_answer(body)
            if ending is not None:
                closed = self.endings.accept(agreement, ending, party=party, keys=self._keys(party, now), now=now)
            for raw in signatures:
                try:
                    received.append(self._apply_signature(agreement, raw, now))
                except TrustError as refused:
                    detail = f"it holds a signature that is refused here: {refused.detail}"
        except TrustError as malformed:
            detail = f"its answer cannot be used: {malformed.detail}"
        new = tuple(each for each in received if each is not None)
        return OfferResult(party=party, status=DeliveryStatus.DELIVERED, detail=detail, received=new, closed=closed)

    def _apply_signature(self, agreement: Agreement, raw: bytes, now: datetime) -> EntityId | None:
        stored = self._find(agreement.ref.digest)
        if stored is None or self.endings.closure(agreement.ref, now=now) is not None:  # 4
            return None
        return self._accept(agreement, stored.signatures, raw, now, lambda _: None)

    def _accept(
        self,
        agreement: Agreement,
        signatures: Mapping[str, StoredSignature],
        raw: bytes,
        now: datetime,
        in_turn: Callable[[EntityId], None],
    ) -> EntityId | None:
        """Verify and store one signature; return its party where it is new, and ``None`` where it is not."""
        party = peek_party(raw)
        if agreement.party(party) is None:  # 4
            raise WrongIssuer("The signature is from an agency that is not a party to this agreement.")
        earlier = signatures.get(party)
        if party == self.own or (earlier is not None and earlier.raw == raw):
            return None
        keys = self._keys(party, now)  # 5
        signature = verify_signature(raw, party=party, keys=keys, agreement=agreement.ref, now=now)
        if earlier is not None and not _newer(signature, earlier, agreement, now):  # 6
            return None
        in_turn(party)
        stored = StoredSignature(raw=raw, jwks=strict_json.dumps(keys.to_jwks()))
        self.notice(party, agreement.ref)
        try:
            self.store.write(
                lambda tx: agreements.put_signature(
                    tx, agreement=agreement.ref, entity=party, signature=stored, added_at=now
                )
            )
        except AgreementConflict:  # it was ended meanwhile
            return None
        return party

    def _keys(self, party: EntityId, now: datetime) -> KeySet:
        return self.keys_of(party, now).require_use(KeyUse.FEDERATION)

    def _find(self, agreement_digest: str) -> StoredAgreement | None:
        return self.store.read(lambda tx: agreements.find(tx, digest=agreement_digest))

    def _find_with_ended(self, agreement_digest: str) -> StoredAgreement | None:
        return self.store.read(lambda tx: agreements.find_with_ended(tx, digest=agreement_digest))

    def _post(self, url: str, raw: bytes) -> PeerResponse:
        return self.transport.send(
            PeerRequest(
                method="POST",
                url=url,
                headers={"Content-Type": CALL_TYPE},
                body=raw,
                accept=JSON,
                max_bytes=MAX_ANSWER,
                timeout_s=_ASK_S,
            )
        )


@dataclass(frozen=True, slots=True)
class _Wait:
    since: datetime
    length: timedelta


class MissingSignatureCollector:
    """Call for missing signatures and tell of endings, less and less often. For one thread: the keeper's."""

    def __init__(self, countersigning: SignatureExchange, book: AgreementRegistry, attempt: Attempt) -> None:
        self._countersigning = countersigning
        self._attempt = attempt
        self.book = book
        self._waits: dict[tuple[str, EntityId], _Wait] = {}

    def round(self, now: datetime) -> None:
        """Record what is retired by now, then call on a few parties whose turn it is."""
        self._attempt("retirements", partial(self.book.settle, now))
        due = [
            (agreement, party)
            for agreement, party in (*self._countersigning.endings.undelivered(now=now), *self._unsigned(now))
            if self._due(agreement, party, now)
        ]
        for agreement, party in due[:_OFFERS_A_ROUND]:
            earlier = self._waits.get((agreement.ref.digest, party))
            length = _FIRST_AGAIN if earlier is None else min(2 * earlier.length, _LAST_AGAIN)
            self._waits[agreement.ref.digest, party] = _Wait(now, length)
            self._attempt("signatures", partial(self._countersigning.offer, agreement, party, now=now))

    def _unsigned(self, now: datetime) -> list[tuple[Agreement, EntityId]]:
        return [
            (standing.agreement, party)
            for standing in self.book.standings(now=now)
            if isinstance(standing, NotInForce) and self._countersigning.own not in standing.missing
            for party in standing.missing
            if standing.agreement.valid_until >= now.date()
        ]

    def _due(self, agreement: Agreement, party: EntityId, now: datetime) -> bool:
        wait = self._waits.get((agreement.ref.digest, party))
        return wait is None or not timedelta() <= now - wait.since < wait.length


def fetch_agreement(transport: Transport, url: str) -> bytes:
    """Fetch an agreement from an address that ends in its digest, and prove it by that digest.

    Raises ``TransportError``, or ``TrustError`` where something else stands there.
    """
    answer = transport.send(
        PeerRequest(method="GET", url=url, headers={}, body=b"", accept=JSON, max_bytes=MAX_BYTES, timeout_s=_ASK_S)
    )
    if answer.status == _NOT_FOUND:
        raise TransportError("that node does not hold this agreement, or has ended it; ask the sender of the address")
    if answer.status != _OK:
        raise TransportError(f"the answer was {answer.status} and not an agreement")
    if digest(answer.body) != url.rpartition("/")[2]:
        raise SignatureMismatch("What stands at this address is not the agreement that its digest names.")
    return answer.body


def _newer(signature: AgreementSignature, earlier: StoredSignature, agreement: Agreement, now: datetime) -> bool:
    """Say whether a signature is newer than the one held; one that no longer proves is older than any."""
    try:
        keys = KeySet.from_jwks(strict_json.loads(earlier.jwks, max_bytes=_KEYS_MAX_BYTES), KeyUse.FEDERATION)
        earlier_signature = verify_signature(
            earlier.raw, party=signature.party, keys=keys, agreement=agreement.ref, now=now
        )
    except TrustError:
        return True
    return signature.signed_at > earlier_signature.signed_at


def _answer(agreement: StoredAgreement) -> bytes:
    return strict_json.dumps({"signatures": [each.raw.decode("ascii") for each in agreement.signatures.values()]})


def _read_answer(body: bytes) -> tuple[list[bytes], bytes | None]:
    """Return the signatures and the notice of an ending, not verified yet, that a party answered with."""
    answer = strict_json.loads(body, max_bytes=MAX_ANSWER)
    signatures, ending = answer.get("signatures"), answer.get("ending")
    if not isinstance(signatures, list) or not all(_is_ascii(each) for each in signatures):
        raise MalformedAgreement([Fault(path="signatures", problem="must be a list of signatures")])
    if ending is not None and not _is_ascii(ending):
        raise MalformedAgreement([Fault(path="ending", problem="must be a signed notice")])
    return [str(each).encode("ascii") for each in signatures], None if ending is None else str(ending).encode("ascii")


def _is_ascii(value: object) -> bool:
    return isinstance(value, str) and value.isascii()


def _reason(answer: PeerResponse) -> str:
    """Return what a problem document says, in its own words where it has any that can be shown."""
    try:
        detail = strict_json.loads(answer.body, max_bytes=MAX_ANSWER).get("detail")
    except TrustError:
        detail = None
    reason = detail if isinstance(detail, str) and detail.isprintable() else "it gave no reason"
    return f"it answered {answer.status}: {reason}"
