"""Params of step 2b, defaults as published for pneumothorax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from wsmis_core.spec.model import FieldError, Spec
from wsmis_core.spec.parts import (
    Augmentation,
    ImageSize,
    Normalisation,
    Optimizer,
    PolySchedule,
    Rate,
    Schedule,
    Size,
    WeightsFile,
)
from wsmis_core.spec.stages.params import NO_TRAINING, Training

__all__ = ["IrnetRates", "TrainIrnet"]

Magnification = Annotated[float, Field(gt=0, le=4)]


class IrnetRates(Spec):
    """Learning rates of IRNet's two branches."""

    boundary: Rate = 0.1
    displacement: Rate = 1.0


class TrainIrnet(Training):
    """Step 2b: class boundaries and displacements from the seeds."""

    stage: Literal["train_irnet"] = "train_irnet"
    trunk: Literal["classifier", "imagenet", "random", "file"] = Field(
        default="classifier", description="`file`: that of the weights"
    )
    weights: WeightsFile | None = Field(
        default=None, validate_default=True, description="a whole IRNet, or with part: trunk its trunk"
    )
    image_size: Size = Field(
        default=512, description="squares of so many pixels a side; `native` keeps each image's own size"
    )
    rescale: tuple[Magnification, Magnification] | None = Field(
        default=None,
        description="from how much to how much larger an image is made before it is cropped, drawn for each "
        "draw of it; published for VOC: .5 to 1.5",
    )
    crop_size: ImageSize | None = Field(
        default=None,
        description="pixels a side of a random square that is cut from each image, shorter sides padded; "
        "null: the whole square image",
    )
    normalisation: Normalisation = "imagenet"
    augmentation: Augmentation = "horizontal_flip"
    radius: int = Field(default=10, ge=2, le=20)
    positives_only: bool = True
    optimizer: Optimizer = Optimizer(name="sgd", weight_decay=1e-4, momentum=0.0)
    rates: IrnetRates = IrnetRates()
    schedule: Schedule = PolySchedule(power=0.9)
    epochs: int = Field(default=10, ge=0, le=10_000, description=NO_TRAINING)
    batch_size: int = Field(default=24, ge=1, le=4096)

    @model_validator(mode="before")
    @classmethod
    def _trunk_of_the_weights(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("weights") is not None:
            return {"trunk": "file", **data}
        return data

    @field_validator("weights")
    @classmethod
    def _weights_are_asked_for(cls, weights: WeightsFile | None, info: ValidationInfo) -> WeightsFile | None:
        trunk = info.data.get("trunk")
        if trunk == "file" and weights is None:
            raise ValueError("the trunk is to come from them. Give {file: PATH}, or set trunk to another.")
        if weights is not None and trunk not in ("file", None):
            raise ValueError(f"the trunk is {trunk}, so they would not be used. Leave trunk or weights out.")
        return weights

    @model_validator(mode="after")
    def _crops_where_shapes_differ(self) -> Self:
        if self.crop_size is None and self.image_size == "native":
            raise FieldError(
                "crop_size",
                "image_size is native and crop_size null: images of different shapes make no batch. "
                "Set crop_size (published: 512), or give image_size in pixels.",
            )
        if self.crop_size is None and self.rescale is not None:
            raise FieldError(
                "crop_size",
                f"rescale is {list(self.rescale)} and crop_size null: rescaled images differ in size. "
                "Set crop_size (published: 512), or rescale to null.",
            )
        if self.rescale is not None and self.rescale[0] > self.rescale[1]:
            raise FieldError("rescale", f"rescale {list(self.rescale)} falls. Give the smaller factor first.")
        return self
