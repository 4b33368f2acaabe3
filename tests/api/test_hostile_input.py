"""Whatever is sent, the answer is never a 500."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.conftest import World

PATHS = ["/jobs", "/datasets", "/pipelines", "/jobs/{}", "/artifacts/{}/x", "/jobs/{}/previews/{}"]
DOCUMENTS = [
    "[" * 9000,
    '{"stage": "a\\u0000b"}',
    '{"stage": "predict", "name": "a\\u0000b"}',
    '"\\ud800"',
    '{"stage": "predict", "dataset": "\\ud800"}',
    '{"recipe": "smoke", "dataset": "chest", "params": {"\\ud800": {}}}',
    "null",
    "",
    "NaN",
]

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["train_classifier", "extract_cams", "predict", "smoke", "chest", "siim", "/data/x"])


def body(*fields: str) -> st.SearchStrategy[Any]:
    """Objects with some of the real fields, of any kind of value."""
    return st.dictionaries(st.sampled_from(fields) | st.text(max_size=4), NAMES | JSON, max_size=6)


@pytest.fixture
def chest(world: World) -> str:
    """So that requests get beyond the missing data set."""
    return world.dataset("chest")


@FUZZ
@pytest.mark.usefixtures("chest")
@given(
    post=st.one_of(
        st.tuples(
            st.just("/jobs"),
            body("stage", "dataset", "params", "inputs", "resources", "priority", "name", "max_attempts"),
        ),
        st.tuples(st.just("/pipelines"), body("recipe", "dataset", "params", "name", "priority")),
        st.tuples(st.just("/datasets"), body("name", "format", "root", "options")),
    )
)
def test_any_body(client: httpx.Client, post: tuple[str, Any]) -> None:
    path, said = post
    headers = {"Content-Type": "application/json"}
    answer = client.post(path, content=json.dumps(said), headers=headers)  # with NaN and lone surrogates
    assert answer.status_code in {202, 400, 409, 422}, answer.text


@FUZZ
@given(
    path=st.sampled_from(
        ["/jobs", "/datasets", "/pipelines", "/jobs/{}", "/artifacts/{}/x", "/jobs/{}/previews/{}"]
    ),
    value=st.text(max_size=12) | st.integers().map(str),
)
def test_any_path_and_query(client: httpx.Client, path: str, value: str) -> None:
    params = dict.fromkeys(["cursor", "limit", "stage", "dataset", "name", "pipeline", "status"], value)
    try:
        request = client.build_request("GET", path.format(value, value), params=params)
    except (httpx.InvalidURL, UnicodeEncodeError):
        return  # the client cannot even say it
    assert client.send(request).status_code < 500


@pytest.mark.parametrize("content", DOCUMENTS)
def test_odd_documents(client: httpx.Client, content: str) -> None:
    answer = client.post("/jobs", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("header", ["Range", "If-None-Match", "Last-Event-ID", "Idempotency-Key", "Accept"])
def test_odd_headers(client: httpx.Client, world: World, chest: str, header: str) -> None:
    job = world.submit(dataset=chest)
    for value in (b"9" * 30, "ü".encode("latin-1"), b"a,b;c", b"bytes=" + b"9" * 4301 + b"-", b"*"):
        headers = {header.encode(): value}
        for path in ("", "/logs", "/events", "/metrics"):
            assert client.get(f"/jobs/{job}{path}", headers=headers).status_code < 500
        body = {"stage": "train_classifier", "dataset": chest}
        assert client.post("/jobs", json=body, headers=headers).status_code < 500
