"""Bring the signatures under an agreement together, from node to node.

A node never sends an agreement: a holder of its digest may fetch it, and the digest proves what was fetched. A party
calls on the nodes of the other parties with its own signature, and each answers with those that it holds. The order in
which the parties sign and their nodes start does not matter, because each calls again for what it still misses. Calls
also carry endings (:mod:`gateway.agreements.endings`) and accessions (:mod:`gateway.agreements.accessions`), in both
directions.

A call is accepted in this order:

1. its agreement is held here, and its caller is another party to it, has joined it, or may be about to;
2. it proves under the federation keys that the caller's superior vouches for now, for this node alone;
3. it is good once; an agency that has not joined is heard a few times in a minute, with an accession only.

A signature, in a call or in its answer, is accepted in this order:

4. it is of a party to an agreement that is not closed here;
5. it proves under the federation keys that this party's superior vouches for now;
6. it is newer than the one held of that party, so that an old one cannot come back;
7. a call replaces a party's signature once in a minute at most.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from secrets import token_urlsafe

from gateway.agreements.accessions import Accessions
from gateway.agreements.endings import AgreementEndings
from gateway.agreements.fetch import refusal_reason
from gateway.agreements.suspensions import AgreementSuspensions
from gateway.ports import (
    ClaimStore,
    NodeBusy,
    PeerRequest,
    PeerResponse,
    Store,
    Transport,
    TransportError,
)
from gateway.store.tables import agreements
from gateway.store.tables.agreements import AgreementConflict, StoredAgreement, StoredSignature
from trust import strict_json
from trust.agreements.agreement import (
    Agreement,
    AgreementSignature,
    Closure,
    NotInForce,
    parse_agreement,
    verify_signature,
)
from trust.agreements.ending import TYP as ENDING_TYP
from trust.agreements.ending import verify_ending
from trust.agreements.party_answer import MAX_BYTES as MAX_ANSWER_BYTES
from trust.agreements.party_answer import PartyAnswer, build_answer, parse_answer
from trust.agreements.party_call import (
    Papers,
    PartyCall,
    build_call,
    call_parties,
    open_call,
    peek_caller,
)
from trust.agreements.signature import peek_party
from trust.claims import digest, from_seconds
from trust.errors import TrustError, WrongIssuer
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer

AGREEMENTS_PATH = "/agreements/v1"
SIGNATURES = "/signatures"
CALL_TYPE = "application/jwt"
JSON = "application/json"
CLAIMED_FOR = timedelta(minutes=2)
"""How long it is remembered that a party's signature was replaced in this minute."""
_SPACE = "agreement-signature"
_CALLS = "agreement-call"
_JOINERS = "agreement-joiner"
_JOINERS_A_MINUTE = 60
_ACCESSIONS_A_MINUTE = 3
JTI_BYTES = 16
_KEYS_MAX_BYTES = 65_536
_ASK_S = 5.0
_OK, _NOT_FOUND = 200, 404

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
    last: str = ""
    """The last digest among the accessions that it answered with."""


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
    suspensions: AgreementSuspensions
    accessions: Accessions

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
        caller = call.parties.iss
        if call.ending is not None:
            self._require_member(agreement, caller, now)
            self.endings.accept(agreement, call.ending, party=caller, keys=self._keys(caller, now), now=now)
        statement = self.endings.statement(agreement.ref, now=now)
        if statement is not None:
            return build_answer(PartyAnswer(ending=statement))

        def in_turn(party: EntityId) -> None:
            key = f"{agreement_digest}:{party}:{now:%H:%M}"
            if not claims.claim(space=_SPACE, key=key, issued_at=now, expires=now + CLAIMED_FOR, now=now):  # 7
                raise NodeBusy("a signature of this party was taken in a moment ago")

        if call.signature is not None:
            self._accept(agreement, stored.signatures, call.signature, now, in_turn)
        if call.suspension is not None:
            self.suspensions.accept(agreement, call.suspension, self._keys, now=now)
        self._accept_papers(agreement, call, now)
        if not self._is_member(agreement, caller, now):
            return build_answer(PartyAnswer())
        papers, ruling = self.accessions.answer(agreement, caller, call.after, now=now)
        held_signatures = (self._find(agreement_digest) or stored).signatures.values() if call.after is None else ()
        signatures = [each.raw for each in held_signatures]
        answer = PartyAnswer(signatures=signatures, papers=papers, ruling=ruling)
        if call.after is not None:
            return build_answer(answer)
        newest, leavings = self.suspensions.statement(agreement.ref, now=now), self.endings.leavings(agreement.ref)
        return build_answer(replace(answer, leavings=leavings, suspension=newest))

    def _accept_papers(self, agreement: Agreement, call: PartyCall, now: datetime) -> None:
        with suppress(AgreementConflict):  # it was ended meanwhile
            self.accessions.accept(agreement, call.papers, caller=call.parties.iss, now=now)

    def _is_member(self, agreement: Agreement, entity: EntityId, now: datetime) -> bool:
        return agreement.party(entity) is not None or self.accessions.is_joiner(agreement, entity, now=now)

    def _require_member(self, agreement: Agreement, entity: EntityId, now: datetime) -> None:
        if not self._is_member(agreement, entity, now):
            raise WrongIssuer("The notice is from an agency that is no party to this agreement and has not joined it.")

    def _open_call(self, agreement: Agreement, raw: bytes, claims: ClaimStore, now: datetime) -> PartyCall:
        caller = peek_caller(raw)
        is_member = self._is_member(agreement, caller, now)
        if caller == self.own or not (is_member or agreement.joining):  # 1
            raise WrongIssuer("The call is from an agency that is not another party to this agreement.")
        call = open_call(
            raw, caller=caller, keys=self._keys(caller, now), own=self.own, agreement=agreement.ref, now=now
        )  # 2
        parties = call.parties
        if not is_member:  # 3
            _require_accession_alone(call)
        first = claims.claim(
            space=_CALLS,
            key=digest(f"{caller} {parties.jti}".encode()),
            issued_at=from_seconds(parties.iat),
            expires=from_seconds(parties.exp) + CLAIMED_FOR,
            now=now,
        )
        if not first:  # 3
            raise CallReused
        if not is_member:  # 3
            _hear_joiner(call, claims, now)
        return call

    def document_of(self, agreement: Agreement) -> Agreement:
        """Return the document of an agreement that is held: this node's view of it may lack parties."""
        stored = self._find(agreement.ref.digest)
        return agreement if stored is None else parse_agreement(stored.raw)

    def offer(self, agreement: Agreement, party: EntityId, *, now: datetime) -> OfferResult:
        """Call on another party's node with our signature and our notices, and accept what it answers."""
        ref = agreement.ref
        stored, ending = self._find(ref.digest), self.endings.statement(ref, now=now)
        own = None if stored is None or ending is not None else stored.signatures.get(self.own)
        call = PartyCall(
            parties=call_parties(self.own, party, jti=token_urlsafe(JTI_BYTES), now=now),
            agreement=ref,
            signature=None if own is None else own.raw,
            ending=ending,
            suspension=None if ending is not None else self.suspensions.own_statement(ref, now=now),
        )
        return self.call(self.document_of(agreement), call, now)

    def call(self, agreement: Agreement, call: PartyCall, now: datetime) -> OfferResult:
        """Make a call, and accept what the party's node answers."""
        party = call.parties.aud
        try:
            url = address(party, agreement.ref.digest) + SIGNATURES
            answer = self._post(url, build_call(call, signer=self.signer()))
        except TransportError as failed:
            return OfferResult(party=party, status=DeliveryStatus.SILENT, detail=str(failed))
        if answer.status not in {_OK, _NOT_FOUND}:
            return OfferResult(party=party, status=DeliveryStatus.REFUSED, detail=refusal_reason(answer))
        if call.ending is not None:
            self.endings.record_delivery(agreement.ref, party, now=now)
        if call.suspension is not None:
            self.suspensions.record_delivery(agreement.ref, call.suspension, party, now=now)
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
        received, closed, detail, last = [], False, "", ""
        try:
            answer = parse_answer(body)
            if answer.ending is not None:
                self._require_member(agreement, party, now)
                keys = self._keys(party, now)
                is_new = self.endings.accept(agreement, answer.ending, party=party, keys=keys, now=now)
                closed = is_new and self.endings.closure(agreement.ref, now=now) is not None
            for apply in self._each_document(agreement, party, answer, now):
                try:
                    received.append(apply())
                except (TrustError, AgreementConflict, NodeBusy) as refused:
                    detail = f"it holds a document that is refused here: {refused}"
            last = max((digest(each.accession) for each in answer.papers if each.accession is not None), default="")
        except TrustError as malformed:
            detail = f"its answer cannot be used: {malformed.detail}"
        new = tuple(each for each in received if each is not None)
        status = DeliveryStatus.DELIVERED
        return OfferResult(party=party, status=status, detail=detail, received=new, closed=closed, last=last)

    def _each_document(
        self, agreement: Agreement, party: EntityId, answer: PartyAnswer, now: datetime
    ) -> Iterator[Callable[[], EntityId | None]]:
        """Yield what accepts each document of an answer, so that one that is refused costs no other."""
        for raw in answer.leavings:
            yield partial(self._apply_leaving, agreement, raw, now)
        for raw in answer.signatures:
            yield partial(self._apply_signature, agreement, raw, now)
        if self.endings.closure(agreement.ref, now=now) is None:
            if answer.suspension is not None:
                yield partial(self.suspensions.learn, agreement, answer.suspension, self._keys, now=now)
            for papers in answer.papers:
                yield partial(self._apply_papers, agreement, papers, party, now)
            if answer.ruling is not None:
                yield partial(self._apply_papers, agreement, Papers(ruling=answer.ruling), party, now)

    def _apply_leaving(self, agreement: Agreement, raw: bytes, now: datetime) -> None:
        """Take in a notice that a party left, from whichever party: a node restored from a backup learns its own so."""
        party = peek_party(raw, typ=ENDING_TYP)
        self._require_member(agreement, party, now)
        keys = self._keys(party, now)
        if verify_ending(raw, party=party, keys=keys, agreement=agreement.ref, now=now).closure is not Closure.LEFT:
            raise WrongIssuer("A party brought another party's notice that is not one of its leaving.")
        self.endings.accept(agreement, raw, party=party, keys=keys, now=now)

    def _apply_papers(self, agreement: Agreement, papers: Papers, party: EntityId, now: datetime) -> EntityId | None:
        return next(iter(self.accessions.accept(agreement, papers, caller=party, now=now)), None)

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
                max_bytes=MAX_ANSWER_BYTES,
                timeout_s=_ASK_S,
            )
        )


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


def _require_accession_alone(call: PartyCall) -> None:
    """Take nothing but an accession from an agency that has not joined."""
    papers = call.papers
    if papers.accession is None or papers.ruling or call.signature or call.ending or call.suspension:
        raise WrongIssuer("The call is from an agency that is not another party to this agreement.")


def _hear_joiner(call: PartyCall, claims: ClaimStore, now: datetime) -> None:
    """Let an agency that has not joined bring a few accessions a minute, and all of them together some more."""
    minute = f"{call.agreement.digest}:{now:%H:%M}"
    for name, most in ((f"{minute}:{call.parties.iss}", _ACCESSIONS_A_MINUTE), (minute, _JOINERS_A_MINUTE)):
        slots = (f"{name}:{each}" for each in range(most))
        if not any(
            claims.claim(space=_JOINERS, key=each, issued_at=now, expires=now + CLAIMED_FOR, now=now) for each in slots
        ):
            raise NodeBusy("too many agencies asked to join this agreement in this minute")
