"""What a worker reads from its environment beside the service's own settings."""

from __future__ import annotations

from pydantic import Field

from services.jobs import Settings

__all__ = ["WorkerSettings"]


class WorkerSettings(Settings):
    """The environment of a worker."""

    slots: int | None = Field(
        default=None, ge=1, le=64, description="jobs at once; one a GPU, or one, where not given"
    )
    grace_seconds: float = Field(
        default=20.0, ge=0, description="from the request to stop a cancelled job to its end by force"
    )
