import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from services.jobs import Database, authenticate, migrate
from services.jobs.__main__ import main
from services.jobs.tables import Table


def test_models_and_migrations_agree(database: Database) -> None:
    with database.connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_two_may_migrate_at_once(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = (
        f"sqlite:///{tmp_path / 'new' / 'wsmis.db'}"
        if engine == "sqlite"
        else request.getfixturevalue("empty_postgres_url")
    )
    databases = [Database(url) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(migrate, databases))
    assert set(inspect(databases[0].engine).get_table_names()) >= set(Table.metadata.tables)
    for database in databases:
        database.close()


def test_the_command_migrates_and_makes_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WSMIS_HOME", str(tmp_path))
    file = tmp_path / "key"
    assert main(["migrate"]) == 0
    assert main(["make-key", "--name", "ci", "--scopes", "read, submit", "--file", str(file)]) == 0
    assert main(["make-key", "--name", "me", "--scopes", "admin"]) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with Database(f"sqlite:///{tmp_path / 'wsmis.db'}").reading() as session:
        assert authenticate(session, file.read_text().strip()).scopes == {"read", "submit"}
        assert authenticate(session, capsys.readouterr().out.strip()).name == "me"


def test_a_wrong_scope_is_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WSMIS_HOME", str(tmp_path))
    assert main(["make-key", "--name", "ci", "--scopes", "root"]) == 2
    assert "root is no scope. Use one or more of read, submit, admin" in capsys.readouterr().err
