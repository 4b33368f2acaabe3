"""A config of the published WSMIS code as a stage's params.

Its `task` says what it is of; the keys, their names and values are those of its public repository
(github.com/ucuapps/WSMIS). Nothing of that code is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wsmis_core.errors import Problem, SpecError
from wsmis_core.spec.catalogue import StageName, make_params
from wsmis_core.spec.convert.activation_maps import put_activation_maps
from wsmis_core.spec.convert.classifier import put_multi_label_classifier, put_pneumothorax_classifier
from wsmis_core.spec.convert.evaluation import put_evaluation
from wsmis_core.spec.convert.keys import Keys, Note
from wsmis_core.spec.convert.segmenter import (
    put_crf_segmenter,
    put_pneumothorax_segmenter,
    put_segmenter,
)

__all__ = ["Converted", "convert_config"]


@dataclass(frozen=True, slots=True)
class Converted:
    """A stage, the params that the config sets, and a note for each key that sets none.

    ``inputs`` are the roles that the request is still to name jobs for.
    """

    stage: StageName
    params: dict[str, Any]
    inputs: tuple[str, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What configs of a task become; ``told_by`` is a key that only these have."""

    stage: StageName
    put: Callable[[Keys], None]
    inputs: tuple[str, ...] = ()
    told_by: str | None = None


# The first whose key is there.
KINDS: Mapping[str, tuple[_Kind, ...]] = {
    "cam_generation": (
        _Kind("extract_cams", put_activation_maps, ("classifier",), told_by="maps_layer"),
        _Kind("train_classifier", put_multi_label_classifier),
    ),
    "pneumothorax_classification": (_Kind("train_classifier", put_pneumothorax_classifier),),
    "segmentation": (
        _Kind("evaluate", put_evaluation, ("segmenter",), told_by="experiment_path"),
        _Kind("train_segmenter", put_segmenter, ("pseudo_labels",)),
    ),
    "crf_segmentation": (_Kind("train_segmenter", put_crf_segmenter, ("pseudo_labels",)),),
    "pneumothorax_segmentation": (_Kind("train_segmenter", put_pneumothorax_segmenter, ("pseudo_labels",)),),
}


def convert_config(config: object) -> Converted:
    """The stage that ``config``, as its YAML reads, describes.

    Raises SpecError that names the config's own key where one is missing or its value has no
    counterpart here.
    """
    if not isinstance(config, Mapping):
        raise SpecError("the config is no mapping.", remedy="Give a YAML file with task, train, model, ....")
    keys = Keys(config)
    kinds = keys.choice("task", KINDS)
    kind = next(kind for kind in kinds if kind.told_by is None or kind.told_by in keys)
    kind.put(keys)
    for key in keys.unknown():
        keys.note(key, "no such key is known")
    try:
        make_params(kind.stage, keys.params, dict.fromkeys(kind.inputs))
    except SpecError as error:
        raise _in_the_config_s_words(error, keys) from None
    return Converted(kind.stage, keys.params, kind.inputs, tuple(keys.notes))


def _in_the_config_s_words(error: SpecError, keys: Keys) -> SpecError:
    problems = [
        Problem(problem.message, keys.source((problem.field or "").removeprefix("params.")), problem.remedy)
        for problem in error.problems
    ]
    first = problems[0]
    return SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems)
