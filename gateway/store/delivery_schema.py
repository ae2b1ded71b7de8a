"""The tables of what is queued: submissions, outbox, inbox, answers and the events of each message.

The rules of :mod:`gateway.store.schema` hold here too.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from gateway.store import schema

metadata = schema.metadata
"""Of every table of the store but the claims."""
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database counts up; it may leave gaps, and no one may read a count of rows from it."""

submissions = Table(
    "submissions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("case_key", Text, nullable=False),
    Column("incident", Text),
    Column("sealed_request", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
)
Index("submissions_by_key", submissions.c.client_id, submissions.c.idempotency_key, unique=True)
Index("submissions_by_incident", submissions.c.incident)
Index("submissions_by_time", submissions.c.created_at)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("message", Text, nullable=False),
    Column("typ", Text, nullable=False),
    Column("about", Text),
    Column("submission", Text),
    Column("kind", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("order_key", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", BigInteger, nullable=False),
    Column("stored_at", BigInteger),
    Column("progress", Text),
    Column("progress_at", BigInteger),
    Column("proof", Text),
    Column("read_at", BigInteger),
    Column("decide_by", BigInteger),
    Column("decision", Text),
    Column("decided_at", BigInteger),
    Column("answer_seq", Integer, nullable=False),
    Column("supersedes", Text),
    Column("superseded_by", Text),
    Column("escalation", Integer, nullable=False),
    Column("escalate_at", BigInteger),
    Column("faults", Integer, nullable=False, server_default="0"),
    Column("receipt_seq", Integer, nullable=False, server_default="0"),
    Column("clause", Text),
    sqlite_autoincrement=True,
)
WAITING = text("state IN ('queued', 'held')")
"""What is still to be sent. The words of the partial index, so that the databases use it."""
Index(
    "outbox_waiting",
    outbox.c.peer,
    outbox.c.lane,
    outbox.c.next_at,
    outbox.c.seq,
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)
SENT_UNDECIDED = text("typ = 'message' AND decided_at IS NULL AND state <> 'closed'")
"""What its recipient has not decided. The words of the partial index."""
Index(
    "outbox_undecided",
    outbox.c.decide_by,
    outbox.c.seq,
    sqlite_where=SENT_UNDECIDED,
    postgresql_where=SENT_UNDECIDED,
)
Index("outbox_by_message", outbox.c.message, unique=True)
Index("outbox_due", outbox.c.state, outbox.c.lane, outbox.c.next_at, outbox.c.seq)
Index("outbox_by_order", outbox.c.order_key, outbox.c.state, outbox.c.seq)
Index("outbox_by_peer", outbox.c.peer, outbox.c.state, outbox.c.seq)
Index("outbox_by_submission", outbox.c.submission)
Index("outbox_by_subject", outbox.c.about)
Index(
    "outbox_to_escalate",
    outbox.c.escalate_at,
    sqlite_where=outbox.c.escalate_at.is_not(None),
    postgresql_where=outbox.c.escalate_at.is_not(None),
)

peer_backoffs = Table(
    "peer_backoffs",
    metadata,
    Column("peer", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("retry_at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("message", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("from_service", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("received_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("supersedes", Text),
    Column("superseded_by", Text),
    Column("link", Text, nullable=False),
    Column("sealed_link", LargeBinary),
    Column("case_state", Text, nullable=False),
    Column("case_attempts", Integer, nullable=False),
    Column("case_next_at", BigInteger, nullable=False),
    Column("case_lease_until", BigInteger, nullable=False),
    Column("sealed_case_ref", LargeBinary),
    Column("in_case_system_at", BigInteger),
    Column("proof", Text),
    Column("read_at", BigInteger),
    Column("read_role", Text),
    Column("sealed_reader", LargeBinary),
    Column("decide_by", BigInteger),
    Column("decision", Text),
    Column("decided_at", BigInteger),
    Column("answer_seq", Integer, nullable=False),
    Column("receipt_seq", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("escalation", Integer, nullable=False),
    Column("escalate_at", BigInteger),
)
RECEIVED_UNDECIDED = text("state = 'open' AND decided_at IS NULL")
"""What this node's services have not decided. The words of the partial index."""
Index(
    "inbox_undecided",
    inbox.c.service,
    inbox.c.decide_by,
    inbox.c.message,
    sqlite_where=RECEIVED_UNDECIDED,
    postgresql_where=RECEIVED_UNDECIDED,
)
Index("inbox_by_service", inbox.c.service, inbox.c.state, inbox.c.received_at)
Index("inbox_by_issuer", inbox.c.issuer, inbox.c.received_at)
Index("inbox_by_supersedes", inbox.c.issuer, inbox.c.supersedes)
Index("inbox_to_hand_over", inbox.c.case_state, inbox.c.lane, inbox.c.case_next_at)
Index(
    "inbox_to_escalate",
    inbox.c.escalate_at,
    sqlite_where=inbox.c.escalate_at.is_not(None),
    postgresql_where=inbox.c.escalate_at.is_not(None),
)

answers = Table(
    "answers",
    metadata,
    Column("message", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("side", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("code", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

delivery_events = Table(
    "delivery_events",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("message", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("code", Text),
    Column("actor", Text),
    sqlite_autoincrement=True,
)
Index("delivery_events_by_message", delivery_events.c.message, delivery_events.c.side, delivery_events.c.seq)

inbox_polls = Table(
    "inbox_polls",
    metadata,
    Column("service", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("polled_at", BigInteger, nullable=False),
)

bells = Table(
    "bells",
    metadata,
    Column("service", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("tested_at", BigInteger),
    Column("worked", Integer, nullable=False),
    Column("rung_at", BigInteger),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("peer", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("holes", BigInteger, nullable=False),
)
