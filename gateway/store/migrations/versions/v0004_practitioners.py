"""Tables of clients that vouch for their users, of lookups to justify, and of queries about misuse."""

import sqlalchemy as sa
from alembic import op

revision = "0004_practitioners"
down_revision = "0003_budgets"


def upgrade() -> None:
    """Change and create the tables. A client of before vouches, and none of its lookups is justified yet."""
    op.add_column("clients", sa.Column("vouches", sa.Integer, nullable=False, server_default="1"))
    op.add_column("clients", sa.Column("manager", sa.Text))
    op.add_column("clients", sa.Column("sample_percent", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "samples",
        sa.Column("lookup_id", sa.Text, primary_key=True),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("taken_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("justified", sa.Integer),
        sa.Column("sealed_finding", sa.LargeBinary),
        sa.Column("settled_at", sa.BigInteger),
    )
    op.create_index("samples_by_due", "samples", ["settled_at", "due_at"])
    op.create_table(
        "misuse_received",
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("query", sa.Text, primary_key=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sealed_query", sa.LargeBinary, nullable=False),
        sa.Column("sealed_answer", sa.LargeBinary),
        sa.Column("answered_at", sa.BigInteger),
    )
    op.create_table(
        "misuse_asked",
        sa.Column("query", sa.Text, primary_key=True),
        sa.Column("asker", sa.Text, nullable=False),
        sa.Column("message_jti", sa.Text, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sealed_query", sa.LargeBinary, nullable=False),
        sa.Column("sealed_answer", sa.LargeBinary),
        sa.Column("answered_at", sa.BigInteger),
    )
    op.create_index("misuse_asked_by_message", "misuse_asked", ["asker", "message_jti"], unique=True)
