"""The maintenance that this node announces."""

import sqlalchemy as sa
from alembic import op

revision = "0015_maintenance"
down_revision = "0014_work"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "maintenance",
        sa.Column("only", sa.Integer, primary_key=True),
        sa.Column("begins", sa.BigInteger, nullable=False),
        sa.Column("ends", sa.BigInteger, nullable=False),
    )
