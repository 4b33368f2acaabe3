"""The params of the eight stages as one type."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from wsmis_core.spec.stages.extract_cams import ExtractCams
from wsmis_core.spec.stages.inference import Evaluate, Predict
from wsmis_core.spec.stages.make_ir_labels import MakeIrLabels
from wsmis_core.spec.stages.make_pseudo_labels import MakePseudoLabels
from wsmis_core.spec.stages.train_classifier import TrainClassifier
from wsmis_core.spec.stages.train_irnet import TrainIrnet
from wsmis_core.spec.stages.train_segmenter import TrainSegmenter

__all__ = ["StageParams", "stage_params"]

StageParams = Annotated[
    TrainClassifier
    | ExtractCams
    | MakeIrLabels
    | TrainIrnet
    | MakePseudoLabels
    | TrainSegmenter
    | Evaluate
    | Predict,
    Field(discriminator="stage"),
]
stage_params: TypeAdapter[StageParams] = TypeAdapter(StageParams)
