"""What a stage says while it runs: one JSON object a line in `events.jsonl`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from wsmis_core.spec.model import Spec

__all__ = [
    "EVENTS_FILE",
    "FAILURE_FILE",
    "CheckpointEvent",
    "Event",
    "Failure",
    "LogEvent",
    "MetricEvent",
    "PreviewEvent",
    "ProgressEvent",
    "event_line",
]

EVENTS_FILE = "events.jsonl"
FAILURE_FILE = "failure.json"


class _Said(Spec):
    time: datetime


class ProgressEvent(_Said):
    """How far the job is; ``done`` and ``total`` count ``unit``s over the whole job's ``phase``."""

    type: Literal["progress"] = "progress"
    phase: str
    done: int = Field(ge=0)
    total: int = Field(ge=0)
    unit: str
    rate: float | None = Field(default=None, description="units a second")
    eta_seconds: float | None = None


class MetricEvent(_Said):
    """Named figures at a step of the training."""

    type: Literal["metric"] = "metric"
    step: int = Field(ge=0)
    epoch: int | None = None
    values: dict[str, float]


class LogEvent(_Said):
    """A line that people should see."""

    type: Literal["log"] = "log"
    level: Literal["info", "warning", "error"]
    message: str


class PreviewEvent(_Said):
    """A picture, its path relative to the attempt's folder."""

    type: Literal["preview"] = "preview"
    path: str
    caption: str


class CheckpointEvent(_Said):
    """A checkpoint that a next attempt can go on from."""

    type: Literal["checkpoint"] = "checkpoint"
    path: str
    step: int = Field(ge=0)
    epoch: int = Field(ge=0)


Event = Annotated[
    ProgressEvent | MetricEvent | LogEvent | PreviewEvent | CheckpointEvent, Field(discriminator="type")
]
event_line: TypeAdapter[Event] = TypeAdapter(Event)


class Failure(Spec):
    """`failure.json`: why the ranks stopped, written by the first that failed."""

    reason: str
    message: str
    field: str | None = None
    remedy: str | None = None
    retryable: bool = False
