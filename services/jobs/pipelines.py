"""Pipelines: a recipe's steps as jobs, with what is already done linked instead of done again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.jobs.cache import finished_twin
from services.jobs.control import cancel, retry
from services.jobs.errors import Conflict
from services.jobs.gates import change_min_score, shortfall
from services.jobs.idempotency import forget_keys_of
from services.jobs.ids import make_id
from services.jobs.repository import find_dataset
from services.jobs.settings import Settings
from services.jobs.status import FINAL, Status
from services.jobs.submission import (
    JobRequest,
    Name,
    Priority,
    dataset_problems,
    prepare_job,
    store_job,
)
from services.jobs.tables import Dataset, Job, Pipeline, PipelineJob
from services.jobs.truth import coverage_of
from wsmis_core.errors import Problem, SpecError
from wsmis_core.spec import CATALOGUE, MinScoreChange, PlannedStep, Spec, plan, recipes, stage_params

__all__ = [
    "PipelineRequest",
    "cancel_pipeline",
    "delete_pipeline",
    "pipeline_status",
    "retry_pipeline",
    "submit_pipeline",
]


class PipelineRequest(Spec):
    """What a caller asks for."""

    recipe: str = Field(description="see GET /recipes")
    dataset: str = Field(description="id or name of a data set that is ready")
    params: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="{step: {param: value}}; the step `*` stands for all that have the param",
    )
    min_score: dict[str, MinScoreChange] = Field(
        default_factory=dict,
        description="{step: {metric: least}} over the recipe's own; below one, the pipeline stops there",
    )
    name: Name | None = None
    priority: Priority = 0


def submit_pipeline(session: Session, request: PipelineRequest, settings: Settings) -> Pipeline:
    """The recipe's jobs for the data set; a step that an earlier job has already done is linked to that job.

    Where that job is below the step's gate, or was stopped by its own, a new job takes over its
    artifact and is judged by the step's. What depends on a step that is still to be judged is not
    linked either: its job waits for the verdict, and then takes over what is there. Raises
    SpecError that lists every offending field, those of a step under `params.<step>` or
    `min_score.<step>`.
    """
    dataset = _dataset(session, request)
    planned = _planned(request, dataset)
    pipeline = Pipeline(
        id=make_id("pl"),
        name=request.name,
        recipe=request.recipe,
        dataset_id=dataset.id,
        params=request.params,
        min_score=request.min_score,
        priority=request.priority,
        steps=[],
    )
    session.add(pipeline)
    session.flush()
    jobs: dict[str, Job] = {}
    to_judge: set[str] = set()  # steps that wait for a gate's verdict, their own or one before them
    for position, step in enumerate(planned):
        prepared = prepare_job(
            session,
            JobRequest(
                stage=step.stage,
                dataset=dataset.id,
                params=step.params,
                inputs={role: jobs[source].id for role, source in step.inputs.items()},
                priority=request.priority,
                min_score=step.min_score,
                name=f"{request.name} {step.name}"[:200] if request.name else step.name,
            ),
            settings,
        )
        twin = finished_twin(session, prepared.cache_key, settings)
        after_verdict = not to_judge.isdisjoint(step.inputs.values())
        linked = None if after_verdict or twin is None or not _is_good_enough(twin, step) else twin
        if linked is None and (after_verdict or step.min_score):
            to_judge.add(step.name)
        job = jobs[step.name] = linked or store_job(session, prepared, reuses=twin)
        pipeline.steps.append(
            PipelineJob(step=step.name, position=position, job_id=job.id, job=job, cached=linked is not None)
        )
    session.flush()
    return pipeline


def _is_good_enough(twin: Job, step: PlannedStep) -> bool:
    return twin.status is Status.SUCCEEDED and not shortfall(step.min_score, twin.metrics)


def pipeline_status(jobs: Iterable[Status]) -> Status:
    """running while any job is not final, then succeeded, failed or cancelled."""
    statuses = set(jobs)
    if not statuses <= FINAL:
        return Status.RUNNING
    if Status.FAILED in statuses:
        return Status.FAILED
    if Status.CANCELLED in statuses:
        return Status.CANCELLED
    return Status.FAILED if Status.SKIPPED in statuses else Status.SUCCEEDED


def cancel_pipeline(session: Session, pipeline: Pipeline) -> None:
    """Cancel every job that is not final, the last steps first; raises Conflict if there is none."""
    jobs = _locked_jobs(session, pipeline)
    live = [job for job in reversed(jobs) if job.status not in FINAL]
    if not live:
        raise Conflict(
            f"every job of the pipeline {pipeline.id} has ended.", remedy="There is nothing to cancel."
        )
    for job in live:
        if job.status is not Status.CANCELLING:
            cancel(session, job)


def retry_pipeline(
    session: Session, pipeline: Pipeline, min_score: Mapping[str, Mapping[str, float | None]] | None = None
) -> list[str]:
    """Retry every failed or cancelled job, the first steps first; returns the queued ones, to be published.

    ``min_score`` ({step: {metric: least}}) is laid over the steps' gates first. Raises SpecError
    where it names no step, or a metric that a step cannot have; Conflict if there is nothing to
    retry, or if a job is still being cancelled.
    """
    jobs = _locked_jobs(session, pipeline)
    by_step = {step.step: job for step, job in zip(pipeline.steps, jobs, strict=True)}
    for step, change in (min_score or {}).items():
        if step not in by_step:
            raise SpecError(
                f"the pipeline {pipeline.id} has no such step.",
                field=f"min_score.{step}",
                remedy=f"Its steps are {', '.join(by_step)}.",
            )
        change_min_score(by_step[step], change, field=f"min_score.{step}")
    statuses = {job.status for job in jobs}
    if Status.CANCELLING in statuses:
        raise Conflict(
            f"a job of the pipeline {pipeline.id} is still being cancelled.",
            remedy="Try again when it has ended.",
        )
    if not {Status.FAILED, Status.CANCELLED} & statuses:
        raise Conflict(f"no job of the pipeline {pipeline.id} has failed or was cancelled.")
    queued: list[str] = []
    for job in jobs:
        if job.status in {Status.FAILED, Status.CANCELLED}:
            queued += retry(session, job)
    return queued


def delete_pipeline(session: Session, pipeline: Pipeline) -> None:
    """Forget a pipeline whose jobs have all ended; the jobs stay. Raises Conflict if one has not."""
    live = [job.id for job in _locked_jobs(session, pipeline) if job.status not in FINAL]
    if live:
        raise Conflict(
            f"{len(live)} jobs of the pipeline {pipeline.id} have not ended.",
            field="status",
            remedy="Cancel it, and wait until they have ended.",
        )
    session.delete(pipeline)
    forget_keys_of(session, pipeline.id)
    session.flush()


def _locked_jobs(session: Session, pipeline: Pipeline) -> list[Job]:
    """The pipeline's jobs in the order of its steps; their rows are locked in the order of their ids."""
    ids = [step.job_id for step in pipeline.steps]
    rows = session.scalars(
        select(Job).where(Job.id.in_(ids)).order_by(Job.id).with_for_update(),
        execution_options={"populate_existing": True},
    )
    jobs = {job.id: job for job in rows}
    return [jobs[job_id] for job_id in ids]


def _dataset(session: Session, request: PipelineRequest) -> Dataset:
    dataset = find_dataset(session, request.dataset)
    if dataset is None:
        raise SpecError(
            f"there is no data set {request.dataset}.",
            field="dataset",
            remedy="GET /datasets lists those that are there.",
        )
    # What every step asks of it; masks are the recipe's matter.
    for problem in dataset_problems(CATALOGUE["train_classifier"], (), None, dataset):
        raise SpecError(problem.message, field=problem.field, remedy=problem.remedy)
    return dataset


def _planned(request: PipelineRequest, dataset: Dataset) -> list[PlannedStep]:
    recipe = recipes().get(request.recipe)
    if recipe is None:
        raise SpecError(
            f"there is no recipe {request.recipe}.",
            field="recipe",
            remedy=f"Use one of {', '.join(recipes())}.",
        )
    planned = plan(
        recipe,
        request.params,
        coverage=coverage_of(dataset),
        min_score=request.min_score,
    )
    problems = [
        Problem(
            problem.message,
            f"params.{step.name}.{(problem.field or '').removeprefix('params.')}",
            problem.remedy,
        )
        for step in planned
        for problem in dataset_problems(
            CATALOGUE[step.stage], step.inputs, stage_params.validate_python(step.params), dataset
        )
    ]
    if problems:
        first = problems[0]
        raise SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems)
    return planned
