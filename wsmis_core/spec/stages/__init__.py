"""The params of the eight stages, defaults as published (METHOD: the pneumothorax columns).

``StageParams`` is the one union over them, told apart by ``stage``.
"""

from __future__ import annotations

from wsmis_core.spec.stages.extract_cams import ExtractCams
from wsmis_core.spec.stages.inference import Evaluate, Inference, Predict
from wsmis_core.spec.stages.make_ir_labels import MakeIrLabels
from wsmis_core.spec.stages.make_pseudo_labels import LocalTraining, MakePseudoLabels
from wsmis_core.spec.stages.params import ALL_SPLITS, Params, Training
from wsmis_core.spec.stages.train_classifier import ClassifierRates, TrainClassifier
from wsmis_core.spec.stages.train_irnet import IrnetRates, TrainIrnet
from wsmis_core.spec.stages.train_segmenter import SegmenterRates, TrainSegmenter
from wsmis_core.spec.stages.union import StageParams, stage_params

__all__ = [
    "ALL_SPLITS",
    "ClassifierRates",
    "Evaluate",
    "ExtractCams",
    "Inference",
    "IrnetRates",
    "LocalTraining",
    "MakeIrLabels",
    "MakePseudoLabels",
    "Params",
    "Predict",
    "SegmenterRates",
    "StageParams",
    "TrainClassifier",
    "TrainIrnet",
    "TrainSegmenter",
    "Training",
    "stage_params",
]
