"""From a request to a job: every validation first, then the rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.jobs.cache import cache_key
from services.jobs.data_roots import path_problems
from services.jobs.dependencies import DEAD, first_status
from services.jobs.ids import make_id
from services.jobs.repository import find_dataset
from services.jobs.settings import Settings
from services.jobs.status import DatasetStatus, Status
from services.jobs.tables import Dataset, Job, JobEvent, JobInput
from services.jobs.times import utc_now
from services.jobs.transition import STATUS_EVENT
from services.jobs.truth import coverage_of, truth_problems
from wsmis_core.errors import Problem, SpecError
from wsmis_core.spec import (
    CATALOGUE,
    Coverage,
    MinScore,
    Resources,
    Spec,
    Stage,
    gate_problems,
    has_unknown_content,
    make_params,
    named_files,
    producer,
    source_problems,
)
from wsmis_core.spec.stages import Predict, StageParams

__all__ = ["JobRequest", "PreparedJob", "Priority", "dataset_problems", "prepare_job", "store_job"]

Name = Annotated[str, Field(min_length=1, max_length=200)]
Priority = Annotated[int, Field(ge=-1000, le=1000, description="higher goes first")]


class JobRequest(Spec):
    """What a caller asks for."""

    stage: str
    dataset: str | None = Field(default=None, description="id or name of a data set that is ready")
    params: dict[str, Any] = Field(default_factory=dict, description="see GET /stages/{stage}")
    inputs: dict[str, str] = Field(default_factory=dict, description="role -> id of the job that made it")
    resources: Resources = Resources()
    priority: Priority = 0
    max_attempts: int = Field(default=3, ge=1, le=100)
    min_score: MinScore = Field(default_factory=dict)
    name: Name | None = None


@dataclass(frozen=True, slots=True)
class PreparedJob:
    """A request that has passed every validation; its params are whole."""

    request: JobRequest
    params: dict[str, Any]
    dataset: Dataset | None
    inputs: dict[str, Job]
    cache_key: str | None


def prepare_job(session: Session, request: JobRequest, settings: Settings) -> PreparedJob:
    """``request``, validated against the stages and what is stored; stores nothing.

    Raises SpecError that lists every offending field with its remedy.
    """
    params, problems = _params(request)
    stage = next((known for known in CATALOGUE.values() if known.name == request.stage), None)
    dataset = None if request.dataset is None else find_dataset(session, request.dataset)
    inputs: dict[str, Job] = {}
    if stage is not None:
        problems += _reference_problems(request, params, dataset)
        problems += dataset_problems(stage, request.inputs, params, dataset)
        inputs = _input_jobs(session, request)
        for role, job_id in request.inputs.items():
            problems += _input_problems(stage, role, job_id, inputs.get(role), dataset)
    if params is not None:
        if not problems:
            problems += source_problems(params, {role: job.params for role, job in inputs.items()})
        coverage = Coverage() if dataset is None else coverage_of(dataset)
        problems += gate_problems(request.min_score, params, request.inputs, coverage)
        for field, file in named_files(params).items():
            problems += path_problems(file, settings.data_roots, field=f"params.{field}")
    if problems:
        first = problems[0]
        raise SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems)
    assert params is not None
    return PreparedJob(
        request=request,
        params=params.model_dump(mode="json"),
        dataset=dataset,
        inputs=inputs,
        cache_key=_cache_key(params, dataset, inputs),
    )


def store_job(session: Session, prepared: PreparedJob, *, reuses: Job | None = None) -> Job:
    """The job's rows and its first event; it is queued, or waits for its inputs.

    With ``reuses`` its worker takes over that job's artifact, as long as it is there.
    """
    request, now = prepared.request, utc_now()
    status = first_status([job.status for job in prepared.inputs.values()])
    assert status in {Status.QUEUED, Status.WAITING}, status
    gpus = request.resources.gpus
    job = Job(
        id=make_id("job"),
        name=request.name,
        stage=request.stage,
        params=prepared.params,
        dataset_id=prepared.dataset.id if prepared.dataset else None,
        gpus=None if gpus == "auto" else gpus,
        processes=request.resources.processes,
        priority=request.priority,
        max_attempts=request.max_attempts,
        cache_key=prepared.cache_key,
        min_score=request.min_score,
        reuses=reuses.id if reuses else None,
        status=status,
        token=0,
        tries=0,
        last_event=1,
        metrics=reuses.metrics if reuses else {},
        created=now,
        queued=now if status is Status.QUEUED else None,
        published=now if status is Status.QUEUED else None,
        input_rows=[JobInput(role=role, input_id=source.id) for role, source in prepared.inputs.items()],
        attempts=[],
        pipeline_rows=[],
    )
    session.add(job)
    session.flush()
    session.add(
        JobEvent(
            job_id=job.id, seq=1, time=now, type=STATUS_EVENT, payload={"from": None, "to": status.value}
        )
    )
    return job


def dataset_problems(
    stage: Stage, roles: Collection[str], params: StageParams | None, dataset: Dataset | None
) -> list[Problem]:
    """Why ``dataset`` cannot serve this stage with inputs in ``roles``, if it is there at all."""
    if dataset is None:
        return []
    match dataset.status:
        case DatasetStatus.VALIDATING:
            return [
                Problem(
                    f"the data set {dataset.name} is still being read.",
                    "dataset",
                    f"Wait until GET /datasets/{dataset.id} says ready.",
                )
            ]
        case DatasetStatus.INVALID:
            return [
                Problem(
                    f"the data set {dataset.name} is invalid.",
                    "dataset",
                    f"GET /datasets/{dataset.id} lists its problems; mend them and register it again.",
                )
            ]
        case DatasetStatus.READY:
            pass
    return truth_problems(stage, roles, params, dataset)


def _params(request: JobRequest) -> tuple[StageParams | None, list[Problem]]:
    try:
        return make_params(request.stage, request.params, request.inputs), []
    except SpecError as error:
        return None, list(error.problems)


def _reference_problems(
    request: JobRequest, params: StageParams | None, dataset: Dataset | None
) -> list[Problem]:
    """A data set must be named, but for predictions of files; and it must exist."""
    if request.dataset is None:
        if isinstance(params, Predict) and params.files:
            return []
        return [Problem("this field is missing.", "dataset", "Give the id or name of a registered data set.")]
    if dataset is None:
        return [
            Problem(
                f"there is no data set {request.dataset}.",
                "dataset",
                "GET /datasets lists those that are there.",
            )
        ]
    return []


def _input_jobs(session: Session, request: JobRequest) -> dict[str, Job]:
    """The inputs' rows by role, locked against a change of status until the job is stored."""
    rows = session.scalars(
        select(Job).where(Job.id.in_(request.inputs.values())).order_by(Job.id).with_for_update(read=True)
    )
    jobs = {job.id: job for job in rows}
    return {role: jobs[job_id] for role, job_id in request.inputs.items() if job_id in jobs}


def _input_problems(
    stage: Stage, role: str, job_id: str, job: Job | None, dataset: Dataset | None
) -> list[Problem]:
    field = f"inputs.{role}"
    wanted = stage.inputs.get(role)
    if wanted is None:
        return []  # make_params has said so
    if job is None:
        return [
            Problem(f"there is no job {job_id}.", field, f"Give the id of a {producer(wanted.kind)} job.")
        ]
    made = next(known.output for known in CATALOGUE.values() if known.name == job.stage)
    if made != wanted.kind:
        return [
            Problem(
                f"{job_id} is a {job.stage} job and makes {made}, not {wanted.kind}.",
                field,
                f"Give the id of a {producer(wanted.kind)} job.",
            )
        ]
    if job.status in DEAD | {Status.CANCELLING}:
        return [Problem(f"{job_id} is {job.status}.", field, "Retry that job, or give another one.")]
    if wanted.same_dataset and dataset is not None and not _same_samples(job.dataset, dataset):
        return [
            Problem(
                f"{job_id} was made from another data set ({job.dataset_id}).",
                field,
                f"Give a job of the data set {dataset.id}, or set dataset to {job.dataset_id}.",
            )
        ]
    if wanted.same_classes and dataset is not None and not _same_classes(job.dataset, dataset):
        assert job.dataset is not None
        return [
            Problem(
                f"{job_id} knows the classes {', '.join(job.dataset.classes)}, the data set {dataset.name} "
                f"has {', '.join(dataset.classes)}.",
                field,
                f"Give a {job.stage} job of the same classes.",
            )
        ]
    return []


def _same_classes(one: Dataset | None, other: Dataset) -> bool:
    """Whether it is not known that a model of ``one`` knows other classes."""
    return one is None or list(one.classes) == list(other.classes)


def _same_samples(one: Dataset | None, other: Dataset) -> bool:
    """The same registration, or another one of the very same files."""
    return one is not None and (one.id == other.id or one.fingerprint == other.fingerprint)


def _cache_key(params: StageParams, dataset: Dataset | None, inputs: dict[str, Job]) -> str | None:
    if dataset is None or dataset.fingerprint is None or has_unknown_content(params):
        return None
    return cache_key(
        params.stage,
        params.model_dump(mode="json"),
        fingerprint=dataset.fingerprint,
        inputs={role: job.cache_key for role, job in inputs.items()},
    )
