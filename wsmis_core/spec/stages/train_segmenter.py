"""Params of step 3, defaults as published for pneumothorax."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from wsmis_core.spec.encoders import ENCODERS, IMAGENET_ENCODERS, SegmenterArch, encoder_problem
from wsmis_core.spec.losses import Bce, Loss
from wsmis_core.spec.model import Spec
from wsmis_core.spec.parts import (
    Augmentation,
    Chosen,
    ImageSize,
    Normalisation,
    Optimizer,
    PolySchedule,
    Probability,
    Rate,
    Sampler,
    Schedule,
    SegmenterWeights,
)
from wsmis_core.spec.stages.params import KEPT, NO_TRAINING, Training

__all__ = ["SegmenterRates", "TrainSegmenter"]


class SegmenterRates(Spec):
    """Learning rates of encoder and decoder."""

    trunk: Rate = 1e-4
    head: Rate = 1e-3


class TrainSegmenter(Training):
    """Step 3: a segmentation model on pseudo-labels; on true masks only as a ceiling to compare with."""

    stage: Literal["train_segmenter"] = "train_segmenter"
    arch: SegmenterArch = "unet"
    encoder: str = Field(
        default="resnet50",
        description="of segmentation-models-pytorch, by its name; or resnet_small, for small images",
        json_schema_extra={"enum": [name for names in ENCODERS.values() for name in names]},
    )
    weights: SegmenterWeights = Field(
        default="none",
        description="where the encoder starts, `classifier`: the trunk of that input; or all from a file",
    )
    targets: Literal["pseudo_labels", "true_masks"] = "pseudo_labels"
    image_size: ImageSize = 256
    normalisation: Normalisation = "imagenet"
    augmentation: Augmentation = "pneumothorax"
    sampler: Sampler = "balanced"
    loss: Loss = (Bce(),)
    optimizer: Optimizer = Optimizer(name="sgd", weight_decay=1e-6, momentum=0.9)
    rates: SegmenterRates = SegmenterRates()
    schedule: Schedule = PolySchedule(power=0.9, floor=1e-6, per="epoch")
    epochs: int = Field(default=40, ge=0, le=10_000, description=NO_TRAINING)
    batch_size: int = Field(default=64, ge=1, le=4096)
    keep: Literal["last", "best", "val_target_mean_iou", "val_target_dice_pooled"] = Field(
        default="last", description=f"{KEPT}; against targets, not true masks"
    )
    threshold: Probability | Chosen = Field(
        default=0.5,
        description="probability above which a pixel is foreground; of a class against the background where "
        "the loss has softmax outputs, so that .5 takes the most probable of both",
    )

    @field_validator("encoder")
    @classmethod
    def _can_be_built(cls, encoder: str, info: ValidationInfo) -> str:
        problem = encoder_problem(info.data.get("arch", "unet"), encoder)
        if problem is not None:
            raise ValueError(problem)
        return encoder

    @field_validator("weights")
    @classmethod
    def _weights_there_are(cls, weights: SegmenterWeights, info: ValidationInfo) -> SegmenterWeights:
        encoder = info.data.get("encoder")  # none where it was refused
        if weights == "imagenet" and encoder is not None and encoder not in IMAGENET_ENCODERS:
            raise ValueError(
                f"torchvision has none of ImageNet for {encoder}. Set it to none, or to "
                "{file: PATH, part: trunk}, or take an encoder such as resnet50."
            )
        return weights
