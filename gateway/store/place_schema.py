"""The tables of restricted places: who must not be located, and releases by named persons.

The rules of :mod:`gateway.store.schema` hold here too.
"""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from gateway.store import delivery_schema

metadata = delivery_schema.metadata

place_restrictions = Table(
    "place_restrictions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("declared_at", BigInteger, nullable=False),
    Column("review_at", BigInteger),
    Column("sealed_lift", LargeBinary),
    Column("lifted_at", BigInteger),
)
Index("place_restrictions_by_client", place_restrictions.c.client_id, place_restrictions.c.declared_at)

place_releases = Table(
    "place_releases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("task_key", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger),
    Column("until", BigInteger),
)
Index("place_releases_by_task", place_releases.c.task_key, unique=True)
Index("place_releases_by_due", place_releases.c.service, place_releases.c.state, place_releases.c.due_at)

place_keys = Table(
    "place_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("item", Text, primary_key=True),
)
Index("place_keys_by_item", place_keys.c.item)
