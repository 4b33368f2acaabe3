"""What a stage's params and inputs may be, and how a mistake is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from wsmis_core.errors import SpecError
from wsmis_core.spec import (
    CATALOGUE,
    Resources,
    Spec,
    Step,
    has_unknown_content,
    make_params,
    named_files,
    problems_of,
    producer,
    source_problems,
    stage_params,
    validate,
)

_DROPBLOCK = {"drop_prob": 0.2, "block_size": 7}


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
    cam_net = make_params("train_classifier", {"arch": "irn_resnet50"}, {}).model_dump()
    assert (params["loss"], cam_net["loss"]) == ("bce", "multilabel_soft_margin")
    assert cam_net["dropblock"] is None
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
        ("train_irnet", {"epochs": 0}, {"classifier": "b"}, "params.epochs"),
        ("train_irnet", {"epochs": 0, "weights": {"file": "f"}}, {"ir_labels": "a"}, "inputs.ir_labels"),
        ("train_irnet", {"epochs": 0, "max_steps": 1, "weights": {"file": "f"}}, {}, "params.max_steps"),
        ("train_irnet", {"weights": {"file": "f"}}, {}, "inputs.ir_labels"),
        ("train_irnet", {"trunk": "random"}, {"ir_labels": "a", "classifier": "b"}, "inputs.classifier"),
        (
            "train_segmenter",
            {"weights": {"file": "f"}},
            {"pseudo_labels": "a", "classifier": "b"},
            "inputs.classifier",
        ),
        ("train_segmenter", {"weights": {"file": "f"}}, {}, "inputs.pseudo_labels"),
        ("train_segmenter", {"epochs": 0}, {}, "params.epochs"),
        ("train_segmenter", {"epochs": 0, "weights": {"file": "f", "part": "trunk"}}, {}, "params.epochs"),
        ("train_segmenter", {"epochs": 0, "weights": "classifier"}, {"classifier": "b"}, "params.epochs"),
        (
            "train_segmenter",
            {"epochs": 0, "weights": {"file": "f"}},
            {"pseudo_labels": "a"},
            "inputs.pseudo_labels",
        ),
        (
            "train_segmenter",
            {"epochs": 0, "weights": {"file": "f"}, "targets": "true_masks"},
            {},
            "params.targets",
        ),
        ("train_classifier", {"epochs": 0}, {}, "params.epochs"),
        ("train_classifier", {"epochs": 0, "weights": {"file": "f", "part": "trunk"}}, {}, "params.epochs"),
        ("train_classifier", {"weights": "imagenet"}, {"classifier": "b"}, "inputs.classifier"),
        ("evaluate", {}, {}, "inputs"),
        ("predict", {"split": None}, {"segmenter": "a"}, "params.split"),
        ("make_ir_labels", {"background_threshold": 0.3}, {"cams": "a"}, "params.background_threshold"),
        ("make_ir_labels", {"refine": {"iterations": 3}}, {"cams": "a"}, "params.refine.name"),
        (
            "make_ir_labels",
            {"refine": {"name": "pamr", "x": 1}},
            {"cams": "a"},
            "params.refine.x",
        ),
        (
            "make_ir_labels",
            {"refine": {"name": "grabcut", "probable": 10}},
            {"cams": "a"},
            "params.refine.probable",
        ),
        ("train_irnet", {"image_size": "native"}, {"ir_labels": "a", "classifier": "b"}, "params.crop_size"),
        ("train_irnet", {"rescale": [0.5, 1.5]}, {"ir_labels": "a", "classifier": "b"}, "params.crop_size"),
        (
            "train_irnet",
            {"rescale": [2, 1], "crop_size": 64},
            {"ir_labels": "a", "classifier": "b"},
            "params.rescale",
        ),
        (
            "make_pseudo_labels",
            {"image_size": "native", "local": {}},
            {"cams": "a", "irnet": "b"},
            "params.image_size",
        ),
        ("extract_cams", {"method": "cam", "layer": "trunk"}, {"classifier": "a"}, "params.layer"),
        ("extract_cams", {"method": "lpcam", "layer": "trunk"}, {"classifier": "a"}, "params.layer"),
        ("extract_cams", {"method": "layer_cam", "layer": "trunk."}, {"classifier": "a"}, "params.layer"),
        ("extract_cams", {"method": "cam", "lpcam": {}}, {"classifier": "a"}, "params.lpcam"),
        (
            "extract_cams",
            {"method": "lpcam", "lpcam": {"context_scores": [0.9, 0.1]}},
            {"classifier": "a"},
            "params.lpcam.context_scores",
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


@pytest.mark.parametrize(
    ("stage", "params", "field", "told"),
    [
        (
            "train_classifier",
            {"arch": "irn_resnet50", "dropblock": _DROPBLOCK},
            "params.dropblock",
            "no place",
        ),
        ("train_classifier", {"arch": "resnet_small", "weights": "imagenet"}, "params.weights", "resnet18"),
        ("train_classifier", {"arch": "irn_resnet50", "pos_weight": 2}, "params.pos_weight", "loss to bce"),
        ("train_classifier", {"weights": "imagnet"}, "params.weights", "'none' or 'imagenet'"),
        ("train_classifier", {"weights": {"fil": "f"}}, "params.weights.fil", "no such field"),
        ("train_classifier", {"weights": {"file": "f", "sha256": "0"}}, "params.weights.sha256", "pattern"),
        ("train_classifier", {"arch": ["resnet18"]}, "params.arch", "not possible"),
        (
            "train_classifier",
            {"dropblock": {**_DROPBLOCK, "schedule": "linear"}},
            "params.dropblock.ramp_steps",
            "over how many steps",
        ),
        (
            "train_classifier",
            {"dropblock": {**_DROPBLOCK, "ramp_steps": 10}},
            "params.dropblock.ramp_steps",
            "set schedule to linear",
        ),
        ("train_irnet", {"trunk": "file"}, "params.weights", "Give {file: PATH}"),
        ("train_segmenter", {"weights": "random"}, "params.weights", "'none', 'imagenet' or 'classifier'"),
        ("train_irnet", {"trunk": "random", "weights": {"file": "f"}}, "params.weights", "trunk is random"),
        ("extract_cams", {"splits": ["val", "train", "val"]}, "params.splits", "val is named 2 times"),
        ("make_pseudo_labels", {"splits": []}, "params.splits", "at least 1"),
        ("make_pseudo_labels", {"log2_steps": 13}, "params.log2_steps", "less than or equal to 12"),
        ("make_pseudo_labels", {"log2_steps": "gird"}, "params.log2_steps", "'grid'"),
        ("train_segmenter", {"threshold": {"name": "otsu"}}, "params.threshold", "valid number"),
        ("train_segmenter", {"threshold": {"name": "otsu"}}, "params.threshold.name", "'chosen'"),
        (
            "make_pseudo_labels",
            {"threshold": {"name": "chosen"}, "splits": ["train"]},
            "params.threshold.split",
            "Add it there",
        ),
        (
            "evaluate",
            {"split": "val", "cam_threshold": {"name": "chosen"}},
            "params.cam_threshold.split",
            "another one",
        ),
    ],
)
def test_fields_that_do_not_fit_each_other(stage: str, params: dict[str, Any], field: str, told: str) -> None:
    assert told in problems(stage, params)[field]


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        (Resources, {"gpus": "many"}, "gpus"),
        (Step, {"stage": "evaluate", "min_score": {"a\nb": 1}}, "min_score.a\nb"),
        (Step, {"stage": "evaluate", "min_score": {"Dice": None}}, "min_score.Dice"),
        (Step, {"stage": "evaluate", "min_score": {"int": None}}, "min_score.int"),
    ],
)
def test_fields_are_named_as_they_are_given(kind: type[Spec], data: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as raised:
        validate(kind, data)
    assert {problem.field for problem in raised.value.problems} == {field}
    errors = problems_of(_errors(kind, data))  # as for a request's body, which is not at hand
    assert {problem.field for problem in errors} == {field.replace(".int", "")}


def _errors(kind: type[Spec], data: dict[str, Any]) -> list[Any]:
    with pytest.raises(ValidationError) as raised:
        kind.model_validate(data)
    return list(raised.value.errors())


def test_what_is_stored_whole_can_be_read_again() -> None:
    for stage, params, inputs in (
        ("train_classifier", {"arch": "irn_resnet50"}, {}),
        ("train_classifier", {"arch": "vgg16", "weights": {"file": "f"}, "epochs": 0}, {}),
        ("train_irnet", {"weights": {"file": "f"}, "epochs": 0}, {}),
        ("train_irnet", {"weights": {"file": "f", "part": "trunk"}}, {"ir_labels": "a"}),
        ("train_segmenter", {"weights": {"file": "f"}, "epochs": 0}, {}),
        ("train_segmenter", {"weights": {"file": "f", "part": "trunk"}}, {"pseudo_labels": "a"}),
    ):
        made = make_params(stage, params, inputs)
        assert make_params(stage, made.model_dump(mode="json"), inputs) == made


def test_what_the_inputs_own_jobs_show() -> None:
    def fields(stage: str, params: dict[str, Any], arch: str, **inputs: str) -> list[str | None]:
        made = make_params(stage, params, {"classifier": "c", **inputs})
        return [problem.field for problem in source_problems(made, {"classifier": {"arch": arch}})]

    assert fields("train_irnet", {}, "vgg16", ir_labels="a") == ["inputs.classifier"]
    assert fields("train_irnet", {}, "irn_resnet50", ir_labels="a") == []
    assert fields("train_classifier", {"arch": "resnet18"}, "resnet34") == ["params.arch"]
    segmenter = {"weights": "classifier", "encoder": "resnet50"}
    assert fields("train_segmenter", segmenter, "resnet50_oaa", pseudo_labels="a") == []
    assert fields("train_segmenter", segmenter, "vgg16", pseudo_labels="a") == ["params.encoder"]
    assert fields("train_segmenter", segmenter, "resnet_gap", pseudo_labels="a") == ["inputs.classifier"]
    assert fields("extract_cams", {}, "resnet_gap") == []


def test_results_of_files_are_reused_where_their_content_is_known() -> None:
    for params, known in (
        ({"weights": "imagenet"}, True),
        ({"weights": {"file": "f"}}, False),
        ({"weights": {"file": "f", "sha256": "0" * 64}}, True),
    ):
        made = make_params("train_classifier", params, {})
        assert has_unknown_content(made) is not known
        assert named_files(made) == ({"weights.file": "f"} if isinstance(params["weights"], dict) else {})
