"""The one way that a job changes its status."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from services.jobs.errors import Conflict, Stale
from services.jobs.status import ACTIVE, FINAL, TRANSITIONS, Status
from services.jobs.tables import Job, JobEvent
from services.jobs.times import utc_now

__all__ = ["STATUS_EVENT", "transition"]

STATUS_EVENT = "status"


def transition(
    session: Session,
    job: Job,
    to: Status,
    *,
    at: datetime | None = None,
    why: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Compare and set: ``job`` goes from the status and token that it was read with to ``to``.

    ``changes`` are set in the same statement, and the event row (its payload ``why`` beside `from`
    and `to`) belongs to the same transaction. Raises Conflict if the table has no such arrow, and
    Stale if the row has changed since it was read.
    """
    at = at or utc_now()
    before = job.status
    if to not in TRANSITIONS[before]:
        raise Conflict(
            f"the job is {before}, and cannot become {to}.",
            field="status",
            remedy=f"From {before} it can become {', '.join(sorted(TRANSITIONS[before])) or 'nothing else'}.",
        )
    changed = session.scalars(
        update(Job)
        .where(Job.id == job.id, Job.status == before, Job.token == job.token)
        .values(status=to, last_event=Job.last_event + 1, **_stamps(job, to, at), **changes)
        .returning(Job),
        execution_options={"populate_existing": True, "synchronize_session": False},
    ).one_or_none()
    if changed is None:
        raise Stale(f"the job {job.id} is no longer {before}.", remedy="Read it again.")
    session.add(
        JobEvent(
            job_id=job.id,
            seq=changed.last_event,
            attempt=changed.token or None,
            time=at,
            type=STATUS_EVENT,
            payload={"from": before.value, "to": to.value, **(why or {})},
        )
    )


def _stamps(job: Job, to: Status, at: datetime) -> dict[str, Any]:
    """The times that a change to ``to`` sets, and the lease that it ends."""
    stamps: dict[str, Any] = {}
    if to is Status.QUEUED:
        stamps |= {"queued": at, "published": at}
    if to is Status.STARTING and job.started is None:
        stamps |= {"started": at}
    if to not in ACTIVE:
        stamps |= {"worker": None, "lease_expires": None}
    stamps["finished"] = at if to in FINAL else None
    return stamps
