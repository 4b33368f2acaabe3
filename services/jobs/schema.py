"""The database's schema, brought up to date by Alembic."""

from __future__ import annotations

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from services.jobs.database import Database

__all__ = ["migrate"]

# PostgreSQL's advisory lock of whoever migrates; any number that nobody else uses.
LOCK = 0x77736D6973


def migrate(database: Database, *, to: str = "head") -> None:
    """Bring the schema up to a revision in one transaction; of two at once, one waits for the other."""
    with as_file(files("services.jobs") / "migrations") as folder, database.connection() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, to)
