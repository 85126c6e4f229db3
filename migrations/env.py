"""Alembic's environment: the same settings and engine as everything else, on PostgreSQL and SQLite alike."""

from alembic import context

from core.db import engine, unhurried
from core.models import Base


def run() -> None:
    """Apply migrations; SQLite's tables are rebuilt where it cannot alter them in place."""
    with unhurried(), engine().connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
