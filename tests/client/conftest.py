"""A small HTTP service that does what a test tells it, faults included: the real one has none on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

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


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test finds this machine's service or key."""
    for name in ("WSMIS_URL", "WSMIS_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WSMIS_HOME", str(tmp_path_factory.mktemp("home")))
