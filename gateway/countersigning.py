"""Bring the signatures under an agreement together, from node to node.

An agreement is never sent to anybody: whoever was told its digest may fetch it, and what was fetched is proved by that
digest. A party's signature is posted to the nodes of the other parties, and each answers with those that it holds. So
a signature goes to whom it concerns, and whoever has signed sees who else has; it does not matter in which order the
parties sign or their nodes come up, because each asks again for what it still misses.

What is accepted here, of whoever brings it:

1. it belongs to an agreement that this node holds and that has not ended, and names one of its parties;
2. it proves under the federation keys that this party's superior vouches for now;
3. it is newer than the one held of that party, so that nobody puts an old one back;
4. a party's signature is taken in once in a minute at most.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Protocol

from gateway.agreement_book import AgreementBook
from gateway.background import Attempt
from gateway.ports import (
    ClaimStore,
    NodeBusy,
    PeerAnswer,
    PeerRequest,
    Store,
    Transport,
    TransportError,
)
from gateway.store import agreements
from gateway.store.agreements import StoredAgreement, StoredSignature
from trust import strict_json
from trust.agreements.agreement import (
    MAX_BYTES,
    Agreement,
    AgreementSignature,
    NotInForce,
    parse_agreement,
    verify_signature,
)
from trust.agreements.signature import peek_party
from trust.claims import digest
from trust.errors import TrustError, WrongIssuer
from trust.exchange.envelope import AgreementRef
from trust.exchange.errors import Fault, MalformedAgreement, SignatureMismatch
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

AGREEMENTS_PATH = "/agreements/v1"
SIGNATURES = "/signatures"
SIGNATURE_TYPE = "application/jwt"
JSON = "application/json"
CLAIMED_FOR = timedelta(minutes=2)
"""How long it is remembered that a party's signature was replaced in this minute."""
MAX_ANSWER = 1_048_576
"""Bytes of all the signatures that a node answers with."""
_SPACE = "agreement-signature"
_KEYS_MAX_BYTES = 65_536
_ASK_S = 5.0
_OK, _NOT_FOUND = 200, 404
_FIRST_AGAIN, _LAST_AGAIN = timedelta(minutes=1), timedelta(hours=1)
_OFFERS_A_ROUND = 8

KeysOf = Callable[[EntityId, datetime], KeySet]
"""Return the federation keys that a party's superior vouches for. Raises ``TrustError``."""


class SignatureNotice(Protocol):
    """Hear of a signature that is about to be accepted from another node; where that fails, it is not."""

    def __call__(self, party: EntityId, agreement: AgreementRef) -> None:
        """Note it."""
        ...


class Told(StrEnum):
    """What became of our signature at another party."""

    TOLD = "told"
    NOT_HELD = "not_held"
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """How one party answered; ``received`` are the parties whose signatures came back and were new."""

    party: EntityId
    told: Told
    detail: str = ""
    received: tuple[EntityId, ...] = ()


def address(entity: EntityId, agreement_digest: str) -> str:
    """Return the address at which a node that holds an agreement lets it be fetched."""
    return f"{entity}{AGREEMENTS_PATH}/{agreement_digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersigning:
    """The signatures of one node's agreements. Safe for several threads."""

    own: EntityId
    store: Store
    transport: Transport
    keys_of: KeysOf
    notice: SignatureNotice

    def document(self, agreement_digest: str) -> bytes | None:
        """Return the agreement of this digest, which this node holds and which has not ended."""
        held = self._held(agreement_digest)
        return None if held is None else held.raw

    def receive(self, agreement_digest: str, raw: bytes, *, claims: ClaimStore, now: datetime) -> bytes | None:
        """Take in a party's signature and answer with all that are held, as JSON; ``None`` where it is not held here.

        Raises ``TrustError`` for what is not accepted, and :class:`gateway.ports.NodeBusy` for a change too soon.
        """
        held = self._held(agreement_digest)
        if held is None:
            return None

        def in_turn(party: EntityId) -> None:
            key = f"{agreement_digest}:{party}:{now:%H:%M}"
            if not claims.claim(space=_SPACE, key=key, issued_at=now, expires=now + CLAIMED_FOR, now=now):
                raise NodeBusy("a signature of this party was taken in a moment ago")

        self._accept(parse_agreement(held.raw), held.signatures, raw, now, in_turn)
        return _answer(self._held(agreement_digest) or held)

    def offer(self, agreement: Agreement, party: EntityId, *, now: datetime) -> Offered:
        """Post our own signature to another party's node, and accept what it answers with."""
        held = self._held(agreement.ref.digest)
        own = None if held is None else held.signatures.get(self.own)
        if own is None:
            raise LookupError("only a party that has signed offers its signature")
        try:
            answer = self._post(address(party, agreement.ref.digest) + SIGNATURES, own.raw)
        except TransportError as failed:
            return Offered(party=party, told=Told.SILENT, detail=str(failed))
        if answer.status == _NOT_FOUND:
            return Offered(party=party, told=Told.NOT_HELD)
        if answer.status != _OK:
            return Offered(party=party, told=Told.REFUSED, detail=_reason(answer))
        return self._taken(agreement, party, answer.body, now)

    def _taken(self, agreement: Agreement, party: EntityId, body: bytes, now: datetime) -> Offered:
        """Accept each signature that a party answered with; one that is refused costs no other."""
        received, detail = [], ""
        try:
            for raw in _signatures(body):
                try:
                    received.append(self._take(agreement, raw, now))
                except TrustError as refused:
                    detail = f"it holds a signature that is refused here: {refused.detail}"
        except TrustError as malformed:
            detail = f"its answer cannot be read: {malformed.detail}"
        new = tuple(each for each in received if each is not None)
        return Offered(party=party, told=Told.TOLD, detail=detail, received=new)

    def _take(self, agreement: Agreement, raw: bytes, now: datetime) -> EntityId | None:
        held = self._held(agreement.ref.digest)
        return None if held is None else self._accept(agreement, held.signatures, raw, now, lambda _: None)

    def _accept(
        self,
        agreement: Agreement,
        held: Mapping[str, StoredSignature],
        raw: bytes,
        now: datetime,
        in_turn: Callable[[EntityId], None],
    ) -> EntityId | None:
        """Verify and store one signature; return its party where it is new, and ``None`` where it is not."""
        party = peek_party(raw)
        if agreement.party(party) is None:  # 1
            raise WrongIssuer("The signature is from somebody who is not a party to this agreement.")
        earlier = held.get(party)
        if party == self.own or (earlier is not None and earlier.raw == raw):
            return None
        keys = self.keys_of(party, now).require_use(KeyUse.FEDERATION)  # 2
        signature = verify_signature(raw, party=party, keys=keys, agreement=agreement.ref, now=now)
        if earlier is not None and not _newer(signature, earlier, agreement, now):  # 3
            return None
        in_turn(party)  # 4
        stored = StoredSignature(raw=raw, jwks=strict_json.dumps(keys.to_jwks()))
        self.notice(party, agreement.ref)
        self.store.write(
            lambda tx: agreements.put_signature(
                tx, agreement=agreement.ref, entity=party, signature=stored, added_at=now
            )
        )
        return party

    def _held(self, agreement_digest: str) -> StoredAgreement | None:
        return self.store.read(lambda tx: agreements.find(tx, digest=agreement_digest))

    def _post(self, url: str, raw: bytes) -> PeerAnswer:
        return self.transport.send(
            PeerRequest(
                method="POST",
                url=url,
                headers={"Content-Type": SIGNATURE_TYPE},
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


class Collecting:
    """Ask for the signatures that are still missing, ever more seldom. For one thread: the keeper's."""

    def __init__(self, countersigning: Countersigning, book: AgreementBook, attempt: Attempt) -> None:
        self._countersigning = countersigning
        self._attempt = attempt
        self.book = book
        self._waits: dict[tuple[str, EntityId], _Wait] = {}

    def round(self, now: datetime) -> None:
        """Offer our signature to those whose own is missing and whose turn it is, a few at a time."""
        due = [
            (standing.agreement, party)
            for standing in self.book.standings(now=now)
            if isinstance(standing, NotInForce) and self._countersigning.own not in standing.missing
            for party in standing.missing
            if standing.agreement.valid_until >= now.date() and self._due(standing.agreement, party, now)
        ]
        for agreement, party in due[:_OFFERS_A_ROUND]:
            earlier = self._waits.get((agreement.ref.digest, party))
            length = _FIRST_AGAIN if earlier is None else min(2 * earlier.length, _LAST_AGAIN)
            self._waits[agreement.ref.digest, party] = _Wait(now, length)
            self._attempt("signatures", partial(self._countersigning.offer, agreement, party, now=now))

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
        raise TransportError(
            "that node does not hold this agreement, or has ended it; ask whoever gave you the address"
        )
    if answer.status != _OK:
        raise TransportError(f"the answer was {answer.status} and not an agreement")
    if digest(answer.body) != url.rpartition("/")[2]:
        raise SignatureMismatch("What stands at this address is not the agreement that its digest names.")
    return answer.body


def _newer(signature: AgreementSignature, earlier: StoredSignature, agreement: Agreement, now: datetime) -> bool:
    """Say whether a signature is newer than the one held; one that no longer proves is older than any."""
    try:
        keys = KeySet.from_jwks(strict_json.loads(earlier.jwks, max_bytes=_KEYS_MAX_BYTES), KeyUse.FEDERATION)
        held = verify_signature(earlier.raw, party=signature.party, keys=keys, agreement=agreement.ref, now=now)
    except TrustError:
        return True
    return signature.signed_at > held.signed_at


def _answer(held: StoredAgreement) -> bytes:
    return strict_json.dumps({"signatures": [each.raw.decode("ascii") for each in held.signatures.values()]})


def _signatures(body: bytes) -> list[bytes]:
    found = strict_json.loads(body, max_bytes=MAX_ANSWER).get("signatures")
    if not isinstance(found, list) or not all(isinstance(each, str) and each.isascii() for each in found):
        raise MalformedAgreement([Fault(path="signatures", problem="must be a list of signatures")])
    return [each.encode("ascii") for each in found]


def _reason(answer: PeerAnswer) -> str:
    """Return what a problem document says, in its own words where it has any that can be shown."""
    try:
        detail = strict_json.loads(answer.body, max_bytes=MAX_ANSWER).get("detail")
    except TrustError:
        detail = None
    said = detail if isinstance(detail, str) and detail.isprintable() else "it gave no reason"
    return f"it answered {answer.status}: {said}"
