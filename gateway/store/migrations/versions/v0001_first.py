"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None

_APPEND_ONLY = "Evidence is only ever appended."


def upgrade() -> None:
    """Create every table, index and trigger."""
    _create_exchange()
    _create_lookups()
    _create_agreements()
    _create_parties()
    if op.get_context().dialect.name == "sqlite":
        _guard_evidence_on_sqlite()
    else:
        _guard_evidence_on_postgres()
        _create_claims()


def _create_exchange() -> None:
    op.create_table(
        "messages",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("jti", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("sealed_reply", sa.LargeBinary),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_index("messages_by_expiry", "messages", ["expires"])
    with_reply = sa.text("sealed_reply IS NOT NULL")
    op.create_index(
        "messages_with_reply", "messages", ["expires"], sqlite_where=with_reply, postgresql_where=with_reply
    )
    op.create_table(
        "evidence_leaves",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
    )


def _create_lookups() -> None:
    op.create_table(
        "lookups",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("request_digest", sa.Text, nullable=False),
        sa.Column("sealed_request", sa.LargeBinary),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("keep_until", sa.BigInteger, nullable=False),
        sa.Column("expected", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("completed_at", sa.BigInteger),
    )
    op.create_index("lookups_by_key", "lookups", ["client_id", "idempotency_key"], unique=True)
    op.create_index("lookups_by_expiry", "lookups", ["keep_until"])
    op.create_table(
        "lookup_answers",
        sa.Column("lookup_id", sa.Text, sa.ForeignKey("lookups.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def _create_agreements() -> None:
    op.create_table(
        "agreements",
        sa.Column("agreement_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_table(
        "agreement_signatures",
        sa.Column("agreement_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("jwks", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"]),
    )
    epochs = op.create_table(
        "epochs",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(epochs, [{"name": "agreements", "value": 0}])


def _create_parties() -> None:
    op.create_table(
        "trusted_chains",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("statements", sa.Text, nullable=False),
        sa.Column("refreshed_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("superior_iat", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "members",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("jwks", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("admitted_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "clients",
        sa.Column("client_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("jwks", sa.Text, nullable=False),
        sa.Column("services", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("units", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
    )


def _guard_evidence_on_sqlite() -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER evidence_leaves_no_{event.lower()} BEFORE {event} ON evidence_leaves "
            f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
        )


def _guard_evidence_on_postgres() -> None:
    op.execute(
        "CREATE FUNCTION evidence_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER evidence_leaves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence_leaves "
        "FOR EACH STATEMENT EXECUTE FUNCTION evidence_is_append_only()"
    )


def _create_claims() -> None:
    """Create them unlogged: no commit waits for them, and a crash empties them, the start mark included."""
    op.create_table(
        "claims",
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("expires", sa.BigInteger, nullable=False),
        prefixes=["UNLOGGED"],
    )
    op.create_index("claims_by_expiry", "claims", ["expires"])
    start = op.create_table(
        "claims_start",
        sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("machine_start", sa.Text, nullable=False),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        prefixes=["UNLOGGED"],
    )
    op.bulk_insert(start, [{"only": 1, "machine_start": "", "not_before": 0}])
