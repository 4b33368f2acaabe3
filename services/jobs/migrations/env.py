"""How Alembic runs here: on the connection, and in the transaction, that `migrate` has opened."""

from __future__ import annotations

from alembic import context

from services.jobs.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
