"""Each use of break-glass by its person, whichever case system it came from."""

import sqlalchemy as sa
from alembic import op

revision = "0025_break_glass_person"
down_revision = "0024_break_glass"


def upgrade() -> None:
    """Add the column; earlier uses stand under the name that one case system gave their person."""
    op.add_column("break_glass", sa.Column("person", sa.Text, nullable=False, server_default=""))
    op.execute("UPDATE break_glass SET person = practitioner")
    op.create_index("break_glass_by_signed_in", "break_glass", ["person", "due_at"])
