"""Decisions beside what is sealed with a leaf: their outcome, and what repetitions of them share."""

import sqlalchemy as sa
from alembic import op

revision = "0016_decisions"
down_revision = "0015_maintenance"

_DECIDED = sa.text("repetition IS NOT NULL")


def upgrade() -> None:
    """Add the columns and the index by which decisions are counted."""
    op.add_column("question_signatures", sa.Column("repetition", sa.LargeBinary))
    op.add_column("question_signatures", sa.Column("outcome", sa.Text))
    op.create_index(
        "question_signatures_by_decision",
        "question_signatures",
        ["repetition", "outcome", "leaf"],
        sqlite_where=_DECIDED,
        postgresql_where=_DECIDED,
    )
