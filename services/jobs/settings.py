"""Where the service keeps things, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from services.jobs.errors import NotConfigured
from wsmis_core.spec import problems_of

__all__ = ["Settings"]

PREFIX = "WSMIS_"


class Settings(BaseModel):
    """The service's environment; `WSMIS_HOME` sets ``home``, and so on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: Path.home() / ".wsmis")
    database_url: str = Field(default_factory=lambda data: f"sqlite:///{data['home'] / 'wsmis.db'}")
    redis_url: str = "redis://127.0.0.1:6379/0"
    data_roots: tuple[Path, ...] = ()
    lease_seconds: float = Field(default=30.0, gt=0)
    reconcile_seconds: float = Field(default=5.0, gt=0)
    drain_seconds: float = Field(default=60.0, ge=0)
    stall_seconds: float = Field(default=3600.0, gt=0)
    max_body_bytes: int = Field(default=1 << 20, gt=0)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings of ``environment``, by default this process's; raises NotConfigured."""
        environment = os.environ if environment is None else environment
        given: dict[str, Any] = {
            name: environment[PREFIX + name.upper()]
            for name in cls.model_fields
            if environment.get(PREFIX + name.upper())
        }
        try:
            return cls(**given)
        except ValidationError as error:
            problem = problems_of(error.errors())[0]
            variable = PREFIX + (problem.field or "").split(".")[0].upper()
            raise NotConfigured(problem.message, field=variable, remedy=problem.remedy) from None

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("data_roots", mode="before")
    @classmethod
    def _split(cls, roots: object) -> object:
        return tuple(root for root in roots.split(os.pathsep) if root) if isinstance(roots, str) else roots

    @field_validator("data_roots", mode="after")
    @classmethod
    def _all_absolute(cls, roots: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(Path(os.path.normpath(root.expanduser().absolute())) for root in roots)

    @property
    def cache(self) -> Path:
        """Prepared images, shared by all jobs."""
        return self.home / "cache"

    @property
    def key_file(self) -> Path:
        """The embedded start's API key, readable by its owner alone."""
        return self.home / "api-key"

    def run_folder(self, job: str) -> Path:
        """Everything that the attempts at a job leave."""
        return self.home / "runs" / job

    def attempt_folder(self, job: str, attempt: int) -> Path:
        """The folder of one attempt at a job."""
        return self.run_folder(job) / f"attempt-{attempt}"

    def artifact_folder(self, job: str) -> Path:
        """What a succeeded job left."""
        return self.home / "artifacts" / job

    def dataset_folder(self, dataset: str) -> Path:
        """What the registration of a data set left."""
        return self.home / "datasets" / dataset

    def dataset_index(self, dataset: str) -> Path:
        """The stored index of a data set."""
        return self.dataset_folder(dataset) / "index.json"
