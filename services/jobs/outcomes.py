"""How an attempt ends, and what it says on the way; all behind the fence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from services.jobs.claims import Claim, held
from services.jobs.dependencies import settle_dependents
from services.jobs.gates import below_min_score
from services.jobs.status import AttemptOutcome, Status
from services.jobs.tables import Attempt, Job, JobEvent
from services.jobs.times import utc_now
from services.jobs.transition import transition
from wsmis_core.spec import Event, Failure, Manifest, MetricEvent, ProgressEvent

__all__ = ["Ended", "end_attempt", "fail", "finish_cancel", "lose", "record", "release", "stop", "succeed"]


@dataclass(frozen=True, slots=True)
class Ended:
    """What the end of an attempt led to: the job's status, and the jobs to publish after the commit."""

    status: Status
    queued: tuple[str, ...] = ()


def record(session: Session, claim: Claim, events: Sequence[Event]) -> None:
    """Store what the stage said; the job keeps its latest progress and metrics. Raises Fenced."""
    job = held(session, claim)
    metrics: dict[str, float] = {}
    for seq, said in enumerate(events, start=job.last_event + 1):
        match said:
            case ProgressEvent():
                job.progress = said.model_dump(mode="json", exclude={"type", "time"})
            case MetricEvent():
                metrics |= said.values
            case _:
                pass
        session.add(
            JobEvent(
                job_id=job.id,
                seq=seq,
                attempt=claim.attempt,
                time=said.time,
                type=said.type,
                payload=said.model_dump(mode="json", exclude={"type", "time"}),
            )
        )
    job.last_event += len(events)
    if metrics:
        job.metrics = {**job.metrics, **metrics}


def succeed(session: Session, claim: Claim, manifest: Manifest) -> Ended:
    """The attempt's artifact is in place; a job that is to be cancelled is cancelled all the same.

    A job whose metrics are below its `min_score` has failed, and keeps its artifact. Raises Fenced.
    """
    job = held(session, claim)
    if job.status is Status.CANCELLING:
        return stop(session, job)
    now = utc_now()
    job.metrics = {**job.metrics, **manifest.metrics}
    job.artifact_digest = manifest.digest
    job.artifact_bytes = sum(file.size for file in manifest.files)
    failure = below_min_score(job)
    if failure is not None:
        return lose(session, job, failure, outcome=AttemptOutcome.FAILED, at=now)
    transition(session, job, Status.SUCCEEDED, at=now, failure=None)
    end_attempt(session, job, AttemptOutcome.SUCCEEDED, at=now)
    return Ended(Status.SUCCEEDED, tuple(settle_dependents(session, job.id, at=now)))


def fail(session: Session, claim: Claim, failure: Failure) -> Ended:
    """The attempt failed: once more where that may help and a try is left, else the job has failed.

    Raises Fenced.
    """
    job = held(session, claim)
    if job.status is Status.CANCELLING:
        return stop(session, job)
    return lose(session, job, failure, outcome=AttemptOutcome.FAILED, at=utc_now())


def lose(
    session: Session,
    job: Job,
    failure: Failure,
    *,
    outcome: AttemptOutcome,
    at: datetime,
    uses_try: bool = True,
) -> Ended:
    """End the attempt of a locked job with ``failure``, as `fail` does."""
    stored = failure.model_dump(mode="json")
    end_attempt(session, job, outcome, at=at, failure=stored)
    why = {"reason": failure.reason, "message": failure.message}
    tries = job.tries if uses_try else job.tries - 1
    if failure.retryable and tries < job.max_attempts:
        transition(session, job, Status.QUEUED, at=at, why=why, tries=tries)
        return Ended(Status.QUEUED, (job.id,))
    transition(session, job, Status.FAILED, at=at, why=why, failure=stored)
    return Ended(Status.FAILED, tuple(settle_dependents(session, job.id, at=at)))


def finish_cancel(session: Session, claim: Claim) -> Ended:
    """The attempt's processes are gone, as the job's cancelling asked. Raises Fenced."""
    return stop(session, held(session, claim))


def release(session: Session, claim: Claim) -> Ended:
    """Give the job back, at the worker's shutdown: queued again, and no try is used up. Raises Fenced."""
    job = held(session, claim)
    if job.status is Status.CANCELLING:
        return stop(session, job)
    now = utc_now()
    end_attempt(session, job, AttemptOutcome.RELEASED, at=now)
    transition(session, job, Status.QUEUED, at=now, why={"reason": "released"}, tries=job.tries - 1)
    return Ended(Status.QUEUED, (job.id,))


def stop(session: Session, job: Job) -> Ended:
    """A cancelling job is cancelled."""
    now = utc_now()
    end_attempt(session, job, AttemptOutcome.CANCELLED, at=now)
    transition(session, job, Status.CANCELLED, at=now)
    return Ended(Status.CANCELLED, tuple(settle_dependents(session, job.id, at=now)))


def end_attempt(
    session: Session,
    job: Job,
    outcome: AttemptOutcome,
    *,
    at: datetime,
    failure: dict[str, Any] | None = None,
) -> None:
    """Close the job's latest attempt, if it is still open."""
    attempt = session.get(Attempt, (job.id, job.token))
    if attempt is not None and attempt.finished is None:
        attempt.outcome, attempt.finished, attempt.failure = outcome, at, failure
        attempt.progress = job.progress
