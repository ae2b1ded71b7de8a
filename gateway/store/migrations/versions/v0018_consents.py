"""Consents: each consent, the keys it is found by, the services that rely on it, those that ended, and tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0018_consents"
down_revision = "0017_places"

_GRANTED = sa.text("state = 'granted'")
_NOTICES = sa.text("notices_due IS NOT NULL")
_OPEN = sa.text("done_at IS NULL")
_CONSENTS = (
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=False),
    sa.Column("request_digest", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_on", sa.Text),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("notices_due", sa.BigInteger),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
_CONSENT_KEYS = (
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("consent", sa.Text, primary_key=True),
)
_CONSENT_USES = (
    sa.Column("consent", sa.Text, primary_key=True),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True),
    sa.Column("used_at", sa.BigInteger, nullable=False),
)
_ENDED_CONSENTS = (
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("ended_at", sa.BigInteger, nullable=False),
)
_CONSENT_TASKS = (
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("consent", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("done_at", sa.BigInteger),
    sa.Column("outcome", sa.Text),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)


def upgrade() -> None:
    """Make the tables."""
    op.create_table("consents", *_CONSENTS)
    op.create_index("consents_by_key", "consents", ["client_id", "idempotency_key"], unique=True)
    op.create_index("consents_by_client", "consents", ["client_id", "created_at", "id"])
    op.create_index("consents_to_expire", "consents", ["expires_on"], sqlite_where=_GRANTED, postgresql_where=_GRANTED)
    op.create_index("consents_to_notify", "consents", ["notices_due"], sqlite_where=_NOTICES, postgresql_where=_NOTICES)
    op.create_table("consent_keys", *_CONSENT_KEYS)
    op.create_index("consent_keys_by_consent", "consent_keys", ["consent"])
    op.create_table("consent_uses", *_CONSENT_USES)
    op.create_table("ended_consents", *_ENDED_CONSENTS)
    op.create_table("consent_tasks", *_CONSENT_TASKS)
    op.create_index("consent_tasks_by_consent", "consent_tasks", ["consent"])
    op.create_index(
        "consent_tasks_open",
        "consent_tasks",
        ["client_id", "due_at", "id"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
