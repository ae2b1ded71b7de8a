"""Proof of the account that asked for a change, the time of its announcement, and the head of the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0007_dual_control"
down_revision = "0006_accounting"


def upgrade() -> None:
    """Add the columns and the table. Nothing proves who asked for a change before; such a change is asked for again."""
    op.add_column("changes", sa.Column("requested_known_by", sa.Text, nullable=False, server_default="name"))
    op.add_column("changes", sa.Column("announced_at", sa.BigInteger))
    op.create_table(
        "journal_head",
        sa.Column("only", sa.Integer, primary_key=True),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
