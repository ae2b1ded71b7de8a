"""Restricted places: restrictions, releases by named persons, and the keyed digests by which both are found."""

import sqlalchemy as sa
from alembic import op

revision = "0017_places"
down_revision = "0016_decisions"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "place_restrictions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("declared_at", sa.BigInteger, nullable=False),
        sa.Column("review_at", sa.BigInteger),
        sa.Column("sealed_lift", sa.LargeBinary),
        sa.Column("lifted_at", sa.BigInteger),
    )
    op.create_index("place_restrictions_by_client", "place_restrictions", ["client_id", "declared_at"])
    op.create_table(
        "place_releases",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("task_key", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("until", sa.BigInteger),
    )
    op.create_index("place_releases_by_task", "place_releases", ["task_key"], unique=True)
    op.create_index("place_releases_by_due", "place_releases", ["service", "state", "due_at"])
    op.create_table(
        "place_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("item", sa.Text, primary_key=True),
    )
    op.create_index("place_keys_by_item", "place_keys", ["item"])
