from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.orm import Session

from services.jobs import (
    Claim,
    Fenced,
    Status,
    cancel,
    claim_next,
    finish_cancel,
    lock_job,
    reconcile,
    record,
    release,
    renew,
    run_spec,
    started,
    succeed,
    utc_now,
)
from services.jobs.tables import Attempt
from wsmis_core.spec import LogEvent

if TYPE_CHECKING:
    from tests.conftest import World

RACERS = 8


def best(world: World, **wanted: Any) -> Claim | None:
    with world.database.writing() as session:
        return claim_next(session, worker="w", lease_seconds=30, **{"free_gpus": 0, **wanted})


def test_of_many_workers_one_gets_the_job(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    barrier = Barrier(RACERS)

    def race(number: int) -> Claim | None:
        barrier.wait()
        with world.database.writing() as session:
            return claim_next(session, worker=f"w{number}", free_gpus=0, lease_seconds=30, job_id=job)

    with ThreadPoolExecutor(RACERS) as threads:
        claims = [claim for claim in threads.map(race, range(RACERS)) if claim]
    assert len(claims) == 1
    assert claims[0].token == 1
    assert world.job(job).worker == claims[0].worker
    with world.database.reading() as session:
        assert len(session.query(Attempt).all()) == 1


def test_many_workers_share_the_jobs_out(world: World) -> None:
    dataset = world.dataset()
    jobs = {world.submit(dataset=dataset) for _ in range(RACERS)}
    barrier = Barrier(RACERS)

    def race(_: int) -> str:
        barrier.wait()
        claim = best(world)
        assert claim is not None
        return claim.job

    with ThreadPoolExecutor(RACERS) as threads:
        assert set(threads.map(race, range(RACERS))) == jobs


def test_the_highest_priority_goes_first_then_the_oldest(world: World) -> None:
    dataset = world.dataset()
    low = world.submit(dataset=dataset, priority=-1)
    first = world.submit(dataset=dataset)
    second = world.submit(dataset=dataset)
    high = world.submit(dataset=dataset, priority=5)
    assert [world.claim().job for _ in range(4)] == [high, first, second, low]


def test_a_job_that_asks_for_more_gpus_than_are_free_lets_the_next_one_pass(world: World) -> None:
    dataset = world.dataset()
    big = world.submit(dataset=dataset, resources={"gpus": 4}, priority=5)
    small = world.submit(dataset=dataset, resources={"gpus": 1})
    claim = best(world, free_gpus=2, total_gpus=4)
    assert claim is not None
    assert (claim.job, claim.gpus, claim.processes) == (small, 1, 1)
    assert best(world, free_gpus=2, total_gpus=4) is None
    claim = best(world, free_gpus=4)
    assert claim is not None
    assert (claim.job, claim.gpus, claim.processes) == (big, 4, 4)


@pytest.mark.parametrize(("free", "granted"), [(0, 0), (1, 1), (4, 4)])
def test_auto_is_every_free_gpu_for_a_training(world: World, free: int, granted: int) -> None:
    world.submit(dataset=world.dataset())
    claim = best(world, free_gpus=free)
    assert claim is not None
    assert (claim.gpus, claim.processes) == (granted, max(1, granted))


def test_auto_is_one_gpu_for_the_rest(world: World) -> None:
    dataset = world.dataset()
    classifier = world.submit(dataset=dataset)
    world.run(classifier)
    world.submit("extract_cams", dataset=dataset, inputs={"classifier": classifier})
    claim = best(world, free_gpus=4)
    assert claim is not None
    assert claim.gpus == 1


def test_auto_waits_for_a_gpu_where_there_are_some(world: World) -> None:
    world.submit(dataset=world.dataset())
    assert best(world, free_gpus=0, total_gpus=2) is None


def test_a_renewed_lease_is_held(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job, lease_seconds=5)
    with world.database.writing() as session:
        assert not renew(session, claim, 60)
        assert not started(session, claim)
    with world.database.writing() as session:
        assert reconcile(session, now=utc_now() + timedelta(seconds=30), lease_seconds=60).requeued == ()
    assert world.status(job) is Status.RUNNING


def test_a_renewal_says_that_the_job_is_to_be_cancelled(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job)
    with world.database.writing() as session:
        cancel(session, lock_job(session, job))
    assert world.status(job) is Status.CANCELLING
    with world.database.writing() as session:
        assert renew(session, claim, 30)
        assert started(session, claim)
    with world.database.writing() as session:
        assert finish_cancel(session, claim).status is Status.CANCELLED
    assert world.job(job).attempts[0].outcome == "cancelled"


def test_nothing_that_a_lost_attempt_writes_is_taken(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    old = world.claim(job, lease_seconds=1)
    with world.database.writing() as session:
        assert reconcile(session, now=utc_now() + timedelta(seconds=2), lease_seconds=1).requeued == (job,)
    manifest = world.artifact(old)
    writes: list[Callable[[Session], object]] = [
        lambda session: renew(session, old, 30),
        lambda session: started(session, old),
        lambda session: record(session, old, [LogEvent(time=utc_now(), level="info", message="alive")]),
        lambda session: succeed(session, old, manifest),
        lambda session: release(session, old),
        lambda session: finish_cancel(session, old),
        lambda session: run_spec(session, old, world.settings),
    ]
    events_before = world.job(job).last_event

    def all_refused() -> None:
        for write in writes:
            with pytest.raises(Fenced), world.database.writing() as session:
                write(session)

    all_refused()  # while nobody holds the job
    fresh = world.claim(job)
    all_refused()  # and while another attempt does
    assert fresh.token == old.token + 1
    assert world.status(job) is Status.STARTING
    assert world.job(job).last_event == events_before + 1


def test_the_spec_of_a_second_attempt_knows_the_first(world: World) -> None:
    dataset = world.dataset()
    classifier = world.submit(dataset=dataset)
    world.run(classifier)
    cams = world.submit("extract_cams", dataset=dataset, inputs={"classifier": classifier})
    first = world.claim(cams)
    with world.database.writing() as session:
        release(session, first)
    second = world.claim(cams)
    with world.database.writing() as session:
        spec = run_spec(session, second, world.settings)
    assert spec.attempt == 2
    assert spec.previous == (world.settings.attempt_folder(cams, 1),)
    assert spec.inputs["classifier"].kind == "classifier"
    assert spec.inputs["classifier"].path == world.settings.artifact_folder(classifier)
    assert spec.dataset is not None
    assert spec.dataset.index == world.settings.dataset_index(dataset)
    assert spec.params.stage == "extract_cams"
    assert (spec.resources.gpus, spec.resources.processes) == (0, 1)
