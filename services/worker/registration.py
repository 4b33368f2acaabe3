"""The registration of a data set: every file is read and checked, while a thread holds the lease."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.jobs import (
    Database,
    DatasetClaim,
    Fenced,
    Findings,
    claim_dataset,
    finish_dataset,
    renew_dataset,
)
from services.jobs.data_roots import path_problems
from services.worker.heartbeat import OUTAGE
from services.worker.settings import WorkerSettings
from services.worker.shift import worker_name
from wsmis_core.data import DatasetIndex, scan
from wsmis_core.errors import Problem, SpecError, WsmisError
from wsmis_core.spec import DatasetSpec

__all__ = ["check_root", "register"]

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

_STORED_PROBLEMS = 1000


class _Stopped(Exception):  # noqa: N818 - no error: another worker goes on
    """The worker is shut down, or has lost the claim."""


def register(
    database: Database, settings: WorkerSettings, dataset: str, *, draining: Callable[[], bool]
) -> None:
    """Validate ``dataset`` if nobody else does: read its files, store the index, say what was found.

    At the worker's shutdown the validation goes on for the drain time; then its lease runs
    out, and another worker begins anew.
    """
    with database.writing() as session:
        claim = claim_dataset(session, dataset, worker=worker_name(), lease_seconds=settings.lease_seconds)
    if claim is None:
        return
    try:
        with _leased(database, claim, settings, draining) as progress:
            findings = _findings(claim, settings, progress)
            with database.writing() as session:
                status = finish_dataset(session, claim, findings)
    except (Fenced, _Stopped) as stop:
        logger.warning("the validation of %s stops: %s", claim.name, stop)
        return
    logger.info("the data set %s is %s, with %d problems", claim.name, status, findings.problems_total)


def check_root(root: str, data_roots: Sequence[Path]) -> None:
    """Raise SpecError unless ``root`` lies under a data root with all links resolved."""
    resolved = [folder.resolve() for folder in data_roots]
    for problem in path_problems(str(Path(root).resolve()), resolved, field="root"):
        raise SpecError(problem.message, field=problem.field, remedy=problem.remedy)


def _findings(claim: DatasetClaim, settings: WorkerSettings, progress: Progress) -> Findings:
    spec: DatasetSpec = claim.spec
    try:
        check_root(spec.root, settings.data_roots)
        index = scan(spec, progress=progress)
        index.save(_made(settings.dataset_index(claim.dataset)))
    except _Stopped:
        raise
    except WsmisError as error:
        return _unusable([_problem(problem, spec.root) for problem in error.problems])
    except Exception as error:
        logger.exception("the validation of %s broke", claim.name)
        return _unusable([_problem(Problem(f"the validation broke: {error!r}."), spec.root)])
    return _usable(index)


def _usable(index: DatasetIndex) -> Findings:
    summary = index.summary()
    return Findings(
        usable=True,
        classes=index.classes,
        counts=summary["counts"],
        labels=summary["labels"],
        splits=summary["splits"],
        has_masks=index.has_masks,
        has_boxes=index.has_boxes,
        fingerprint=index.fingerprint,
        problems=[problem.model_dump(mode="json") for problem in index.problems[:_STORED_PROBLEMS]],
        problems_total=len(index.problems),
    )


def _unusable(problems: Sequence[dict[str, Any]]) -> Findings:
    return Findings(
        usable=False,
        classes=(),
        counts={},
        labels={},
        splits={},
        has_masks=False,
        has_boxes=False,
        fingerprint=None,
        problems=problems[:_STORED_PROBLEMS],
        problems_total=len(problems),
    )


def _problem(problem: Problem, root: str) -> dict[str, Any]:
    return {
        "file": problem.field or root,
        "message": problem.message,
        "remedy": problem.remedy,
        "severity": "error",
    }


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def _leased(
    database: Database, claim: DatasetClaim, settings: WorkerSettings, draining: Callable[[], bool]
) -> Iterator[Progress]:
    """A thread renews the claim's lease and stores how far the scan is, as told to the yielded function.

    That function raises _Stopped, in the scan's own thread, once the claim is lost or the drain is over.
    """
    lease = _Lease(database, claim, settings.lease_seconds)
    stop_at: float | None = None

    def progress(done: int, total: int) -> None:
        nonlocal stop_at
        if lease.lost:
            raise _Stopped("another worker has it")
        if draining() and stop_at is None:
            stop_at = time.monotonic() + settings.drain_seconds
        if stop_at is not None and time.monotonic() > stop_at:
            raise _Stopped("the worker is shut down")
        lease.progress = {"done": done, "total": total, "unit": "files"}

    lease.start()
    try:
        yield progress
    finally:
        lease.end()


class _Lease(threading.Thread):
    """Renews a claim on a data set until it is ended."""

    def __init__(self, database: Database, claim: DatasetClaim, lease_seconds: float) -> None:
        super().__init__(daemon=True)
        self._database = database
        self._claim = claim
        self._lease_seconds = lease_seconds
        self._ended = threading.Event()
        self.progress: dict[str, Any] | None = None
        self.lost = False

    def run(self) -> None:
        while not self._ended.wait(min(1.0, self._lease_seconds / 4)):
            try:
                with self._database.writing() as session:
                    renew_dataset(session, self._claim, self._lease_seconds, progress=self.progress)
            except Fenced:
                self.lost = True
                return
            except OUTAGE as error:
                logger.warning("the database does not answer, the validation goes on: %s", error.args[0])

    def end(self) -> None:
        """Stop renewing, before the result is stored or given up."""
        self._ended.set()
        self.join()
