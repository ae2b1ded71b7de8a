"""Bring the papers of joiners to other nodes, and collect those that they hold.

1. Signature, endings and suspensions go in a call of their own: no paper that a node refuses holds them up.
2. Each paper goes in a call of its own, a few of those that wait at a time. One that is refused is passed over, and
   tried again in a later round.
3. Accessions are collected page by page, a few pages at a time: a node that answers without an end holds up no round.
"""

from dataclasses import dataclass
from datetime import datetime
from secrets import randbelow, token_urlsafe

from gateway.agreements.accessions import MOST_JOINERS, PAGE, PaperDelivery
from gateway.agreements.signature_exchange import JTI_BYTES, DeliveryStatus, OfferResult, SignatureExchange
from trust.agreements.agreement import Agreement
from trust.agreements.party_call import FIRST, PartyCall, call_parties
from trust.identifiers import EntityId

PAPERS_A_CALL = 8
PAGES_A_ROUND = 4
MOST_PAGES = 2 * MOST_JOINERS // PAGE
"""Twice as many as there may be joiners: the pages of an honest node end before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """How far a collection of accessions has come: after which digest it goes on, and how many pages it has had."""

    after: str = FIRST
    pages: int = 0
    is_done: bool = False


def offer(exchange: SignatureExchange, agreement: Agreement, party: EntityId, *, now: datetime) -> OfferResult:
    """Call on a party's node with our signature and notices, and then with the papers that it lacks.

    Return its answer; where it did not take a paper, its answer to that.
    """
    document = exchange.document_of(agreement)
    if document.party(exchange.own) is None and not exchange.accessions.is_joiner(document, exchange.own, now=now):
        return deliver(exchange, agreement, party, now=now) or exchange.offer(agreement, party, now=now)
    result = exchange.offer(agreement, party, now=now)
    if result.status in {DeliveryStatus.SILENT, DeliveryStatus.NOT_HELD}:
        return result
    papers = deliver(exchange, agreement, party, now=now)
    return result if papers is None or papers.status is DeliveryStatus.DELIVERED else papers


def deliver(exchange: SignatureExchange, agreement: Agreement, party: EntityId, *, now: datetime) -> OfferResult | None:
    """Bring a party's node a few of the papers that it lacks; return none where it lacks none.

    Return its first answer that is no acceptance, or the last.
    """
    document = exchange.document_of(agreement)
    if exchange.endings.statement(agreement.ref, now=now) is not None:
        return None
    waiting = [each for each in exchange.accessions.undelivered(document, now=now) if each.party == party]
    answers: list[OfferResult] = []
    for delivery in _some(waiting):
        answers.append(_deliver(exchange, document, delivery, now))
        if answers[-1].status is DeliveryStatus.SILENT:
            break
    refused = [each for each in answers if each.status is not DeliveryStatus.DELIVERED]
    return next(iter(refused or answers[-1:]), None)


def collect(
    exchange: SignatureExchange, agreement: Agreement, party: EntityId, so_far: Collection, *, now: datetime
) -> Collection:
    """Ask a party's node for the next accessions that it holds; return how far that came."""
    after, pages = so_far.after, so_far.pages
    for _ in range(PAGES_A_ROUND):
        parties = call_parties(exchange.own, party, jti=token_urlsafe(JTI_BYTES), now=now)
        result = exchange.call(agreement, PartyCall(parties=parties, agreement=agreement.ref, after=after), now)
        if result.status is not DeliveryStatus.DELIVERED:
            break
        pages += 1
        if result.detail and not result.last and pages < MOST_PAGES:  # a page that cannot be used is asked for again
            break
        if result.last <= after or pages >= MOST_PAGES:
            return Collection(after=after, pages=pages, is_done=True)
        after = result.last
    return Collection(after=after, pages=pages)


def _some(waiting: list[PaperDelivery]) -> list[PaperDelivery]:
    """Return a few deliveries, from any place in the list: those that are refused keep no others from their turn."""
    start = randbelow(len(waiting)) if waiting else 0
    return (waiting[start:] + waiting[:start])[:PAPERS_A_CALL]


def _deliver(exchange: SignatureExchange, document: Agreement, delivery: PaperDelivery, now: datetime) -> OfferResult:
    parties = call_parties(exchange.own, delivery.party, jti=token_urlsafe(JTI_BYTES), now=now)
    papers = exchange.accessions.papers(document.ref, delivery)
    result = exchange.call(document, PartyCall(parties=parties, agreement=document.ref, papers=papers), now)
    if result.status is DeliveryStatus.DELIVERED:
        exchange.accessions.record_delivery(document.ref, delivery, now=now)
    return result
