"""The eight stages: each wires data, models, maths and engine together, as nothing else does."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from wsmis_core.engine import RunContext, StageResult
from wsmis_core.spec import StageName
from wsmis_core.stages.local import prepare_local_run
from wsmis_core.startup import quick_imports

__all__ = ["StageRun", "prepare_local_run", "stage_run"]

# A stage takes the params of its own name.
StageRun = Callable[[RunContext, Any], StageResult]


def stage_run(name: StageName) -> StageRun:
    """The function `run` of the module that is named as the stage.

    A run needs one of the eight, and the libraries behind some take seconds to import
    (segmentation models, torchvision): so it is imported now, and no other.
    """
    with quick_imports():
        run: StageRun = import_module(f"wsmis_core.stages.{name}").run
    return run
