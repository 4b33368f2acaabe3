from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.jobs import Database, utc_now
from services.jobs.tables import ApiKey, IdempotencyKey

if TYPE_CHECKING:
    from tests.conftest import World

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def add_key(database: Database, name: str) -> None:
    with database.writing() as session:
        session.add(ApiKey(id=name, name=name, sha256="0" * 64, scopes=["read"]))


@ON_SQLITE
def test_sqlite_is_set_up(database: Database) -> None:
    with database.reading() as session:
        pragmas = ("journal_mode", "foreign_keys", "busy_timeout")
        assert [session.execute(text(f"PRAGMA {name}")).scalar() for name in pragmas] == ["wal", 1, 30_000]


def test_a_writing_session_commits_or_leaves_nothing(database: Database) -> None:
    add_key(database, "kept")
    with contextlib.suppress(InterruptedError), database.writing() as session:
        session.add(ApiKey(id="lost", name="lost", sha256="0" * 64, scopes=[]))
        session.flush()
        raise InterruptedError
    with database.reading() as session:
        assert [key.id for key in session.query(ApiKey)] == ["kept"]


def test_a_half_read_result_that_an_exception_keeps_does_not_keep_later_writers_out(
    database: Database, database_url: str
) -> None:
    for name in ("one", "two"):
        add_key(database, name)
    kept: list[object] = []
    with contextlib.suppress(InterruptedError), database.writing() as session:
        half_read = session.connection().connection.cursor()
        half_read.execute("SELECT id FROM api_keys")
        kept += [half_read, half_read.fetchone()]
        raise InterruptedError
    other = Database(database_url)
    add_key(other, "three")
    other.close()
    add_key(database, "four")
    with database.reading() as session:
        assert session.query(ApiKey).count() == 4


def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(IdempotencyKey(api_key_id="nobody", key="k", body_sha256="0" * 64, made_id="job_1"))


def test_many_writers_wait_for_each_other(database: Database) -> None:
    barrier = Barrier(8)

    def write(number: int) -> None:
        barrier.wait()
        for one in range(5):
            add_key(database, f"{number}-{one}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    with database.reading() as session:
        assert session.query(ApiKey).count() == 40


def test_a_reader_is_not_kept_waiting_by_a_writer(database: Database) -> None:
    writing, read = Event(), Event()

    def write() -> None:
        with database.writing() as session:
            session.add(ApiKey(id="late", name="late", sha256="0" * 64, scopes=[]))
            session.flush()
            writing.set()
            assert read.wait(20)

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(write)
        assert writing.wait(20)
        with database.reading() as session:
            assert session.query(ApiKey).count() == 0
        read.set()
        done.result()


def test_times_come_back_as_they_went_in(world: World) -> None:
    before = utc_now()
    job = world.job(world.submit(dataset=world.dataset()))
    assert before <= job.created <= utc_now()
    assert job.created.utcoffset() is not None
