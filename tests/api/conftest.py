"""The API on loopback, on a real database and a real Redis, and a client for each scope."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from services.api import make_app
from services.jobs import Database, Scope, Settings, make_key

MakeClient = Callable[..., httpx.Client]


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The URL of the API in a thread of its own."""
    ready = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    config = uvicorn.Config(
        make_app(settings), host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1
    )
    server = Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert ready.wait(30), "the API did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    """With a real Redis, and a limit that a test can reach."""
    return settings.model_copy(update={"redis_url": redis_url, "max_body_bytes": 10_000})


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    """Where the API listens."""
    with served(settings) as address:
        yield address


@pytest.fixture
def serve() -> Any:
    """For tests with settings of their own."""
    return served


@pytest.fixture
def make_client(database: Database) -> Iterator[MakeClient]:
    """Clients with keys of their own."""
    opened: list[httpx.Client] = []

    def client(url: str, scope: Scope = Scope.ADMIN) -> httpx.Client:
        with database.writing() as session:
            key = make_key(session, name=f"a {scope} key", scopes={scope})
        opened.append(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}))
        return opened[-1]

    yield client
    for one in opened:
        one.close()


@pytest.fixture
def client(url: str, make_client: MakeClient) -> httpx.Client:
    """A client that may do everything."""
    return make_client(url)
