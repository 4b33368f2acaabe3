"""Waiting for a job, a pipeline or a data set, with its progress shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from services.client.errors import NoServiceError
from services.client.http import Client, Poll
from services.client.output import Output
from services.client.progress import (
    ProgressDisplay,
    Row,
    dataset_rows,
    job_row,
    pipeline_rows,
    progress_display,
)
from services.client.replies import FINAL, Dataset, Job, Pipeline

__all__ = ["followed", "followed_dataset", "followed_job", "followed_pipeline"]

R = TypeVar("R")

PAUSE_SECONDS = 1.0
# The jobs go on while the API restarts, so the wait for it is longer than a restart takes.
PATIENCE_SECONDS = 300.0


def followed(
    ask: Callable[[], R],
    *,
    rows: Callable[[R], Sequence[Row]],
    done: Callable[[R], bool],
    display: ProgressDisplay,
    pause: float = PAUSE_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> R:
    """What ``ask`` gives once it is ``done``.

    Raises NoServiceError where the first call finds no service, or later ones find none
    for ``patience`` seconds on end.
    """
    now = ask()
    heard = time.monotonic()
    lost = False
    with display:
        while True:
            if not lost:
                display.update(rows(now))
                if done(now):
                    return now
            time.sleep(pause)
            try:
                now = ask()
            except NoServiceError:
                if time.monotonic() - heard > patience:
                    raise
                if not lost:
                    display.note("The service does not answer; the jobs go on, and so does the wait for it.")
                lost = True
            else:
                lost, heard = False, time.monotonic()


def followed_job(client: Client, job: str, output: Output) -> Job:
    ask: Poll[Job] = Poll(client, "jobs", job)
    return followed(
        ask,
        rows=lambda now: [job_row(now)],
        done=lambda now: now["status"] in FINAL,
        display=progress_display(output.notes),
    )


def followed_pipeline(client: Client, pipeline: str, output: Output) -> Pipeline:
    ask: Poll[Pipeline] = Poll(client, "pipelines", pipeline)
    return followed(
        ask,
        rows=pipeline_rows,
        done=lambda now: now["status"] in FINAL,
        display=progress_display(output.notes),
    )


def followed_dataset(client: Client, dataset: str, output: Output) -> Dataset:
    ask: Poll[Dataset] = Poll(client, "datasets", dataset)
    return followed(
        ask,
        rows=dataset_rows,
        done=lambda now: now["status"] != "validating",
        display=progress_display(output.notes),
    )
