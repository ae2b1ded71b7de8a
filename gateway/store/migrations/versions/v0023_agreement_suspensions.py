"""The newest notice that suspended or resumed each version of an agreement."""

import sqlalchemy as sa
from alembic import op

revision = "0023_agreement_suspensions"
down_revision = "0022_agreement_warnings"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "agreement_suspensions",
        sa.Column("agreement_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("rank", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("jwks", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"]),
    )
