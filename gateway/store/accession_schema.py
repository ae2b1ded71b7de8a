"""The tables of accessions to agreements: what joiners signed, what parties said of it, and what was delivered.

The rules of :mod:`gateway.store.schema` hold here too.
"""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, LargeBinary, Table, Text

from gateway.store import sharing_schema

metadata = sharing_schema.metadata
"""Of every table of the store but the claims."""

agreement_accessions = Table(
    "agreement_accessions",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("jwks", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("admission", LargeBinary),
    Column("admission_entity", Text),
    Column("admission_jwks", LargeBinary),
    Column("learnt_at", BigInteger),
    ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"]),
)

agreement_rulings = Table(
    "agreement_rulings",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("party", Text, primary_key=True),
    Column("joiner", Text, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("jwks", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["agreement_id", "version"], ["agreements.agreement_id", "agreements.version"]),
)

agreement_paper_deliveries = Table(
    "agreement_paper_deliveries",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, primary_key=True),
    Column("party", Text, primary_key=True),
    Column("told_at", BigInteger, nullable=False),
)
