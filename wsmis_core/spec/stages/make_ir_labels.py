"""Params of step 2a, defaults as published."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from wsmis_core.spec.model import FieldError
from wsmis_core.spec.parts import Pamr, Probability, Refinement, Size
from wsmis_core.spec.stages.params import ALL_SPLITS, Params, Splits

__all__ = ["MakeIrLabels"]


class MakeIrLabels(Params):
    """Step 2a: confident seeds from the maps."""

    stage: Literal["make_ir_labels"] = "make_ir_labels"
    foreground_threshold: Probability = 0.30
    background_threshold: Probability = 0.05
    refine: Refinement | None = Pamr()
    image_size: Size = Field(
        default=512, description="squares of so many pixels a side; `native` keeps each image's own size"
    )
    splits: Splits = ALL_SPLITS

    @model_validator(mode="after")
    def _background_below_foreground(self) -> Self:
        if self.background_threshold >= self.foreground_threshold:
            raise FieldError(
                "background_threshold",
                f"background_threshold {self.background_threshold} is not below foreground_threshold "
                f"{self.foreground_threshold}. Lower the first or raise the second.",
            )
        return self
