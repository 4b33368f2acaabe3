"""What one attempt is given: the run's spec, made from the rows."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.jobs.claims import Claim, held
from services.jobs.settings import Settings
from services.jobs.tables import Attempt, Dataset, Job
from wsmis_core.spec import (
    CATALOGUE,
    DatasetRef,
    InputRef,
    Resources,
    RunSpec,
    make_dataset_spec,
    stage_params,
)

__all__ = ["run_spec"]


def run_spec(session: Session, claim: Claim, settings: Settings) -> RunSpec:
    """The spec of the claimed attempt, with the folders of its inputs and of earlier attempts.

    Raises Fenced.
    """
    job = held(session, claim)
    earlier = session.scalars(
        select(Attempt.number)
        .where(Attempt.job_id == job.id, Attempt.number < claim.attempt)
        .order_by(Attempt.number.desc())
    ).all()
    kinds = {stage.name: stage.output for stage in CATALOGUE.values()}
    sources = session.scalars(select(Job).where(Job.id.in_(job.inputs.values())))
    stages = {source.id: source.stage for source in sources}
    return RunSpec(
        job=job.id,
        attempt=claim.attempt,
        params=stage_params.validate_python(job.params),
        dataset=None if job.dataset is None else _dataset_ref(job.dataset, settings),
        inputs={
            role: InputRef(
                job=source,
                kind=next(kind for stage, kind in kinds.items() if stage == stages[source]),
                path=settings.artifact_folder(source),
            )
            for role, source in job.inputs.items()
        },
        resources=Resources(gpus=claim.gpus, processes=claim.processes),
        cache=settings.cache,
        previous=tuple(settings.attempt_folder(job.id, number) for number in earlier),
        data_roots=settings.data_roots,
    )


def _dataset_ref(dataset: Dataset, settings: Settings) -> DatasetRef:
    assert dataset.fingerprint is not None
    spec = make_dataset_spec(dataset.format, dataset.root, dataset.options)
    return DatasetRef(
        id=dataset.id,
        name=dataset.name,
        spec=spec.model_dump(mode="json"),
        fingerprint=dataset.fingerprint,
        index=settings.dataset_index(dataset.id),
    )
