"""The table of persons whose lookup raises an alert. The rules of :mod:`gateway.store.schema` hold here too."""

from sqlalchemy import Column, Table, Text

from gateway.store import break_glass_schema

metadata = break_glass_schema.metadata
"""Of every table of the store but the claims."""

watch_keys = Table(
    "watch_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("entry", Text, primary_key=True),
)
