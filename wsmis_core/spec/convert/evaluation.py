"""Configs of a trained segmenter's scores: the task `segmentation` with `experiment_path`."""

from __future__ import annotations

from wsmis_core.spec.convert.keys import Keys
from wsmis_core.spec.convert.training import note_surroundings

__all__ = ["put_evaluation"]

IMPORT = "import the weights with `wsmis import-weights`, and name that job as the input segmenter"


def put_evaluation(keys: Keys) -> None:
    """Scores of the whole set."""
    note_surroundings(keys)
    keys.put("batch_size", keys.needed("batch_size"), key="batch_size")
    for name in ("experiment_path", "model.weights_path"):
        keys.note(name, IMPORT)
    keys.note("model", "it is the segmenter's, which is the job's input")
