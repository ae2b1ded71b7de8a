"""Values that were asked about beside a feature, and daily counts by agency."""

import sqlalchemy as sa
from alembic import op

revision = "0010_enumeration"
down_revision = "0009_restore"


def upgrade() -> None:
    """Count values afresh, which were kept for a day, and give each daily count its agency."""
    op.drop_table("probes")
    op.create_table(
        "probes",
        sa.Column("until", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("feature", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    columns = [sa.column("role", sa.Text), sa.column("day", sa.Text), sa.column("asker", sa.Text), sa.column("count")]
    earlier = op.get_bind().execute(sa.select(*columns).select_from(sa.table("usage"))).all()
    op.drop_table("usage")
    usage = op.create_table(
        "usage",
        sa.Column("agency", sa.Text, primary_key=True),
        sa.Column("counted", sa.Text, primary_key=True),
        sa.Column("asker", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(
        usage,
        [
            {"agency": row[2].partition(" ")[0], "counted": row[0], "asker": row[2], "day": row[1], "count": row[3]}
            for row in earlier
        ],
    )
