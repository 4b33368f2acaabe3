"""What every stage's params have, and those of every training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from wsmis_core.spec.model import Spec
from wsmis_core.spec.parts import Optimizer, Precision, Schedule, Split

__all__ = ["ALL_SPLITS", "KEPT", "NO_TRAINING", "Params", "Splits", "Training"]


def _each_once(splits: tuple[Split, ...]) -> tuple[Split, ...]:
    for split in splits:
        if splits.count(split) > 1:
            raise ValueError(f"{split} is named {splits.count(split)} times. Name each split once.")
    return splits


Splits = Annotated[tuple[Split, ...], Field(min_length=1), AfterValidator(_each_once)]
ALL_SPLITS: Splits = ("train", "val", "test")

KEPT = (
    "weights of the last epoch, of the best, which has the least validation loss, or of the one where a "
    "score on the validation split is highest"
)

NO_TRAINING = "0 takes the weights as they are"


class Params(Spec):
    """What every stage's params have."""

    schema_version: Literal[1] = 1
    seed: int = Field(default=0, ge=0, lt=2**31)


class Training(Params):
    """What every training stage's params have."""

    epochs: int = Field(ge=1, le=10_000)
    max_steps: int | None = Field(default=None, ge=1, description="stop after so many steps, if sooner")
    batch_size: int = Field(ge=1, le=4096, description="images a step, over all ranks")
    optimizer: Optimizer
    schedule: Schedule
    precision: Precision = "float32"
    loader_workers: int = Field(default=0, ge=0, le=64, description="processes a rank that read images")
    checkpoint_seconds: float = Field(default=300.0, gt=0, description="a checkpoint at least so often")
    sync_batch_norm: bool = Field(default=True, description="batch statistics over all ranks")
