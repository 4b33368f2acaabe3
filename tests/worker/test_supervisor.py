"""One attempt, made by a supervisor in this process with real ranks beside it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from services.jobs import (
    AttemptOutcome,
    Claim,
    Database,
    Ended,
    Status,
    cancel,
    claim_next,
    lock_job,
    reconcile,
    utc_now,
)
from services.jobs.tables import Job, JobEvent
from services.worker.supervisor import Supervisor

if TYPE_CHECKING:
    from tests.worker.conftest import Eventually, Service


OTHER_DISK = "/dev/shm"


class Bench:
    """A supervisor in this thread; the test interferes from another."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.ranks = service.ranks
        self.draining = threading.Event()

    def claim(self, job: str) -> Claim:
        with self.service.database.writing() as session:
            claim = claim_next(session, worker="here/1", free_gpus=0, lease_seconds=2.0, job_id=job)
        assert claim is not None
        return claim

    def run(self, job: str, database: Database | None = None, **settings: float) -> Ended | None:
        """Claim ``job``, and see the attempt through."""
        supervisor = Supervisor(
            database or self.service.database,
            self.service.settings.model_copy(update=settings),
            draining=self.draining.is_set,
            ranks=self.ranks.command,
        )
        return supervisor.run(self.claim(job))

    @contextmanager
    def meanwhile(self, interfere: Callable[[], None]) -> Iterator[None]:
        """Have ``interfere`` run beside the body; its exception is the test's."""
        errors: list[BaseException] = []

        def guarded() -> None:
            try:
                interfere()
            except BaseException as error:
                errors.append(error)
                self.draining.set()

        thread = threading.Thread(target=guarded)
        thread.start()
        yield
        thread.join()
        if errors:
            raise errors[0]


@pytest.fixture
def bench(service: Service, eventually: Eventually) -> Iterator[Bench]:
    yield Bench(service)
    eventually(lambda: not service.labels(), "an end of all processes")


def test_success_leaves_a_verified_artifact(bench: Bench, service: Service) -> None:
    job = service.submit("finish")
    ended = bench.run(job)
    assert ended == Ended(Status.SUCCEEDED)
    row = service.job(job)
    artifact = service.settings.artifact_folder(job)
    assert (artifact / "model.bin").read_bytes() == b"weights"
    assert row.artifact_digest == json.loads((artifact / "manifest.json").read_text())["digest"]
    assert row.artifact_bytes == len(b"weights")
    assert row.metrics == {"loss": 0.5, "auc": 0.75, "attempt": 1.0}
    assert row.progress is not None
    assert row.progress["done"] == 10
    assert not service.labels()


@pytest.mark.parametrize("damaged", [False, True])
def test_what_another_job_has_made_is_taken_over_unless_it_is_damaged(
    bench: Bench, service: Service, damaged: bool
) -> None:
    first, second = service.submit("finish"), service.submit("finish")
    bench.run(first)
    theirs = service.settings.artifact_folder(first)
    if damaged:
        (theirs / "model.bin").write_bytes(b"wei")
    with service.database.writing() as session:
        session.get_one(Job, second).reuses = first
    assert bench.run(second) == Ended(Status.SUCCEEDED)
    ours = service.settings.artifact_folder(second)
    assert (ours / "model.bin").read_bytes() == b"weights"
    assert (ours / "model.bin").samefile(theirs / "model.bin") is not damaged
    assert json.loads((ours / "manifest.json").read_text())["job"] == second
    assert (service.settings.attempt_folder(second, 1) / "log.txt").exists() is damaged


def test_events_are_stored_once_and_garbage_is_passed_over(bench: Bench, service: Service) -> None:
    job = service.submit("garbage")
    bench.run(job)
    with service.database.reading() as session:
        query = select(JobEvent).where(JobEvent.job_id == job).order_by(JobEvent.seq)
        events = [(event.type, event.payload.get("done")) for event in session.scalars(query)]
    assert [event for event in events if event[0] != "status"] == [
        ("progress", 1),
        ("metric", None),
        ("progress", 2),
        # The last line of garbage has no end, and swallows the event that came after it.
    ]
    assert service.job(job).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("behaviour", "reason", "status"),
    [
        ("user_error", "invalid_data", Status.FAILED),
        ("out_of_memory", "out_of_memory", Status.FAILED),
        ("crash", "crashed", Status.QUEUED),
        ("no_manifest", "crashed", Status.QUEUED),
        ("damaged", "invalid_artifact", Status.QUEUED),
    ],
)
def test_failures(bench: Bench, service: Service, behaviour: str, reason: str, status: Status) -> None:
    job = service.submit(behaviour)
    ended = bench.run(job)
    assert ended is not None
    assert ended.status is status
    (attempt,) = service.job(job).attempts
    assert attempt.outcome is AttemptOutcome.FAILED
    assert attempt.failure is not None
    assert attempt.failure["reason"] == reason
    assert not service.settings.artifact_folder(job).exists()


def test_params_of_another_version_fail_at_once_and_do_not_stop_the_worker(
    bench: Bench, service: Service
) -> None:
    job = service.submit("finish")
    with service.database.writing() as session:
        row = session.get_one(Job, job)
        row.params = {**row.params, "old_field": 1}
    assert bench.run(job) == Ended(Status.FAILED)
    failure = service.job(job).failure
    assert failure is not None
    assert "old_field" in failure["message"]
    assert "submit it again" in failure["remedy"]
    assert bench.run(service.submit("finish")) == Ended(Status.SUCCEEDED)


def test_a_home_that_cannot_be_written_is_told(bench: Bench, service: Service) -> None:
    job = service.submit("finish", max_attempts=1)
    artifact = service.settings.artifact_folder(job)
    artifact.parent.mkdir(exist_ok=True)
    artifact.write_text("a file in the way")
    assert bench.run(job) == Ended(Status.FAILED)
    failure = service.job(job).failure
    assert failure is not None
    assert failure["reason"] == "worker_files"
    assert "WSMIS_HOME" in failure["remedy"]


def test_artifacts_may_lie_on_another_disk(bench: Bench, service: Service) -> None:
    artifacts = service.settings.artifact_folder("x").parent
    with TemporaryDirectory(dir=OTHER_DISK) as elsewhere:
        if Path(elsewhere).stat().st_dev == service.settings.home.stat().st_dev:
            pytest.skip(f"{OTHER_DISK} is on the same disk as the home")
        aside = artifacts.rename(artifacts.with_name("aside")) if artifacts.exists() else None
        artifacts.symlink_to(elsewhere)
        job = service.submit("finish")
        assert bench.run(job) == Ended(Status.SUCCEEDED)
        assert (artifacts / job / "model.bin").read_bytes() == b"weights"
        assert [path.name for path in artifacts.iterdir()] == [job]
        artifacts.unlink()
        if aside is not None:
            aside.rename(artifacts)


def test_a_crash_shows_the_end_of_the_log(bench: Bench, service: Service) -> None:
    job = service.submit("crash", max_attempts=1)
    bench.run(job)
    failure = service.job(job).failed_for
    assert failure is not None
    assert failure.message == (
        "the ranks ended with exit status 1. The end of the log:\n"
        "Traceback (most recent call last):\nRuntimeError: shapes differ"
    )


def test_a_killed_rank_is_tried_again_with_what_was_there(bench: Bench, service: Service) -> None:
    job = service.submit("wait")
    with bench.meanwhile(lambda: os.kill(bench.ranks.wait_for(job, 1), signal.SIGKILL)):
        bench.run(job)
    (attempt,) = service.job(job).attempts
    assert attempt.failure is not None
    assert attempt.failure["reason"] == "rank_killed"
    assert not service.labels()

    bench.ranks.behave(job, "finish")
    bench.run(job)
    assert service.job(job).status is Status.SUCCEEDED
    folder = service.settings.attempt_folder(job, 2)
    spec = json.loads((folder / "spec.json").read_text())
    assert spec["previous"] == [str(service.settings.attempt_folder(job, 1))]


@pytest.mark.parametrize("behaviour", ["wait", "stubborn"])
def test_cancel_ends_all_processes(bench: Bench, service: Service, behaviour: str) -> None:
    job = service.submit(behaviour)

    def ask() -> None:
        bench.ranks.wait_for(job, 1)
        with service.database.writing() as session:
            cancel(session, lock_job(session, job))

    with bench.meanwhile(ask):
        ended = bench.run(job)
    assert ended == Ended(Status.CANCELLED)
    assert not service.labels()
    checkpoints = service.settings.attempt_folder(job, 1) / "checkpoints"
    assert checkpoints.exists() == (behaviour == "wait")


def test_drain_gives_the_job_back_with_its_checkpoint(bench: Bench, service: Service) -> None:
    job = service.submit("wait", max_attempts=1)

    def drain() -> None:
        bench.ranks.wait_for(job, 1)
        bench.draining.set()

    with bench.meanwhile(drain):
        ended = bench.run(job)
    assert ended == Ended(Status.QUEUED, (job,))
    assert (service.settings.attempt_folder(job, 1) / "checkpoints" / "last").exists()
    row = service.job(job)
    assert row.tries == 0
    assert [attempt.outcome for attempt in row.attempts] == [AttemptOutcome.RELEASED]


def test_silence_is_a_stall(bench: Bench, service: Service) -> None:
    job = service.submit("wait", max_attempts=1)
    bench.run(job, stall_seconds=1.0)
    failure = service.job(job).failed_for
    assert failure is not None
    assert failure.reason == "stalled"


def test_a_locked_database_does_not_touch_the_job(
    bench: Bench, service: Service, eventually: Eventually
) -> None:
    """SQLite's write lock is held for longer than the lease."""
    job = service.submit("wait")

    def lock() -> None:
        eventually(lambda: service.job(job).status is Status.RUNNING, "a running job")
        with service.database.writing() as session:
            session.execute(text("SELECT 1"))  # begins the transaction
            eventually(lambda: (service.job(job).lease_expires or utc_now()) < utc_now(), "an expired lease")
        bench.ranks.go(job)

    with bench.meanwhile(lock):
        ended = bench.run(job)
    assert ended == Ended(Status.SUCCEEDED)
    assert len(service.job(job).attempts) == 1


class Outage(Database):
    """A database that refuses every writing transaction while ``out`` is set."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.out = threading.Event()
        self.refused = 0

    @contextmanager
    def writing(self) -> Iterator[Session]:
        if self.out.is_set():
            self.refused += 1
            raise OperationalError("BEGIN", {}, Exception("server closed the connection"))
        with super().writing() as session:
            yield session


@pytest.fixture
def outage(service: Service) -> Iterator[Outage]:
    database = Outage(service.settings.database_url)
    yield database
    database.close()


def test_an_outage_of_the_database_does_not_touch_the_job(
    bench: Bench, service: Service, outage: Outage, eventually: Eventually
) -> None:
    """Out while the job runs and when it ends; the lease runs out meanwhile, and nobody takes it."""
    job = service.submit("wait")

    def interrupt() -> None:
        bench.ranks.wait_for(job, 1)
        eventually(lambda: service.job(job).progress is not None)
        outage.out.set()
        eventually(lambda: (service.job(job).lease_expires or utc_now()) < utc_now(), "an expired lease")
        bench.ranks.go(job)
        eventually(lambda: outage.refused > 6, "refused writes")
        outage.out.clear()

    with bench.meanwhile(interrupt):
        ended = bench.run(job, outage)
    assert ended == Ended(Status.SUCCEEDED)
    assert [attempt.outcome for attempt in service.job(job).attempts] == [AttemptOutcome.SUCCEEDED]
    progress = service.job(job).progress
    assert progress is not None
    assert progress["done"] == 10


def test_an_attempt_that_lost_its_lease_in_an_outage_is_killed_and_dropped(
    bench: Bench, service: Service, outage: Outage, eventually: Eventually
) -> None:
    job = service.submit("wait")

    def take_over() -> None:
        bench.ranks.wait_for(job, 1)
        outage.out.set()
        eventually(lambda: (service.job(job).lease_expires or utc_now()) < utc_now(), "an expired lease")
        with service.database.writing() as session:
            assert reconcile(session, now=utc_now(), lease_seconds=2.0).requeued == (job,)
        outage.out.clear()

    with bench.meanwhile(take_over):
        assert bench.run(job, outage) is None
    assert not service.labels()
    assert service.job(job).status is Status.QUEUED


def test_an_artifact_that_was_left_in_place_is_taken_over(
    bench: Bench, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that died between the rename and the database."""
    job = service.submit("finish")

    class Dead(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Dead

    with monkeypatch.context() as patch:
        patch.setattr("services.worker.supervisor.succeed", die)
        with pytest.raises(Dead):
            bench.run(job)
    with service.database.writing() as session:
        later = utc_now() + timedelta(minutes=1)
        assert reconcile(session, now=later, lease_seconds=2.0).requeued == (job,)
    ended = bench.run(job)
    assert ended == Ended(Status.SUCCEEDED)
    assert not service.settings.attempt_folder(job, 2).exists()
    assert service.job(job).metrics["attempt"] == 1
