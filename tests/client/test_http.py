"""The client against services that stumble."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.client.errors import NoServiceError, RefusedError
from services.client.http import Client, Poll
from services.client.replies import Job


def test_no_service_is_told_with_the_address(unused_url: str) -> None:
    with Client(unused_url) as client, pytest.raises(NoServiceError) as told:
        client.job("job_1")
    assert unused_url in told.value.message
    assert "wsmis up" in (told.value.remedy or "")


def test_the_key_goes_along(service: Any) -> None:
    service.says("GET /jobs/job_1", {"id": "job_1"})
    with Client(service.url, "secret") as client:
        client.job("job_1")
    assert service.heard[0][1]["Authorization"] == "Bearer secret"


def test_a_get_is_tried_again_while_a_gateway_says_that_the_service_is_away(service: Any) -> None:
    replies = iter([(503, b""), (502, b""), (200, b'{"id": "job_1"}')])

    def answer(*_: object) -> tuple[int, dict[str, str], bytes]:
        status, body = next(replies)
        return status, {}, body

    service.answers["GET /jobs/job_1"] = answer
    with Client(service.url) as client:
        assert client.job("job_1")["id"] == "job_1"
    assert len(service.heard) == 3


def test_a_post_that_may_have_been_heard_is_not_said_twice(service: Any) -> None:
    service.cut_after = 0
    service.says("POST /jobs/job_1/retry", {})
    with Client(service.url) as client, pytest.raises(NoServiceError):
        client.retry("jobs", "job_1")
    assert len(service.heard) == 1


def test_a_submission_is_said_again_under_the_same_key(service: Any) -> None:
    service.cut_after = 0
    service.says("POST /jobs", {"id": "job_1"}, status=202)
    with Client(service.url) as client:
        assert client.submit({"stage": "predict"})["id"] == "job_1"
    first, second = (headers["Idempotency-Key"] for _, headers, _ in service.heard)
    assert first == second


def test_a_refusal_is_no_missing_service(service: Any) -> None:
    service.says("POST /jobs", {"detail": "no", "problems": []}, status=422)
    with Client(service.url) as client, pytest.raises(RefusedError) as told:
        client.submit({})
    assert told.value.status == 422


def test_a_failing_service_is_no_refusal(service: Any) -> None:
    service.says("GET /jobs/job_1", {}, status=500)
    with Client(service.url) as client, pytest.raises(NoServiceError):
        client.job("job_1")


def test_another_program_at_the_address_is_told(service: Any) -> None:
    service.answers["GET /jobs/job_1"] = lambda *_: (200, {}, b"<html>")
    with Client(service.url) as client, pytest.raises(NoServiceError, match="another program"):
        client.job("job_1")


def test_lists_are_read_page_by_page(service: Any) -> None:
    service.says("GET /datasets", {"items": [{"id": "ds_3"}, {"id": "ds_2"}], "next": "c/2"})
    service.says("GET /datasets?cursor=c%2F2", {"items": [{"id": "ds_1"}], "next": None})
    with Client(service.url) as client:
        assert [dataset["id"] for dataset in client.datasets()] == ["ds_3", "ds_2", "ds_1"]


def test_a_poll_of_what_has_not_changed_keeps_the_last_reply(service: Any) -> None:
    def answer(headers: Any, _body: bytes) -> tuple[int, dict[str, str], bytes]:
        if headers.get("If-None-Match") == '"7"':
            return 304, {}, b""
        return 200, {"ETag": '"7"'}, json.dumps({"id": "job_1", "status": "running"}).encode()

    service.answers["GET /jobs/job_1"] = answer
    with Client(service.url) as client:
        ask: Poll[Job] = Poll(client, "jobs", "job_1")
        first, second = ask(), ask()
    assert first["status"] == "running"
    assert second == first
    assert [headers.get("If-None-Match") for _, headers, _ in service.heard] == [None, '"7"']


def test_an_id_cannot_leave_its_place_in_the_path(service: Any) -> None:
    service.says("GET /jobs/..%2Fadmin%3Fx", {"detail": "no such job"}, status=404)
    with Client(service.url) as client, pytest.raises(RefusedError):
        client.job("../admin?x")
