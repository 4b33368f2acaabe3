from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.orm import Session

from services.jobs import (
    Conflict,
    Idempotency,
    JobRequest,
    Scope,
    authenticate,
    list_jobs,
    make_key,
    make_once,
    prepare_job,
    store_job,
)

if TYPE_CHECKING:
    from tests.conftest import World

RACERS = 6


@pytest.fixture
def idempotency(world: World) -> Idempotency:
    with world.database.writing() as session:
        key = make_key(session, name="ci", scopes={Scope.SUBMIT})
        session.flush()
        return Idempotency(api_key=authenticate(session, key).key_id, key="run-1", body_sha256="a" * 64)


def make(world: World) -> Any:
    def make_job(session: Session) -> str:
        return store_job(
            session,
            prepare_job(session, JobRequest(stage="train_classifier", dataset="chest"), world.settings),
        ).id

    return make_job


def test_the_same_key_and_body_make_one_job(world: World, idempotency: Idempotency) -> None:
    world.dataset()
    first, made = make_once(world.database, idempotency, make(world))
    assert made
    assert make_once(world.database, idempotency, make(world)) == (first, False)
    other, made = make_once(world.database, replace(idempotency, key="run-2"), make(world))
    assert made
    assert other != first


def test_another_body_is_refused(world: World, idempotency: Idempotency) -> None:
    world.dataset()
    make_once(world.database, idempotency, make(world))
    with pytest.raises(Conflict) as refused:
        make_once(world.database, replace(idempotency, body_sha256="b" * 64), make(world))
    assert refused.value.field == "Idempotency-Key"


def test_many_at_once_make_one_job(world: World, idempotency: Idempotency) -> None:
    world.dataset()
    barrier = Barrier(RACERS)

    def race(_: int) -> tuple[str, bool]:
        barrier.wait()
        return make_once(world.database, idempotency, make(world))

    with ThreadPoolExecutor(RACERS) as threads:
        answers = list(threads.map(race, range(RACERS)))
    assert len({job for job, _ in answers}) == 1
    assert sum(made for _, made in answers) == 1
    with world.database.reading() as session:
        assert len(list_jobs(session, limit=10)) == 1


def test_a_refused_request_does_not_use_up_the_key(world: World, idempotency: Idempotency) -> None:
    def refuse(_: Session) -> str:
        raise Conflict("not now.")

    with pytest.raises(Conflict, match="not now"):
        make_once(world.database, idempotency, refuse)
    world.dataset()
    assert make_once(world.database, idempotency, make(world))[1]
