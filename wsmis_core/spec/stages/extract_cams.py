"""Params of step 1b, defaults as published for pneumothorax."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsmis_core.spec.model import FieldError
from wsmis_core.spec.parts import (
    CAM_THRESHOLD,
    LPCAM_THRESHOLD,
    Lpcam,
    MapThreshold,
    Probability,
    Refinement,
    Size,
)
from wsmis_core.spec.stages.params import ALL_SPLITS, Params, Splits

__all__ = ["ExtractCams"]

Magnification = Annotated[float, Field(gt=0, le=4)]


class ExtractCams(Params):
    """Step 1b: class activation maps of the images' own classes, or of the predicted ones."""

    stage: Literal["extract_cams"] = "extract_cams"
    method: Literal["cam", "grad_cam", "grad_cam_pp", "layer_cam", "lpcam"] = "grad_cam_pp"
    layer: Annotated[str, Field(pattern=r"^\w+(\.\w+)*$", max_length=200)] | None = Field(
        default=None,
        description="a module of the classifier whose activations are mapped, such as "
        "`trunk.stage_modules.3`; null: the last features, in closed form",
    )
    lpcam: Lpcam | None = Field(default=None, description="of the method lpcam; null: as published")
    scales: tuple[Annotated[float, Field(gt=0, le=4)], ...] = Field(
        default=(1.0, 0.75, 0.5, 0.25), min_length=1
    )
    flip: bool = True
    image_size: Size = Field(
        default=1024, description="squares of so many pixels a side; `native` keeps each image's own size"
    )
    classes: Literal["labels", "predicted"] = "labels"
    probability_threshold: Probability = 0.5
    refine: Refinement | None = Field(default=None, description="refine the stored maps on the image")
    threshold: Annotated[MapThreshold, Field(discriminator="name")] | None = Field(
        default=None, description="of `masks/`, cut from the maps; null: the published one, .2, of lpcam .3"
    )
    splits: Splits = ALL_SPLITS
    batch_size: int = Field(default=8, ge=1, le=1024)

    @model_validator(mode="after")
    def _fields_of_the_method(self) -> Self:
        if self.layer is not None and self.method in ("cam", "lpcam"):
            raise FieldError(
                "layer",
                f"layer {self.layer!r} does not go with the method {self.method}, which is of the last "
                "features. Take it out, or use grad_cam, grad_cam_pp or layer_cam.",
            )
        if self.lpcam is not None and self.method != "lpcam":
            raise FieldError(
                "lpcam",
                f"lpcam does not go with the method {self.method}. Take it out, or set method to lpcam.",
            )
        return self

    @property
    def mask_threshold(self) -> MapThreshold:
        """What the masks are cut at."""
        return self.threshold or (LPCAM_THRESHOLD if self.method == "lpcam" else CAM_THRESHOLD)
