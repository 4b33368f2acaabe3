"""The states of a job and the arrows between them; why it stopped is another matter."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["ACTIVE", "FINAL", "TRANSITIONS", "AttemptOutcome", "DatasetStatus", "Reason", "Status"]


class Status(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


ACTIVE = frozenset({Status.STARTING, Status.RUNNING, Status.CANCELLING})  # an attempt holds a lease
FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.SKIPPED})

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.WAITING: frozenset({Status.QUEUED, Status.SKIPPED, Status.CANCELLING}),
    Status.QUEUED: frozenset({Status.STARTING, Status.CANCELLING}),
    Status.STARTING: frozenset({Status.RUNNING, Status.QUEUED, Status.FAILED, Status.CANCELLING}),
    Status.RUNNING: frozenset({Status.SUCCEEDED, Status.QUEUED, Status.FAILED, Status.CANCELLING}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    Status.SUCCEEDED: frozenset(),
    # Only a user's retry leaves these three.
    Status.FAILED: frozenset({Status.QUEUED, Status.WAITING}),
    Status.CANCELLED: frozenset({Status.QUEUED, Status.WAITING}),
    Status.SKIPPED: frozenset({Status.WAITING}),
}
assert set(TRANSITIONS) == set(Status)


class Reason(StrEnum):
    """Why a job or an attempt failed, where the stage itself could not say."""

    WORKER_LOST = "worker_lost"
    RANK_KILLED = "rank_killed"
    CRASHED = "crashed"
    STALLED = "stalled"
    BELOW_MIN_SCORE = "below_min_score"


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RELEASED = "released"
    LOST = "lost"


class DatasetStatus(StrEnum):
    """Where the registration of a data set is."""

    VALIDATING = "validating"
    READY = "ready"
    INVALID = "invalid"
