"""Random users, workers and reconcilers on one chain of jobs: whatever they do, the table holds."""

import contextlib
import shutil
import tempfile
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from services.jobs import (
    ACTIVE,
    FINAL,
    TRANSITIONS,
    Claim,
    Conflict,
    Database,
    Settings,
    Status,
    cancel,
    claim_next,
    events_after,
    fail,
    finish_cancel,
    list_jobs,
    lock_job,
    reconcile,
    release,
    retry,
    started,
    succeed,
    utc_now,
)
from services.jobs.dependencies import DEAD
from wsmis_core.spec import Failure

JOBS = 3


def make_machine(template: Path, world_type: type) -> type[RuleBasedStateMachine]:
    class Service(RuleBasedStateMachine):
        claims = Bundle("claims")

        def __init__(self) -> None:
            super().__init__()
            self.folder = Path(tempfile.mkdtemp())
            shutil.copy(template, self.folder / "wsmis.db")
            url = f"sqlite:///{self.folder / 'wsmis.db'}"
            self.database = Database(url)
            service = Settings(home=self.folder, database_url=url, data_roots=(Path("/data"),))
            self.world = world_type(self.database, service)
            self.jobs = self.world.chain(self.world.dataset())
            self.clock = utc_now()

        def teardown(self) -> None:
            self.database.close()
            shutil.rmtree(self.folder)

        @rule(target=claims)
        def claim(self) -> object:
            with self.database.writing() as session:
                claim = claim_next(session, worker="w", free_gpus=0, lease_seconds=30)
            return multiple() if claim is None else claim

        @rule(claim=claims)
        def start(self, claim: Claim) -> None:
            with contextlib.suppress(Conflict), self.database.writing() as session:
                started(session, claim)

        @rule(
            claim=consumes(claims), end=st.sampled_from(["succeed", "fail", "retryable", "release", "cancel"])
        )
        def end(self, claim: Claim, end: str) -> None:
            shutil.rmtree(self.world.settings.artifact_folder(claim.job), ignore_errors=True)
            manifest = self.world.artifact(claim)
            with contextlib.suppress(Conflict), self.database.writing() as session:
                match end:
                    case "succeed":
                        succeed(session, claim, manifest)
                    case "release":
                        release(session, claim)
                    case "cancel":
                        finish_cancel(session, claim)
                    case _:
                        failure = Failure(reason="crashed", message="x", retryable=end == "retryable")
                        fail(session, claim, failure)

        @rule(job=st.integers(0, JOBS - 1))
        def cancel(self, job: int) -> None:
            with contextlib.suppress(Conflict), self.database.writing() as session:
                cancel(session, lock_job(session, self.jobs[job]))

        @rule(job=st.integers(0, JOBS - 1))
        def retry(self, job: int) -> None:
            with contextlib.suppress(Conflict), self.database.writing() as session:
                retry(session, lock_job(session, self.jobs[job]))

        @rule(seconds=st.sampled_from([1, 60]))
        def reconcile(self, seconds: int) -> None:
            self.clock += timedelta(seconds=seconds)
            with self.database.writing() as session:
                reconcile(session, now=self.clock, lease_seconds=30)

        @invariant()
        def every_change_is_an_arrow_of_the_table(self) -> None:
            for job in self.jobs:
                with self.database.reading() as session:
                    events = events_after(session, job, 0, kind="status")
                path = [Status(event.payload["to"]) for event in events]
                assert [event.seq for event in events] == list(range(1, len(events) + 1))
                assert path[-1] is self.world.status(job)
                assert all(to in TRANSITIONS[frm] for frm, to in pairwise(path))

        @invariant()
        def every_row_is_of_a_piece(self) -> None:
            with self.database.reading() as session:
                jobs = {job.id: job for job in list_jobs(session, limit=JOBS)}
            for job in jobs.values():
                inputs = {jobs[source].status for source in job.inputs.values()}
                open_attempts = [attempt for attempt in job.attempts if attempt.finished is None]
                assert (job.lease_expires is not None) == (job.status in ACTIVE) == bool(open_attempts)
                assert (job.finished is not None) == (job.status in FINAL)
                assert [attempt.number for attempt in job.attempts] == list(range(1, job.token + 1))
                assert (job.failure is not None) == (job.status is Status.FAILED)
                assert (job.artifact_digest is not None) == (job.status is Status.SUCCEEDED)
                if job.status is Status.WAITING:
                    assert inputs
                    assert not inputs & DEAD
                    assert inputs != {Status.SUCCEEDED}
                if job.status is Status.SKIPPED:
                    assert inputs & DEAD
                if job.status in ACTIVE | {Status.QUEUED, Status.SUCCEEDED}:
                    assert inputs <= {Status.SUCCEEDED}

    return Service


def test_whatever_happens_the_table_holds(sqlite_template: Path, world_type: type) -> None:
    run_state_machine_as_test(
        make_machine(sqlite_template, world_type),
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
