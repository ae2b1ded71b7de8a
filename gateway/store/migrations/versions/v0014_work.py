"""The work list: the clause of each message of ours, and the indexes that find what is not decided yet."""

import sqlalchemy as sa
from alembic import op

revision = "0014_work"
down_revision = "0013_relay"

_SENT = sa.text("typ = 'message' AND decided_at IS NULL AND state <> 'closed'")
_RECEIVED = sa.text("state = 'open' AND decided_at IS NULL")


def upgrade() -> None:
    """Add the column and the indexes."""
    op.add_column("outbox", sa.Column("clause", sa.Text))
    op.create_index("outbox_undecided", "outbox", ["decide_by", "seq"], sqlite_where=_SENT, postgresql_where=_SENT)
    op.create_index(
        "inbox_undecided",
        "inbox",
        ["service", "decide_by", "message"],
        sqlite_where=_RECEIVED,
        postgresql_where=_RECEIVED,
    )
