"""Tables of a federation of several levels: its statements, an authority's decisions, and their authors."""

import sqlalchemy as sa
from alembic import op

revision = "0002_federation"
down_revision = "0001_first"


def upgrade() -> None:
    """Create the tables; the rows that are there stay as they are."""
    op.add_column("members", sa.Column("terms", sa.Text))
    op.add_column("trusted_chains", sa.Column("revoked_marks", sa.Text))
    _create_seen()
    _create_authority()
    _create_administration()


def _create_seen() -> None:
    op.create_table(
        "seen_statements",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "suspensions",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "anchor_keys",
        sa.Column("anchor", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("accepted_at", sa.BigInteger, nullable=False),
    )


def _create_authority() -> None:
    op.create_table(
        "enrolments",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "marks_issued",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("mark_type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("reason", sa.Text),
    )
    op.create_index("marks_issued_by_type", "marks_issued", ["mark_type", "subject"])
    op.create_table(
        "marks_held",
        sa.Column("mark_type", sa.Text, primary_key=True),
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
    )


def _create_administration() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("emergency", sa.Text),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("second_by", sa.Text),
        sa.Column("second_at", sa.BigInteger),
    )
