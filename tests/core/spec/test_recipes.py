"""Recipes: whole, in an order that can run, open to overrides."""

from __future__ import annotations

from typing import Any

import pytest

from wsmis_core.errors import SpecError
from wsmis_core.spec import CATALOGUE, Coverage, Recipe, load_recipes, plan, recipes, validate
from wsmis_core.spec.parts import Split
from wsmis_core.spec.stages import ALL_SPLITS

MASKED = Coverage(masks=ALL_SPLITS)


@pytest.mark.parametrize("name", list(recipes()))
@pytest.mark.parametrize("coverage", [MASKED, Coverage(masks=["test"]), Coverage(boxes=["val"]), Coverage()])
def test_every_recipe_can_be_planned(name: str, coverage: Coverage) -> None:
    steps = plan(recipes()[name], {}, coverage=coverage)
    seen: dict[str, str] = {}
    for step in steps:
        for role, source in step.inputs.items():
            assert CATALOGUE[step.stage].inputs[role].kind == seen[source]
        seen[step.name] = CATALOGUE[step.stage].output
    assert "predict" in seen
    scored = set(next(step.inputs for step in steps if step.name == "evaluate"))
    if coverage.masks or coverage.boxes:
        assert {"classifier", "cams", "pseudo_labels", "segmenter"} <= scored
    else:
        assert scored == {"classifier"}


def test_a_step_that_is_left_without_its_inputs_is_left_out() -> None:
    steps = {
        "a": {"stage": "train_classifier"},
        "b": {"stage": "extract_cams", "inputs": {"classifier": "a"}},
        "c": {"stage": "evaluate", "inputs": {"cams": "b"}},
    }
    recipe = validate(Recipe, {"name": "scored", "description": "", "steps": steps})
    assert [step.name for step in plan(recipe, {}, coverage=Coverage())] == ["a", "b"]
    assert [step.name for step in plan(recipe, {}, coverage=Coverage(boxes=ALL_SPLITS))] == ["a", "b", "c"]


def test_smoke_runs_all_eight_stages_and_the_ceiling() -> None:
    steps = plan(recipes()["smoke"], {}, coverage=MASKED)
    assert {step.stage for step in steps} == set(CATALOGUE)
    assert [step.name for step in steps][-4:] == ["train_segmenter", "train_ceiling", "evaluate", "predict"]


@pytest.mark.parametrize("masks", [(), ("test",), ("val", "test")])
def test_without_masks_to_train_on_nothing_trains_on_them(masks: tuple[Split, ...]) -> None:
    steps = {step.name: step for step in plan(recipes()["smoke"], {}, coverage=Coverage(masks=masks))}
    assert "train_ceiling" not in steps
    assert "ceiling" not in steps["evaluate"].inputs
    assert ("segmenter" in steps["evaluate"].inputs) == bool(masks)


def test_overrides_go_to_a_step_or_to_every_step_that_has_the_param() -> None:
    steps = plan(
        recipes()["smoke"], {"*": {"seed": 5}, "train_irnet": {"radius": 7, "seed": 6}}, coverage=MASKED
    )
    by_name = {step.name: step.params for step in steps}
    assert by_name["train_classifier"]["seed"] == 5
    assert (by_name["train_irnet"]["seed"], by_name["train_irnet"]["radius"]) == (6, 7)


def test_mistaken_overrides_name_the_step_and_the_param() -> None:
    overrides = {"train_clasifier": {"epochs": 2}, "*": {"sed": 1}, "train_irnet": {"radius": 1}}
    with pytest.raises(SpecError) as raised:
        plan(recipes()["smoke"], overrides, coverage=MASKED)
    told = {problem.field: str(problem) for problem in raised.value.problems}
    assert set(told) == {"params.train_clasifier", "params.*.sed", "params.train_irnet.radius"}
    assert "Did you mean train_classifier?" in told["params.train_clasifier"]


def test_steps_that_do_not_fit_each_other_are_told() -> None:
    with pytest.raises(SpecError) as raised:
        plan(recipes()["pneumothorax"], {"train_classifier": {"arch": "vgg16"}}, coverage=MASKED)
    told = {problem.field: str(problem) for problem in raised.value.problems}
    assert set(told) == {"params.train_irnet.inputs.classifier"}
    assert "resnet50_oaa" in told["params.train_irnet.inputs.classifier"]


def test_steps_that_wait_for_each_other_are_told() -> None:
    steps: dict[str, Any] = {
        "a": {"stage": "extract_cams", "inputs": {"classifier": "b"}},
        "b": {"stage": "train_classifier", "inputs": {"classifier": "a"}},
    }
    recipe = validate(Recipe, {"name": "circle", "description": "", "steps": steps})
    with pytest.raises(SpecError, match="wait for each other: a, b"):
        plan(recipe, {}, coverage=MASKED)


def test_a_request_s_gates_lie_over_the_recipe_s() -> None:
    recipe = validate(
        Recipe,
        {
            "name": "gated",
            "description": "",
            "steps": {"a": {"stage": "train_classifier", "min_score": {"val_f1": 0.5, "val_recall": 0.8}}},
        },
    )
    (as_it_is,) = plan(recipe, {}, coverage=MASKED)
    assert as_it_is.min_score == {"val_f1": 0.5, "val_recall": 0.8}
    (changed,) = plan(recipe, {}, coverage=MASKED, min_score={"a": {"val_f1": None, "val_accuracy": -1}})
    assert changed.min_score == {"val_recall": 0.8, "val_accuracy": -1}


def test_an_input_that_names_no_step_is_told() -> None:
    steps = {"a": {"stage": "extract_cams", "inputs": {"classifier": "nobody"}}}
    with pytest.raises(SpecError, match="'nobody', the classifier of the step a, is no step"):
        validate(Recipe, {"name": "lost", "description": "", "steps": steps})


def test_text_that_is_no_recipe_is_told() -> None:
    with pytest.raises(SpecError, match="not YAML"):
        load_recipes(["a: ["])
    with pytest.raises(SpecError, match="not a mapping"):
        load_recipes(["- a"])
    with pytest.raises(SpecError, match=r"a\.steps: this field is missing"):
        load_recipes(["name: a\ndescription: b"])
    with pytest.raises(SpecError, match="name: this field is missing"):
        load_recipes(["description: b\nsteps: {}"])
    with pytest.raises(SpecError, match="two recipes are called a"):
        load_recipes([BASE, BASE])


BASE = """
name: a
description: whole
steps:
  first: {stage: train_classifier, params: {epochs: 3, batch_size: 4, dropblock: null}, min_score: {f1: 0.5}}
  second: {stage: extract_cams, inputs: {classifier: first}}
"""
CHILD = """
name: b
extends: a
description: differs
steps:
  first: {params: {epochs: 7, dropblock: {drop_prob: 0.1, block_size: 3}}, min_score: {val_auc: 0.9}}
  third: {stage: make_ir_labels, inputs: {cams: second}}
"""
GRANDCHILD = """
name: c
extends: b
description: differs too
steps:
  first: {params: {dropblock: null}}
"""


def test_a_recipe_that_extends_another_holds_what_differs() -> None:
    read = load_recipes([GRANDCHILD, CHILD, BASE])
    assert list(read) == ["a", "b", "c"]
    assert read["b"] == validate(
        Recipe,
        {
            "name": "b",
            "description": "differs",
            "steps": {
                "first": {
                    "stage": "train_classifier",
                    "params": {
                        "epochs": 7,
                        "batch_size": 4,
                        "dropblock": {"drop_prob": 0.1, "block_size": 3},
                    },
                    "min_score": {"val_auc": 0.9},
                },
                "second": {"stage": "extract_cams", "inputs": {"classifier": "first"}},
                "third": {"stage": "make_ir_labels", "inputs": {"cams": "second"}},
            },
        },
    )
    assert list(read["c"].steps) == ["first", "second", "third"]
    assert read["c"].steps["first"].params == {"epochs": 7, "batch_size": 4, "dropblock": None}
    assert read["a"].steps["first"].params["epochs"] == 3


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        (CHILD.replace("extends: a", "extends: aa"), "b.extends", r"'aa' is no recipe\..* Did you mean a\?"),
        (CHILD.replace("extends: a", "extends: b"), "b.extends", "b -> b"),
        (CHILD.replace("extends: a", "extends: null"), "b.extends", "'None' is no recipe"),
        (CHILD.replace("description: differs", ""), "b.description", "missing"),
        (CHILD.replace("params: {epochs: 7", "param: {epochs: 7"), "b.steps.first.param", "no such field"),
        (CHILD.replace("first: {params", "frst: {params"), "b.steps.frst.stage", "missing"),
        ("name: b\nextends: a\ndescription: d\nsteps: [1]", "b.steps", "not possible"),
    ],
)
def test_a_mistaken_extension_is_told(changed: str, field: str, said: str) -> None:
    with pytest.raises(SpecError, match=said) as raised:
        load_recipes([BASE, changed])
    assert raised.value.field == field


def test_recipes_that_extend_each_other_are_told() -> None:
    with pytest.raises(SpecError, match="extend each other: b -> c -> b") as raised:
        load_recipes([BASE, CHILD.replace("extends: a", "extends: c"), GRANDCHILD])
    assert raised.value.field == "c.extends"


def test_voc2012_crf_differs_from_voc2012_in_one_step() -> None:
    plain, crf = (plan(recipes()[name], {}, coverage=MASKED) for name in ("voc2012", "voc2012_crf"))
    different = {
        one.name: (one.params, other.params) for one, other in zip(plain, crf, strict=True) if one != other
    }
    assert list(different) == ["train_segmenter"]
    before, after = different["train_segmenter"]
    assert {key for key in after if after[key] != before[key]} == {"loss", "epochs"}
