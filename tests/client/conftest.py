"""Two services: the real API, and a small one that stumbles where a test says so."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from services.client.command import app
from services.jobs import (
    Claim,
    Database,
    DatasetRequest,
    Findings,
    Settings,
    claim_dataset,
    claim_next,
    fail,
    finish_dataset,
    make_key,
    migrate,
    register_dataset,
    scopes_of,
    started,
    succeed,
)
from wsmis_core.spec import CATALOGUE, MANIFEST_FILE, CodeRef, Failure, FileEntry, Lineage, Manifest

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Scripted:
    """``answers``: "METHOD /path" -> a function of the request's headers and body; ``heard``: all calls."""

    url: str = ""
    answers: dict[str, Callable[[Any, bytes], Answer]] = field(default_factory=dict)
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    cut_after: int | None = None  # bytes of the next body after which the connection breaks, once

    def says(self, call: str, told: object, *, status: int = 200) -> None:
        self.answers[call] = lambda *_: (status, {}, json.dumps(told).encode())


@pytest.fixture
def service() -> Iterator[Scripted]:
    scripted = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = f"{self.command} {self.path}"
            scripted.heard.append((call, dict(self.headers), body))
            status, headers, reply = scripted.answers[call](self.headers, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(reply)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            cut, scripted.cut_after = scripted.cut_after, None
            self.wfile.write(reply[:cut])
            if cut is not None:
                self.close_connection = True

        do_GET = do_POST = answer  # noqa: N815 - the base class's names

        def log_message(self, *_: object) -> None:
            """Nothing: the tests look at `heard`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    yield scripted
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def unused_url() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test finds this machine's service or key."""
    for name in ("WSMIS_URL", "WSMIS_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WSMIS_HOME", str(tmp_path_factory.mktemp("home")))


@dataclass(frozen=True)
class RealService:
    """The real API on SQLite in its own process; the tests play the worker, by its own functions."""

    url: str
    key: str
    home: Path
    data: Path
    settings: Settings
    database: Database

    def dataset(self, name: str) -> str:
        """Registers and validates a data set; its id."""
        root = self.data / name
        root.mkdir()
        with self.database.writing() as session:
            request = DatasetRequest(name=name, format="siim", root=str(root))
            return self.validated(register_dataset(session, request, self.settings).id, session)

    def validated(self, dataset: str, session: Any, *, usable: bool = True) -> str:
        claim = claim_dataset(session, dataset, worker="w", lease_seconds=60)
        assert claim is not None
        problem = {
            "file": "a.dcm",
            "message": "it is cut off.",
            "remedy": "Copy it again.",
            "severity": "warning",
        }
        findings = Findings(
            usable=usable,
            classes=["pneumothorax"],
            counts={"images": 3},
            labels={"pneumothorax": 1},
            splits={"train": 2, "test": 1},
            has_masks=True,
            has_boxes=False,
            fingerprint="f" * 64,
            problems=[problem],
            problems_total=1,
        )
        finish_dataset(session, claim, findings)
        return dataset

    def claim(self, job: str) -> Claim:
        """Starts an attempt."""
        with self.database.writing() as session:
            claim = claim_next(session, worker="w", free_gpus=0, lease_seconds=60, job_id=job)
            assert claim is not None
            started(session, claim)
        folder = self.settings.attempt_folder(job, claim.attempt)
        folder.mkdir(parents=True)
        return claim

    def log(self, claim: Claim, text: str) -> None:
        with (self.settings.attempt_folder(claim.job, claim.attempt) / "log.txt").open("a") as file:
            file.write(text)

    def succeed(self, claim: Claim, files: Mapping[str, bytes] = MappingProxyType({})) -> Manifest:
        """Ends the attempt with an artifact of ``files``."""
        folder = self.settings.artifact_folder(claim.job)
        entries = []
        for path, body in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(body)
            entries.append(FileEntry(path=path, size=len(body), sha256=hashlib.sha256(body).hexdigest()))
        stage = next(known for known in CATALOGUE.values() if known.name == claim.stage)
        manifest = Manifest(
            job=claim.job,
            stage=stage.name,
            kind=stage.output,
            created=datetime(2026, 1, 2, tzinfo=UTC),
            files=tuple(entries),
            lineage=Lineage(params={}, code=CodeRef(version="0", digest="d", torch="2", device="cpu")),
            metrics={"val_f1": 0.5},
            digest="e" * 64,
        )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST_FILE).write_text(manifest.model_dump_json())
        with self.database.writing() as session:
            succeed(session, claim, manifest)
        return manifest

    def fail(self, claim: Claim) -> None:
        failure = Failure(reason="diverged", message="the loss is NaN.", remedy="Lower the rates.")
        with self.database.writing() as session:
            fail(session, claim, failure)


@pytest.fixture(scope="session")
def started_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealService]:
    home, data = tmp_path_factory.mktemp("service"), tmp_path_factory.mktemp("data")
    with socket.socket() as free, socket.socket() as no_redis:
        free.bind(("127.0.0.1", 0))
        no_redis.bind(("127.0.0.1", 0))
        port, redis_port = free.getsockname()[1], no_redis.getsockname()[1]
    ours = {
        "WSMIS_HOME": str(home),
        "WSMIS_DATA_ROOTS": str(data),
        "WSMIS_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WSMIS_")} | ours
    settings = Settings.from_environment(ours)
    database = Database(settings.database_url)
    migrate(database)
    with database.writing() as session:
        key = make_key(session, name="test", scopes=scopes_of("read,submit,admin"))
    command = [sys.executable, "-m", "services.api", "--port", str(port)]
    with (
        (home / "api.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(url, process, home / "api.log")
            yield RealService(url, key, home, data, settings, database)
        finally:
            process.terminate()
    database.close()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    transport = httpx.HTTPTransport(retries=7)  # half a second, doubled each time: 31 s
    with httpx.Client(transport=transport) as client:
        try:
            client.get(f"{url}/healthz")
        except httpx.ConnectError:
            raise AssertionError(f"no API, status {process.poll()}: {log.read_text()}") from None


@pytest.fixture
def real(started_service: RealService, monkeypatch: pytest.MonkeyPatch) -> RealService:
    """The real service, and the environment in which `wsmis` finds it."""
    monkeypatch.setenv("WSMIS_URL", started_service.url)
    monkeypatch.setenv("WSMIS_API_KEY", started_service.key)
    return started_service


@pytest.fixture
def wsmis() -> Any:
    """The command in this process: a call with the exit status that it is to end with."""
    runner = CliRunner()

    def call(*words: str, status: int = 0) -> Any:
        result = runner.invoke(app, list(words), catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result

    return call


@pytest.fixture
def dataset(real: RealService, request: pytest.FixtureRequest) -> str:
    """The name of a data set that is the test's own."""
    name = request.node.name.replace("[", "-").rstrip("]")
    real.dataset(name)
    return str(name)
