"""Params of step 2c, defaults as published; and of the local pixel classifier, which is ours."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsmis_core.spec.model import FieldError
from wsmis_core.spec.parts import (
    Augmentation,
    Chosen,
    Fixed,
    ImageSize,
    Instances,
    OneCycleSchedule,
    Optimizer,
    Refinement,
    Schedule,
    Size,
    Threshold,
)
from wsmis_core.spec.stages.params import ALL_SPLITS, Params, Splits, Training
from wsmis_core.spec.stages.train_segmenter import SegmenterRates

__all__ = ["LocalTraining", "MakePseudoLabels"]


class LocalTraining(Training):
    """A pixel classifier that sees its neighbourhood only, trained on the maps' own labels, in rounds.

    To it the tissue beside an object looks as it does in images without the class, whose masks their
    labels say are empty; so it takes off what the activation maps' blur put on, and puts on what they
    left out but looks the same. Each round trains a net from nothing on the labels that the maps of
    the round before give. It needs, for each class, images with and without it in the train split.
    """

    foreground: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        default=(1.0, 1.0, 0.25, 0.25, 0.25),
        min_length=1,
        max_length=20,
        description="one for each round: from what share of the way between Otsu's cut of a map and "
        "Otsu's twice a pixel is foreground; up to Otsu's it is background, between the two unknown",
    )
    prior: float = Field(
        default=0.5, ge=0, le=1, description="exponent of the walked maps that weigh the probabilities"
    )
    augmentation: Augmentation = "xray"
    optimizer: Optimizer = Optimizer(name="adamw", weight_decay=0.01)
    rates: SegmenterRates = SegmenterRates(trunk=4e-3, head=4e-3)
    schedule: Schedule = OneCycleSchedule(warmup=0.2)
    epochs: int = Field(default=1000, ge=1, le=10_000)
    max_steps: int | None = Field(default=200, ge=1, description="of each round but the last")
    last_round: float = Field(
        default=2.5,
        ge=1,
        le=100,
        description="how many times as long as the others the last round trains, whose net weighs the maps",
    )
    batch_size: int = Field(default=10, ge=1, le=4096)


class MakePseudoLabels(Params):
    """Step 2c: a random walk of the maps along the boundaries, then a threshold; without `irnet` no walk."""

    stage: Literal["make_pseudo_labels"] = "make_pseudo_labels"
    image_size: Size = Field(
        default=512, description="squares of so many pixels a side; `native` keeps each image's own size"
    )
    crop_size: ImageSize | None = Field(
        default=None,
        description="pixels a side of what IRNet sees at once: smaller images are padded, of larger ones "
        "overlapping windows are blended; null: as it was trained",
    )
    radius: int = Field(default=5, ge=2, le=20)
    beta: float = Field(default=10.0, gt=0, le=100)
    log2_steps: Annotated[int, Field(ge=0, le=12)] | Literal["grid"] = Field(
        default=8, description="2^t steps; `grid` takes t = 8 - 2 log2(128 / cells a side), 0 at least"
    )
    refine_before: Refinement | None = Field(default=None, description="refine the maps before the walk")
    refine: Refinement | None = Field(default=None, description="refine the walked maps on the image")
    local: LocalTraining | None = Field(
        default=None, description="weigh the walked maps by a local pixel classifier"
    )
    instances: Instances | None = Field(
        default=None,
        description="also tell the objects of a class apart, in the walked maps, refined but before `local`",
    )
    threshold: Threshold = Fixed(value=0.25)
    smallest_component: float = Field(
        default=0.0, ge=0, le=1, description="drop components below this share of the image"
    )
    splits: Splits = ALL_SPLITS

    @model_validator(mode="after")
    def _one_size_for_the_local_net(self) -> Self:
        if self.local is not None and self.image_size == "native":
            raise FieldError(
                "image_size",
                "image_size is native, and local trains on images of one size. "
                "Give image_size in pixels, or set local to null.",
            )
        return self

    @model_validator(mode="after")
    def _chosen_on_maps_that_are_made(self) -> Self:
        if isinstance(self.threshold, Chosen) and self.threshold.split not in self.splits:
            raise FieldError(
                "threshold.split",
                f"the threshold is to be chosen on the {self.threshold.split} split, which is not among the "
                "splits. Add it there, or choose on another one.",
            )
        return self
