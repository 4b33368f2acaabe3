"""The engine, and the two kinds of transaction: one that reads, one that writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session

__all__ = ["Database", "make_engine"]

BUSY_SECONDS = 30
WRITES = "wsmis_writes"


def make_engine(url: str) -> Engine:
    """The engine of a `sqlite:///` or `postgresql+psycopg://` URL.

    SQLite runs in WAL mode, waits for a lock instead of failing, keeps foreign keys, and takes
    its write lock when a writing transaction begins, so that none has to be upgraded.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


class Database:
    """Transactions on one engine. Make it after a fork, not before."""

    def __init__(self, url: str) -> None:
        file = make_url(url).database
        if url.startswith("sqlite") and file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        self.engine = make_engine(url)
        self._writer = self.engine.execution_options(**{WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database, and changes nothing."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session, _cut_off(session):
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed at the end, or rolled back when an exception leaves it."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin(), _cut_off(session):
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A writing transaction without objects."""
        with self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


@contextmanager
def _cut_off(session: Session) -> Iterator[None]:
    """Close a connection to SQLite after the rollback that an exception leads to, instead of pooling it.

    The exception may keep a half-read result alive, and with it a snapshot that outlives the rollback;
    whatever were to be written over that connection would be told that the database is locked.
    """
    begun: list[Connection] = []
    event.listen(session, "after_begin", lambda _session, _transaction, opened: begun.append(opened))
    try:
        yield
    except Exception:
        for connection in begun:
            if connection.dialect.name == "sqlite" and not connection.closed:
                connection.detach()
        raise


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the begin event below says BEGIN, not the driver
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
