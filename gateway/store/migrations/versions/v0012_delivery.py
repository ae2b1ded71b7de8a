"""Tables of what is queued: submissions, outbox, inbox, answers, and the events of each message."""

import sqlalchemy as sa
from alembic import op

revision = "0012_delivery"
down_revision = "0011_disowned_keys"

_ESCALATED = sa.text("escalate_at IS NOT NULL")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SUBMISSIONS = (
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=False),
    sa.Column("request_digest", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("urgency", sa.Text, nullable=False),
    sa.Column("case_key", sa.Text, nullable=False),
    sa.Column("incident", sa.Text),
    sa.Column("sealed_request", sa.LargeBinary),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.BigInteger),
)
_OUTBOX = (
    sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("typ", sa.Text, nullable=False),
    sa.Column("about", sa.Text),
    sa.Column("submission", sa.Text),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("peer", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("lane", sa.Integer, nullable=False),
    sa.Column("order_key", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.BigInteger, nullable=False),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", sa.BigInteger, nullable=False),
    sa.Column("stored_at", sa.BigInteger),
    sa.Column("progress", sa.Text),
    sa.Column("progress_at", sa.BigInteger),
    sa.Column("proof", sa.Text),
    sa.Column("read_at", sa.BigInteger),
    sa.Column("decide_by", sa.BigInteger),
    sa.Column("decision", sa.Text),
    sa.Column("decided_at", sa.BigInteger),
    sa.Column("answer_seq", sa.Integer, nullable=False),
    sa.Column("supersedes", sa.Text),
    sa.Column("superseded_by", sa.Text),
    sa.Column("escalation", sa.Integer, nullable=False),
    sa.Column("escalate_at", sa.BigInteger),
)
_PEER_BACKOFFS = (
    sa.Column("peer", sa.Text, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("retry_at", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
_INBOX = (
    sa.Column("message", sa.Text, primary_key=True),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("from_service", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("lane", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("supersedes", sa.Text),
    sa.Column("superseded_by", sa.Text),
    sa.Column("link", sa.Text, nullable=False),
    sa.Column("sealed_link", sa.LargeBinary),
    sa.Column("case_state", sa.Text, nullable=False),
    sa.Column("case_attempts", sa.Integer, nullable=False),
    sa.Column("case_next_at", sa.BigInteger, nullable=False),
    sa.Column("case_lease_until", sa.BigInteger, nullable=False),
    sa.Column("sealed_case_ref", sa.LargeBinary),
    sa.Column("in_case_system_at", sa.BigInteger),
    sa.Column("proof", sa.Text),
    sa.Column("read_at", sa.BigInteger),
    sa.Column("read_role", sa.Text),
    sa.Column("sealed_reader", sa.LargeBinary),
    sa.Column("decide_by", sa.BigInteger),
    sa.Column("decision", sa.Text),
    sa.Column("decided_at", sa.BigInteger),
    sa.Column("answer_seq", sa.Integer, nullable=False),
    sa.Column("receipt_seq", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("escalation", sa.Integer, nullable=False),
    sa.Column("escalate_at", sa.BigInteger),
)
_ANSWERS = (
    sa.Column("message", sa.Text, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
_DELIVERY_EVENTS = (
    sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("code", sa.Text),
    sa.Column("actor", sa.Text),
)
_INBOX_POLLS = (
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("polled_at", sa.BigInteger, nullable=False),
)
_BELLS = (
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("tested_at", sa.BigInteger),
    sa.Column("worked", sa.Integer, nullable=False),
    sa.Column("rung_at", sa.BigInteger),
)
_RECONCILIATIONS = (
    sa.Column("peer", sa.Text, primary_key=True),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("sent", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("held", sa.BigInteger, nullable=False),
    sa.Column("holes", sa.BigInteger, nullable=False),
)


def upgrade() -> None:
    """Create the tables."""
    op.create_table("submissions", *_SUBMISSIONS)
    op.create_index("submissions_by_key", "submissions", ["client_id", "idempotency_key"], unique=True)
    op.create_index("submissions_by_incident", "submissions", ["incident"])
    op.create_index("submissions_by_time", "submissions", ["created_at"])
    op.create_table("outbox", *_OUTBOX, sqlite_autoincrement=True)
    op.create_index("outbox_by_message", "outbox", ["message"], unique=True)
    op.create_index("outbox_due", "outbox", ["state", "lane", "next_at", "seq"])
    op.create_index("outbox_by_order", "outbox", ["order_key", "state", "seq"])
    op.create_index("outbox_by_peer", "outbox", ["peer", "state", "seq"])
    op.create_index("outbox_by_submission", "outbox", ["submission"])
    op.create_index("outbox_by_subject", "outbox", ["about"])
    op.create_index(
        "outbox_to_escalate",
        "outbox",
        ["escalate_at"],
        sqlite_where=_ESCALATED,
        postgresql_where=_ESCALATED,
    )
    op.create_table("peer_backoffs", *_PEER_BACKOFFS)
    op.create_table("inbox", *_INBOX)
    op.create_index("inbox_by_service", "inbox", ["service", "state", "received_at"])
    op.create_index("inbox_by_issuer", "inbox", ["issuer", "received_at"])
    op.create_index("inbox_by_supersedes", "inbox", ["issuer", "supersedes"])
    op.create_index("inbox_to_hand_over", "inbox", ["case_state", "lane", "case_next_at"])
    op.create_index(
        "inbox_to_escalate",
        "inbox",
        ["escalate_at"],
        sqlite_where=_ESCALATED,
        postgresql_where=_ESCALATED,
    )
    op.create_table("answers", *_ANSWERS)
    op.create_table("delivery_events", *_DELIVERY_EVENTS, sqlite_autoincrement=True)
    op.create_index("delivery_events_by_message", "delivery_events", ["message", "side", "seq"])
    op.create_table("inbox_polls", *_INBOX_POLLS)
    op.create_table("bells", *_BELLS)
    op.create_table("reconciliations", *_RECONCILIATIONS)
