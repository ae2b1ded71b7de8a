"""Retired versions of agreements, and the parties' notices of an ending."""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0005_agreement_endings"
down_revision = "0004_practitioners"

_AGREEMENTS = sa.table(
    "agreements", sa.column("agreement_id"), sa.column("version"), sa.column("raw"), sa.column("ended_at")
)
_SIGNATURES = sa.table("agreement_signatures", sa.column("agreement_id"), sa.column("version"), sa.column("entity"))


def upgrade() -> None:
    """Create the tables, and retire what the versions held now have replaced or ended."""
    retirements = op.create_table(
        "agreement_retirements",
        sa.Column("agreement_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "agreement_endings",
        sa.Column("agreement_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("jwks", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"]),
    )
    op.create_table(
        "agreement_endings_told",
        sa.Column("agreement_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("party", sa.Text, primary_key=True),
        sa.Column("told_at", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(retirements, [{"agreement_id": key, "version": value} for key, value in _retired().items()])


def _retired() -> dict[str, int]:
    """Return for each agreement the version up to which every one has been replaced or ended by now."""
    connection, retired = op.get_bind(), dict[str, int]()
    signers: dict[tuple[str, int], set[str]] = {}
    for row in connection.execute(sa.select(_SIGNATURES)):
        signers.setdefault((row.agreement_id, row.version), set()).add(row.entity)
    for row in connection.execute(sa.select(_AGREEMENTS)):
        until = datetime.now(UTC) if row.ended_at is None else datetime.fromtimestamp(row.ended_at / 1e6, UTC)
        if _took_effect(bytes(row.raw), signers.get((row.agreement_id, row.version), set()), until):
            through = row.version if row.ended_at is not None else row.version - 1
            retired[row.agreement_id] = max(through, retired.get(row.agreement_id, 0))
    return {agreement_id: version for agreement_id, version in retired.items() if version}


def _took_effect(raw: bytes, signers: set[str], until: datetime) -> bool:
    try:
        document = json.loads(raw)
        parties = {party["entity"] for party in document["parties"]}
        return parties <= signers and document["valid_from"] <= until.date().isoformat()
    except (ValueError, LookupError, TypeError, AttributeError):
        return True  # to sign a version again costs less than one that comes back
