"""What a segmenter's loss may be said to be."""

from __future__ import annotations

import re
from typing import Any

import pytest

from wsmis_core.errors import SpecError
from wsmis_core.spec import make_params
from wsmis_core.spec.losses import Bce, CrossEntropy, Dice, Iou, Kl, outputs_of
from wsmis_core.spec.stages import TrainSegmenter

INPUTS = {"pseudo_labels": "job"}


def params(loss: Any) -> TrainSegmenter:
    made = make_params("train_segmenter", {"loss": loss}, INPUTS)
    assert isinstance(made, TrainSegmenter)
    return made


def problems(loss: Any) -> dict[str | None, str]:
    with pytest.raises(SpecError) as raised:
        params(loss)
    return {problem.field: str(problem) for problem in raised.value.problems}


@pytest.mark.parametrize(
    ("given", "terms", "outputs"),
    [
        ("bce", (Bce(),), "sigmoid"),
        ("bce_dice", (Bce(), Dice()), "sigmoid"),
        ("dice", (Dice(),), "sigmoid"),
        ({"name": "bce", "pos_weight": 3}, (Bce(pos_weight=3),), "sigmoid"),
        (["iou", {"name": "cross_entropy", "weight": 0.5}], (Iou(), CrossEntropy(weight=0.5)), "softmax"),
        (["dice", "cross_entropy"], (Dice(), CrossEntropy()), "softmax"),
    ],
)
def test_names_and_terms_are_a_sum_of_terms(given: Any, terms: Any, outputs: str) -> None:
    made = params(given)
    assert made.loss == terms
    assert outputs_of(made.loss) == outputs
    assert params(made.model_dump(mode="json")["loss"]).loss == terms


def test_the_published_crf_loss() -> None:
    given = [{"name": "cross_entropy", "weight": 0.5}, {"name": "kl", "weight": 0.5}]
    _, kl = params(given).loss
    assert isinstance(kl, Kl)
    assert (kl.weight, kl.scale, kl.refine.iterations) == (0.5, 0.25, 4)
    (_, named) = params(["iou", {"name": "kl", "refine": {"name": "crf"}}]).loss
    assert isinstance(named, Kl)
    assert named.refine == kl.refine


def test_the_published_loss_is_the_default() -> None:
    assert make_params("train_segmenter", {}, INPUTS).model_dump()["loss"] == (Bce().model_dump(),)


@pytest.mark.parametrize(
    ("given", "field", "told"),
    [
        ("bcee", "params.loss", "Did you mean bce?"),
        (["bce", "cross_entropy"], "params.loss", r"softmax .*cross_entropy.* sigmoid .*bce.*, not both"),
        (["bce", "bce_dice"], "params.loss", "bce is there twice"),
        ([], "params.loss", "there is no term"),
        ("kl", "params.loss", "kl reads no labels"),
        (["bce", "kl"], "params.loss", "not both"),
        (
            ["iou", {"name": "kl", "refine": {"name": "grabcut"}}],
            "params.loss.1.refine.name",
            "Use one of crf, pamr",
        ),
        ({"name": "bce", "pos_weight": 0}, "params.loss.pos_weight", "greater than 0"),
        (["dice", {"name": "bce", "weight": 0}], "params.loss.1.weight", "greater than 0"),
        ([{"name": "bec"}], "params.loss.0.name", "Did you mean bce?"),
        ([{"name": "iou", "pos_weight": 2}], "params.loss.0.pos_weight", "no such field"),
    ],
)
def test_a_mistake_is_told_once_with_its_field(given: Any, field: str, told: str) -> None:
    found = problems(given)
    assert set(found) == {field}
    assert re.search(told, found[field])
