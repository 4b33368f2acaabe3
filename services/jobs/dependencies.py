"""What the end of a job means for the jobs that wait for it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.jobs.status import Status
from services.jobs.tables import Job, JobInput
from services.jobs.transition import transition

__all__ = ["DEAD", "dependents", "first_status", "revive_skipped", "settle_dependents", "settle_waiting"]

DEAD = frozenset({Status.FAILED, Status.CANCELLED, Status.SKIPPED})  # an input that will not come by itself


def first_status(inputs: Collection[Status]) -> Status:
    """The status of a job whose inputs have these: skipped, queued or waiting."""
    if any(status in DEAD for status in inputs):
        return Status.SKIPPED
    return Status.QUEUED if all(status is Status.SUCCEEDED for status in inputs) else Status.WAITING


def dependents(session: Session, job: str, status: Status) -> list[Job]:
    """The jobs in ``status`` that have ``job`` as an input.

    Their rows are locked, so that the ends of two inputs do not pass each other by.
    """
    return list(
        session.scalars(
            select(Job)
            .where(Job.status == status, Job.id.in_(select(JobInput.job_id).where(JobInput.input_id == job)))
            .order_by(Job.id)
            .with_for_update(),
            execution_options={"populate_existing": True},
        )
    )


def settle_dependents(session: Session, job: str, *, at: datetime) -> list[str]:
    """After ``job`` has ended: what waited for it is queued or, down to the last, skipped.

    Returns the ids of the queued ones, to be published after the commit.
    """
    queued: list[str] = []
    for waiting in dependents(session, job, Status.WAITING):
        queued += settle_waiting(session, waiting, at=at)
    return queued


def settle_waiting(session: Session, waiting: Job, *, at: datetime) -> list[str]:
    """The same for one waiting job, whose row is locked; nothing for one that was settled on the way."""
    if waiting.status is not Status.WAITING:
        return []
    to = first_status(_input_statuses(session, waiting.id).values())
    if to is Status.WAITING:
        return []
    if to is Status.QUEUED:
        transition(session, waiting, to, at=at)
        return [waiting.id]
    dead = [job for job, status in _input_statuses(session, waiting.id).items() if status in DEAD]
    transition(session, waiting, to, at=at, why={"inputs": dead})
    return settle_dependents(session, waiting.id, at=at)


def revive_skipped(session: Session, job: str, *, at: datetime) -> None:
    """After ``job`` has been taken up again: what was skipped for it alone waits again, down to the last."""
    for skipped in dependents(session, job, Status.SKIPPED):
        skipped_still = skipped.status is Status.SKIPPED  # not on the way, for a job before it
        if skipped_still and first_status(_input_statuses(session, skipped.id).values()) is Status.WAITING:
            transition(session, skipped, Status.WAITING, at=at)
            revive_skipped(session, skipped.id, at=at)


def _input_statuses(session: Session, job: str) -> dict[str, Status]:
    rows = session.execute(
        select(Job.id, Job.status).join(JobInput, JobInput.input_id == Job.id).where(JobInput.job_id == job)
    )
    return {row.id: row.status for row in rows}
