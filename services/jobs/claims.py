"""Who works at what: claims by compare-and-set, leases, and the fence around an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.jobs.errors import Fenced, Stale
from services.jobs.status import ACTIVE, Status
from services.jobs.tables import Attempt, Job
from services.jobs.times import utc_now
from services.jobs.transition import transition
from wsmis_core.spec import CATALOGUE

__all__ = ["Claim", "claim_next", "held", "renew", "started"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at a job, and the right to write its results."""

    job: str
    attempt: int
    worker: str
    stage: str
    gpus: int  # granted
    processes: int  # ranks
    max_attempts: int
    reuses: str | None = None  # a job whose artifact may be taken over

    @property
    def token(self) -> int:
        """The fencing token: the attempt's number, which grows with each claim."""
        return self.attempt


def claim_next(
    session: Session,
    *,
    worker: str,
    free_gpus: int,
    lease_seconds: float,
    job_id: str | None = None,
    total_gpus: int | None = None,
) -> Claim | None:
    """Take the best queued job that fits: the highest priority, then the oldest; or ``job_id`` alone.

    A job whose `gpus` is `auto` runs without a GPU only where the host has none (``total_gpus``,
    by default ``free_gpus``). The job goes from queued to starting with a new token and lease;
    of several callers one wins. None if nothing is queued that fits.
    """
    total_gpus = free_gpus if total_gpus is None else total_gpus
    auto_fits = free_gpus > 0 or total_gpus == 0
    fits = or_(Job.gpus <= free_gpus, Job.gpus.is_(None)) if auto_fits else Job.gpus <= free_gpus
    best = (
        select(Job)
        .where(Job.status == Status.QUEUED, fits, *([] if job_id is None else [Job.id == job_id]))
        .order_by(Job.priority.desc(), Job.id)
        .limit(1)
    )
    while (job := session.scalars(best, execution_options={"populate_existing": True}).first()) is not None:
        now = utc_now()
        try:
            transition(
                session,
                job,
                Status.STARTING,
                at=now,
                why={"worker": worker},
                token=job.token + 1,
                tries=job.tries + 1,
                worker=worker,
                lease_expires=now + timedelta(seconds=lease_seconds),
                progress=None,
            )
        except Stale:
            continue  # another worker was faster: look again
        gpus = _granted(job, free_gpus)
        session.add(Attempt(job_id=job.id, number=job.token, worker=worker, gpus=gpus, started=now))
        return Claim(
            job=job.id,
            attempt=job.token,
            worker=worker,
            stage=job.stage,
            gpus=gpus,
            processes=job.processes or max(1, gpus),
            max_attempts=job.max_attempts,
            reuses=job.reuses,
        )
    return None


def held(session: Session, claim: Claim) -> Job:
    """The claimed job's row, locked; raises Fenced if the claim is no longer the job's own."""
    job = session.scalars(
        select(Job).where(Job.id == claim.job).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if job is None or job.token != claim.token or job.status not in ACTIVE:
        raise Fenced(
            f"attempt {claim.attempt} at {claim.job} has lost its lease.",
            remedy="Stop its processes; another attempt decides.",
        )
    return job


def renew(session: Session, claim: Claim, lease_seconds: float) -> bool:
    """Hold the job for another ``lease_seconds``; true if it is to be cancelled. Raises Fenced."""
    job = held(session, claim)
    job.lease_expires = utc_now() + timedelta(seconds=lease_seconds)
    return job.status is Status.CANCELLING


def started(session: Session, claim: Claim) -> bool:
    """The ranks are up: starting becomes running; true if the job is to be cancelled. Raises Fenced."""
    job = held(session, claim)
    if job.status is Status.CANCELLING:
        return True
    transition(session, job, Status.RUNNING)
    return False


def _granted(job: Job, free_gpus: int) -> int:
    if job.gpus is not None:
        return job.gpus
    trains = next(stage.trains for stage in CATALOGUE.values() if stage.name == job.stage)
    return free_gpus if trains else min(1, free_gpus)
