"""Params of the stages that ask segmenters: evaluate and predict."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsmis_core.spec.model import FieldError
from wsmis_core.spec.parts import CAM_THRESHOLD, Chosen, Split, Threshold
from wsmis_core.spec.stages.params import Params

__all__ = ["Evaluate", "Inference", "Predict"]


class Inference(Params):
    """How segmenters are asked: the probabilities are averaged over sizes and mirrors of an image."""

    scales: tuple[Annotated[float, Field(gt=0, le=4)], ...] = Field(
        default=(1.0,), min_length=1, description="of the size that the segmenter was trained at"
    )
    flip: bool = Field(default=True, description="also the mirrored image")


class Evaluate(Inference):
    """Scores of every step that is given, against true masks."""

    stage: Literal["evaluate"] = "evaluate"
    split: Split = "test"
    cam_threshold: Threshold = CAM_THRESHOLD
    overlays: int = Field(default=12, ge=0, le=200, description="images on the contact sheet")
    resamples: int = Field(
        default=1000, ge=0, le=100_000, description="of the bootstrap for the intervals; 0 leaves them out"
    )
    batch_size: int = Field(default=16, ge=1, le=1024)

    @model_validator(mode="after")
    def _chosen_elsewhere(self) -> Self:
        if isinstance(self.cam_threshold, Chosen) and self.cam_threshold.split == self.split:
            raise FieldError(
                "cam_threshold.split",
                f"the threshold of the maps would be chosen on the split that is scored, {self.split}. "
                "Choose it on another one, or score another one.",
            )
        return self


class Predict(Inference):
    """Masks of a split, or of files that the data set does not hold."""

    stage: Literal["predict"] = "predict"
    split: Split | None = "test"
    files: tuple[str, ...] = Field(default=(), description="paths under a data root, instead of a split")
    batch_size: int = Field(default=16, ge=1, le=1024)
