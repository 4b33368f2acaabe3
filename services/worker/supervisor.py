"""One attempt at a job, from its claim to its end."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from sqlalchemy.orm import Session

from services.jobs import (
    Claim,
    Database,
    Ended,
    Fenced,
    fail,
    finish_cancel,
    record,
    release,
    run_spec,
    started,
    succeed,
)
from services.worker import failures
from services.worker.artifact import existing, linked, place, verified
from services.worker.attempt import AttemptFolder
from services.worker.gpus import Gpu, problem
from services.worker.heartbeat import OUTAGE, Heartbeat
from services.worker.labels import Label
from services.worker.ranks import Ranks, RanksCommand, environment, torchrun
from services.worker.settings import WorkerSettings
from services.worker.tail import EventTail
from wsmis_core.errors import ArtifactError
from wsmis_core.spec import Failure, Manifest

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25  # between two looks at events, lease and drain flag

StopReason = Literal["cancel", "drain", "stall"]
End = Callable[[Session], Ended]


@dataclass(slots=True)
class _Watch:
    """How the ranks of one attempt are being ended, if they are, and when they last said something."""

    stop: StopReason | None = None
    kill_at: float = float("inf")
    said: int = 0
    said_at: float = field(default_factory=time.monotonic)


class Supervisor:
    """Runs claimed jobs, one at a time, and leaves no process of theirs behind.

    The database's outages do not touch a healthy job; an attempt that is fenced off is
    killed, and nothing of it is taken.
    """

    def __init__(
        self,
        database: Database,
        settings: WorkerSettings,
        *,
        draining: Callable[[], bool],
        ranks: RanksCommand = torchrun,
    ) -> None:
        self._database = database
        self._settings = settings
        self._draining = draining
        self._ranks = ranks

    def run(self, claim: Claim, gpus: Sequence[Gpu] = ()) -> Ended | None:
        """Make the attempt; what its end led to, or None if it was not this worker's to decide."""
        heartbeat = Heartbeat(
            self._database, claim, lease_seconds=self._settings.lease_seconds, patience=self._patience
        )
        try:
            end = self._ended(claim, gpus, heartbeat)
            ended = heartbeat.insist(end)
        except Fenced as error:
            logger.warning("%s", error)
            return None
        except OUTAGE:
            logger.exception("the end of attempt %d at %s could not be stored", claim.attempt, claim.job)
            return None
        logger.info("attempt %d at %s has ended: the job is %s", claim.attempt, claim.job, ended.status)
        return ended

    def _patience(self) -> float:
        return self._settings.drain_seconds if self._draining() else float("inf")

    def _ended(self, claim: Claim, gpus: Sequence[Gpu], heartbeat: Heartbeat) -> End:
        """How the attempt ends, also where this worker cannot do its own part of it."""
        try:
            return self._attempt(claim, gpus, heartbeat)
        except (Fenced, *OUTAGE):
            raise
        except Exception as error:
            logger.exception("attempt %d at %s broke in the worker", claim.attempt, claim.job)
            return partial(fail, claim=claim, failure=failures.of_the_worker(error))

    def _attempt(self, claim: Claim, gpus: Sequence[Gpu], heartbeat: Heartbeat) -> End:
        there = self._existing_artifact(claim, heartbeat)
        if there is not None:
            heartbeat.insist(partial(started, claim=claim))
            return partial(succeed, claim=claim, manifest=there)
        path = self._settings.attempt_folder(claim.job, claim.attempt)
        try:
            spec = heartbeat.insist(partial(run_spec, claim=claim, settings=self._settings))
            folder = AttemptFolder.prepare(path, spec)
            reused = self._reused_output(claim, folder, heartbeat)
        except OSError as error:
            return partial(fail, claim=claim, failure=failures.unprepared(path, error))
        if reused:
            heartbeat.insist(partial(started, claim=claim))
            return self._succeed(claim, folder, heartbeat)
        watch = _Watch()
        with self._start(claim, gpus, folder) as ranks:
            heartbeat.insist(partial(started, claim=claim))
            self._see_through(claim, folder, ranks, heartbeat, watch)
            exit_code = ranks.exit_code
        return self._end(claim, gpus, folder, heartbeat, stop=watch.stop, exit_code=exit_code)

    def _start(self, claim: Claim, gpus: Sequence[Gpu], folder: AttemptFolder) -> Ranks:
        label = Label(
            job=claim.job,
            attempt=claim.attempt,
            token=claim.token,
            supervisor=os.getpid(),
            home=str(self._settings.home),
        )
        variables = environment(
            label,
            gpus=[gpu.uuid for gpu in gpus],
            shutdown_seconds=self._settings.drain_seconds,
            base=os.environ,
        )
        command = self._ranks(folder.path, claim.processes)
        return Ranks(command, label=label, variables=variables, log=folder.log)

    def _see_through(
        self, claim: Claim, folder: AttemptFolder, ranks: Ranks, heartbeat: Heartbeat, watch: _Watch
    ) -> None:
        """Until the ranks have ended: store their events, hold the lease, stop them if that is asked for."""
        tail = EventTail(folder.events)
        while not ranks.ended(_LOOK_SECONDS):
            heartbeat.beat()
            self._store_events(claim, tail, heartbeat)
            self._stop_if_due(folder, ranks, heartbeat, watch)
        ranks.kill()
        self._store_last_events(claim, tail, heartbeat)

    def _store_events(self, claim: Claim, tail: EventTail, heartbeat: Heartbeat) -> None:
        batch = tail.unread()
        if not batch.events or heartbeat.attempt(partial(record, claim=claim, events=batch.events)):
            tail.accept(batch)

    def _store_last_events(self, claim: Claim, tail: EventTail, heartbeat: Heartbeat) -> None:
        position = None
        while (batch := tail.unread(ended=True)).end != position:
            if batch.events:
                heartbeat.insist(partial(record, claim=claim, events=batch.events))
            tail.accept(batch)
            position = batch.end

    def _stop_if_due(self, folder: AttemptFolder, ranks: Ranks, heartbeat: Heartbeat, watch: _Watch) -> None:
        now = time.monotonic()
        said = folder.bytes_said()
        if said != watch.said:
            watch.said, watch.said_at = said, now
        if now >= watch.kill_at:
            ranks.kill()
        elif heartbeat.cancelled and watch.stop != "cancel":
            watch.stop, watch.kill_at = "cancel", now + self._settings.grace_seconds
            ranks.terminate()
        elif watch.stop is not None:
            return
        elif self._draining():
            watch.stop, watch.kill_at = "drain", now + self._settings.drain_seconds
            ranks.terminate()
        elif now - watch.said_at > self._settings.stall_seconds:
            watch.stop, watch.kill_at = "stall", now + self._settings.grace_seconds
            ranks.terminate()

    def _end(
        self,
        claim: Claim,
        gpus: Sequence[Gpu],
        folder: AttemptFolder,
        heartbeat: Heartbeat,
        *,
        stop: StopReason | None,
        exit_code: int | None,
    ) -> End:
        """How the attempt ends, now that its processes are gone."""
        assert exit_code is not None, "the ranks have ended"
        if heartbeat.cancelled:
            return partial(finish_cancel, claim=claim)
        if exit_code == 0 and folder.is_complete:
            return self._succeed(claim, folder, heartbeat)
        if stop == "drain":
            return partial(release, claim=claim)
        return partial(fail, claim=claim, failure=self._failure(gpus, folder, stop, exit_code))

    def _succeed(self, claim: Claim, folder: AttemptFolder, heartbeat: Heartbeat) -> End:
        try:
            manifest = self._placed_artifact(claim, folder, heartbeat)
        except ArtifactError as error:
            return partial(fail, claim=claim, failure=failures.damaged_output(error))
        return partial(succeed, claim=claim, manifest=manifest)

    def _failure(
        self, gpus: Sequence[Gpu], folder: AttemptFolder, stop: StopReason | None, exit_code: int
    ) -> Failure:
        if stop == "stall":
            return failures.stalled(self._settings.stall_seconds)
        return failures.classified(
            exit_code=exit_code,
            said=folder.failure(),
            log=folder.log_tail(),
            gpu_problems=[trouble for gpu in gpus if (trouble := problem(gpu)) is not None],
        )

    def _existing_artifact(self, claim: Claim, heartbeat: Heartbeat) -> Manifest | None:
        """An artifact that an earlier attempt left in place before it could say so."""
        return existing(
            self._settings.artifact_folder(claim.job), job=claim.job, stage=claim.stage, beat=heartbeat.beat
        )

    def _reused_output(self, claim: Claim, folder: AttemptFolder, heartbeat: Heartbeat) -> bool:
        """Whether the output was taken over from a job that has made the same."""
        if claim.reuses is None:
            return False
        source = self._settings.artifact_folder(claim.reuses)
        return linked(
            source, folder.output, of=claim.reuses, job=claim.job, stage=claim.stage, beat=heartbeat.beat
        )

    def _placed_artifact(self, claim: Claim, folder: AttemptFolder, heartbeat: Heartbeat) -> Manifest:
        there = self._existing_artifact(claim, heartbeat)
        if there is not None:
            return there
        manifest = verified(folder.output, job=claim.job, stage=claim.stage, beat=heartbeat.beat)
        heartbeat.confirm()
        place(folder.output, self._settings.artifact_folder(claim.job), beat=heartbeat.beat)
        return manifest
