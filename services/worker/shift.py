"""A shift: a pool process takes a slot, and works at the best queued jobs until none fits."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable

import structlog
from sqlalchemy import select

from services.jobs import Claim, Database, Ended, Status, claim_next
from services.jobs.tables import Job
from services.worker.host import Host
from services.worker.settings import WorkerSettings
from services.worker.supervisor import Supervisor

__all__ = ["Shift", "worker_name"]

logger = logging.getLogger(__name__)


def worker_name() -> str:
    """How this process signs its claims."""
    return f"{socket.gethostname()}/{os.getpid()}"


class Shift:
    """Claims and runs jobs within the host's slots and GPUs. ``publish`` announces what has become queued."""

    def __init__(
        self,
        database: Database,
        settings: WorkerSettings,
        host: Host,
        supervisor: Supervisor,
        *,
        draining: Callable[[], bool],
        publish: Callable[[str], object],
    ) -> None:
        self._database = database
        self._settings = settings
        self._host = host
        self._supervisor = supervisor
        self._draining = draining
        self._publish = publish

    def work(self) -> None:
        """Run queued jobs, one after the other; returns at once while all slots are taken.

        What was queued between the last look and the slot's release found no slot, and is
        looked for again.
        """
        unfit: set[str] | None = None
        while unfit is None or self._queued() - unfit:
            slot = self._host.take_slot()
            if slot is None:
                return
            try:
                while not self._draining() and self._run_next():
                    pass
                unfit = self._queued()
            finally:
                slot.release()
            if self._draining():
                return

    def _run_next(self) -> bool:
        """Whether there was a job that fits; it has run."""
        with self._host.placed(self._claim_next) as placed:
            if placed is None:
                return False
            claim = placed.claim
            with structlog.contextvars.bound_contextvars(job_id=claim.job, attempt=claim.attempt):
                logger.info("attempt %d at %s on %d GPUs", claim.attempt, claim.stage, claim.gpus)
                ended = self._supervisor.run(claim, placed.gpus)
        self._announce(ended)
        return True

    def _claim_next(self, free_gpus: int, total_gpus: int) -> Claim | None:
        with self._database.writing() as session:
            return claim_next(
                session,
                worker=worker_name(),
                free_gpus=free_gpus,
                total_gpus=total_gpus,
                lease_seconds=self._settings.lease_seconds,
            )

    def _announce(self, ended: Ended | None) -> None:
        """Publish what the job's end has made ready, so that other hosts can take it."""
        for job in () if ended is None else ended.queued:
            self._publish(job)

    def _queued(self) -> set[str]:
        with self._database.reading() as session:
            return set(session.scalars(select(Job.id).where(Job.status == Status.QUEUED)))
