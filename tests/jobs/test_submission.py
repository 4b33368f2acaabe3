from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.jobs import (
    JobRequest,
    PipelineRequest,
    Status,
    cancel,
    list_jobs,
    lock_job,
    prepare_job,
    submit_pipeline,
)
from wsmis_core.errors import Problem, SpecError

if TYPE_CHECKING:
    from tests.conftest import World


def refused(world: World, stage: str, **request: Any) -> list[Problem]:
    with pytest.raises(SpecError) as refusal, world.database.writing() as session:
        prepare_job(session, JobRequest(stage=stage, **request), world.settings)
    problems = list(refusal.value.problems)
    assert all(problem.field and problem.message and problem.remedy for problem in problems)
    return problems


def only(problems: list[Problem]) -> tuple[str | None, str | None]:
    assert len(problems) == 1, problems
    return problems[0].field, problems[0].remedy


def test_params_are_stored_whole(world: World) -> None:
    job = world.submit(dataset="chest" if world.dataset() else "", params={"epochs": 3})
    params = world.job(job).params
    assert params["epochs"] == 3
    assert params["rates"]["head_biases"] == 2e-3
    assert params["stage"] == "train_classifier"
    assert world.status(job) is Status.QUEUED


def test_an_unknown_stage(world: World) -> None:
    field, remedy = only(refused(world, "train", dataset=world.dataset()))
    assert field == "stage"
    assert remedy is not None
    assert "train_classifier" in remedy


def test_every_complaint_comes_at_once(world: World) -> None:
    problems = refused(
        world,
        "extract_cams",
        params={"flip": "maybe", "scale": 1},
        inputs={"cams": "job_x"},
        dataset="nowhere",
    )
    assert {problem.field for problem in problems} == {
        "params.flip",
        "params.scale",
        "inputs.cams",
        "inputs.classifier",
        "dataset",
    }


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        ({"validated": False}, "Wait until GET /datasets/"),
        ({"usable": False}, "lists its problems; mend them and register it again."),
    ],
)
def test_a_data_set_that_is_not_ready(world: World, state: Any, remedy: str) -> None:
    field, told = only(refused(world, "train_classifier", dataset=world.dataset(**state)))
    assert field == "dataset"
    assert told is not None
    assert remedy in told


def test_a_data_set_must_be_named(world: World) -> None:
    assert only(refused(world, "train_classifier")) == (
        "dataset",
        "Give the id or name of a registered data set.",
    )


def test_masks_where_they_are_needed(world: World) -> None:
    dataset = world.dataset(has_masks=False)
    classifier, cams, _ = world.chain(dataset)
    assert classifier
    assert only(refused(world, "evaluate", dataset=dataset, inputs={"cams": cams})) == (
        "dataset",
        "Register a data set with masks or boxes.",
    )
    boxed = world.dataset("boxed", has_masks=False, has_boxes=True, fingerprint="b" * 64)
    _, cams, _ = world.chain(boxed)
    assert world.submit("evaluate", dataset=boxed, inputs={"cams": cams})
    assert world.submit("evaluate", dataset=dataset, inputs={"classifier": classifier})
    on_test = {"train": {"masks": 0}, "val": {"masks": 0}, "test": {"masks": 2}}
    for unlearnable in (dataset, world.dataset("tested", splits=on_test, fingerprint="c" * 64)):
        field, _ = only(
            refused(world, "train_segmenter", dataset=unlearnable, params={"targets": "true_masks"})
        )
        assert field == "params.targets"


def test_no_threshold_is_chosen_on_a_split_without_masks(world: World) -> None:
    counted = {"train": {"masks": 3}, "val": {"masks": 0}, "test": {"masks": 2}}
    for dataset in (world.dataset(has_masks=False), world.dataset("other", splits=counted)):
        classifier, cams, _ = world.chain(dataset)
        assert classifier
        on_val = {"threshold": {"name": "chosen"}}
        field, remedy = only(
            refused(world, "make_pseudo_labels", dataset=dataset, params=on_val, inputs={"cams": cams})
        )
        assert field == "params.threshold.split"
        assert remedy is not None
        assert "another split" in remedy
    on_train = {"threshold": {"name": "chosen", "split": "train"}}
    assert world.submit("make_pseudo_labels", dataset=dataset, params=on_train, inputs={"cams": cams})
    on_test = {"threshold": {"name": "chosen", "split": "test"}}
    field, _ = only(
        refused(world, "make_pseudo_labels", dataset=dataset, params=on_test, inputs={"cams": cams})
    )
    assert field == "params.threshold.split"


def test_a_split_to_score_has_masks_or_boxes(world: World) -> None:
    counted = {"train": {"masks": 3}, "val": {"masks": 0, "boxes": 1}, "test": {"masks": 0}}
    dataset = world.dataset(splits=counted)
    _, cams, _ = world.chain(dataset)
    assert only(refused(world, "evaluate", dataset=dataset, inputs={"cams": cams}))[0] == "params.split"
    assert world.submit("evaluate", dataset=dataset, inputs={"cams": cams}, params={"split": "val"})


def test_a_model_of_other_classes_is_not_scored(world: World) -> None:
    classifier, _, _ = world.chain(world.dataset())
    other = world.dataset("other", classes=["Effusion"], fingerprint="e" * 64)
    for stage in ("evaluate", "extract_cams"):
        problems = refused(world, stage, dataset=other, inputs={"classifier": classifier})
        assert only(problems)[0] == "inputs.classifier"
        assert "knows the classes Pneumothorax" in problems[0].message
    # Another training may go on from it.
    assert world.submit(dataset=other, inputs={"classifier": classifier})


def test_inputs_are_of_the_splits_that_are_read(world: World) -> None:
    dataset = world.dataset()
    classifier = world.submit(dataset=dataset)
    inputs, trained = {"classifier": classifier}, {"splits": ["train"]}
    cams = world.submit("extract_cams", dataset=dataset, inputs=inputs, params=trained)
    for stage in ("evaluate", "make_ir_labels"):
        problems = refused(world, stage, dataset=dataset, inputs={"cams": cams})
        assert only(problems)[0] == "inputs.cams"
        assert "of the splits train, not of" in problems[0].message
    assert world.submit("make_ir_labels", dataset=dataset, inputs={"cams": cams}, params=trained)
    changed = {"extract_cams": trained, "make_ir_labels": trained, "make_pseudo_labels": trained}
    wanted = PipelineRequest(recipe="smoke", dataset=dataset, params=changed)
    with pytest.raises(SpecError) as pipeline, world.database.writing() as session:
        submit_pipeline(session, wanted, world.settings)
    assert [problem.field for problem in pipeline.value.problems] == [
        f"params.evaluate.inputs.{role}" for role in ("cams", "ir_labels", "pseudo_labels")
    ]


def test_an_input_that_is_not_there(world: World) -> None:
    problems = refused(world, "extract_cams", dataset=world.dataset(), inputs={"classifier": "job_x"})
    assert only(problems) == ("inputs.classifier", "Give the id of a train_classifier job.")


def test_an_input_of_the_wrong_kind(world: World) -> None:
    dataset = world.dataset()
    classifier, _, _ = world.chain(dataset)
    problems = refused(world, "make_ir_labels", dataset=dataset, inputs={"cams": classifier})
    assert only(problems) == ("inputs.cams", "Give the id of a extract_cams job.")
    assert "makes classifier, not cams" in problems[0].message


def test_an_input_that_will_not_come(world: World) -> None:
    dataset = world.dataset()
    classifier, _, _ = world.chain(dataset)
    with world.database.writing() as session:
        cancel(session, lock_job(session, classifier))
    problems = refused(world, "extract_cams", dataset=dataset, inputs={"classifier": classifier})
    assert only(problems) == ("inputs.classifier", "Retry that job, or give another one.")


def test_an_input_of_another_data_set_where_it_is_keyed_by_samples(world: World) -> None:
    here, there = world.dataset("here"), world.dataset("there", fingerprint="e" * 64)
    classifier, cams, _ = world.chain(there)
    field, remedy = only(refused(world, "make_ir_labels", dataset=here, inputs={"cams": cams}))
    assert field == "inputs.cams"
    assert remedy is not None
    assert there in remedy
    # A model may go from one data set to another.
    assert world.submit("extract_cams", dataset=here, inputs={"classifier": classifier})


def test_another_registration_of_the_same_files_will_do(world: World) -> None:
    here, again = world.dataset("here"), world.dataset("again")
    _, cams, _ = world.chain(here)
    assert world.submit("make_ir_labels", dataset=again, inputs={"cams": cams})


def test_files_to_predict_need_no_data_set_but_a_data_root(world: World) -> None:
    segmenter = world.submit("train_segmenter", dataset=world.dataset(), params={"targets": "true_masks"})
    files = {"split": None, "files": ["/data/new/a.dcm", "/etc/passwd"]}
    problems = refused(world, "predict", params=files, inputs={"segmenter": segmenter})
    assert only(problems) == ("params.files.1", "The data roots are /data.")
    files["files"] = ["/data/new/a.dcm"]
    job = world.submit("predict", params=files, inputs={"segmenter": segmenter})
    assert world.job(job).cache_key is None


def test_weights_lie_below_a_data_root_and_are_reused_by_their_hash(world: World) -> None:
    dataset = world.dataset()
    away = {"weights": {"file": "/etc/../home/weights.pth"}}
    problems = refused(world, "train_classifier", dataset=dataset, params=away)
    assert only(problems) == ("params.weights.file", "The data roots are /data.")
    weights = {"file": "/data/weights.pth"}
    job = world.submit(dataset=dataset, params={"weights": weights})
    assert world.job(job).cache_key is None
    job = world.submit(dataset=dataset, params={"weights": {**weights, "sha256": "0" * 64}})
    assert world.job(job).cache_key


def test_a_published_irnet_needs_no_seeds(world: World) -> None:
    dataset = world.dataset()
    params = {"epochs": 0, "weights": {"file": "/data/irn.pth"}}
    assert world.submit("train_irnet", dataset=dataset, params=params)
    assert only(refused(world, "train_irnet", dataset=dataset, params={**params, "epochs": 1}))[0] == (
        "inputs.ir_labels"
    )


def test_a_published_segmenter_needs_neither_pseudo_labels_nor_masks(world: World) -> None:
    dataset = world.dataset(has_masks=False)
    params = {"epochs": 0, "weights": {"file": "/data/unet.h5"}}
    assert world.submit("train_segmenter", dataset=dataset, params=params)
    problems = refused(world, "train_segmenter", dataset=dataset, params={**params, "epochs": 1})
    assert only(problems)[0] == "inputs.pseudo_labels"


def test_inputs_whose_own_params_do_not_fit(world: World) -> None:
    dataset = world.dataset()
    vgg = world.submit(dataset=dataset, params={"arch": "vgg16"})
    params = {"targets": "true_masks", "weights": "classifier"}
    problems = refused(world, "train_segmenter", dataset=dataset, params=params, inputs={"classifier": vgg})
    field, remedy = only(problems)
    assert field == "params.encoder"
    assert remedy is not None
    assert "vgg16_bn" in remedy


def test_a_refused_request_leaves_nothing(world: World) -> None:
    refused(world, "train_classifier", dataset=world.dataset(), params={"epochs": 0})
    with world.database.reading() as session:
        assert list_jobs(session, limit=5) == []


def test_equal_work_has_an_equal_key(world: World) -> None:
    here, again = world.dataset("here"), world.dataset("again")
    other = world.dataset("other", fingerprint="e" * 64)

    def keys(dataset: str, **params: Any) -> list[str | None]:
        classifier = world.submit(dataset=dataset, params=params)
        cams = world.submit("extract_cams", dataset=dataset, inputs={"classifier": classifier})
        return [world.job(classifier).cache_key, world.job(cams).cache_key]

    first = keys(here)
    assert keys(here) == first
    assert keys(again, epochs=50) == first  # 50 is the default
    for different in (keys(other), keys(here, epochs=51)):
        assert not set(different) & set(first)
