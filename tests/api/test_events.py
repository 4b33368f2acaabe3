from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx

from services.jobs import record, started, succeed, utc_now
from wsmis_core.spec import LogEvent, MetricEvent

if TYPE_CHECKING:
    from tests.conftest import World

STREAM = {"Accept": "text/event-stream"}


def say(world: World, claim: Any, *messages: str) -> None:
    with world.database.writing() as session:
        record(session, claim, [LogEvent(time=utc_now(), level="info", message=text) for text in messages])


def received(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The events of a stream as they come."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield {"id": int(fields["id"]), "event": fields["event"], **json.loads(fields["data"])}
            fields = {}


def test_pages_of_events(client: httpx.Client, world: World) -> None:
    job = world.submit(dataset=world.dataset())
    say(world, world.claim(job), "a", "b", "c")
    first = client.get(f"/jobs/{job}/events", params={"limit": 3}).json()
    assert [event["seq"] for event in first["items"]] == [1, 2, 3]
    assert first["next"] == "3"
    last = client.get(f"/jobs/{job}/events", params={"cursor": first["next"]}).json()
    assert [event["payload"]["message"] for event in last["items"]] == ["b", "c"]
    assert last["next"] is None
    logs = client.get(f"/jobs/{job}/events", params={"type": "log"}).json()["items"]
    assert [event["seq"] for event in logs] == [3, 4, 5]
    assert logs[0]["attempt"] == 1
    assert client.get("/jobs/job_x/events").status_code == 404


def test_a_stream_tells_what_comes_and_ends_with_the_job(client: httpx.Client, world: World) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job)
    manifest = world.artifact(claim)
    with client.stream("GET", f"/jobs/{job}/events", headers=STREAM) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = received(response)
        assert [next(events)["payload"]["to"] for _ in range(2)] == ["queued", "starting"]
        say(world, claim, "while it streams")
        event = next(events)
        assert (event["id"], event["event"], event["payload"]["message"]) == (3, "log", "while it streams")
        with world.database.writing() as session:
            started(session, claim)
            succeed(session, claim, manifest)
        assert [event["payload"]["to"] for event in events] == ["running", "succeeded"]


def test_a_broken_stream_goes_on_where_it_was(client: httpx.Client, world: World) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job)
    say(world, claim, "a", "b")
    seen = []
    with client.stream("GET", f"/jobs/{job}/events", headers=STREAM) as response:
        for event in received(response):
            seen.append(event["id"])
            if event["id"] == 3:
                break
    say(world, claim, "c")
    with client.stream("GET", f"/jobs/{job}/events", headers={**STREAM, "Last-Event-ID": "3"}) as response:
        for event in received(response):
            seen.append(event["id"])
            if event["id"] == 5:
                break
    assert seen == [1, 2, 3, 4, 5]


def test_a_finished_stream_is_not_opened_again(client: httpx.Client, world: World) -> None:
    job = world.submit(dataset=world.dataset())
    world.run(job)
    with client.stream("GET", f"/jobs/{job}/events", headers=STREAM) as response:
        last = [event["id"] for event in received(response)][-1]
    again = client.get(f"/jobs/{job}/events", headers={**STREAM, "Last-Event-ID": str(last)})
    assert again.status_code == 204


def test_many_streams_at_once(client: httpx.Client, world: World) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job)
    heard: list[list[int]] = []
    opened = threading.Barrier(6)

    def listen() -> None:
        with client.stream("GET", f"/jobs/{job}/events", headers=STREAM) as response:
            events = received(response)
            first = next(events)["id"]
            opened.wait()
            heard.append([first, *(event["id"] for event in events)])

    threads = [threading.Thread(target=listen) for _ in range(5)]
    for thread in threads:
        thread.start()
    opened.wait()
    manifest = world.artifact(claim)
    with world.database.writing() as session:
        started(session, claim)
        succeed(session, claim, manifest)
    for thread in threads:
        thread.join()
    assert heard == [[1, 2, 3, 4]] * 5


def test_the_series_of_a_metric(client: httpx.Client, world: World) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job)
    with world.database.writing() as session:
        values = [(1, 4.0), (2, 3.0), (3, 2.0), (2, 2.5)]  # step 2 again, after a resume
        record(
            session,
            claim,
            [
                MetricEvent(time=utc_now(), step=step, epoch=0, values={"loss": loss, "lr": 0.1})
                for step, loss in values
            ],
        )
    answer = client.get(f"/jobs/{job}/metrics").json()
    assert answer["latest"] == {"loss": 2.5, "lr": 0.1}
    assert [(point["step"], point["value"]) for point in answer["series"]["loss"]] == [
        (1, 4.0),
        (2, 2.5),
        (3, 2.0),
    ]
    assert set(client.get(f"/jobs/{job}/metrics", params={"name": "lr"}).json()["series"]) == {"lr"}
