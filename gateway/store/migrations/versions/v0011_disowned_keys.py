"""Keys that an entity says are not its own although its superior vouches for them."""

import sqlalchemy as sa
from alembic import op

revision = "0011_disowned_keys"
down_revision = "0010_enumeration"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "disowned_keys",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("kid", sa.Text, primary_key=True),
    )
