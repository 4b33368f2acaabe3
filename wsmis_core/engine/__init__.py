"""How anything is run here: ranks, the training loop, checkpoints, items, events. Knows no method."""

from wsmis_core.engine.artifacts import StageResult, write_manifest
from wsmis_core.engine.checkpoints import load_checkpoint, save_checkpoint
from wsmis_core.engine.context import RunContext
from wsmis_core.engine.divergence import check_figures
from wsmis_core.engine.events import Events, Progress, open_events
from wsmis_core.engine.items import ItemFolder
from wsmis_core.engine.processes import Processes, worker_processes
from wsmis_core.engine.ranks import Ranks, joined_ranks
from wsmis_core.engine.sampling import balanced_order, shuffled_order
from wsmis_core.engine.stopping import STOPPED_EXIT_CODE, Stopped, StopRequest, stop_on_sigterm
from wsmis_core.engine.task import VALIDATION_LOSS, LossSums, Task, Term
from wsmis_core.engine.training import train

__all__ = [
    "STOPPED_EXIT_CODE",
    "VALIDATION_LOSS",
    "Events",
    "ItemFolder",
    "LossSums",
    "Processes",
    "Progress",
    "Ranks",
    "RunContext",
    "StageResult",
    "StopRequest",
    "Stopped",
    "Task",
    "Term",
    "balanced_order",
    "check_figures",
    "joined_ranks",
    "load_checkpoint",
    "open_events",
    "save_checkpoint",
    "shuffled_order",
    "stop_on_sigterm",
    "train",
    "worker_processes",
    "write_manifest",
]
