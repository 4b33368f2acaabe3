from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from services.jobs import release

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TEXT = b"epoch 1\nepoch 2\nepoch 3\n"


@pytest.fixture
def job(world: World) -> str:
    """A job whose first attempt was given back and whose second one prints."""
    job = str(world.submit(dataset=world.dataset()))
    with world.database.writing() as session:
        release(session, world.claim(job))
    world.claim(job)
    for attempt, text in ((1, b"the first\n"), (2, TEXT)):
        folder = world.settings.attempt_folder(job, attempt)
        folder.mkdir(parents=True)
        (folder / "log.txt").write_bytes(text)
    return job


def test_the_latest_attempt_or_the_one_asked_for(client: httpx.Client, job: str) -> None:
    answer = client.get(f"/jobs/{job}/logs")
    assert (answer.content, answer.headers["x-log-size"]) == (TEXT, "24")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert client.get(f"/jobs/{job}/logs", params={"attempt": 1}).text == "the first\n"
    assert client.get(f"/jobs/{job}/logs", params={"attempt": 3}).status_code == 404


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"offset": 8}, TEXT[8:]),
        ({"limit": 7}, TEXT[:7]),
        ({"offset": 8, "limit": 7}, b"epoch 2"),
        ({"offset": 99}, b""),
    ],
)
def test_by_offset_and_limit(client: httpx.Client, job: str, params: dict[str, int], expected: bytes) -> None:
    answer = client.get(f"/jobs/{job}/logs", params=params)
    assert (answer.status_code, answer.content) == (200, expected)


@pytest.mark.parametrize(
    ("wanted", "content", "expected"),
    [
        ("bytes=0-6", "bytes 0-6/24", TEXT[:7]),
        ("bytes=16-", "bytes 16-23/24", TEXT[16:]),
        ("bytes=-8", "bytes 16-23/24", TEXT[16:]),
        ("bytes=20-99", "bytes 20-23/24", TEXT[20:]),
    ],
)
def test_by_range(client: httpx.Client, job: str, wanted: str, content: str, expected: bytes) -> None:
    answer = client.get(f"/jobs/{job}/logs", headers={"Range": wanted})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == content
    assert answer.content == expected


def test_a_range_behind_the_end_waits_for_more(client: httpx.Client, job: str, world: World) -> None:
    answer = client.get(f"/jobs/{job}/logs", headers={"Range": "bytes=24-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */24")
    with (world.settings.attempt_folder(job, 2) / "log.txt").open("ab") as log:
        log.write(b"epoch 4\n")
    answer = client.get(f"/jobs/{job}/logs", headers={"Range": "bytes=24-"})
    assert (answer.status_code, answer.content) == (206, b"epoch 4\n")


@pytest.mark.parametrize("wanted", ["lines=1-2", "bytes=9-2", "bytes=0-1,4-5", "bytes=x"])
def test_a_range_that_makes_no_sense_is_the_whole(client: httpx.Client, job: str, wanted: str) -> None:
    answer = client.get(f"/jobs/{job}/logs", headers={"Range": wanted})
    assert answer.content == TEXT


def test_a_job_that_never_ran_has_an_empty_log(client: httpx.Client, world: World) -> None:
    job = world.submit(dataset=world.dataset())
    answer = client.get(f"/jobs/{job}/logs")
    assert (answer.status_code, answer.content) == (200, b"")
