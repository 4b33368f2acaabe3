"""The registration of data sets: a worker reads and checks every file, under a claim like a job's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.jobs.data_roots import path_problems
from services.jobs.errors import Conflict, Fenced
from services.jobs.ids import make_id
from services.jobs.settings import Settings
from services.jobs.status import DatasetStatus
from services.jobs.tables import Dataset, Job
from services.jobs.times import utc_now
from wsmis_core.errors import SpecError
from wsmis_core.spec import DatasetSpec, Spec, make_dataset_spec

__all__ = [
    "DatasetClaim",
    "DatasetRequest",
    "Findings",
    "claim_dataset",
    "delete_dataset",
    "finish_dataset",
    "register_dataset",
    "renew_dataset",
]


class DatasetRequest(Spec):
    """What a caller asks for."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\w][\w .+-]*$")]
    format: str
    root: str = Field(min_length=1, max_length=4096, description="absolute, below one of the data roots")
    options: dict[str, Any] = Field(default_factory=dict, description="the format's own options")


@dataclass(frozen=True, slots=True)
class DatasetClaim:
    """The right to write what the validation of a data set finds."""

    dataset: str
    name: str
    token: int
    worker: str
    spec: DatasetSpec


@dataclass(frozen=True, slots=True)
class Findings:
    """What a validation found; ``usable`` decides between ready and invalid."""

    usable: bool
    classes: Sequence[str]
    counts: Mapping[str, Any]
    labels: Mapping[str, Any]
    splits: Mapping[str, Any]
    has_masks: bool
    has_boxes: bool
    fingerprint: str | None
    problems: Sequence[Mapping[str, Any]]  # {file, message, remedy, severity}
    problems_total: int


def register_dataset(session: Session, request: DatasetRequest, settings: Settings) -> Dataset:
    """A data set that is to be validated; publish its id after the commit.

    Raises SpecError for a bad format, option or root, and Conflict if the name is taken.
    """
    spec = make_dataset_spec(request.format, request.root, request.options)
    for problem in path_problems(request.root, settings.data_roots, field="root"):
        raise SpecError(problem.message, field=problem.field, remedy=problem.remedy)
    taken = Conflict(
        f"a data set is already named {request.name}.",
        field="name",
        remedy="Use that one (GET /datasets?name=), choose another name, or delete it first.",
    )
    if session.scalars(select(Dataset.id).where(Dataset.name == request.name)).first() is not None:
        raise taken
    dataset = Dataset(
        id=make_id("ds"),
        name=request.name,
        format=spec.format,
        root=spec.root,
        options=spec.model_dump(mode="json", exclude={"format", "root"}),
    )
    session.add(dataset)
    try:
        session.flush()
    except IntegrityError:
        raise taken from None
    return dataset


def claim_dataset(
    session: Session, dataset_id: str, *, worker: str, lease_seconds: float
) -> DatasetClaim | None:
    """Take the validation of a data set that nobody holds, by compare-and-set; else None."""
    now = utc_now()
    dataset = session.scalars(
        update(Dataset)
        .where(Dataset.id == dataset_id, Dataset.status == DatasetStatus.VALIDATING, Dataset.worker.is_(None))
        .values(token=Dataset.token + 1, worker=worker, lease_expires=now + timedelta(seconds=lease_seconds))
        .returning(Dataset),
        execution_options={"populate_existing": True, "synchronize_session": False},
    ).one_or_none()
    if dataset is None:
        return None
    return DatasetClaim(
        dataset=dataset.id,
        name=dataset.name,
        token=dataset.token,
        worker=worker,
        spec=make_dataset_spec(dataset.format, dataset.root, dataset.options),
    )


def renew_dataset(
    session: Session, claim: DatasetClaim, lease_seconds: float, *, progress: Mapping[str, Any] | None = None
) -> None:
    """Hold the validation for another ``lease_seconds``, and say how far it is. Raises Fenced."""
    dataset = _held(session, claim)
    dataset.lease_expires = utc_now() + timedelta(seconds=lease_seconds)
    if progress is not None:
        dataset.progress = dict(progress)


def finish_dataset(session: Session, claim: DatasetClaim, findings: Findings) -> DatasetStatus:
    """Store what the validation found: ready, or invalid. Raises Fenced."""
    dataset = _held(session, claim)
    dataset.status = DatasetStatus.READY if findings.usable else DatasetStatus.INVALID
    dataset.finished = utc_now()
    dataset.worker = dataset.lease_expires = dataset.progress = None
    dataset.classes = list(findings.classes)
    dataset.counts = dict(findings.counts)
    dataset.labels = dict(findings.labels)
    dataset.splits = dict(findings.splits)
    dataset.has_masks = findings.has_masks
    dataset.has_boxes = findings.has_boxes
    dataset.fingerprint = findings.fingerprint
    dataset.problems = [dict(problem) for problem in findings.problems]
    dataset.problems_total = findings.problems_total
    return dataset.status


def delete_dataset(session: Session, dataset: Dataset) -> None:
    """Forget a data set that nothing was made from; raises Conflict if something was."""
    used = session.scalars(select(Job.id).where(Job.dataset_id == dataset.id).limit(1)).first()
    if used is not None:
        raise Conflict(f"jobs use the data set, such as {used}.", remedy="Delete those first.")
    session.delete(dataset)
    session.flush()


def _held(session: Session, claim: DatasetClaim) -> Dataset:
    dataset = session.scalars(
        select(Dataset).where(Dataset.id == claim.dataset).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    validating = dataset is not None and dataset.status is DatasetStatus.VALIDATING
    if dataset is None or not validating or dataset.token != claim.token or dataset.worker is None:
        raise Fenced(f"the claim on {claim.dataset} is lost.", remedy="Stop; another claim decides.")
    return dataset
