"""The YAML file of `wsmis stage`: one stage to be run here and now, without a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from wsmis_core.spec.catalogue import make_params
from wsmis_core.spec.dataset import DatasetSpec, make_dataset_spec
from wsmis_core.spec.model import Spec, validate
from wsmis_core.spec.stages import StageParams
from wsmis_core.spec.yaml_file import read_yaml

__all__ = ["LocalStage", "read_stage_file"]


class _Dataset(Spec):
    """The data set's format, folder and options, as a registration takes them."""

    format: str
    root: str
    options: dict[str, Any] = Field(default_factory=dict)

    def spec(self) -> DatasetSpec:
        return make_dataset_spec(self.format, self.root, self.options)


class _StageFile(Spec):
    """What the file may say."""

    stage: str
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, Path] = Field(default_factory=dict, description="role -> an artifact's folder")
    dataset: _Dataset | None = None


@dataclass(frozen=True, slots=True)
class LocalStage:
    """A stage, its whole params, where its inputs lie (folders by role), and its data set."""

    params: StageParams
    inputs: Mapping[str, Path]
    dataset: DatasetSpec | None


def read_stage_file(path: Path) -> LocalStage:
    """The stage at ``path``; raises SpecError for everything that can be seen to be wrong in the file."""
    asked = validate(_StageFile, read_yaml(path))
    params = make_params(asked.stage, asked.params, asked.inputs)
    return LocalStage(params, asked.inputs, asked.dataset.spec() if asked.dataset else None)
