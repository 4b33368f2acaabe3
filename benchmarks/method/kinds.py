"""The two kinds of phantom, and the settings of the recipe `smoke` that belong to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsmis_core.data.phantom import write_siim
from wsmis_core.data.phantom.shapes import KINDS as SHAPES
from wsmis_core.data.phantom.shapes import write_voc
from wsmis_core.spec import DatasetSpec, make_dataset_spec

Overrides = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Kind:
    """How a data set of this kind is drawn and read, and the score that tells how good a step is."""

    draw: Callable[[Path, int], object]
    format: str
    score: str
    options: Mapping[str, Any] = field(default_factory=dict)
    overrides: Overrides = field(default_factory=dict)

    def dataset(self, root: Path, *, seed: int) -> DatasetSpec:
        """The data set of a seed below ``root``, drawn where it is not there."""
        folder = root / f"seed-{seed}"
        if not folder.exists():
            unfinished = folder.with_name(f".{folder.name}.part")
            self.draw(unfinished, seed)
            unfinished.rename(folder)
        return make_dataset_spec(self.format, folder, dict(self.options))


KINDS: Mapping[str, Kind] = {
    "chest": Kind(
        draw=lambda root, seed: write_siim(root, patients=460, seed=seed, processes=2),
        format="siim",
        score="dice_positives",
    ),
    "shapes": Kind(
        draw=lambda root, seed: write_voc(root, images=700, seed=seed, processes=2),
        format="voc2012",
        score="mean_iou",
        options={"classes": list(SHAPES)},
        overrides={
            "train_classifier": {"augmentation": "weak"},
            "train_segmenter": {"augmentation": "weak", "loss": "cross_entropy", "max_steps": 400},
            "train_ceiling": {"augmentation": "weak", "loss": "cross_entropy"},
        },
    ),
}
