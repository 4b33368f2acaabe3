"""The Celery worker: a prefork pool whose processes die with their parent, and take their jobs along."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cached_property
from typing import Any

from celery import Celery, signals

from services.jobs import RUN_JOB, VALIDATE_DATASET, Database, make_queue, publish_job
from services.parent_death import die_with_parent
from services.worker.drain import DrainFlag
from services.worker.gpus import inventory
from services.worker.heartbeat import OUTAGE
from services.worker.host import Host
from services.worker.labels import is_orphan, sweep
from services.worker.ranks import RanksCommand, torchrun
from services.worker.registration import register
from services.worker.settings import WorkerSettings
from services.worker.shift import Shift
from services.worker.supervisor import Supervisor

__all__ = ["Worker", "run_worker"]

logger = logging.getLogger(__name__)


class Worker:
    """What the worker's main process makes before it forks, and its pool processes work with.

    Connections are made on first use, so that each process has its own.
    """

    def __init__(self, settings: WorkerSettings, ranks: RanksCommand) -> None:
        self.settings = settings
        self.host = Host(settings.home, gpus=inventory(), slots=settings.slots)
        self.queue: Celery = make_queue(settings)
        self._ranks = ranks
        self._drain = DrainFlag()
        self._main_process = os.getpid()

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database_url)

    @cached_property
    def shift(self) -> Shift:
        draining = self._drain.is_set
        return Shift(
            self.database,
            self.settings,
            self.host,
            Supervisor(self.database, self.settings, draining=draining, ranks=self._ranks),
            draining=draining,
            publish=lambda job: publish_job(self.queue, job),
        )

    @property
    def concurrency(self) -> int:
        """One process more than there are slots: a registration never waits behind a training."""
        return self.host.slots + 1

    def run_job(self, job: str) -> None:
        """The message is a hint that something is queued: the best of it is run, this job or another."""
        logger.info("told of %s", job)
        self._through_outage(self.shift.work)

    def validate_dataset(self, dataset: str) -> None:
        """Register the data set, if nobody else does."""
        self._through_outage(
            lambda: register(self.database, self.settings, dataset, draining=self._drain.is_set)
        )

    def enter_pool(self, **_: Any) -> None:
        """In a new pool process: die with the main process, and kill what a dead predecessor left."""
        die_with_parent(self._main_process)
        self.sweep()

    def shut_down(self, **_: Any) -> None:
        """In the main process, at the first request to end: running jobs are given back."""
        self._drain.set()

    def sweep(self) -> None:
        """Kill the processes of attempts whose supervisor is dead."""
        sweep(self.settings.home, is_orphan)

    def _through_outage(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OUTAGE as error:
            logger.warning("the database does not answer; the reconciler tells again: %s", error.args[0])


def run_worker(settings: WorkerSettings, *, ranks: RanksCommand = torchrun) -> None:
    """Work until SIGTERM; jobs that run then are drained: checkpointed, and given back to the queue."""
    worker = Worker(settings, ranks)
    worker.sweep()
    worker.queue.task(name=RUN_JOB)(worker.run_job)
    worker.queue.task(name=VALIDATE_DATASET)(worker.validate_dataset)
    signals.setup_logging.connect(_keep_logs)
    signals.worker_process_init.connect(worker.enter_pool)
    signals.worker_shutting_down.connect(worker.shut_down)
    names = ", ".join(gpu.name for gpu in worker.host.gpus) or "no GPU"
    logger.info("%d slots, %s", worker.host.slots, names)
    worker.queue.worker_main(["worker", "--pool=prefork", f"--concurrency={worker.concurrency}"])


def _keep_logs(**_: Any) -> None:
    """Celery leaves logging as it is where somebody listens to its signal."""
