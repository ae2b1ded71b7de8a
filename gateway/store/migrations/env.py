"""Alembic's environment: the revisions, all in the transaction that :mod:`gateway.store.migration` opened."""

from alembic import context

from gateway.store.watch_schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
