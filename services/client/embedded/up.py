"""`wsmis up`: the whole service on one machine, as children of this process."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import typer

from services.client.embedded.address import Address, free_address
from services.client.embedded.home import claimed_home
from services.client.embedded.program import Program, stop_all
from services.client.embedded.redis_server import (
    answers,
    redis_command,
    redis_program,
    redis_url,
    socket_folder,
)
from services.client.exits import ExitStatus
from services.client.place import KEY_FILE, URL_FILE
from services.stop_signals import StopSignals
from wsmis_core.errors import ServiceError

__all__ = ["up"]

_LOOK_SECONDS = 0.1
_START_SECONDS = 180.0
_DRAIN_SECONDS = 60.0  # the worker's default
_AFTER_DRAIN_SECONDS = 30.0
_REDIS_SECONDS = 10.0


class _StopRequested(Exception):  # noqa: N818 - no error: the user asked for it
    """A signal came before everything ran."""


def up(*, home: Path, data_roots: Sequence[Path], host: str, port: int) -> int:
    """Run API, worker, reconciler and Redis until Ctrl-C or SIGTERM, which drain and stop them all.

    A second Ctrl-C kills; the exit status tells. Raises ServiceError if the home or the port
    is taken, a data root is no folder, there is no Redis server, a part does not start, or
    WSMIS_DRAIN_SECONDS is no time.
    """
    roots = [_data_root(root) for root in data_roots]
    drain = _drain_seconds(os.environ.get("WSMIS_DRAIN_SECONDS", ""))
    with claimed_home(home) as folder, socket_folder(folder) as sockets, StopSignals() as stop:
        address = free_address(host, port)
        environment = {
            **os.environ,
            "WSMIS_HOME": str(folder),
            "WSMIS_REDIS_URL": redis_url(sockets),
            "PYTHONUNBUFFERED": "1",
        }
        if roots:
            environment["WSMIS_DATA_ROOTS"] = os.pathsep.join(map(str, roots))
        return _Embedded(folder, sockets, address, environment, stop, drain_seconds=drain).run()


class _Embedded:
    """The programs on one home."""

    def __init__(
        self,
        home: Path,
        sockets: Path,
        address: Address,
        environment: dict[str, str],
        stop: StopSignals,
        *,
        drain_seconds: float,
    ) -> None:
        self._home = home
        self._sockets = sockets
        self._address = address
        self._environment = environment
        self._stop = stop
        self._drain_seconds = drain_seconds
        self._redis = self._program("redis", redis_command(redis_program(), home=home, sockets=sockets))
        place = ["--host", address.host, "--port", str(address.port)]
        self._api = self._program("api", _python("services.api", *place))
        self._worker = self._program("worker", _python("services.worker"))
        self._reconciler = self._program("reconciler", _python("services.worker", "reconcile"))

    def run(self) -> int:
        try:
            self._start()
            self._announce()
            while not self._stop.wait(_LOOK_SECONDS):
                for program in self._programs:
                    program.tend()
        except _StopRequested:
            pass
        finally:
            orderly = self._end()
        return ExitStatus.DONE if orderly else ExitStatus.INTERRUPTED

    @property
    def _programs(self) -> list[Program]:
        return [self._redis, self._api, self._worker, self._reconciler]

    def _start(self) -> None:
        """Each part once those that it needs are there."""
        self._redis.start()
        self._wait_for(self._redis, lambda: answers(self._sockets))
        self._run_to_end("migrate", _python("services.jobs", "migrate"))
        self._api.start()
        self._worker.start()
        self._wait_for(self._api, self._is_ready)
        self._reconciler.start()
        if not self._key_is_known():
            key_file = str(self._home / KEY_FILE)
            scopes = "read,submit,admin"
            self._run_to_end(
                "make-key",
                _python("services.jobs", "make-key", "--name", "up", "--scopes", scopes, "--file", key_file),
            )
        (self._home / URL_FILE).write_text(f"{self._address.url}\n")

    def _announce(self) -> None:
        typer.echo(f"WSMIS runs at {self._address.url}")
        typer.echo(f"  home       {self._home}")
        typer.echo(f"  API key    {self._home / KEY_FILE}")
        typer.echo(f"  logs       {self._home / 'logs'}")
        data_roots = self._environment.get("WSMIS_DATA_ROOTS")
        typer.echo(f"  data       {data_roots or 'no data root: nothing can be registered; see --data-root'}")
        typer.echo("Ctrl-C stops it: running jobs are saved, and go on at the next start.")

    def _end(self) -> bool:
        """Worker and reconciler first, the queue last; whether nothing had to be killed."""
        begun = self._stop.count
        (self._home / URL_FILE).unlink(missing_ok=True)
        if self._worker.exit_status is None and self._worker.process is not None:
            typer.echo("Stopping. Ctrl-C once more kills what still runs.", err=True)

        def hurry(seconds: float) -> bool:
            return self._stop.wait(seconds, beyond=begun)

        programs = [self._worker, self._reconciler, self._api]
        orderly = stop_all(programs, seconds=self._drain_seconds + _AFTER_DRAIN_SECONDS, hurry=hurry)
        return stop_all([self._redis], seconds=_REDIS_SECONDS, hurry=hurry) and orderly

    def _wait_for(self, program: Program, ready: Callable[[], bool]) -> None:
        """Until ``program`` is ready; raises ServiceError with its last words if it ends before."""
        end = time.monotonic() + _START_SECONDS
        while not ready():
            status = program.exit_status
            if status is not None or time.monotonic() > end:
                what = "is not ready yet" if status is None else f"has ended with status {status}"
                raise ServiceError(
                    f"{program.name} {what}: {program.last_words()}", remedy=f"See {program.log}."
                )
            if self._stop.wait(_LOOK_SECONDS):
                raise _StopRequested

    def _run_to_end(self, name: str, command: Sequence[str]) -> None:
        program = self._program(name, command)
        program.start()
        while program.exit_status is None:
            if self._stop.wait(_LOOK_SECONDS):
                program.send(signal.SIGTERM)
                raise _StopRequested
        if program.exit_status != 0:
            raise ServiceError(f"{name} failed: {program.last_words()}", remedy=f"See {program.log}.")

    def _is_ready(self) -> bool:
        return self._answer("/readyz") == httpx.codes.OK

    def _key_is_known(self) -> bool:
        """Whether the home's key opens this database; an older one may be left of another."""
        with suppress(FileNotFoundError):
            key = (self._home / KEY_FILE).read_text().strip()
            return self._answer("/jobs?limit=1", key) != httpx.codes.UNAUTHORIZED
        return False

    def _answer(self, path: str, key: str | None = None) -> int | None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            # Never through a proxy: the service is on this machine.
            with httpx.Client(trust_env=False, timeout=5.0) as client:
                return client.get(self._address.url + path, headers=headers).status_code
        except httpx.TransportError:
            return None

    def _program(self, name: str, command: Sequence[str]) -> Program:
        return Program(
            name=name,
            command=command,
            environment=self._environment,
            log=self._home / "logs" / f"{name}.log",
            say=lambda text: typer.echo(text, err=True),
        )


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _drain_seconds(given: str) -> float:
    """How long the worker takes to stop: its own default where nothing is ``given``."""
    try:
        seconds = float(given or _DRAIN_SECONDS)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ServiceError(
            f"{given!r} is no number of seconds.",
            field="WSMIS_DRAIN_SECONDS",
            remedy=f"Set it to 0 or more, or leave it out for {_DRAIN_SECONDS:g}.",
        )
    return seconds


def _data_root(root: Path) -> Path:
    path = root.expanduser().absolute()
    if not path.is_dir():
        raise ServiceError(
            f"{root} is not a folder.", field="--data-root", remedy="Name a folder that is there."
        )
    return path
