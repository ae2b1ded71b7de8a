"""Accessions: the accessions of agencies that join, with their admissions, parties' rulings, and what was delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0020_accessions"
down_revision = "0019_sharing"


def _agreement() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("agreement_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    )


def _of_agreement() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"])


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "agreement_accessions",
        *_agreement(),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("jwks", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.Column("admission", sa.LargeBinary),
        sa.Column("admission_entity", sa.Text),
        sa.Column("admission_jwks", sa.LargeBinary),
        sa.Column("learnt_at", sa.BigInteger),
        _of_agreement(),
    )
    op.create_table(
        "agreement_rulings",
        *_agreement(),
        sa.Column("party", sa.Text, primary_key=True),
        sa.Column("joiner", sa.Text, primary_key=True),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("jwks", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        _of_agreement(),
    )
    op.create_table(
        "agreement_paper_deliveries",
        *_agreement(),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("party", sa.Text, primary_key=True),
        sa.Column("told_at", sa.BigInteger, nullable=False),
    )
