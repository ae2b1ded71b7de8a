"""The table of uses of break-glass. The rules of :mod:`gateway.store.schema` hold here too."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from gateway.store import agreement_schema

metadata = agreement_schema.metadata
"""Of every table of the store but the claims."""

break_glass = Table(
    "break_glass",
    metadata,
    Column("lookup_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("practitioner", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("escalated_at", BigInteger),
    Column("justified", Integer),
    Column("sealed_finding", LargeBinary),
    Column("reviewed_at", BigInteger),
    Column("lifted_at", BigInteger),
    Column("person", Text, nullable=False, server_default=""),
)
Index("break_glass_by_person", break_glass.c.practitioner, break_glass.c.due_at)
Index("break_glass_by_signed_in", break_glass.c.person, break_glass.c.due_at)
Index("break_glass_by_due", break_glass.c.reviewed_at, break_glass.c.due_at)
