"""Uses of break-glass, each with its review."""

import sqlalchemy as sa
from alembic import op

revision = "0024_break_glass"
down_revision = "0023_agreement_suspensions"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "break_glass",
        sa.Column("lookup_id", sa.Text, primary_key=True),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("practitioner", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("escalated_at", sa.BigInteger),
        sa.Column("justified", sa.Integer),
        sa.Column("sealed_finding", sa.LargeBinary),
        sa.Column("reviewed_at", sa.BigInteger),
        sa.Column("lifted_at", sa.BigInteger),
    )
    op.create_index("break_glass_by_person", "break_glass", ["practitioner", "due_at"])
    op.create_index("break_glass_by_due", "break_glass", ["reviewed_at", "due_at"])
