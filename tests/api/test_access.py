from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from services.api import make_app
from services.jobs import Scope, Settings

if TYPE_CHECKING:
    from tests.conftest import World

PROBLEM = "application/problem+json"


def routes(settings: Settings) -> list[tuple[str, str]]:
    paths = make_app(settings).openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_the_probes_need_no_key(url: str) -> None:
    assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{url}/readyz").json() == {"status": "ready", "database": "ok", "redis": "ok"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("key", [None, "wsmis_x_y", ""])
def test_nothing_else_answers_without_a_key(url: str, settings: Settings, key: str | None) -> None:
    headers = {} if key is None else {"X-API-Key": key}
    asked = [
        *routes(settings),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/nothing"),
        ("PUT", "/jobs"),
    ]
    with httpx.Client(base_url=url, headers=headers) as client:
        for method, path in asked:
            if path in {"/healthz", "/readyz"}:
                continue
            answer = client.request(method, path, json={})
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == PROBLEM
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["remedy"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_key_that_may_only_read_changes_nothing(url: str, settings: Settings, make_client: Any) -> None:
    client = make_client(url, Scope.READ)
    for method, path in routes(settings):
        answer = client.request(method, path, json={"stage": "x"})
        if method == "GET":
            assert answer.status_code != 403, path
        elif path in {"/jobs", "/pipelines", "/datasets"}:
            assert answer.status_code in {403, 422}, path
        else:
            assert answer.status_code == 403, (method, path)
    complete = {"recipe": "smoke", "dataset": "x"}
    assert client.post("/pipelines", json=complete).status_code == 403
    assert client.post("/jobs", json={"stage": "x"}).status_code == 403
    answer = client.post("/datasets", json={"name": "x", "format": "siim", "root": "/data/x"})
    assert answer.status_code == 403
    assert answer.json()["remedy"] == "Use a key made with --scopes submit."


def test_forgetting_a_data_set_takes_an_admin(url: str, make_client: Any, world: World) -> None:
    dataset = world.dataset()
    assert make_client(url, Scope.SUBMIT).delete(f"/datasets/{dataset}").status_code == 403
    assert make_client(url, Scope.ADMIN).delete(f"/datasets/{dataset}").status_code == 204


def test_either_header_will_do(url: str, client: httpx.Client) -> None:
    key = client.headers["Authorization"].removeprefix("Bearer ")
    assert httpx.get(f"{url}/stages", headers={"X-API-Key": key}).status_code == 200
    assert httpx.get(f"{url}/stages", headers={"Authorization": f"bearer {key}"}).status_code == 200
    assert httpx.get(f"{url}/stages", headers={"Authorization": f"Basic {key}"}).status_code == 401


def test_the_document_and_the_root_answer_with_a_key(client: httpx.Client) -> None:
    assert client.get("/").json()["name"] == "WSMIS"
    assert client.get("/docs").status_code == 200
    document = client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]
    assert "/jobs/{job}/events" in document["paths"]
