"""Words of the command line as values."""

from __future__ import annotations

import pytest

from services.client.assignments import min_scores, nested, pairs, step_min_scores, step_params
from wsmis_core.errors import SpecError


def test_values_are_yaml() -> None:
    words = ["epochs=3", "flip=false", "refine=null", "scales=[1.0, 0.5]", "arch=resnet18", "note=", "a=b=c"]
    assert nested(words) == {
        "epochs": 3,
        "flip": False,
        "refine": None,
        "scales": [1.0, 0.5],
        "arch": "resnet18",
        "note": "",
        "a": "b=c",
    }


def test_dots_go_deeper_and_the_last_word_wins() -> None:
    assert nested(["optimizer.name=sgd", "optimizer.momentum=0.9", "seed=1", "seed=2"]) == {
        "optimizer": {"name": "sgd", "momentum": 0.9},
        "seed": 2,
    }


def test_a_step_s_params_and_every_step_s() -> None:
    assert step_params(["train_classifier.epochs=2", "*.seed=1", "train_classifier.batch_size=4"]) == {
        "train_classifier": {"epochs": 2, "batch_size": 4},
        "*": {"seed": 1},
    }


@pytest.mark.parametrize("word", ["epochs=2", ".epochs=2", "train_classifier.=2", "train_classifier"])
def test_a_step_s_param_must_name_both(word: str) -> None:
    with pytest.raises(SpecError) as told:
        step_params([word])
    assert told.value.field == "--set"
    assert told.value.remedy is not None


@pytest.mark.parametrize("words", [["a"], ["=1"], ["a={"], ["a=1", "a.b=2"]])
def test_a_word_that_cannot_be_read_names_the_option(words: list[str]) -> None:
    with pytest.raises(SpecError) as told:
        nested(words, option="--option")
    assert told.value.field == "--option"
    assert words[-1] in told.value.message


def test_least_scores_of_a_job_and_of_steps() -> None:
    assert min_scores(["val_f1=0.5", "auc=null"]) == {"val_f1": 0.5, "auc": None}
    assert step_min_scores(["cams.iou.1=0.5", "cams.dice=-1e-3", "irnet.f1=null"]) == {
        "cams": {"iou.1": 0.5, "dice": -0.001},
        "irnet": {"f1": None},
    }


@pytest.mark.parametrize("word", ["f1=0.5", ".f1=0.5", "step.=0.5", "step.f1=good", "step.f1", "step.f1="])
def test_a_least_score_that_cannot_be_read_names_the_option(word: str) -> None:
    with pytest.raises(SpecError) as told:
        step_min_scores([word])
    assert told.value.field == "--min-score"
    assert told.value.remedy is not None


def test_pairs_stay_text() -> None:
    assert pairs(["classifier=job_01"], option="--input") == {"classifier": "job_01"}
