"""Warnings of the review and the end of agreements that were given."""

import sqlalchemy as sa
from alembic import op

revision = "0022_agreement_warnings"
down_revision = "0021_sharing_tasks"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "agreement_warnings",
        sa.Column("agreement_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("stage", sa.Text, primary_key=True),
        sa.Column("warned_at", sa.BigInteger, nullable=False),
    )
