from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.jobs import (
    Status,
    cancel,
    events_after,
    fail,
    lock_job,
    record,
    release,
    started,
    succeed,
    utc_now,
)
from wsmis_core.spec import Failure, LogEvent, MetricEvent, ProgressEvent

if TYPE_CHECKING:
    from tests.conftest import World

CRASH = Failure(reason="crashed", message="exit status 1.", retryable=True)
BAD_DATA = Failure(reason="invalid_data", message="no pixels.", field="a.dcm", remedy="Mend it.")


def test_success_keeps_digest_bytes_and_metrics(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    assert world.run(job).status is Status.SUCCEEDED
    row = world.job(job)
    assert (row.artifact_digest, row.artifact_bytes, row.metrics) == (
        "d" * 64,
        10,
        {"val_f1": 0.5, "val_iou": 0.5},
    )
    assert row.worker is None
    assert row.lease_expires is None
    assert row.attempts[0].outcome == "succeeded"
    assert row.started is not None
    assert row.finished is not None
    assert row.started <= row.finished


def test_events_are_numbered_and_the_job_keeps_the_latest_figures(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job)
    now = utc_now()
    with world.database.writing() as session:
        started(session, claim)
        record(
            session,
            claim,
            [
                ProgressEvent(time=now, phase="train", done=1, total=4, unit="step"),
                MetricEvent(time=now, step=1, values={"loss": 2.0, "lr": 0.1}),
                MetricEvent(time=now + timedelta(seconds=1), step=2, values={"loss": 1.0}),
                ProgressEvent(time=now, phase="train", done=2, total=4, unit="step", rate=8.0),
            ],
        )
    with world.database.writing() as session:
        record(session, claim, [LogEvent(time=now, level="warning", message="slow disk")])
    with world.database.reading() as session:
        events = events_after(session, job, 0)
    assert [event.seq for event in events] == list(range(1, 9))
    assert [event.type for event in events] == [
        "status",
        "status",
        "status",
        "progress",
        "metric",
        "metric",
        "progress",
        "log",
    ]
    assert [event.payload["to"] for event in events[:3]] == ["queued", "starting", "running"]
    assert [event.attempt for event in events] == [None, 1, 1, 1, 1, 1, 1, 1]
    row = world.job(job)
    assert row.metrics == {"loss": 1.0, "lr": 0.1}
    assert row.progress == {
        "phase": "train",
        "done": 2,
        "total": 4,
        "unit": "step",
        "rate": 8.0,
        "eta_seconds": None,
    }


def test_a_crash_is_tried_again_until_the_tries_are_used_up(world: World) -> None:
    job = world.submit(dataset=world.dataset(), max_attempts=2)
    first = world.claim(job)
    with world.database.writing() as session:
        ended = fail(session, first, CRASH)
    assert (ended.status, ended.queued) == (Status.QUEUED, (job,))
    assert world.job(job).failure is None
    second = world.claim(job)
    with world.database.writing() as session:
        assert fail(session, second, CRASH).status is Status.FAILED
    row = world.job(job)
    assert row.failed_for == CRASH
    assert [attempt.outcome for attempt in row.attempts] == ["failed", "failed"]


def test_what_a_user_must_mend_is_not_tried_again(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    with world.database.writing() as session:
        assert fail(session, world.claim(job), BAD_DATA).status is Status.FAILED
    assert world.job(job).failed_for == BAD_DATA


def test_a_release_uses_up_no_try(world: World) -> None:
    job = world.submit(dataset=world.dataset(), max_attempts=1)
    for number in (1, 2, 3):
        claim = world.claim(job)
        assert claim.attempt == number
        with world.database.writing() as session:
            assert release(session, claim).status is Status.QUEUED
    with world.database.writing() as session:
        assert fail(session, world.claim(job), CRASH).status is Status.FAILED


@pytest.mark.parametrize("end", ["succeed", "fail", "release"])
def test_a_job_that_is_to_be_cancelled_ends_as_cancelled(world: World, end: str) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job)
    manifest = world.artifact(claim)
    with world.database.writing() as session:
        started(session, claim)
        cancel(session, lock_job(session, job))
    with world.database.writing() as session:
        ends = {
            "succeed": lambda: succeed(session, claim, manifest),
            "fail": lambda: fail(session, claim, CRASH),
            "release": lambda: release(session, claim),
        }
        assert ends[end]().status is Status.CANCELLED
    assert world.job(job).artifact_digest is None
