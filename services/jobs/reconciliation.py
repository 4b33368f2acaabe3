"""What nobody else will mend: lost workers, lost messages, waiting jobs whose inputs are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, aliased

from services.jobs.dependencies import DEAD, settle_waiting
from services.jobs.idempotency import forget_old_keys
from services.jobs.outcomes import lose, stop
from services.jobs.status import ACTIVE, AttemptOutcome, DatasetStatus, Reason, Status
from services.jobs.tables import Attempt, Dataset, Job, JobInput
from wsmis_core.spec import Failure

__all__ = ["Reconciled", "reconcile"]

MOST_VALIDATIONS = 3  # as many workers may be lost over one data set
LONGEST_SILENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a pass has done, as ids; the last two are to be published after the commit."""

    requeued: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    to_publish: tuple[str, ...] = ()
    datasets_to_publish: tuple[str, ...] = ()


def reconcile(session: Session, *, now: datetime, lease_seconds: float) -> Reconciled:
    """One pass. It may run beside others, and beside everything else: every change is compare-and-set.

    A queued job or a data set to be validated is published again when nobody has taken it for
    ``lease_seconds``, then after twice as long, and so on up to ten minutes.
    """
    requeued: list[str] = []
    failed: list[str] = []
    cancelled: list[str] = []
    to_publish: list[str] = []
    for job in _expired(session, now):
        ended = (
            stop(session, job)
            if job.status is Status.CANCELLING
            else lose(
                session,
                job,
                _worker_lost(job),
                outcome=AttemptOutcome.LOST,
                at=now,
                uses_try=not _came_further(session, job),
            )
        )
        {Status.QUEUED: requeued, Status.FAILED: failed, Status.CANCELLED: cancelled}[ended.status].append(
            job.id
        )
        to_publish += ended.queued
    for job in _ripe(session):
        to_publish += settle_waiting(session, job, at=now)
    forget_old_keys(session, now=now)
    to_publish += _silent_jobs(session, now, timedelta(seconds=lease_seconds))
    return Reconciled(
        requeued=tuple(requeued),
        failed=tuple(failed),
        cancelled=tuple(cancelled),
        to_publish=tuple(to_publish),
        datasets_to_publish=tuple(_datasets(session, now, timedelta(seconds=lease_seconds))),
    )


def _expired(session: Session, now: datetime) -> Sequence[Job]:
    return _locked(session, Job.status.in_(ACTIVE), Job.lease_expires < now)


def _ripe(session: Session) -> Sequence[Job]:
    """Waiting jobs that need not wait: an input is dead, or all have succeeded."""
    source = aliased(Job)
    inputs = select(JobInput.job_id).join(source, source.id == JobInput.input_id)
    dead = inputs.where(JobInput.job_id == Job.id, source.status.in_(DEAD)).exists()
    unfinished = inputs.where(JobInput.job_id == Job.id, source.status != Status.SUCCEEDED).exists()
    return _locked(session, Job.status == Status.WAITING, dead | ~unfinished)


def _locked(session: Session, *conditions: ColumnElement[bool]) -> Sequence[Job]:
    """The jobs under ``conditions``, but for those that someone else is changing right now."""
    return session.scalars(
        select(Job).where(*conditions).order_by(Job.id).with_for_update(skip_locked=True, of=Job),
        execution_options={"populate_existing": True},
    ).all()


def _came_further(session: Session, job: Job) -> bool:
    """Whether the running attempt was further in its phase than every earlier one that ended there.

    Workers are lost for reasons of their own: a job that goes on all the same need not fail for them.
    """
    if job.progress is None:
        return False
    earlier = session.scalars(
        select(Attempt.progress).where(Attempt.job_id == job.id, Attempt.number < job.token)
    )
    phase = job.progress["phase"]
    furthest = max((told["done"] for told in earlier if told and told["phase"] == phase), default=0)
    return bool(job.progress["done"] > furthest)


def _worker_lost(job: Job) -> Failure:
    return Failure(
        reason=Reason.WORKER_LOST,
        message=f"the worker {job.worker} has not been heard of since before {job.lease_expires}.",
        remedy="Look at that host's worker log, then retry the job.",
        retryable=True,
    )


def _silent_jobs(session: Session, now: datetime, patience: timedelta) -> list[str]:
    queued = session.execute(
        select(Job.id, Job.queued, Job.published).where(
            Job.status == Status.QUEUED, Job.published < now - patience
        )
    )
    due = [job for job, since, published in queued if _is_due(since, published, now, patience)]
    if due:
        session.execute(
            update(Job).where(Job.id.in_(due), Job.status == Status.QUEUED).values(published=now),
            execution_options={"synchronize_session": False},
        )
    return due


def _is_due(since: datetime | None, published: datetime | None, now: datetime, patience: timedelta) -> bool:
    """True where the message was sent longer ago than it is wise to wait for an answer."""
    assert since is not None
    assert published is not None
    return now - published > min(max(patience, published - since), LONGEST_SILENCE)


def _datasets(session: Session, now: datetime, patience: timedelta) -> list[str]:
    """Give up the claims of lost workers; name the data sets to publish (again)."""
    due: list[str] = []
    validating = session.scalars(
        select(Dataset).where(Dataset.status == DatasetStatus.VALIDATING).with_for_update(skip_locked=True)
    ).all()
    for dataset in validating:
        lost = dataset.lease_expires is not None and dataset.lease_expires < now
        if lost and dataset.token >= MOST_VALIDATIONS:
            _give_up(dataset, now)
        elif lost or (dataset.worker is None and _is_due(dataset.created, dataset.published, now, patience)):
            dataset.worker = dataset.lease_expires = None
            dataset.published = now
            due.append(dataset.id)
    return due


def _give_up(dataset: Dataset, now: datetime) -> None:
    problem = {
        "file": None,
        "message": f"the validation was lost {dataset.token} times, last with the worker {dataset.worker}.",
        "remedy": "Look at that host's worker log, then register the data set again.",
        "severity": "error",
    }
    dataset.status, dataset.finished = DatasetStatus.INVALID, now
    dataset.worker = dataset.lease_expires = dataset.progress = None
    dataset.problems, dataset.problems_total = [problem], 1
