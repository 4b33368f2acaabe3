"""The eight stages: each wires data, models, maths and engine together, as nothing else does."""

from collections.abc import Callable, Mapping
from typing import Any

from wsmis_core.engine import RunContext, StageResult
from wsmis_core.spec import StageName
from wsmis_core.stages import (
    evaluate,
    extract_cams,
    make_ir_labels,
    make_pseudo_labels,
    predict,
    train_classifier,
    train_irnet,
    train_segmenter,
)
from wsmis_core.stages.local import prepare_local_run

__all__ = ["STAGES", "prepare_local_run"]

# Every stage takes the params of its own name.
STAGES: Mapping[StageName, Callable[[RunContext, Any], StageResult]] = {
    "train_classifier": train_classifier.run,
    "extract_cams": extract_cams.run,
    "make_ir_labels": make_ir_labels.run,
    "train_irnet": train_irnet.run,
    "make_pseudo_labels": make_pseudo_labels.run,
    "train_segmenter": train_segmenter.run,
    "evaluate": evaluate.run,
    "predict": predict.run,
}
