"""Tables of query budgets, of signs of guessing, and of the flags for administrators."""

import sqlalchemy as sa
from alembic import op

revision = "0003_budgets"
down_revision = "0002_federation"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "budgets",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("due", sa.BigInteger, nullable=False),
    )
    op.create_index("budgets_by_due", "budgets", ["due"])
    op.create_table(
        "probes",
        sa.Column("asker", sa.Text, primary_key=True),
        sa.Column("feature", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("probes_by_age", "probes", ["at"])
    op.create_table(
        "usage",
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("asker", sa.Text, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "flags",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("asker", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("reviewed_by", sa.Text),
        sa.Column("reviewed_at", sa.BigInteger),
    )
