from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.conftest import World

PROBLEM = "application/problem+json"


def told(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "instance", "remedy", "problems"}
    assert problem["status"] == status
    assert isinstance(problem, dict)
    return problem


def test_every_refusal_is_a_problem(client: httpx.Client) -> None:
    assert told(client.get("/nothing"), 404)["type"] == "urn:wsmis:not-found"
    assert told(client.get("/jobs/job_x"), 404)["detail"] == "there is no job job_x."
    assert told(client.put("/jobs"), 405)["remedy"]
    broken = client.post("/jobs", content=b"{", headers={"Content-Type": "application/json"})
    assert told(broken, 400)["detail"] == "the body is not JSON."


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "stage"),
        ({"stage": "predict", "priorty": 1}, "priorty"),
        ({"stage": "predict", "priority": "high"}, "priority"),
        ({"stage": "predict", "max_attempts": 0}, "max_attempts"),
        ({"stage": "predict", "resources": {"gpus": -1}}, "resources.gpus"),
        ({"stage": "predict", "inputs": {"segmenter": 7}}, "inputs.segmenter"),
        ({"stage": "predct", "dataset": "x"}, "stage"),
    ],
)
def test_a_bad_body_names_the_field_and_the_remedy(client: httpx.Client, body: Any, field: str) -> None:
    problems = told(client.post("/jobs", json=body), 422)["problems"]
    assert any(problem["field"].startswith(field) for problem in problems), problems
    assert all(problem["message"] and problem["remedy"] for problem in problems)


def test_a_bad_query_names_the_field(client: httpx.Client) -> None:
    problem = told(client.get("/jobs", params={"limit": 0, "status": "done"}), 422)
    assert {told["field"].split(".")[0] for told in problem["problems"]} == {"limit", "status"}


def test_a_body_has_a_limit(client: httpx.Client) -> None:
    big = {"stage": "x" * 20_000}
    assert told(client.post("/jobs", json=big), 413)["remedy"]
    chunks = (b" " * 1000 for _ in range(20))  # without a Content-Length
    assert told(client.post("/jobs", content=chunks), 413)["detail"] == "the body has more than 10000 bytes."


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_bug_is_told_to_the_log_alone(
    serve: Any, settings: Any, make_client: Any, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    job = world.submit(dataset=world.dataset())
    world.run(job)
    (world.settings.artifact_folder(job) / "manifest.json").write_text("not JSON: secret")
    with serve(settings) as url:
        problem = told(make_client(url).get(f"/jobs/{job}/artifacts"), 500)
    assert "secret" not in str(problem)
    assert "Traceback" not in str(problem)
    assert "secret" in caplog.text


def test_a_database_without_schema_is_not_ready(tmp_path: Path, serve: Any, settings: Any) -> None:
    bare = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'bare.db'}"})
    with serve(bare) as url:
        answer = httpx.get(f"{url}/readyz")
        assert answer.status_code == 503
        assert "migrate" in answer.json()["database"]
        problem = told(httpx.get(f"{url}/jobs", headers={"X-API-Key": "wsmis_x_y"}), 503)
        assert problem["detail"] == "the database does not answer."


def test_a_redis_that_is_away_stops_no_submission(
    serve: Any, settings: Any, make_client: Any, world: World
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        lonely = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"})
        with serve(lonely) as url:
            client = make_client(url)
            assert client.get("/readyz").json()["redis"] == "does not answer"
            answer = client.post("/jobs", json={"stage": "train_classifier", "dataset": world.dataset()})
            assert answer.status_code == 202
            assert world.status(answer.json()["id"]) == "queued"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (
            "/datasets",
            r'{"name": "x", "format": "csv", "root": "/", "options": {"table": "\ud800"}}',
            "options.table",
        ),
        (
            "/datasets",
            r'{"name": "x", "format": "csv", "root": "/", "options": {"table": "a\u0000b"}}',
            "options.table",
        ),
        ("/jobs", r'{"stage": "predict", "params": {"files": ["/x/\ud800.png"]}}', "params.files.0"),
        ("/pipelines", r'{"recipe": "smoke", "dataset": "x", "params": {"\ud800": {}}}', "params"),
    ],
)
def test_text_that_cannot_be_stored_is_refused(
    client: httpx.Client, path: str, body: str, field: str
) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert told(answer, 422)["problems"][0]["field"] == field
    assert client.get(path).json()["items"] == []


def test_other_escapes_are_text(client: httpx.Client) -> None:
    body = r'{"stage": "predict", "name": "\ud83d\ude00 \u00e9 \\ud800"}'
    answer = client.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    assert "stored" not in told(answer, 422)["detail"]  # it lacks inputs, and that alone is told
