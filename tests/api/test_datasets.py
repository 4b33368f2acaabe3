from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from services.jobs import make_queue

if TYPE_CHECKING:
    from tests.conftest import World

CHEST = {"name": "chest", "format": "siim", "root": "/data/chest", "options": {"rle": "rle.csv"}}


def test_a_registration_goes_to_a_worker(client: httpx.Client, settings: Any) -> None:
    answer = client.post("/datasets", json=CHEST)
    assert answer.status_code == 202
    dataset = answer.json()
    assert answer.headers["location"] == f"/datasets/{dataset['id']}"
    assert dataset["status"] == "validating"
    assert dataset["options"]["rle"] == "rle.csv"
    assert dataset["options"]["splits"] == {"val": 0.1, "test": 0.2, "seed": 0}
    queue = make_queue(settings)
    with queue.connection_for_read() as connection, connection.SimpleQueue("wsmis") as messages:
        message = messages.get(block=True, timeout=5)
        assert message.payload[0] == [dataset["id"]]
        message.ack()
    queue.close()


def test_what_the_validation_found(client: httpx.Client, world: World) -> None:
    ready, invalid = world.dataset("a"), world.dataset("b", usable=False)
    shown = client.get(f"/datasets/{ready}").json()
    assert shown["status"] == "ready"
    assert shown["splits"] == {"train": {"images": 2}, "val": {"images": 1}, "test": {"images": 1}}
    assert shown["created"].endswith("Z")
    assert client.get("/datasets/b").json()["problems"] == [
        {"file": "a.dcm", "message": "no pixels.", "remedy": None, "severity": "error"}
    ]
    assert [found["id"] for found in client.get("/datasets").json()["items"]] == [invalid, ready]
    assert [found["id"] for found in client.get("/datasets", params={"name": "a"}).json()["items"]] == [ready]


def test_a_poll_of_an_unchanged_data_set_costs_a_304(client: httpx.Client, world: World) -> None:
    dataset = world.dataset()
    etag = client.get(f"/datasets/{dataset}").headers["etag"]
    assert client.get(f"/datasets/{dataset}", headers={"If-None-Match": etag}).status_code == 304


def test_refusals(client: httpx.Client, world: World) -> None:
    assert client.post("/datasets", json={**CHEST, "root": "/etc"}).json()["problems"][0]["field"] == "root"
    assert client.post("/datasets", json={**CHEST, "name": "../x"}).json()["problems"][0]["field"] == "name"
    assert client.post("/datasets", json=CHEST).status_code == 202
    assert client.post("/datasets", json=CHEST).status_code == 409
    used = world.dataset("used")
    world.submit(dataset=used)
    assert client.delete(f"/datasets/{used}").status_code == 409
    assert client.delete("/datasets/nowhere").status_code == 404


def test_a_forgotten_data_set_leaves_no_index(client: httpx.Client, world: World) -> None:
    dataset = world.dataset()
    index = world.settings.dataset_index(dataset)
    index.parent.mkdir(parents=True)
    index.write_text("{}")
    assert client.delete(f"/datasets/{dataset}").status_code == 204
    assert not index.parent.exists()
    assert client.get(f"/datasets/{dataset}").status_code == 404
