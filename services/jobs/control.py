"""What a user does to a job that is there: cancel, retry, delete."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.jobs.dependencies import DEAD, revive_skipped, settle_dependents
from services.jobs.errors import Conflict, NotFound
from services.jobs.gates import below_min_score
from services.jobs.idempotency import forget_keys_of
from services.jobs.status import FINAL, Status
from services.jobs.tables import Job, JobInput
from services.jobs.times import utc_now
from services.jobs.transition import transition

__all__ = ["cancel", "delete", "lock_job", "retry"]


def lock_job(session: Session, job_id: str) -> Job:
    """The job's row, locked until the transaction ends; raises NotFound."""
    job = session.scalars(
        select(Job).where(Job.id == job_id).with_for_update(), execution_options={"populate_existing": True}
    ).one_or_none()
    if job is None:
        raise NotFound(f"there is no job {job_id}.", remedy="GET /jobs lists those that are there.")
    return job


def cancel(session: Session, job: Job) -> None:
    """Cancel ``job``: at once if no attempt is on, else its worker stops it.

    Raises Conflict if it has ended.
    """
    if job.status in FINAL:
        raise Conflict(f"the job has {_ended(job)}.", field="status", remedy="There is nothing to cancel.")
    if job.status is Status.CANCELLING:
        return
    now = utc_now()
    no_attempt = job.status in {Status.WAITING, Status.QUEUED}
    transition(session, job, Status.CANCELLING, at=now)
    if no_attempt:
        transition(session, job, Status.CANCELLED, at=now)
        settle_dependents(session, job.id, at=now)


def retry(session: Session, job: Job) -> list[str]:
    """Take up a failed or cancelled job again, with its checkpoints and all its tries.

    What was skipped for it waits again. Returns the ids to publish after the commit. Raises
    Conflict if the job is in another state, if what it has made is still below its `min_score`,
    or if an input of it has to be retried first.
    """
    if job.status not in {Status.FAILED, Status.CANCELLED}:
        skipped = "Retry the input that failed or was cancelled." if job.status is Status.SKIPPED else None
        raise Conflict(
            f"the job is {job.status}; only one that failed or was cancelled can be retried.",
            field="status",
            remedy=skipped or "Submit a new job.",
        )
    below = None if job.artifact_digest is None else below_min_score(job)
    if below is not None:
        raise Conflict(below.message, field=below.field, remedy=below.remedy)
    sources = session.scalars(
        select(Job)
        .join(JobInput, JobInput.input_id == Job.id)
        .where(JobInput.job_id == job.id)
        .order_by(Job.id)
        .with_for_update(read=True, of=Job),
        execution_options={"populate_existing": True},
    ).all()
    for source in sources:
        if source.status in DEAD | {Status.CANCELLING}:
            raise Conflict(
                f"its input {source.id} is {source.status}.",
                field="inputs",
                remedy=f"Retry {source.id} first.",
            )
    ready = all(source.status is Status.SUCCEEDED for source in sources)
    now = utc_now()
    transition(
        session,
        job,
        Status.QUEUED if ready else Status.WAITING,
        at=now,
        why={"reason": "retry"},
        tries=0,
        failure=None,
        progress=None,
    )
    revive_skipped(session, job.id, at=now)
    return [job.id] if ready else []


def delete(session: Session, job: Job) -> None:
    """Forget a job that has ended; its files are the caller's to remove. Raises Conflict if it is in use.

    A pipeline without one of its jobs could not say how it has ended, so that is deleted first.
    """
    if job.status not in FINAL:
        raise Conflict(
            f"the job is {job.status}.", field="status", remedy="Cancel it, and wait until it has ended."
        )
    users = session.scalars(select(JobInput.job_id).where(JobInput.input_id == job.id).distinct()).all()
    if users:
        raise Conflict(
            f"the job is an input of {_some(users)}.",
            remedy="Delete those first.",
        )
    pipelines = [row.pipeline_id for row in job.pipeline_rows]
    if pipelines:
        raise Conflict(
            f"the job is a step of the pipeline {_some(pipelines)}.",
            remedy="Delete the pipeline first, which keeps its jobs.",
        )
    session.delete(job)
    forget_keys_of(session, job.id)
    session.flush()


def _some(ids: Sequence[str]) -> str:
    return f"{', '.join(ids[:5])}{' and others' if len(ids) > 5 else ''}"


def _ended(job: Job) -> str:
    return {Status.CANCELLED: "been cancelled", Status.SKIPPED: "been skipped"}.get(
        job.status, job.status.value
    )
