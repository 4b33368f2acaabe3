import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from services.jobs import Database, authenticate, get_job, migrate
from services.jobs.__main__ import main
from services.jobs.tables import IdempotencyKey, Pipeline, Table

NOW = "'2026-01-02 03:04:05'"
# A job with an attempt, and a pipeline, as the first schema holds them.
FIRST_ROWS = (
    "INSERT INTO datasets (id, name, format, root, options, status, created, published, token, classes, "
    "counts, labels, splits, problems, problems_total) VALUES ('ds_1', 'chest', 'siim', '/data', '{}', "
    f"'validating', {NOW}, {NOW}, 0, '[]', '{{}}', '{{}}', '{{}}', '[]', 0)",
    "INSERT INTO pipelines (id, recipe, dataset_id, params, priority, created) "
    f"VALUES ('pl_1', 'smoke', 'ds_1', '{{}}', 0, {NOW})",
    f"INSERT INTO api_keys VALUES ('key_1', 'ci', 'aa', '[]', {NOW})",
    f"INSERT INTO idempotency_keys VALUES ('key_1', 'k', 'bb', 'job_1', {NOW})",
    "INSERT INTO jobs (id, stage, params, priority, max_attempts, status, token, tries, last_event, metrics, "
    f"created) VALUES ('job_1', 'predict', '{{\"seed\": 1}}', 0, 3, 'queued', 1, 1, 1, '{{}}', {NOW})",
    f"INSERT INTO attempts (job_id, number, worker, gpus, started) VALUES ('job_1', 1, 'w', 0, {NOW})",
)


def test_models_and_migrations_agree(database: Database) -> None:
    with database.connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables, on each of the two engines."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'wsmis.db'}"
    url = request.getfixturevalue("empty_postgres_url")
    assert isinstance(url, str)
    return url


def test_two_may_migrate_at_once(engine_url: str) -> None:
    databases = [Database(engine_url) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(migrate, databases))
    assert set(inspect(databases[0].engine).get_table_names()) >= set(Table.metadata.tables)
    for database in databases:
        database.close()


def test_rows_of_the_first_schema_are_kept(engine_url: str) -> None:
    database = Database(engine_url)
    migrate(database, to="0001")
    with database.connection() as connection:
        for statement in FIRST_ROWS:
            connection.execute(text(statement))
    migrate(database)
    with database.reading() as session:
        job = get_job(session, "job_1")
        assert (job.params, job.min_score, job.reuses) == ({"seed": 1}, {}, None)
        assert job.attempts[0].progress is None
        assert session.scalars(select(Pipeline.min_score)).all() == [{}]
        assert session.scalars(select(IdempotencyKey.made_id)).all() == ["job_1"]
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
    with (
        closing(Database(f"sqlite:///{tmp_path / 'wsmis.db'}")) as database,
        database.reading() as session,
    ):
        assert authenticate(session, file.read_text().strip()).scopes == {"read", "submit"}
        assert authenticate(session, capsys.readouterr().out.strip()).name == "me"


def test_a_wrong_scope_is_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WSMIS_HOME", str(tmp_path))
    assert main(["make-key", "--name", "ci", "--scopes", "root"]) == 2
    assert "root is no scope. Use one or more of read, submit, admin" in capsys.readouterr().err
