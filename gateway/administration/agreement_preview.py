"""Preview of the end of an agreement at this node, by ending or by leaving it: counts and ids, and no person.

1. Messages that wait under it, of both directions: those not read, and those on which people still have to act.
2. Requests of the last 30 days that were permitted under it and would have been refused, by clause, agency and role.
3. What this agency sent in these days, and the last day on which an answer to it may still be kept.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from gateway.delivery.inbox_content import open_content
from gateway.keys.sealed import SealBroken
from gateway.ports import Store
from gateway.store.tables import evidence_leaves, inbox, outbox
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.evidence_leaves import first_id
from gateway.store.tables.inbox import InboxMessage
from gateway.store.tables.outbox import OutboxRow, OutboxState, OutboxType
from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause
from trust.evidence.leaf import Leaf, LeafKind, parse_leaf
from trust.identifiers import AgreementId, EntityId
from trust.strict_json import JsonObject

DAYS = 30
_PAGE = 500
_SHOWN = 50
_UNDELIVERED = frozenset({OutboxState.QUEUED, OutboxState.HELD, OutboxState.STORED})


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMessage:
    """A queued message under the agreement that is not read or not decided yet."""

    side: DeliverySide
    kind: str
    message: str
    is_read: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PermittedRequest:
    """A sort of request that was permitted under the agreement."""

    asker: str
    holder: str
    role: str
    kind: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPreview:
    """What the end of an agreement stops and leaves. ``kept_until`` is an ISO day."""

    waiting: tuple[WaitingMessage, ...]
    requests: Counter[PermittedRequest]
    answers: int
    kept_until: str | None

    def lines(self) -> Iterator[str]:
        """Yield the preview for people."""
        yield f"Preview, from the records of the last {DAYS} days:"
        for kind, side in sorted({(each.kind, each.side) for each in self.waiting}):
            messages = [each for each in self.waiting if (each.kind, each.side) == (kind, side)]
            unread = sum(not each.is_read for each in messages)
            yield f"  {len(messages)} open of {kind}, {side} here, {unread} of them not read:"
            yield f"    {', '.join(each.message for each in messages[:_SHOWN])}"
        if not self.waiting:
            yield "  no open message"
        yield f"  {self.requests.total()} requests that were permitted and would be refused:"
        for request, count in self.requests.most_common(_SHOWN):
            yield (
                f"    {count} x {request.asker} to {request.holder}, as {request.role}, "
                f"{request.kind}, clause {request.clause}"
            )
        until = f", kept until {self.kept_until} at the latest" if self.kept_until else ""
        yield f"  {self.answers} answers to this agency{until}; their terms go on"

    def to_json(self) -> JsonObject:
        """Return the same for machines."""
        return {
            "days": DAYS,
            "waiting": [asdict(each) for each in self.waiting],
            "requests": [{**asdict(each), "count": count} for each, count in self.requests.most_common()],
            "answers": self.answers,
            "kept_until": self.kept_until,
        }


def preview_end(store: Store, seal_key: bytes, agreement: Agreement, own: EntityId, at: datetime) -> EndPreview:
    """Return what the end of an agreement would stop here."""
    requests: Counter[PermittedRequest] = Counter()
    answers, kept_until = 0, date.min
    for leaf in _leaves(store, at):
        clause = agreement.clause(str(leaf.clause))
        if leaf.agreement is None or leaf.agreement.id != agreement.id or leaf.peer is None:
            continue
        if leaf.kind is LeafKind.SENT:
            requests[_request(leaf, clause, own, leaf.peer)] += 1
            answers += 1
            keep_days = 0 if clause is None else clause.keep_days
            kept_until = max(kept_until, leaf.at.astimezone(UTC).date() + timedelta(days=keep_days))
        elif leaf.kind is LeafKind.ANSWERED and leaf.peer != own:
            requests[_request(leaf, clause, leaf.peer, own)] += 1
    return EndPreview(
        waiting=(*_waiting_sent(store, agreement.id), *_waiting_received(store, seal_key, agreement.id)),
        requests=requests,
        answers=answers,
        kept_until=kept_until.isoformat() if answers else None,
    )


def _leaves(store: Store, at: datetime) -> Iterator[Leaf]:
    """Yield the evidence of these days, a page a transaction."""
    first, end = first_id(at - timedelta(days=DAYS)), first_id(at + timedelta(seconds=1))
    while True:
        page = store.read(partial(evidence_leaves.page_between, first=first, end=end, limit=_PAGE))
        yield from (parse_leaf(each.leaf) for each in page)
        if len(page) < _PAGE:
            return
        end = page[-1].id


def _request(leaf: Leaf, clause: Clause | None, asker: EntityId, holder: EntityId) -> PermittedRequest:
    return PermittedRequest(
        asker=f"{asker}#{leaf.from_service}",
        holder=f"{holder}#{leaf.to_service}",
        role=str(leaf.role),
        kind="" if clause is None else clause.kind,
        clause=str(leaf.clause),
    )


def _waiting_sent(store: Store, agreement: AgreementId) -> Iterator[WaitingMessage]:
    rows, after = _page_of_sent(store, 0), 0
    while rows:
        for row in rows:
            if _is_open(row) and (row.clause or "").partition("/")[0] == agreement:
                is_read = row.read_at is not None
                yield WaitingMessage(side=DeliverySide.SENDER, kind=row.kind, message=row.message, is_read=is_read)
        after = rows[-1].seq
        rows = _page_of_sent(store, after)


def _page_of_sent(store: Store, after: int) -> tuple[OutboxRow, ...]:
    return store.read(lambda tx: outbox.list(tx, after=after, limit=_PAGE))


def _is_open(row: OutboxRow) -> bool:
    return row.typ is OutboxType.MESSAGE and row.state in _UNDELIVERED and row.superseded_by is None


def _waiting_received(store: Store, seal_key: bytes, agreement: AgreementId) -> Iterator[WaitingMessage]:
    rows = _page_of_received(store, "")
    while rows:
        for row in rows:
            if _agreement_of(row, seal_key) == agreement:
                is_read = row.read_at is not None
                yield WaitingMessage(side=DeliverySide.RECIPIENT, kind=row.kind, message=row.message, is_read=is_read)
        rows = _page_of_received(store, rows[-1].message)


def _page_of_received(store: Store, after: str) -> tuple[InboxMessage, ...]:
    return store.read(lambda tx: inbox.open_messages(tx, after=after, limit=_PAGE))


def _agreement_of(row: InboxMessage, seal_key: bytes) -> str | None:
    try:
        content = open_content(seal_key, row)
    except SealBroken:
        return None
    return None if content is None else str(content.document.get("agreement", "")).partition("/")[0]
