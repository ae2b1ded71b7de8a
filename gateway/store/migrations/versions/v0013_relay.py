"""The relay: refusals of one message in a row, the newest receipt, and the index that finds what waits."""

import sqlalchemy as sa
from alembic import op

revision = "0013_relay"
down_revision = "0012_delivery"

_WAITING = sa.text("state IN ('queued', 'held')")


def upgrade() -> None:
    """Add the columns and the index."""
    op.add_column("outbox", sa.Column("faults", sa.Integer, nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("receipt_seq", sa.Integer, nullable=False, server_default="0"))
    op.create_index(
        "outbox_waiting",
        "outbox",
        ["peer", "lane", "next_at", "seq"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
