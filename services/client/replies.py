"""The service's replies, as far as the command reads them; `--json` hands them on whole."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

__all__ = ["FINAL", "Dataset", "Event", "Failure", "FileProblem", "Job", "Page", "Pipeline", "Progress"]

JobStatus = Literal[
    "waiting", "queued", "starting", "running", "cancelling", "succeeded", "failed", "cancelled", "skipped"
]
# A job or pipeline in one of these stays in it, unless somebody retries it.
FINAL = frozenset({"succeeded", "failed", "cancelled", "skipped"})


class Progress(TypedDict, total=False):
    phase: str
    done: int
    total: int
    unit: str
    rate: float | None
    eta_seconds: float | None


class Failure(TypedDict):
    reason: str
    message: str
    field: str | None
    remedy: str | None
    retryable: bool


class Attempt(TypedDict):
    number: int
    worker: str | None
    started: str | None
    finished: str | None
    outcome: str | None
    failure: Failure | None
    progress: Progress | None


class Job(TypedDict):
    id: str
    name: str | None
    stage: str
    dataset: str | None
    params: dict[str, Any]
    inputs: dict[str, str]
    priority: int
    max_attempts: int
    min_score: dict[str, float]
    status: JobStatus
    progress: Progress | None
    metrics: dict[str, float] | None
    failure: Failure | None
    attempts: list[Attempt]
    created: str
    seconds: float | None


class StepJob(Job):
    step: str
    cached: bool


class StepFailure(Failure):
    step: str
    job: str


class Pipeline(TypedDict):
    id: str
    name: str | None
    recipe: str
    dataset: str
    status: Literal["running", "succeeded", "failed", "cancelled"]
    failure: StepFailure | None
    created: str
    jobs: list[StepJob]


class FileProblem(TypedDict):
    file: str | None
    message: str
    remedy: str | None
    severity: Literal["error", "warning"]


class Dataset(TypedDict):
    id: str
    name: str
    format: str
    root: str
    status: Literal["validating", "ready", "invalid"]
    classes: list[str] | None
    counts: dict[str, int] | None
    labels: dict[str, int] | None
    splits: dict[str, int] | None
    has_masks: bool | None
    has_boxes: bool | None
    problems: list[FileProblem]
    problems_total: int
    created: str
    progress: Progress | None


class Event(TypedDict):
    seq: int
    attempt: int | None
    time: str
    type: str
    payload: dict[str, Any]


class Page(TypedDict):
    """A page of a list; ``next`` is the cursor of the page behind it."""

    items: list[Any]
    next: str | None
