from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from services.jobs import (
    DatasetStatus,
    Reconciled,
    Scope,
    Status,
    cancel,
    claim_dataset,
    lock_job,
    make_key,
    reconcile,
    record,
    started,
    utc_now,
)
from services.jobs.idempotency import KEPT
from services.jobs.tables import ApiKey, Dataset, IdempotencyKey, Job
from wsmis_core.spec import ProgressEvent

if TYPE_CHECKING:
    from tests.conftest import World

LEASE = 10.0


def later(world: World, seconds: float) -> Reconciled:
    with world.database.writing() as session:
        return reconcile(session, now=utc_now() + timedelta(seconds=seconds), lease_seconds=LEASE)


def test_there_is_nothing_to_mend_in_a_healthy_world(world: World) -> None:
    classifier, _, _ = world.chain(world.dataset())
    world.claim(classifier)
    assert later(world, 5) == Reconciled()


def test_the_job_of_a_lost_worker_is_queued_again(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job, lease_seconds=LEASE)
    with world.database.writing() as session:
        started(session, claim)
    assert later(world, LEASE + 1) == Reconciled(requeued=(job,), to_publish=(job,))
    row = world.job(job)
    assert row.status is Status.QUEUED
    assert row.attempts[0].outcome == "lost"
    assert row.attempts[0].failure is not None
    assert row.attempts[0].failure["reason"] == "worker_lost"


def test_a_job_that_lost_its_last_try_has_failed(world: World) -> None:
    classifier, cams, labels = world.chain(world.dataset())
    with world.database.writing() as session:
        session.execute(update(Job).where(Job.id == classifier).values(max_attempts=1))
    world.claim(classifier, lease_seconds=LEASE)
    assert later(world, LEASE + 1) == Reconciled(failed=(classifier,))
    failure = world.job(classifier).failed_for
    assert failure is not None
    assert failure.reason == "worker_lost"
    assert [world.status(job) for job in (cams, labels)] == [Status.SKIPPED] * 2


def test_a_lost_attempt_that_came_further_uses_up_no_try(world: World) -> None:
    job = world.submit(dataset=world.dataset(), max_attempts=1)

    def lost_at(phase: str, done: int) -> Status:
        claim = world.claim(job, lease_seconds=LEASE)
        said = ProgressEvent(time=utc_now(), phase=phase, done=done, total=9, unit="step")
        with world.database.writing() as session:
            record(session, claim, [said])
        later(world, LEASE + 1)
        return world.status(job)

    assert [lost_at("train", 3), lost_at("train", 4), lost_at("score", 1)] == [Status.QUEUED] * 3
    assert lost_at("train", 4) is Status.FAILED
    reached = [attempt.progress and attempt.progress["done"] for attempt in world.job(job).attempts]
    assert reached == [3, 4, 1, 4]


def test_a_lost_attempt_that_had_not_begun_uses_up_a_try(world: World) -> None:
    job = world.submit(dataset=world.dataset(), max_attempts=2)
    for expected in (Status.QUEUED, Status.FAILED):
        world.claim(job, lease_seconds=LEASE)
        later(world, LEASE + 1)
        assert world.status(job) is expected


def test_old_idempotency_keys_are_forgotten(world: World) -> None:
    with world.database.writing() as session:
        make_key(session, name="ci", scopes={Scope.SUBMIT})
        session.flush()
        caller = session.scalars(select(ApiKey.id)).one()
        for name, age in (("old", KEPT + timedelta(hours=1)), ("young", KEPT - timedelta(hours=1))):
            session.add(
                IdempotencyKey(
                    api_key_id=caller,
                    key=name,
                    body_sha256="a" * 64,
                    made_id="job_1",
                    created=utc_now() - age,
                )
            )
    later(world, 0)
    with world.database.reading() as session:
        assert session.scalars(select(IdempotencyKey.key)).all() == ["young"]


def test_a_cancelled_job_whose_worker_is_lost_is_cancelled(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    world.claim(job, lease_seconds=LEASE)
    with world.database.writing() as session:
        cancel(session, lock_job(session, job))
    assert later(world, LEASE + 1) == Reconciled(cancelled=(job,))
    assert world.status(job) is Status.CANCELLED


@pytest.mark.parametrize(
    ("inputs", "then", "last"),
    [(Status.SUCCEEDED, Status.QUEUED, Status.WAITING), (Status.FAILED, Status.SKIPPED, Status.SKIPPED)],
)
def test_a_waiting_job_that_was_forgotten_is_settled(
    world: World, inputs: Status, then: Status, last: Status
) -> None:
    classifier, cams, labels = world.chain(world.dataset())
    with world.database.writing() as session:  # as if its end had told nobody
        session.execute(update(Job).where(Job.id == classifier).values(status=inputs))
    mended = later(world, 1)
    assert mended.to_publish == ((cams,) if then is Status.QUEUED else ())
    assert [world.status(cams), world.status(labels)] == [then, last]


def test_a_queued_job_that_nobody_takes_is_published_again_but_ever_more_rarely(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    since = world.job(job).created

    def is_published(second: int) -> bool:
        with world.database.writing() as session:
            mended = reconcile(session, now=since + timedelta(seconds=second), lease_seconds=LEASE)
        return mended.to_publish == (job,)

    # First when more than a lease time has passed, then when the silence is longer than the one before.
    assert [second for second in range(0, 201, 5) if is_published(second)] == [15, 35, 75, 155]


def test_a_data_set_whose_message_was_lost_is_published_again(world: World) -> None:
    dataset = world.dataset(validated=False)
    assert later(world, 5).datasets_to_publish == ()
    assert later(world, LEASE + 1).datasets_to_publish == (dataset,)


def test_a_data_set_whose_workers_are_lost_again_and_again_is_invalid(world: World) -> None:
    dataset = world.dataset(validated=False)
    for _ in range(3):
        with world.database.writing() as session:
            assert claim_dataset(session, dataset, worker="w", lease_seconds=LEASE)
        mended = later(world, LEASE + 1)
    assert mended.datasets_to_publish == ()
    with world.database.reading() as session:
        row = session.get_one(Dataset, dataset)
        assert row.status is DatasetStatus.INVALID
        assert "lost 3 times" in row.problems[0]["message"]
