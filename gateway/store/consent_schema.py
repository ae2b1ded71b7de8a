"""The tables of consents: each consent, the keys it is found by, the services that rely on it, and the open tasks.

The rules of :mod:`gateway.store.schema` hold here too.
"""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from gateway.store import place_schema

metadata = place_schema.metadata
"""Of every table of the store but the claims."""

consents = Table(
    "consents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_on", Text),
    Column("ended_at", BigInteger),
    Column("notices_due", BigInteger),
    Column("sealed", LargeBinary, nullable=False),
)
Index("consents_by_key", consents.c.client_id, consents.c.idempotency_key, unique=True)
Index("consents_by_client", consents.c.client_id, consents.c.created_at, consents.c.id)
Index(
    "consents_to_expire",
    consents.c.expires_on,
    sqlite_where=consents.c.state == "granted",
    postgresql_where=consents.c.state == "granted",
)
Index(
    "consents_to_notify",
    consents.c.notices_due,
    sqlite_where=consents.c.notices_due.is_not(None),
    postgresql_where=consents.c.notices_due.is_not(None),
)

consent_keys = Table(
    "consent_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("consent", Text, primary_key=True),
)
Index("consent_keys_by_consent", consent_keys.c.consent)

consent_uses = Table(
    "consent_uses",
    metadata,
    Column("consent", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("used_at", BigInteger, nullable=False),
)

ended_consents = Table(
    "ended_consents",
    metadata,
    Column("key", Text, primary_key=True),
    Column("ended_at", BigInteger, nullable=False),
)

consent_tasks = Table(
    "consent_tasks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consent", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("outcome", Text),
    Column("sealed", LargeBinary, nullable=False),
)
Index("consent_tasks_by_consent", consent_tasks.c.consent)
Index(
    "consent_tasks_open",
    consent_tasks.c.client_id,
    consent_tasks.c.due_at,
    consent_tasks.c.id,
    sqlite_where=consent_tasks.c.done_at.is_(None),
    postgresql_where=consent_tasks.c.done_at.is_(None),
)
