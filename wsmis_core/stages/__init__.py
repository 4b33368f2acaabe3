"""The eight stages: each wires data, models, maths and engine together, as nothing else does.

A run needs one of them, and the libraries behind some take seconds to import (segmentation
models, torchvision): each is imported when it is called.
"""

from collections.abc import Callable, Mapping
from typing import Any

from wsmis_core.engine import RunContext, StageResult
from wsmis_core.spec import StageName
from wsmis_core.stages.local import prepare_local_run

__all__ = ["STAGES", "prepare_local_run"]


def _train_classifier(context: RunContext, params: Any) -> StageResult:
    from wsmis_core.stages.train_classifier import run

    return run(context, params)


def _extract_cams(context: RunContext, params: Any) -> StageResult:
    from wsmis_core.stages.extract_cams import run

    return run(context, params)


def _make_ir_labels(context: RunContext, params: Any) -> StageResult:
    from wsmis_core.stages.make_ir_labels import run

    return run(context, params)


def _train_irnet(context: RunContext, params: Any) -> StageResult:
    from wsmis_core.stages.train_irnet import run

    return run(context, params)


def _make_pseudo_labels(context: RunContext, params: Any) -> StageResult:
    from wsmis_core.stages.make_pseudo_labels import run

    return run(context, params)


def _train_segmenter(context: RunContext, params: Any) -> StageResult:
    from wsmis_core.stages.train_segmenter import run

    return run(context, params)


def _evaluate(context: RunContext, params: Any) -> StageResult:
    from wsmis_core.stages.evaluate import run

    return run(context, params)


def _predict(context: RunContext, params: Any) -> StageResult:
    from wsmis_core.stages.predict import run

    return run(context, params)


# Every stage takes the params of its own name.
STAGES: Mapping[StageName, Callable[[RunContext, Any], StageResult]] = {
    "train_classifier": _train_classifier,
    "extract_cams": _extract_cams,
    "make_ir_labels": _make_ir_labels,
    "train_irnet": _train_irnet,
    "make_pseudo_labels": _make_pseudo_labels,
    "train_segmenter": _train_segmenter,
    "evaluate": _evaluate,
    "predict": _predict,
}
