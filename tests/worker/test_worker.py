"""The whole way of a job through real programs: Redis, the Celery worker, the reconciler, ranks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest

from services.jobs import AttemptOutcome, Status, cancel, lock_job, make_queue, publish_job

if TYPE_CHECKING:
    from tests.worker.conftest import Eventually, Programs, Redis, Service


@dataclass
class Site:
    """All programs, as `wsmis up` has them; the worker changes as tests kill it."""

    service: Service
    redis: Redis
    programs: Programs
    worker: subprocess.Popen[bytes]
    reconciler: subprocess.Popen[bytes]

    def publish(self, job: str, times: int = 1) -> None:
        settings = self.service.settings.model_copy(update={"redis_url": self.redis.url})
        with make_queue(settings) as queue:
            for _ in range(times):
                assert publish_job(queue, job)

    def pool_process(self, rank: int) -> int:
        """The pool process that ``rank`` works for."""
        parents = psutil.Process(rank).parents()
        return next(parent.pid for parent in parents if parent.ppid() == self.worker.pid)

    def outcomes(self, job: str) -> list[AttemptOutcome | None]:
        return [attempt.outcome for attempt in self.service.job(job).attempts]

    def has_processes(self, job: str, attempt: int = 1) -> bool:
        return any((label.job, label.attempt) == (job, attempt) for label in self.service.labels())


@pytest.fixture(scope="module")
def site(service: Service, redis: Redis, programs: Programs) -> Site:
    return Site(service, redis, programs, programs.worker(), programs.reconciler())


@pytest.fixture(autouse=True)
def nothing_left(service: Service, eventually: Eventually) -> Iterator[None]:
    yield
    eventually(lambda: not service.labels(), "an end of all processes")


def test_duplicate_messages_make_one_attempt(site: Site, service: Service, eventually: Eventually) -> None:
    """And a job that waits for the slot is run by the slot's holder, though its own message found none."""
    first, second = service.submit("wait"), service.submit("finish")
    site.publish(first, times=3)
    service.ranks.wait_for(first, 1)
    site.publish(second)
    eventually(lambda: site.programs.said(f"told of {second}"))
    assert service.job(second).status is Status.QUEUED
    service.ranks.go(first)
    for job in (first, second):
        service.await_status(job, Status.SUCCEEDED)
        assert site.outcomes(job) == [AttemptOutcome.SUCCEEDED]


def test_lost_message_and_lost_redis(site: Site, service: Service) -> None:
    """Nobody publishes the job, and Redis is killed: the reconciler tells the worker once it is back."""
    site.redis.kill()
    job = service.submit("finish")
    site.redis.start()
    service.await_status(job, Status.SUCCEEDED)


def test_cancel(site: Site, service: Service) -> None:
    job = service.submit("stubborn")
    site.publish(job)
    service.ranks.wait_for(job, 1)
    with service.database.writing() as session:
        cancel(session, lock_job(session, job))
    service.await_status(job, Status.CANCELLED)
    assert not site.has_processes(job)


def test_killed_rank(site: Site, service: Service) -> None:
    job = service.submit("wait")
    site.publish(job)
    os.kill(service.ranks.wait_for(job, 1), signal.SIGKILL)
    service.ranks.wait_for(job, 2)
    service.ranks.go(job)
    service.await_status(job, Status.SUCCEEDED)
    assert site.outcomes(job) == [AttemptOutcome.FAILED, AttemptOutcome.SUCCEEDED]


@pytest.mark.parametrize("victim", ["pool process", "worker"])
def test_killed_worker(site: Site, service: Service, eventually: Eventually, victim: str) -> None:
    """kill -9: no process is left at once, and the next attempt goes on once the lease has run out."""
    job = service.submit("wait")
    site.publish(job)
    rank = service.ranks.wait_for(job, 1)
    assert len(service.labels()) >= 3  # the keeper, the rank, and its child in another session
    if victim == "worker":
        site.worker.kill()
        site.worker.wait()
    else:
        os.kill(site.pool_process(rank), signal.SIGKILL)
    eventually(lambda: not site.has_processes(job), "an end of the first attempt")
    if victim == "worker":
        site.worker = site.programs.worker()
    service.ranks.wait_for(job, 2)
    service.ranks.go(job)
    service.await_status(job, Status.SUCCEEDED)
    assert site.outcomes(job) == [AttemptOutcome.LOST, AttemptOutcome.SUCCEEDED]
    spec = json.loads((service.settings.attempt_folder(job, 2) / "spec.json").read_text())
    assert spec["previous"] == [str(service.settings.attempt_folder(job, 1))]


def test_paused_worker_is_fenced(site: Site, service: Service, eventually: Eventually) -> None:
    """A supervisor that sleeps beyond its lease: its ranks are killed, and its results not taken."""
    job = service.submit("wait")
    site.publish(job)
    supervisor = site.pool_process(service.ranks.wait_for(job, 1))
    os.kill(supervisor, signal.SIGSTOP)
    eventually(lambda: not site.has_processes(job), "an end of the first attempt")
    os.kill(supervisor, signal.SIGCONT)
    service.ranks.wait_for(job, 2)
    service.ranks.go(job)
    service.await_status(job, Status.SUCCEEDED)
    assert site.outcomes(job) == [AttemptOutcome.LOST, AttemptOutcome.SUCCEEDED]
    assert service.job(job).metrics["attempt"] == 2


def test_drain(site: Site, service: Service) -> None:
    """SIGTERM: the job goes back; its message outlives Redis, and finds the next worker by itself."""
    job = service.submit("wait", max_attempts=1)
    site.publish(job)
    service.ranks.wait_for(job, 1)
    site.reconciler.kill()  # not stopped: it might hold the database's lock for good
    site.reconciler.wait(30)
    site.worker.send_signal(signal.SIGTERM)
    assert site.worker.wait(30) == 0
    assert service.job(job).status is Status.QUEUED
    assert not site.has_processes(job)
    assert (service.settings.attempt_folder(job, 1) / "checkpoints" / "last").exists()
    site.redis.kill()
    site.redis.start()
    site.worker = site.programs.worker()
    service.ranks.wait_for(job, 2)
    service.ranks.go(job)
    service.await_status(job, Status.SUCCEEDED)
    assert site.outcomes(job) == [AttemptOutcome.RELEASED, AttemptOutcome.SUCCEEDED]
    site.reconciler = site.programs.reconciler()


def test_no_torch_in_the_worker(site: Site) -> None:
    for process in psutil.Process(site.worker.pid).children(recursive=True):
        assert not [mapped.path for mapped in process.memory_maps() if "libtorch" in mapped.path]


def test_orderly_end(site: Site) -> None:
    """SIGTERM ends both programs with status 0 where nothing runs."""
    for program in (site.worker, site.reconciler):
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == 0
