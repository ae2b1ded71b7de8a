"""Tasks to decide on a question that was refused for want of an agreement, and the keyed digests of its person."""

import sqlalchemy as sa
from alembic import op

revision = "0021_sharing_tasks"
down_revision = "0020_accessions"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sharing_tasks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("asker", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("questions", sa.BigInteger, nullable=False),
        sa.Column("is_summary", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("decision", sa.Text),
        sa.Column("sealed", sa.LargeBinary),
    )
    op.create_index("sharing_tasks_by_due", "sharing_tasks", ["service", "state", "due_at"])
    op.create_index("sharing_tasks_by_peer", "sharing_tasks", ["peer", "day"])
    op.create_table(
        "sharing_task_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("task", sa.Text, primary_key=True),
    )
    op.create_index("sharing_task_keys_by_task", "sharing_task_keys", ["task"])
