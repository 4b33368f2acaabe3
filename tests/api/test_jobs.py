from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx

from services.jobs import cancel, fail, lock_job, record, renew, utc_now
from wsmis_core.spec import Failure, ProgressEvent

if TYPE_CHECKING:
    from tests.conftest import World

CLASSIFIER = {"stage": "train_classifier", "params": {"epochs": 3}}


def submit(client: httpx.Client, dataset: str, **request: Any) -> dict[str, Any]:
    answer = client.post("/jobs", json={**CLASSIFIER, "dataset": dataset, **request})
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert isinstance(made, dict)
    return made


def test_a_job_is_stored_queued_and_shown(client: httpx.Client, world: World) -> None:
    dataset = world.dataset()
    answer = client.post("/jobs", json={**CLASSIFIER, "dataset": "chest", "name": "first"})
    job = answer.json()
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    assert (job["status"], job["dataset"], job["name"]) == ("queued", dataset, "first")
    assert job["params"]["batch_size"] == 16
    assert job["resources"] == {"gpus": "auto", "processes": None}
    assert job["created"].endswith("Z")
    assert client.get(f"/jobs/{job['id']}").json() == job


def test_the_life_of_a_job(client: httpx.Client, world: World) -> None:
    job = submit(client, world.dataset())["id"]
    claim = world.claim(job)
    with world.database.writing() as session:
        said = ProgressEvent(time=utc_now(), phase="train", done=1, total=3, unit="epoch", eta_seconds=4.0)
        record(session, claim, [said])
        fail(session, claim, Failure(reason="crashed", message="exit 1.", retryable=True))
    world.run(job)
    shown = client.get(f"/jobs/{job}").json()
    assert shown["status"] == "succeeded"
    assert shown["artifact"] == {"kind": "classifier", "digest": "d" * 64, "bytes": 10}
    assert shown["metrics"] == {"val_f1": 0.5, "val_iou": 0.5}
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["failed", "succeeded"]
    assert shown["attempts"][0]["failure"]["reason"] == "crashed"
    assert shown["attempts"][0]["progress"]["done"] == 1
    assert shown["failure"] is None
    assert shown["seconds"] >= 0
    assert shown["started"] < shown["finished"]


def test_a_poll_of_an_unchanged_job_costs_a_304(client: httpx.Client, world: World) -> None:
    job = submit(client, world.dataset())["id"]
    claim = world.claim(job)
    etag = client.get(f"/jobs/{job}").headers["etag"]
    with world.database.writing() as session:
        renew(session, claim, 60)  # of no concern to who polls
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = client.get(f"/jobs/{job}", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    with world.database.writing() as session:
        record(session, claim, [ProgressEvent(time=utc_now(), phase="train", done=1, total=3, unit="epoch")])
    assert client.get(f"/jobs/{job}", headers={"If-None-Match": etag}).json()["progress"]["done"] == 1


def test_a_dry_run_validates_and_stores_nothing(client: httpx.Client, world: World) -> None:
    dataset = world.dataset()
    answer = client.post("/jobs", params={"dry_run": True}, json={**CLASSIFIER, "dataset": "chest"})
    assert answer.status_code == 200
    assert answer.json()["dataset"] == dataset
    assert answer.json()["params"]["epochs"] == 3
    refused = client.post(
        "/jobs", params={"dry_run": True}, json={"stage": "extract_cams", "dataset": "chest"}
    )
    assert refused.status_code == 422
    assert refused.json()["problems"][0] == {
        "field": "inputs.classifier",
        "message": "extract_cams needs this input.",
        "remedy": "Give the id of a job that makes classifier (train_classifier).",
    }
    assert client.get("/jobs").json() == {"items": [], "next": None}


def test_pages_are_newest_first_and_miss_nothing(client: httpx.Client, world: World) -> None:
    dataset = world.dataset()
    jobs = [world.submit(dataset=dataset) for _ in range(5)]
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = client.get("/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        world.submit(dataset=dataset)  # what comes later does not shift the pages
        seen += [job["id"] for job in page["items"]]
        cursor = page["next"]
    assert seen == jobs[::-1]
    assert cursor is None


def test_filters(client: httpx.Client, world: World) -> None:
    here, there = world.dataset("here"), world.dataset("there")
    classifier, cams, labels = world.chain(here)
    other = world.submit(dataset=there)

    def found(**filters: Any) -> set[str]:
        return {job["id"] for job in client.get("/jobs", params=filters).json()["items"]}

    assert found(dataset="here") == found(dataset=here) == {classifier, cams, labels}
    assert found(stage="train_classifier") == {classifier, other}
    assert found(status="waiting") == {cams, labels}
    assert found(status=["waiting", "queued"], dataset=here) == {classifier, cams, labels}
    assert found(pipeline="pl_none") == set()


def test_cancel_retry_delete(client: httpx.Client, world: World) -> None:
    job = submit(client, world.dataset())["id"]
    assert client.delete(f"/jobs/{job}").status_code == 409
    assert client.post(f"/jobs/{job}/retry").status_code == 409
    assert client.post(f"/jobs/{job}/cancel").json()["status"] == "cancelled"
    assert client.post(f"/jobs/{job}/cancel").status_code == 409
    answer = client.post(f"/jobs/{job}/retry")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    world.claim(job)
    assert client.post(f"/jobs/{job}/cancel").json()["status"] == "cancelling"
    assert client.post(f"/jobs/{job}/cancel").json()["status"] == "cancelling"
    assert client.post("/jobs/job_x/cancel").status_code == 404


def test_a_deleted_job_leaves_no_file(client: httpx.Client, world: World) -> None:
    dataset = world.dataset()
    classifier = world.submit(dataset=dataset)
    world.run(classifier)
    log = world.settings.attempt_folder(classifier, 1) / "log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("hello")
    cams = world.submit("extract_cams", dataset=dataset, inputs={"classifier": classifier})
    with world.database.writing() as session:
        cancel(session, lock_job(session, cams))
    refused = client.delete(f"/jobs/{classifier}")
    assert refused.status_code == 409
    assert cams in refused.json()["detail"]
    assert client.delete(f"/jobs/{cams}").status_code == 204
    assert client.delete(f"/jobs/{classifier}").status_code == 204
    assert not world.settings.run_folder(classifier).exists()
    assert not world.settings.artifact_folder(classifier).exists()
    assert client.get(f"/jobs/{classifier}").status_code == 404


def test_the_same_key_gives_the_same_job(client: httpx.Client, world: World) -> None:
    body = {**CLASSIFIER, "dataset": world.dataset()}
    headers = {"Idempotency-Key": "run-1"}
    first = client.post("/jobs", json=body, headers=headers)
    again = client.post("/jobs", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    refused = client.post("/jobs", json={**body, "priority": 1}, headers=headers)
    assert refused.status_code == 409
    assert refused.json()["problems"][0]["field"] == "Idempotency-Key"
    assert client.post("/jobs", json=body, headers={"Idempotency-Key": ""}).status_code == 422


def test_the_same_key_at_the_same_time_gives_one_job(client: httpx.Client, world: World) -> None:
    body = {**CLASSIFIER, "dataset": world.dataset()}

    def post(_: int) -> str:
        answer = client.post("/jobs", json=body, headers={"Idempotency-Key": "race"})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(post, range(6)))) == 1
    assert len(client.get("/jobs").json()["items"]) == 1


def test_keys_of_two_callers_are_apart(url: str, make_client: Any, world: World) -> None:
    body = {**CLASSIFIER, "dataset": world.dataset()}
    made = {
        make_client(url).post("/jobs", json=body, headers={"Idempotency-Key": "k"}).json()["id"]
        for _ in range(2)
    }
    assert len(made) == 2
