"""What one attempt at a job is given: the `spec.json` in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from wsmis_core.spec.catalogue import ArtifactKind
from wsmis_core.spec.model import Spec
from wsmis_core.spec.stages import StageParams

__all__ = ["SPEC_FILE", "TORCHRUN_FOLDER", "DatasetRef", "InputRef", "Resources", "RunSpec"]

SPEC_FILE = "spec.json"
TORCHRUN_FOLDER = "torchrun"  # its own files, in the run's folder; else it leaves them in /tmp


class Resources(Spec):
    """What a job asks of its host."""

    gpus: Annotated[int, Field(ge=0, le=64)] | Literal["auto"] = Field(
        default="auto",
        description="`auto`: all GPUs that are free for training, one for the rest, none without",
    )
    processes: int | None = Field(default=None, ge=1, le=64, description="ranks; one a GPU where not given")


class DatasetRef(Spec):
    """A registered data set: its spec, and the index that its registration wrote."""

    id: str
    name: str
    spec: dict[str, Any]
    fingerprint: str
    index: Path = Field(description="the stored index; the files stay where they are")


class InputRef(Spec):
    """An artifact that a job reads."""

    job: str
    kind: ArtifactKind
    path: Path = Field(description="folder with a manifest.json")


class RunSpec(Spec):
    """One attempt: everything that torchrun's ranks need to know."""

    schema_version: Literal[1] = 1
    job: str
    attempt: int = Field(ge=1)
    params: StageParams
    dataset: DatasetRef | None = None
    inputs: dict[str, InputRef] = Field(default_factory=dict)
    resources: Resources = Resources()
    cache: Path = Field(description="folder of prepared images, shared by all jobs")
    previous: tuple[Path, ...] = Field(default=(), description="earlier attempts' folders, newest first")
    data_roots: tuple[Path, ...] = Field(default=(), description="where `predict` may read other files")
