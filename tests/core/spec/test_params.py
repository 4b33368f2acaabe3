"""What a stage's params and inputs may be, and how a mistake is told."""

from __future__ import annotations

from typing import Any

import pytest

from wsmis_core.errors import SpecError
from wsmis_core.spec import CATALOGUE, make_params, producer, stage_params


def problems(stage: str, params: dict[str, Any], **inputs: object) -> dict[str | None, str]:
    with pytest.raises(SpecError) as raised:
        make_params(stage, params, inputs)
    return {problem.field: str(problem) for problem in raised.value.problems}


def test_defaults_are_the_published_hyper_parameters() -> None:
    params = make_params("train_classifier", {}, {}).model_dump()
    assert params["arch"] == "resnet50"
    assert (params["epochs"], params["batch_size"], params["image_size"]) == (50, 16, 512)
    assert params["rates"] == {
        "trunk_weights": 1e-4,
        "trunk_biases": 2e-4,
        "head_weights": 1e-3,
        "head_biases": 2e-3,
    }
    assert params["schedule"] == {"name": "step", "every": 5, "gamma": 0.1}
    assert params["dropblock"]["drop_prob"] == 0.2
    irnet = make_params("train_irnet", {}, {"ir_labels": "a", "classifier": "b"}).model_dump()
    assert irnet["optimizer"] == {"name": "sgd", "weight_decay": 1e-4, "momentum": 0.0}
    assert irnet["rates"] == {"boundary": 0.1, "displacement": 1.0}


def test_every_mistake_is_told_at_once_with_its_field() -> None:
    found = problems(
        "train_classifier",
        {
            "epocs": 3,
            "batch_size": "many",
            "schedule": {"name": "stp"},
            "optimizer": {"name": "sgd", "x": 1},
        },
        cams="job",
    )
    assert set(found) == {
        "params.epocs",
        "params.batch_size",
        "params.schedule.name",
        "params.optimizer.x",
        "inputs.cams",
    }
    assert "Did you mean step?" in found["params.schedule.name"]
    assert "'many'" in found["params.batch_size"]
    assert "The inputs here are: classifier." in found["inputs.cams"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0, -1])
def test_impossible_rates_are_refused(value: float) -> None:
    rates = dict.fromkeys(("trunk_weights", "trunk_biases", "head_weights"), 0.1)
    found = problems("train_classifier", {"rates": {**rates, "head_biases": value}})
    assert set(found) == {"params.rates.head_biases"}


def test_a_missing_input_names_who_makes_it() -> None:
    found = problems("extract_cams", {})
    assert "train_classifier" in found["inputs.classifier"]


def test_another_stages_name_in_the_params_is_refused() -> None:
    assert set(problems("predict", {"stage": "evaluate"}, segmenter="job")) == {"params.stage"}


def test_an_unknown_stage_lists_the_known_ones() -> None:
    assert "train_segmenter" in problems("train", {})["stage"]


@pytest.mark.parametrize(
    ("stage", "params", "inputs", "field"),
    [
        ("train_segmenter", {}, {}, "inputs.pseudo_labels"),
        ("train_segmenter", {"targets": "true_masks"}, {"pseudo_labels": "a"}, "inputs.pseudo_labels"),
        ("train_segmenter", {"weights": "classifier"}, {"pseudo_labels": "a"}, "inputs.classifier"),
        ("train_segmenter", {}, {"pseudo_labels": "a", "classifier": "b"}, "inputs.classifier"),
        ("train_irnet", {}, {"ir_labels": "a"}, "inputs.classifier"),
        ("evaluate", {}, {}, "inputs"),
        ("predict", {"split": None}, {"segmenter": "a"}, "params.split"),
        ("make_ir_labels", {"background_threshold": 0.3}, {"cams": "a"}, "params"),
        ("make_ir_labels", {"refine": {"iterations": 3}}, {"cams": "a"}, "params.refine.name"),
        (
            "make_ir_labels",
            {"refine": {"name": "pamr", "x": 1}},
            {"cams": "a"},
            "params.refine.x",
        ),
        ("make_ir_labels", {"refine": {"name": "grabcut", "probable": 10}}, {"cams": "a"}, "params.refine"),
        ("train_irnet", {"image_size": "native"}, {"ir_labels": "a", "classifier": "b"}, "params"),
        ("train_irnet", {"rescale": [0.5, 1.5]}, {"ir_labels": "a", "classifier": "b"}, "params"),
        (
            "train_irnet",
            {"rescale": [2, 1], "crop_size": 64},
            {"ir_labels": "a", "classifier": "b"},
            "params",
        ),
        (
            "make_pseudo_labels",
            {"image_size": "native", "local": {}},
            {"cams": "a", "irnet": "b"},
            "params",
        ),
        ("extract_cams", {"method": "cam", "layer": "trunk"}, {"classifier": "a"}, "params"),
        ("extract_cams", {"method": "lpcam", "layer": "trunk"}, {"classifier": "a"}, "params"),
        ("extract_cams", {"method": "layer_cam", "layer": "trunk."}, {"classifier": "a"}, "params.layer"),
        ("extract_cams", {"method": "cam", "lpcam": {}}, {"classifier": "a"}, "params"),
        (
            "extract_cams",
            {"method": "lpcam", "lpcam": {"context_scores": [0.9, 0.1]}},
            {"classifier": "a"},
            "params.lpcam",
        ),
    ],
)
def test_params_and_inputs_that_do_not_go_together(
    stage: str, params: dict[str, Any], inputs: dict[str, str], field: str
) -> None:
    assert field in problems(stage, params, **inputs)


def test_without_an_irnet_what_says_how_to_walk_is_refused() -> None:
    walked = {"radius": 4, "beta": 2.0, "log2_steps": "grid", "refine_before": {"name": "pamr"}}
    told = problems("make_pseudo_labels", walked | {"crop_size": 64, "instances": {}}, cams="a")
    assert set(told) == {f"params.{name}" for name in [*walked, "crop_size", "instances"]}
    assert "'grid' has no meaning" in told["params.log2_steps"]
    kept = {"image_size": "native", "refine": {"name": "pamr"}, "threshold": {"name": "otsu"}}
    make_params("make_pseudo_labels", kept, {"cams": "a"})


@pytest.mark.parametrize(("value", "told"), [(33, "multiple of 16"), ("own", "valid integer"), (None, "int")])
def test_a_value_that_is_none_of_several_kinds_is_one_problem(value: object, told: str) -> None:
    found = problems("make_pseudo_labels", {"image_size": value}, cams="a")
    assert set(found) == {"params.image_size"}
    assert told in str(found["params.image_size"])
    assert "or input should be 'native'." in str(found["params.image_size"])


def test_the_catalogue_is_whole_and_its_kinds_have_producers() -> None:
    for stage in CATALOGUE.values():
        assert stage.summary
        for role in stage.inputs.values():
            assert CATALOGUE[producer(role.kind)].output == role.kind
    schema = stage_params.json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(CATALOGUE)
