"""The whole way by one rank and by two: the same scores at every step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wsmis_core.data.phantom import write_siim
from wsmis_core.export import read_mask_png
from wsmis_core.spec import Coverage, plan, read_manifest, recipes
from wsmis_core.spec.stages import ALL_SPLITS

PATIENTS, SIDE = 60, 64
# A few dozen steps each, so that the scores mean something. Trained as fast as the recipe has it, 4e-3, one
# rank ends up to .18 of Dice elsewhere for a rate that differs by a millionth, and two, whose sums are
# rounded otherwise, up to .21; these rates are slow enough.
RATE, SEGMENTER_RATE = 5e-4, 1e-3
OVERRIDES: dict[str, dict[str, Any]] = {
    "train_classifier": {
        "image_size": SIDE,
        "batch_size": 16,
        "max_steps": 60,
        "rates": dict.fromkeys(("trunk_weights", "trunk_biases", "head_weights", "head_biases"), RATE),
    },
    "extract_cams": {"image_size": SIDE},
    "make_ir_labels": {"image_size": SIDE},
    "train_irnet": {"image_size": SIDE, "radius": 5, "max_steps": 20},
    "make_pseudo_labels": {
        "image_size": SIDE,
        "local": {"foreground": [1.0, 0.25], "max_steps": 20},
        "threshold": {"name": "otsu_middle"},  # the recipe's fixed cut suits a longer training
    },
    "train_segmenter": {
        "image_size": SIDE,
        "batch_size": 8,
        "max_steps": 40,
        "rates": {"trunk": SEGMENTER_RATE, "head": SEGMENTER_RATE},
    },
    "evaluate": {"split": "train", "resamples": 0, "overlays": 0},  # the most images, the steadiest scores
}
# Of Dice. Three seeds of one rank differ by .15 (maps), .31 (seeds), .33 (pseudo-labels) and .30 (segmenter);
# two ranks ended within .02 of one on this data set, and within .003 on another with 50 local steps a round.
NEAR = 0.05
# Relative. After 20 steps at the published rate IRNet's displacement follows the last digits of its seeds.
NEAR_LOSSES = {"train_classifier": 0.05, "train_irnet": 0.15, "train_segmenter": 0.05}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("chests")
    write_siim(root, patients=PATIENTS, seed=1, size=SIDE)
    return {"format": "siim", "root": str(root)}


def run_all(workshop: Any, dataset: dict[str, Any], *, ranks: int) -> dict[str, Path]:
    """The artifacts of `smoke`'s steps but the ceiling, which is one more segmenter."""
    made: dict[str, Path] = {}
    for step in plan(recipes()["smoke"], OVERRIDES, coverage=Coverage(masks=ALL_SPLITS)):
        if step.name != "train_ceiling":
            inputs = {role: made[source] for role, source in step.inputs.items() if source in made}
            scores = step.stage == "evaluate"  # which test_reports.py has two ranks do
            name = f"{step.name}-by-{ranks}"
            made[step.name] = workshop.run(
                name, step.stage, step.params, inputs, dataset=dataset, ranks=1 if scores else ranks
            )
    return made


def losses(artifact: Path) -> list[float]:
    """Of each epoch of a training."""
    events = map(json.loads, (artifact.parent / "events.jsonl").read_text().splitlines())
    values = [event["values"] for event in events if event["type"] == "metric"]
    return [one["train_loss"] for one in values if "train_loss" in one]


def masks_of(made: dict[str, Path]) -> list[Path]:
    return sorted((made["predict"] / "masks").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_ranks_end_where_one_does(workshop: Any, dataset: dict[str, Any]) -> None:
    one, two = (run_all(workshop, dataset, ranks=ranks) for ranks in (1, 2))

    # Until rounding has grown, the training is the same.
    before, after = losses(one["train_classifier"]), losses(two["train_classifier"])
    assert len(before) == len(after)
    assert before[:3] == pytest.approx(after[:3], rel=1e-3)
    for step, near in NEAR_LOSSES.items():
        found, expected = (read_manifest(made[step]).metrics["train_loss"] for made in (two, one))
        assert found == pytest.approx(expected, rel=near), step

    alone, together = (json.loads((made["evaluate"] / "report.json").read_text()) for made in (one, two))
    assert alone["classifier"]["auc"] > 0.9  # it has learnt something to keep
    assert together["classifier"]["auc"] == pytest.approx(alone["classifier"]["auc"], abs=NEAR)
    assert list(alone["steps"]) == list(together["steps"])
    for role, scores in alone["steps"].items():
        for score in ("dice_positives", "dice_pooled", "iou"):
            assert together["steps"][role][score] == pytest.approx(scores[score], abs=NEAR), (role, score)
    assert alone["steps"]["ir_labels"]["dice_positives"] > 0.4

    masks = [{path.name: read_mask_png(path) for path in masks_of(made)} for made in (one, two)]
    assert masks[0].keys() == masks[1].keys()
    assert np.mean([(mask != masks[1][name]).mean() for name, mask in masks[0].items()]) < NEAR
