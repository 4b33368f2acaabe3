"""Params of step 1a, defaults as published for pneumothorax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from wsmis_core.spec.archs import ARCH_DEFAULTS, WITHOUT_DROPBLOCK, ClassifierArch
from wsmis_core.spec.model import Spec
from wsmis_core.spec.parts import (
    Augmentation,
    DropBlock,
    ImageSize,
    Normalisation,
    Optimizer,
    Rate,
    Sampler,
    Schedule,
    StepSchedule,
    Weights,
)
from wsmis_core.spec.stages.params import KEPT, NO_TRAINING, Training

__all__ = ["ClassifierRates", "TrainClassifier"]


class ClassifierRates(Spec):
    """Learning rates of the four parameter groups."""

    trunk_weights: Rate
    trunk_biases: Rate
    head_weights: Rate
    head_biases: Rate


class TrainClassifier(Training):
    """Step 1a: image labels to a multi-label classifier."""

    stage: Literal["train_classifier"] = "train_classifier"
    arch: ClassifierArch = "resnet50"
    weights: Weights = Field(default="none", description="`imagenet`: of the trunk alone")
    image_size: ImageSize = 512
    normalisation: Normalisation = "imagenet"
    augmentation: Augmentation = "pneumothorax"
    sampler: Sampler = "balanced"
    dropblock: DropBlock | None = Field(
        default=DropBlock(drop_prob=0.2, block_size=7), description="irn_resnet50 has no place for it"
    )
    loss: Literal["bce", "multilabel_soft_margin"] = Field(
        default="bce",
        description="binary cross entropy summed over the classes, or its mean; irn_resnet50 has the second",
    )
    pos_weight: float | None = Field(default=None, gt=0, description="of bce: factor on positive labels")
    optimizer: Optimizer = Optimizer(name="adam", weight_decay=1e-5)
    rates: ClassifierRates = ClassifierRates(
        trunk_weights=1e-4, trunk_biases=2e-4, head_weights=1e-3, head_biases=2e-3
    )
    schedule: Schedule = StepSchedule(every=5, gamma=0.1)
    epochs: int = Field(default=50, ge=0, le=10_000, description=NO_TRAINING)
    batch_size: int = Field(default=16, ge=1, le=4096)
    keep: Literal[
        "last",
        "best",
        "val_f1",
        "val_f1_negative",
        "val_precision",
        "val_recall",
        "val_jaccard",
        "val_accuracy",
    ] = Field(default="best", description=KEPT)

    @model_validator(mode="before")
    @classmethod
    def _published_with_the_arch(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(arch := data.get("arch"), str):
            return {**ARCH_DEFAULTS.get(arch, {}), **data}  # type: ignore[call-overload]  # any text may come
        return data

    @field_validator("weights")
    @classmethod
    def _weights_there_are(cls, weights: Weights, info: ValidationInfo) -> Weights:
        if weights == "imagenet" and info.data.get("arch") == "resnet_small":
            raise ValueError("there are none for resnet_small. Set it to none, or take a resnet18.")
        return weights

    @field_validator("dropblock")
    @classmethod
    def _dropblock_has_a_place(cls, dropblock: DropBlock | None, info: ValidationInfo) -> DropBlock | None:
        if dropblock is not None and info.data.get("arch") in WITHOUT_DROPBLOCK:
            raise ValueError(f"{info.data['arch']} has no place for it. Set it to null.")
        return dropblock

    @field_validator("pos_weight")
    @classmethod
    def _loss_takes_the_weight(cls, pos_weight: float | None, info: ValidationInfo) -> float | None:
        if pos_weight is not None and info.data.get("loss") == "multilabel_soft_margin":
            raise ValueError("multilabel_soft_margin takes none. Set it to null, or loss to bce.")
        return pos_weight
