from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from services.jobs import (
    Conflict,
    NotFound,
    Status,
    cancel,
    delete,
    events_after,
    fail,
    lock_job,
    retry,
    started,
    succeed,
)
from wsmis_core.spec import Failure

if TYPE_CHECKING:
    from tests.conftest import World

BROKEN = Failure(reason="diverged", message="the loss is not a number.")


def statuses(world: World, *jobs: str) -> list[str]:
    return [world.status(job).value for job in jobs]


def fail_job(world: World, job: str) -> None:
    with world.database.writing() as session:
        fail(session, world.claim(job), BROKEN)


def cancel_job(world: World, job: str) -> None:
    with world.database.writing() as session:
        cancel(session, lock_job(session, job))


def test_a_job_is_queued_when_its_last_input_has_succeeded(world: World) -> None:
    classifier, cams, labels = world.chain(world.dataset())
    assert statuses(world, classifier, cams, labels) == ["queued", "waiting", "waiting"]
    assert world.run(classifier).queued == (cams,)
    assert statuses(world, classifier, cams, labels) == ["succeeded", "queued", "waiting"]
    assert world.run(cams).queued == (labels,)


def test_the_ends_of_two_inputs_at_once_do_not_pass_each_other_by(world: World) -> None:
    dataset = world.dataset()
    classifier, cams, labels = world.chain(dataset)
    world.run(classifier)
    world.run(cams)
    world.run(labels)
    irnet = world.submit(
        "train_irnet", dataset=dataset, inputs={"ir_labels": labels, "classifier": classifier}
    )
    more_cams = world.submit("extract_cams", dataset=dataset, inputs={"classifier": classifier})
    walked = world.submit("make_pseudo_labels", dataset=dataset, inputs={"cams": more_cams, "irnet": irnet})
    claims = [world.claim(irnet), world.claim(more_cams)]
    manifests = {claim.job: world.artifact(claim) for claim in claims}
    barrier = Barrier(2)

    def end(claim: Any) -> tuple[str, ...]:
        barrier.wait()
        with world.database.writing() as session:
            started(session, claim)
            return succeed(session, claim, manifests[claim.job]).queued

    with ThreadPoolExecutor(2) as threads:
        queued = list(threads.map(end, claims))
    assert sorted(queued) == [(), (walked,)]
    assert world.status(walked) is Status.QUEUED


def test_a_failure_skips_all_that_waits_for_it(world: World) -> None:
    classifier, cams, labels = world.chain(world.dataset())
    fail_job(world, classifier)
    assert statuses(world, classifier, cams, labels) == ["failed", "skipped", "skipped"]
    with world.database.reading() as session:
        last = events_after(session, labels, 0)[-1]
    assert last.payload == {"from": "waiting", "to": "skipped", "inputs": [cams]}


def test_a_cancelled_job_skips_too_and_needs_no_worker_for_it(world: World) -> None:
    classifier, cams, labels = world.chain(world.dataset())
    cancel_job(world, cams)
    assert statuses(world, classifier, cams, labels) == ["queued", "cancelled", "skipped"]


def test_a_retry_goes_on_with_the_attempts_and_revives_what_was_skipped(world: World) -> None:
    classifier, cams, labels = world.chain(world.dataset())
    fail_job(world, classifier)
    with world.database.writing() as session:
        assert retry(session, lock_job(session, classifier)) == [classifier]
    assert statuses(world, classifier, cams, labels) == ["queued", "waiting", "waiting"]
    row = world.job(classifier)
    assert row.failure is None
    assert row.finished is None
    assert world.claim(classifier).attempt == 2


def test_a_retried_job_waits_for_inputs_that_are_not_done(world: World) -> None:
    classifier, cams, labels = world.chain(world.dataset())
    cancel_job(world, cams)
    with world.database.writing() as session:
        assert retry(session, lock_job(session, cams)) == []
    assert statuses(world, classifier, cams, labels) == ["queued", "waiting", "waiting"]


def test_a_job_whose_input_failed_is_not_retried_before_it(world: World) -> None:
    classifier, cams, _ = world.chain(world.dataset())
    cancel_job(world, cams)
    fail_job(world, classifier)
    with pytest.raises(Conflict, match=f"Retry {classifier} first"), world.database.writing() as session:
        retry(session, lock_job(session, cams))


@pytest.mark.parametrize("status", ["queued", "succeeded", "skipped"])
def test_only_failed_and_cancelled_jobs_are_retried(world: World, status: str) -> None:
    classifier, cams, labels = world.chain(world.dataset())
    job = {"queued": classifier, "succeeded": classifier, "skipped": labels}[status]
    if status == "succeeded":
        world.run(classifier)
    if status == "skipped":
        cancel_job(world, cams)
    assert world.status(job) == status
    with pytest.raises(Conflict), world.database.writing() as session:
        retry(session, lock_job(session, job))


def test_a_job_that_has_ended_is_not_cancelled(world: World) -> None:
    job = world.submit(dataset=world.dataset())
    world.run(job)
    with pytest.raises(Conflict), world.database.writing() as session:
        cancel(session, lock_job(session, job))


def test_a_job_is_deleted_once_it_has_ended_and_nobody_uses_it(world: World) -> None:
    classifier, cams, labels = world.chain(world.dataset())
    for job in (classifier, cams, labels):
        with pytest.raises(Conflict), world.database.writing() as session:
            delete(session, lock_job(session, job))
    world.run(classifier)
    with pytest.raises(Conflict, match=cams), world.database.writing() as session:
        delete(session, lock_job(session, classifier))
    cancel_job(world, cams)
    for job in (labels, cams, classifier):
        with world.database.writing() as session:
            delete(session, lock_job(session, job))
    with pytest.raises(NotFound):
        world.job(classifier)
