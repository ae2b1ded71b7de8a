"""The tables of decisions to share or not to share outside agreements, tasks to decide, and the keys of both.

The rules of :mod:`gateway.store.schema` hold here too.
"""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from gateway.store import consent_schema

metadata = consent_schema.metadata
"""Of every table of the store but the claims."""

sharing_decisions = Table(
    "sharing_decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("ground", Text, nullable=False),
    Column("recipient", Text),
    Column("decided_at", BigInteger, nullable=False),
    Column("review_at", BigInteger),
    Column("reviewed_at", BigInteger),
    Column("next_decision", Text),
    Column("sealed", LargeBinary, nullable=False),
)
AWAITS_REVIEW = sharing_decisions.c.review_at.is_not(None) & sharing_decisions.c.reviewed_at.is_(None)
Index("sharing_decisions_by_service", sharing_decisions.c.service, sharing_decisions.c.decided_at)
Index(
    "sharing_decisions_to_review",
    sharing_decisions.c.review_at,
    sqlite_where=AWAITS_REVIEW,
    postgresql_where=AWAITS_REVIEW,
)

sharing_keys = Table(
    "sharing_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("decision", Text, primary_key=True),
)
Index("sharing_keys_by_decision", sharing_keys.c.decision)

sharing_tasks = Table(
    "sharing_tasks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("peer", Text, nullable=False),
    Column("asker", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("questions", BigInteger, nullable=False),
    Column("is_summary", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger),
    Column("decision", Text),
    Column("sealed", LargeBinary),
)
Index("sharing_tasks_by_due", sharing_tasks.c.service, sharing_tasks.c.state, sharing_tasks.c.due_at)
Index("sharing_tasks_by_peer", sharing_tasks.c.peer, sharing_tasks.c.day)

sharing_task_keys = Table(
    "sharing_task_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("task", Text, primary_key=True),
)
Index("sharing_task_keys_by_task", sharing_task_keys.c.task)
