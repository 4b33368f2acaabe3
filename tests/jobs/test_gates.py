"""`min_score`: a job that is not good enough fails, keeps what it has made, and stops what depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from services.jobs import (
    Conflict,
    JobRequest,
    PipelineRequest,
    Status,
    change_min_score,
    get_pipeline,
    lock_job,
    pipeline_status,
    retry,
    retry_pipeline,
    submit_pipeline,
)
from services.jobs.tables import Job
from wsmis_core.errors import SpecError
from wsmis_core.spec import MANIFEST_FILE

if TYPE_CHECKING:
    from tests.conftest import World

# Every job that the world runs has the metrics `val_f1` and `val_iou`, 0.5.


def submit(world: World, dataset: str, **request: Any) -> str:
    with world.database.writing() as session:
        wanted = PipelineRequest(**{"recipe": "smoke", "dataset": dataset, **request})
        return submit_pipeline(session, wanted, world.settings).id


def retried(world: World, job: str, change: dict[str, float | None]) -> list[str]:
    with world.database.writing() as session:
        row = lock_job(session, job)
        change_min_score(row, change)
        return retry(session, row)


def steps(world: World, pipeline: str) -> dict[str, Job]:
    with world.database.reading() as session:
        return {step.step: step.job for step in get_pipeline(session, pipeline).steps}


def status(world: World, pipeline: str) -> Status:
    return pipeline_status(job.status for job in steps(world, pipeline).values())


def run_all(world: World, pipeline: str) -> None:
    while any(job.status is Status.QUEUED for job in steps(world, pipeline).values()):
        world.run()


@pytest.mark.parametrize("least", [0.5, -1.0])
def test_a_job_that_reaches_its_gates_succeeds(world: World, least: float) -> None:
    job = world.submit(dataset=world.dataset(), min_score={"val_f1": least})
    assert world.run(job).status is Status.SUCCEEDED


def test_a_job_below_its_gate_fails_and_keeps_its_artifact(world: World) -> None:
    dataset = world.dataset()
    classifier = world.submit(dataset=dataset, min_score={"val_f1": 0.6, "val_recall": 0.9})
    cams = world.submit("extract_cams", dataset=dataset, inputs={"classifier": classifier})
    assert world.run(classifier).status is Status.FAILED
    row = world.job(classifier)
    failure = row.failed_for
    assert failure is not None
    assert (failure.reason, failure.field, failure.retryable) == (
        "below_min_score",
        "min_score.val_f1",
        False,
    )
    assert failure.message == (
        "val_f1 is 0.5, below the min_score of 0.6; "
        "the min_score of 0.9 is for val_recall, which is none of the job's metrics."
    )
    assert f"wsmis retry {classifier} --min-score val_f1=LEAST" in str(failure.remedy)
    assert "Its metrics: val_f1 0.5, val_iou 0.5." in str(failure.remedy)
    assert (row.artifact_digest, row.artifact_bytes, row.metrics) == (
        "d" * 64,
        10,
        {"val_f1": 0.5, "val_iou": 0.5},
    )
    assert row.attempts[0].outcome == "failed"
    assert world.status(cams) is Status.SKIPPED


def test_a_retry_under_a_lower_gate_goes_on(world: World) -> None:
    dataset = world.dataset()
    classifier = world.submit(dataset=dataset, min_score={"val_f1": 0.6, "val_recall": 0.9})
    cams = world.submit("extract_cams", dataset=dataset, inputs={"classifier": classifier})
    world.run(classifier)
    too_little: list[dict[str, float | None]] = [{}, {"val_f1": 0.4}, {"val_recall": None}]
    for change in too_little:
        with pytest.raises(Conflict, match="min_score"):
            retried(world, classifier, change)
    assert world.job(classifier).min_score == {"val_f1": 0.6, "val_recall": 0.9}
    assert retried(world, classifier, {"val_f1": 0.4, "val_recall": None}) == [classifier]
    assert world.status(cams) is Status.WAITING
    assert world.run(classifier).queued == (cams,)
    row = world.job(classifier)
    assert (row.status, row.min_score, row.failure) == (Status.SUCCEEDED, {"val_f1": 0.4}, None)
    with pytest.raises(Conflict, match="has succeeded"), world.database.writing() as session:
        change_min_score(lock_job(session, classifier), {"val_f1": 0.9})


def test_a_pipeline_stops_at_a_step_below_its_gate(world: World) -> None:
    pipeline = submit(world, world.dataset(), min_score={"make_ir_labels": {"val_iou": 0.6}})
    run_all(world, pipeline)
    made = steps(world, pipeline)
    assert {name for name, job in made.items() if job.status is Status.SUCCEEDED} == {
        "train_classifier",
        "extract_cams",
        "train_ceiling",
    }
    assert made["make_ir_labels"].failed_for is not None
    assert made["train_irnet"].status is Status.SKIPPED
    assert status(world, pipeline) is Status.FAILED
    with world.database.writing() as session:
        queued = retry_pipeline(
            session,
            get_pipeline(session, pipeline),
            {"make_ir_labels": {"val_iou": 0.5}, "train_segmenter": {"val_iou": 0.4}},
        )
    assert queued == [made["make_ir_labels"].id]
    assert steps(world, pipeline)["train_segmenter"].min_score == {"val_iou": 0.4}
    run_all(world, pipeline)
    assert status(world, pipeline) is Status.SUCCEEDED


def test_a_finished_job_below_the_gate_is_judged_not_linked(world: World) -> None:
    dataset = world.dataset()
    first = submit(world, dataset)
    run_all(world, first)
    done = steps(world, first)["extract_cams"]
    strict = submit(world, dataset, min_score={"extract_cams": {"val_iou": 0.6}})
    judged = steps(world, strict)["extract_cams"]
    assert (judged.status, judged.reuses, judged.metrics) == (Status.QUEUED, done.id, done.metrics)
    run_all(world, strict)
    assert world.status(judged.id) is Status.FAILED
    assert status(world, strict) is Status.FAILED
    assert world.status(done.id) is Status.SUCCEEDED
    reached = submit(world, dataset, min_score={"extract_cams": {"val_iou": 0.5}})
    assert steps(world, reached)["extract_cams"].id == done.id
    assert status(world, reached) is Status.SUCCEEDED


@pytest.mark.parametrize("gone", [False, True])
def test_nothing_behind_a_gate_begins_before_its_verdict(world: World, gone: bool) -> None:
    dataset = world.dataset()
    first = submit(world, dataset)
    run_all(world, first)
    done = steps(world, first)
    if gone:  # the gated step is made again, and what follows it is still there
        (world.settings.artifact_folder(done["extract_cams"].id) / MANIFEST_FILE).unlink()
    # Only the segmenter is new: all between it and the gate was made before.
    changed = {"train_segmenter": {"seed": 77}}
    strict = submit(world, dataset, params=changed, min_score={"extract_cams": {"val_iou": 0.6}})
    made = steps(world, strict)
    assert {name for name, job in made.items() if job.status is Status.QUEUED} == {"extract_cams"}
    between = ("make_ir_labels", "train_irnet", "make_pseudo_labels")
    assert {name: made[name].reuses for name in between} == {name: done[name].id for name in between}
    run_all(world, strict)
    assert world.status(made["extract_cams"].id) is Status.FAILED
    started = {name for name, job in steps(world, strict).items() if job.attempts and job.id != done[name].id}
    assert started == {"extract_cams"}
    with world.database.writing() as session:
        retry_pipeline(session, get_pipeline(session, strict), {"extract_cams": {"val_iou": 0.5}})
    run_all(world, strict)
    assert status(world, strict) is Status.SUCCEEDED


def test_what_a_gate_has_stopped_is_not_made_again(world: World) -> None:
    dataset = world.dataset()
    strict = submit(world, dataset, min_score={"train_classifier": {"val_f1": 0.6}})
    run_all(world, strict)
    stopped = steps(world, strict)["train_classifier"]
    lower = submit(world, dataset, min_score={"train_classifier": {"val_f1": 0.5}})
    taken = steps(world, lower)["train_classifier"]
    assert (taken.status, taken.reuses) == (Status.QUEUED, stopped.id)
    run_all(world, lower)
    assert status(world, lower) is Status.SUCCEEDED
    again = submit(world, dataset)
    assert steps(world, again)["train_classifier"].id == taken.id
    for job in (stopped, taken):
        (world.settings.artifact_folder(job.id) / MANIFEST_FILE).unlink()
    assert steps(world, submit(world, dataset))["train_classifier"].reuses is None


@pytest.mark.parametrize(
    ("min_score", "field"),
    [
        ({"train_clasifier": {"val_f1": 0.5}}, "min_score.train_clasifier"),
        ({"*": {"val_f1": 0.5}}, "min_score.*"),
        ({"train_ceiling": {"val_iou": 0.5}}, "min_score.train_ceiling"),
    ],
)
def test_a_gate_on_no_step_is_told(world: World, min_score: dict[str, Any], field: str) -> None:
    dataset = world.dataset(has_masks=False)
    with pytest.raises(SpecError) as refused:
        submit(world, dataset, min_score=min_score)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert refused.value.remedy
    pipeline = submit(world, dataset)
    with pytest.raises(SpecError, match="no such step"), world.database.writing() as session:
        retry_pipeline(session, get_pipeline(session, pipeline), min_score)


@pytest.mark.parametrize(
    ("step", "gate", "said", "remedy"),
    [
        ("train_classifier", {"val_f1x": 0.5}, "has no metric val_f1x", "val_f1"),
        ("train_classifier", {"val_f1": 50}, "at most 1", "Lower it."),
        ("train_classifier", {"val_loss": 0.5}, "more of val_loss is not better", "val_"),
        ("make_pseudo_labels", {"val_dice_positives": 0.1}, "val split has a true mask", "images"),
        ("extract_cams", {"val_dce_positives": 0.1}, "has no metric val_dce_positives", "images"),
        ("predict", {"val_f1": 0.5}, "has no metric val_f1", "images"),
        ("train_irnet", {"train_loss": 0.5}, "not better", "Take it out"),
        ("evaluate", {"ceiling_iou": 0.5}, "the input ceiling is not given", "cams_iou"),
    ],
)
def test_a_gate_that_no_job_can_pass_is_refused(
    world: World, step: str, gate: dict[str, float], said: str, remedy: str
) -> None:
    counted = {"train": {"masks": 0}, "val": {"masks": 0}, "test": {"masks": 2}}
    dataset = world.dataset(splits=counted)
    with pytest.raises(SpecError) as refused:
        submit(world, dataset, min_score={step: gate})
    (problem,) = refused.value.problems
    assert problem.field == f"min_score.{step}.{next(iter(gate))}"
    assert said in problem.message
    assert remedy in str(problem.remedy)
    pipeline = submit(world, dataset)
    with pytest.raises(SpecError, match=said), world.database.writing() as session:
        retry_pipeline(session, get_pipeline(session, pipeline), {step: gate})


def test_a_job_s_own_gate_is_refused_too(world: World) -> None:
    with pytest.raises(SpecError) as refused:
        world.submit(dataset=world.dataset(), min_score={"val_f1x": 0.5})
    assert refused.value.field == "min_score.val_f1x"
    with pytest.raises(ValidationError, match="True is no score"):
        JobRequest(stage="train_classifier", min_score={"val_f1": True})
