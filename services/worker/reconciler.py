"""The reconciler: mends, in a loop, what lost workers and lost messages leave behind."""

from __future__ import annotations

import logging
from contextlib import closing

import psutil
from celery import Celery
from sqlalchemy import select

from services.jobs import (
    ACTIVE,
    Database,
    Settings,
    make_queue,
    publish_dataset,
    publish_job,
    reconcile,
    utc_now,
)
from services.jobs.tables import Job
from services.stop_signals import StopSignals
from services.worker.heartbeat import OUTAGE
from services.worker.labels import Label, is_orphan, sweep

__all__ = ["Reconciler", "run_reconciler"]

logger = logging.getLogger(__name__)


class Reconciler:
    """One pass after the other, through outages of database and Redis."""

    def __init__(self, settings: Settings, database: Database, queue: Celery) -> None:
        self._settings = settings
        self._database = database
        self._queue = queue

    def run(self, stop: StopSignals) -> None:
        """A pass every `WSMIS_RECONCILE_SECONDS` until ``stop``."""
        while True:
            try:
                self.reconcile()
            except OUTAGE as error:
                logger.warning("the database does not answer: %s", error.args[0])
            if stop.wait(self._settings.reconcile_seconds):
                return

    def reconcile(self) -> None:
        """One pass: the database first, then messages, then this host's stray processes."""
        with self._database.writing() as session:
            done = reconcile(session, now=utc_now(), lease_seconds=self._settings.lease_seconds)
        for what, jobs in (
            ("requeued", done.requeued),
            ("failed", done.failed),
            ("cancelled", done.cancelled),
        ):
            for job in jobs:
                logger.warning("%s has lost its worker: %s", job, what)
        for job in done.to_publish:
            publish_job(self._queue, job)
        for dataset in done.datasets_to_publish:
            publish_dataset(self._queue, dataset)
        sweep(self._settings.home, self._is_stray)

    def _is_stray(self, process: psutil.Process, label: Label) -> bool:
        """Whether nobody will take what the process does: its supervisor is dead, or has lost the claim."""
        return is_orphan(process, label) or not self._is_current(label)

    def _is_current(self, label: Label) -> bool:
        current = select(Job.id).where(Job.id == label.job, Job.token == label.token, Job.status.in_(ACTIVE))
        with self._database.reading() as session:
            return session.scalars(current).first() is not None


def run_reconciler(settings: Settings) -> None:
    """Reconcile until SIGTERM or SIGINT."""
    with (
        StopSignals() as stop,
        make_queue(settings) as queue,
        closing(Database(settings.database_url)) as database,
    ):
        Reconciler(settings, database, queue).run(stop)
