"""Alembic's environment: `database.migrate` hands over an open connection in a transaction.

Alembic runs this file under the name `env_py`; importing it as a module does nothing.
"""

from alembic import context

from practicum.lab.tables import Table


def migrate() -> None:
    """Run the missing revisions on the connection that the configuration carries."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Table.metadata,
        render_as_batch=True,  # SQLite alters a table by copying it
    )
    context.run_migrations()


if __name__ == "env_py":
    migrate()
