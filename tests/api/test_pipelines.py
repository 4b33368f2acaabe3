from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.conftest import World

SMOKE = {"recipe": "smoke", "dataset": "chest", "name": "night"}


def run_all(world: World, client: httpx.Client, pipeline: str) -> None:
    while "queued" in {job["status"] for job in client.get(f"/pipelines/{pipeline}").json()["jobs"]}:
        world.run()


def test_a_pipeline_from_start_to_end(client: httpx.Client, world: World) -> None:
    dataset = world.dataset()
    answer = client.post("/pipelines", json={**SMOKE, "params": {"*": {"seed": 3}}})
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/pipelines/{made['id']}"
    assert (made["status"], made["dataset"], made["recipe"]) == ("running", dataset, "smoke")
    assert made["jobs"][0]["step"] == "train_classifier"
    assert all(job["pipelines"] == [made["id"]] for job in made["jobs"])
    assert len(client.get("/jobs", params={"pipeline": made["id"]}).json()["items"]) == 9
    run_all(world, client, made["id"])
    assert client.get(f"/pipelines/{made['id']}").json()["status"] == "succeeded"
    again = client.post("/pipelines", json={**SMOKE, "params": {"*": {"seed": 3}}}).json()
    assert again["status"] == "succeeded"
    assert all(job["cached"] for job in again["jobs"])
    assert again["jobs"][0]["pipelines"] == [made["id"], again["id"]]
    assert [one["id"] for one in client.get("/pipelines").json()["items"]] == [again["id"], made["id"]]


def test_cancel_and_retry(client: httpx.Client, world: World) -> None:
    world.dataset()
    pipeline = client.post("/pipelines", json=SMOKE).json()["id"]
    assert client.post(f"/pipelines/{pipeline}/retry").status_code == 409
    assert client.post(f"/pipelines/{pipeline}/cancel").json()["status"] == "cancelled"
    assert client.post(f"/pipelines/{pipeline}/cancel").status_code == 409
    assert client.post(f"/pipelines/{pipeline}/retry").json()["status"] == "running"
    run_all(world, client, pipeline)
    assert client.get(f"/pipelines/{pipeline}").json()["status"] == "succeeded"


def test_its_jobs_are_deleted_after_it(client: httpx.Client, world: World) -> None:
    world.dataset()
    key = {"Idempotency-Key": "once"}
    made = client.post("/pipelines", json=SMOKE, headers=key).json()
    assert client.delete(f"/pipelines/{made['id']}").status_code == 409  # it has not ended
    client.post(f"/pipelines/{made['id']}/cancel")
    last = made["jobs"][-1]["id"]
    refused = client.delete(f"/jobs/{last}")
    assert refused.status_code == 409
    assert made["id"] in refused.json()["detail"]
    assert client.get(f"/pipelines/{made['id']}").json()["status"] == "cancelled"
    assert client.delete(f"/pipelines/{made['id']}").status_code == 204
    assert client.get(f"/pipelines/{made['id']}").status_code == 404
    assert client.delete(f"/jobs/{last}").status_code == 204
    again = client.post("/pipelines", json=SMOKE, headers=key)  # what the key made is gone
    assert (again.status_code, again.json()["id"] == made["id"]) == (202, False)


def test_a_pipeline_that_its_gate_has_stopped_says_why(client: httpx.Client, world: World) -> None:
    world.dataset()
    answer = client.post("/pipelines", json={**SMOKE, "min_score": {"train_classifier": {"val_f1": 0.6}}})
    made = answer.json()
    assert (made["min_score"], made["failure"]) == ({"train_classifier": {"val_f1": 0.6}}, None)
    assert made["jobs"][0]["min_score"] == {"val_f1": 0.6}
    run_all(world, client, made["id"])
    stopped = client.get(f"/pipelines/{made['id']}").json()
    classifier = stopped["jobs"][0]
    assert (stopped["status"], classifier["status"]) == ("failed", "failed")
    assert stopped["failure"]["step"] == "train_classifier"
    assert stopped["failure"]["job"] == classifier["id"]
    assert stopped["failure"]["reason"] == "below_min_score"
    assert stopped["failure"]["message"] == "val_f1 is 0.5, below the min_score of 0.6."
    assert classifier["artifact"]["bytes"] == 10
    assert client.get(f"/artifacts/{classifier['id']}/weights.bin").content == b"0123456789"
    refused = client.post(f"/jobs/{classifier['id']}/retry")
    assert refused.status_code == 409
    assert refused.json()["problems"][0]["field"] == "min_score.val_f1"
    path = f"/pipelines/{made['id']}/retry"
    assert client.post(path, json={"min_score": {"predict": {"val_f1": "x"}}}).status_code == 422
    assert client.post(path, json={"min_score": {"train_classifier": {"val_f1": 0.5}}}).status_code == 202
    run_all(world, client, made["id"])
    assert client.get(f"/pipelines/{made['id']}").json()["status"] == "succeeded"


@pytest.mark.parametrize("metric", ["", " f1", "val_f1=2"])
def test_a_metric_s_name_has_a_form(client: httpx.Client, world: World, metric: str) -> None:
    world.dataset()
    answer = client.post("/pipelines", json={**SMOKE, "min_score": {"train_classifier": {metric: 0.6}}})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"].startswith("min_score.train_classifier.")


def test_polls_and_repeats_are_cheap(client: httpx.Client, world: World) -> None:
    world.dataset()
    headers = {"Idempotency-Key": "p"}
    first = client.post("/pipelines", json=SMOKE, headers=headers).json()
    assert client.post("/pipelines", json=SMOKE, headers=headers).json()["id"] == first["id"]
    assert client.post("/pipelines", json={**SMOKE, "name": "day"}, headers=headers).status_code == 409
    path = f"/pipelines/{first['id']}"
    etag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    world.claim()
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_a_refused_pipeline_leaves_nothing(client: httpx.Client, world: World) -> None:
    world.dataset()
    answer = client.post("/pipelines", json={**SMOKE, "params": {"train_irnet": {"epoch": 3}}})
    assert answer.status_code == 422
    assert answer.json()["problems"] == [
        {
            "field": "params.train_irnet.epoch",
            "message": "no such field.",
            "remedy": "Take it out, or correct its name.",
        }
    ]
    assert client.get("/pipelines").json()["items"] == client.get("/jobs").json()["items"] == []
    assert client.get("/pipelines/pl_x").status_code == 404
