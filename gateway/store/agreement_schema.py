"""The tables of what a node does about its agreements, beside their documents.

The rules of :mod:`gateway.store.schema` hold here too.
"""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, LargeBinary, Table, Text

from gateway.store import accession_schema

metadata = accession_schema.metadata
"""Of every table of the store but the claims."""

agreement_warnings = Table(
    "agreement_warnings",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("warned_at", BigInteger, nullable=False),
)

agreement_suspension_notices = Table(
    "agreement_suspension_notices",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("entity", Text, primary_key=True),
    Column("rank", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("jwks", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"]),
)
