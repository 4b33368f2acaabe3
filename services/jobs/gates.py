"""Quality gates: whether what a job has made is good enough for what depends on it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from services.jobs.errors import Conflict
from services.jobs.status import Reason, Status
from services.jobs.tables import Job
from services.jobs.truth import coverage_of
from wsmis_core.errors import SpecError
from wsmis_core.spec import Coverage, Failure, changed_min_score, gate_problems, make_params

__all__ = ["below_min_score", "change_min_score", "shortfall"]

_MOST_TOLD = 40  # metrics in a message


def shortfall(min_score: Mapping[str, float], metrics: Mapping[str, float]) -> dict[str, float]:
    """The gates that ``metrics`` do not reach, or do not hold at all."""
    return {
        metric: least
        for metric, least in min_score.items()
        if not (metric in metrics and metrics[metric] >= least)
    }


def below_min_score(job: Job) -> Failure | None:
    """Why ``job``, which has made its artifact, fails all the same; None if it does not."""
    missed = shortfall(job.min_score, job.metrics)
    if not missed:
        return None
    first = next(iter(missed))
    told = [
        f"{metric} is {job.metrics[metric]:.6g}, below the min_score of {least:.6g}"
        if metric in job.metrics
        else f"the min_score of {least:.6g} is for {metric}, which is none of the job's metrics"
        for metric, least in missed.items()
    ]
    return Failure(
        reason=Reason.BELOW_MIN_SCORE,
        message=f"{'; '.join(told)}.",
        field=f"min_score.{first}",
        remedy="Look at what it has made, and submit again with other params; or "
        f"`wsmis retry {job.id} --min-score {shlex.quote(first)}=LEAST` goes on with it under a lower gate "
        f"(null: none). Its metrics: {_told(job.metrics)}.",
    )


def change_min_score(job: Job, change: Mapping[str, float | None], *, field: str = "min_score") -> None:
    """Lay ``change`` over the gates of a job that has not succeeded.

    Raises Conflict for one that has, and SpecError that lists the gates, under ``field``, on metrics
    that the job cannot have.
    """
    if change and job.status is Status.SUCCEEDED:
        raise Conflict(f"the job {job.id} has succeeded.", field=field, remedy="Its gates no longer matter.")
    if change:
        params = make_params(job.stage, job.params, job.inputs)
        coverage = Coverage() if job.dataset is None else coverage_of(job.dataset)
        problems = gate_problems(change, params, job.inputs, coverage, field=field)
        if problems:
            first = problems[0]
            raise SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems)
    job.min_score = changed_min_score(job.min_score, change)


def _told(metrics: Mapping[str, float]) -> str:
    names = sorted(metrics)
    told = [f"{name} {metrics[name]:.6g}" for name in names[:_MOST_TOLD]]
    more = [f"{len(names) - _MOST_TOLD} more"] * (len(names) > _MOST_TOLD)
    return ", ".join(told + more) or "none"
