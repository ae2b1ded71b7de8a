"""Decisions to share or not to share outside agreements, and the keyed digests by which they are found."""

import sqlalchemy as sa
from alembic import op

revision = "0019_sharing"
down_revision = "0018_consents"

_AWAITS_REVIEW = sa.text("review_at IS NOT NULL AND reviewed_at IS NULL")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sharing_decisions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("ground", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("review_at", sa.BigInteger),
        sa.Column("reviewed_at", sa.BigInteger),
        sa.Column("next_decision", sa.Text),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("sharing_decisions_by_service", "sharing_decisions", ["service", "decided_at"])
    op.create_index(
        "sharing_decisions_to_review",
        "sharing_decisions",
        ["review_at"],
        sqlite_where=_AWAITS_REVIEW,
        postgresql_where=_AWAITS_REVIEW,
    )
    op.create_table(
        "sharing_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("decision", sa.Text, primary_key=True),
    )
    op.create_index("sharing_keys_by_decision", "sharing_keys", ["decision"])
