"""Revoked keys are remembered for good, and what a restored store holds back waits for an administrator."""

import sqlalchemy as sa
from alembic import op

revision = "0009_restore"
down_revision = "0008_positions"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "key_revocations",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("kid", sa.Text, primary_key=True),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("key_use", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("noted_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "restore_holds",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
    )
