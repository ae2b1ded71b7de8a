"""The newest notice of each party that suspended or resumed a version, where one stood for all parties."""

import sqlalchemy as sa
from alembic import op

revision = "0026_suspension_notices"
down_revision = "0025_break_glass_person"
_COLUMNS = "agreement_id, version, entity, rank, raw, jwks, added_at"


def upgrade() -> None:
    """Make the table of that name, with what the earlier one has."""
    op.create_table(
        "agreement_suspension_notices",
        sa.Column("agreement_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("rank", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("jwks", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"]),
    )
    op.execute(
        f"INSERT INTO agreement_suspension_notices ({_COLUMNS}) SELECT {_COLUMNS} FROM agreement_suspensions"  # noqa: S608
    )
    op.drop_table("agreement_suspensions")
