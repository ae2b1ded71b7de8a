"""Persons whose lookup raises an alert, as keyed digests."""

import sqlalchemy as sa
from alembic import op

revision = "0027_watch_keys"
down_revision = "0026_suspension_notices"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "watch_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("entry", sa.Text, primary_key=True),
    )
