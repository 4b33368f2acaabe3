from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.jobs import (
    Conflict,
    PipelineRequest,
    Status,
    cancel_pipeline,
    fail,
    get_pipeline,
    pipeline_status,
    retry_pipeline,
    submit_pipeline,
)
from services.jobs.tables import PipelineJob
from wsmis_core.errors import SpecError
from wsmis_core.spec import Failure, recipes

if TYPE_CHECKING:
    from tests.conftest import World


def submit(world: World, dataset: str, **request: Any) -> str:
    with world.database.writing() as session:
        wanted = PipelineRequest(**{"recipe": "smoke", "dataset": dataset, **request})
        return submit_pipeline(session, wanted, world.settings).id


def steps(world: World, pipeline: str) -> dict[str, PipelineJob]:
    with world.database.reading() as session:
        return {step.step: step for step in get_pipeline(session, pipeline).steps}


def status(world: World, pipeline: str) -> Status:
    return pipeline_status(step.job.status for step in steps(world, pipeline).values())


def run_all(world: World, pipeline: str) -> None:
    while any(step.job.status is Status.QUEUED for step in steps(world, pipeline).values()):
        world.run()


def test_a_recipe_becomes_jobs_that_wait_for_each_other(world: World) -> None:
    pipeline = submit(world, world.dataset(), priority=3, params={"*": {"seed": 7}})
    made = steps(world, pipeline)
    assert set(made) == set(recipes()["smoke"].steps)
    assert all((step.job.status is Status.QUEUED) == (not step.job.inputs) for step in made.values())
    assert made["train_classifier"].job.status is Status.QUEUED
    assert made["extract_cams"].job.status is Status.WAITING
    assert {step.job.priority for step in made.values()} == {3}
    assert {step.job.params["seed"] for step in made.values()} == {7}
    assert made["evaluate"].job.inputs["ceiling"] == made["train_ceiling"].job_id
    run_all(world, pipeline)
    assert status(world, pipeline) is Status.SUCCEEDED


def test_without_masks_only_labels_are_scored(world: World) -> None:
    made = steps(world, submit(world, world.dataset(has_masks=False)))
    assert set(recipes()["smoke"].steps) - set(made) == {"train_ceiling"}
    assert set(made["evaluate"].job.inputs) == {"classifier"}
    boxed = world.dataset("boxed", has_masks=False, has_boxes=True, fingerprint="b" * 64)
    assert "cams" in steps(world, submit(world, boxed))["evaluate"].job.inputs


def test_with_masks_to_test_by_alone_there_is_no_ceiling(world: World) -> None:
    counted = {"train": {"masks": 0}, "val": {"masks": 0}, "test": {"masks": 2}}
    made = steps(world, submit(world, world.dataset(splits=counted)))
    assert set(recipes()["smoke"].steps) - set(made) == {"train_ceiling"}
    inputs = made["evaluate"].job.inputs
    assert set(inputs) == {"classifier", "cams", "ir_labels", "pseudo_labels", "segmenter"}


def test_what_is_unchanged_is_not_done_again(world: World) -> None:
    dataset = world.dataset()
    first = submit(world, dataset)
    run_all(world, first)
    again = steps(world, submit(world, dataset))
    assert all(step.cached for step in again.values())
    assert {step.job_id for step in again.values()} == {step.job_id for step in steps(world, first).values()}
    changed = steps(world, submit(world, dataset, params={"train_irnet": {"epochs": 5}}))
    assert {name for name, step in changed.items() if not step.cached} == {
        "train_irnet",
        "make_pseudo_labels",
        "train_segmenter",
        "evaluate",
        "predict",
    }


def test_what_is_gone_from_the_disk_is_done_again(world: World) -> None:
    dataset = world.dataset()
    first = submit(world, dataset)
    run_all(world, first)
    ceiling = steps(world, first)["train_ceiling"].job_id
    (world.settings.artifact_folder(ceiling) / "manifest.json").unlink()
    again = steps(world, submit(world, dataset))
    assert [name for name, step in again.items() if not step.cached] == ["train_ceiling"]


def test_a_failure_is_retried_from_where_it_stopped(world: World) -> None:
    pipeline = submit(world, world.dataset(has_masks=False))
    world.run()
    with world.database.writing() as session:
        fail(session, world.claim(), Failure(reason="diverged", message="no."))
    run_all(world, pipeline)
    assert status(world, pipeline) is Status.FAILED
    assert steps(world, pipeline)["predict"].job.status is Status.SKIPPED
    with world.database.writing() as session:
        queued = retry_pipeline(session, get_pipeline(session, pipeline))
    assert queued == [steps(world, pipeline)["extract_cams"].job_id]
    run_all(world, pipeline)
    assert status(world, pipeline) is Status.SUCCEEDED
    with pytest.raises(Conflict), world.database.writing() as session:
        retry_pipeline(session, get_pipeline(session, pipeline))


def test_a_cancelled_pipeline_can_be_taken_up_again(world: World) -> None:
    pipeline = submit(world, world.dataset(has_masks=False))
    world.run()
    with world.database.writing() as session:
        cancel_pipeline(session, get_pipeline(session, pipeline))
    assert status(world, pipeline) is Status.CANCELLED
    assert steps(world, pipeline)["train_classifier"].job.status is Status.SUCCEEDED
    with pytest.raises(Conflict), world.database.writing() as session:
        cancel_pipeline(session, get_pipeline(session, pipeline))
    with world.database.writing() as session:
        retry_pipeline(session, get_pipeline(session, pipeline))
    run_all(world, pipeline)
    assert status(world, pipeline) is Status.SUCCEEDED


def test_a_job_that_runs_is_cancelled_by_its_worker(world: World) -> None:
    pipeline = submit(world, world.dataset(has_masks=False))
    world.claim()
    with world.database.writing() as session:
        cancel_pipeline(session, get_pipeline(session, pipeline))
    assert status(world, pipeline) is Status.RUNNING
    with pytest.raises(Conflict, match="still being cancelled"), world.database.writing() as session:
        retry_pipeline(session, get_pipeline(session, pipeline))


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        ({"recipe": "smok"}, ["recipe"]),
        ({"dataset": "nowhere"}, ["dataset"]),
        ({"params": {"train_clasifier": {}}}, ["params.train_clasifier"]),
        (
            {"params": {"train_irnet": {"epochs": -1}, "*": {"sead": 1}}},
            ["params.*.sead", "params.train_irnet.epochs"],
        ),
        (
            {"params": {"train_segmenter": {"targets": "true_masks"}}},
            ["params.train_segmenter.inputs.pseudo_labels"],
        ),
    ],
)
def test_a_bad_request_names_the_field(world: World, request_: dict[str, Any], fields: list[str]) -> None:
    dataset = world.dataset()
    with pytest.raises(SpecError) as refused:
        submit(world, **{"dataset": dataset, **request_})
    assert [problem.field for problem in refused.value.problems] == fields
    assert all(problem.remedy for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        (["succeeded", "queued"], "running"),
        (["failed", "running", "skipped"], "running"),
        (["succeeded", "succeeded"], "succeeded"),
        (["failed", "cancelled", "skipped"], "failed"),
        (["succeeded", "cancelled", "skipped"], "cancelled"),
    ],
)
def test_the_status_of_a_pipeline(jobs: list[str], expected: str) -> None:
    assert pipeline_status(Status(job) for job in jobs) == expected
