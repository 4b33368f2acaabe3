"""The service's calls over HTTP, one method each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast
from urllib.parse import quote

import httpx

from services.client.errors import NoServiceError
from services.client.refusal import refusal
from services.client.replies import Dataset, Job, Page, Pipeline

__all__ = ["Client", "Poll"]

R = TypeVar("R")

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Seconds before each further try of a call that found no service.
PAUSES = (0.2, 0.5, 1.0)
# A gateway in front of the service says so while the service restarts.
AWAY = frozenset({502, 503, 504})


class Client:
    """A connection to one service. Every method raises RefusedError and NoServiceError.

    A call that reached nobody is tried again for about two seconds; one that may have been
    heard only where hearing it twice changes nothing.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self.url = url
        try:
            address = httpx.URL(url)
            # A proxy of the environment is for the world outside, not for this machine.
            outside = address.host not in LOOPBACK
            self._http = httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT, trust_env=outside)
        except httpx.InvalidURL as error:
            raise _no_service(url, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def datasets(self) -> Iterator[Dataset]:
        return self._listed("/datasets")

    def dataset(self, dataset: str) -> Dataset:
        return cast(Dataset, self._json("GET", _path("datasets", dataset)))

    def add_dataset(self, *, name: str, format: str, root: str, options: Mapping[str, Any]) -> Dataset:  # noqa: A002 - the API's own word
        body = {"name": name, "format": format, "root": root, "options": options}
        return cast(Dataset, self._json("POST", "/datasets", body=body))

    def jobs(self, **filters: str | None) -> Iterator[Job]:
        """Newest first; ``filters``: status, stage, pipeline, dataset."""
        return self._listed("/jobs", **filters)

    def job(self, job: str) -> Job:
        return cast(Job, self._json("GET", _path("jobs", job)))

    def submit(self, request: Mapping[str, Any]) -> Job:
        """POST /jobs; ``request`` as in DESIGN: stage, dataset, params, inputs, resources, ..."""
        return cast(Job, self._json("POST", "/jobs", body=request, once=True))

    def pipelines(self) -> Iterator[Pipeline]:
        return self._listed("/pipelines")

    def pipeline(self, pipeline: str) -> Pipeline:
        return cast(Pipeline, self._json("GET", _path("pipelines", pipeline)))

    def run(self, request: Mapping[str, Any]) -> Pipeline:
        """POST /pipelines; ``request``: recipe, dataset, params, min_score, name, priority."""
        return cast(Pipeline, self._json("POST", "/pipelines", body=request, once=True))

    def cancel(self, what: str, ident: str) -> Any:
        """Cancels; ``what`` is "jobs" or "pipelines"."""
        return self._json("POST", _path(what, ident, "cancel"))

    def retry(self, what: str, ident: str, *, min_score: Mapping[str, Any] | None = None) -> Any:
        """Queues what failed or was cancelled again; ``what`` is "jobs" or "pipelines".

        ``min_score`` is laid over the gates: {metric: least} of a job, {step: {metric: least}} of a pipeline.
        """
        return self._json("POST", _path(what, ident, "retry"), body={"min_score": min_score or {}})

    def manifest(self, job: str) -> dict[str, Any]:
        return cast(dict[str, Any], self._json("GET", _path("jobs", job, "artifacts")))

    def log(self, job: str, *, start: int = 0, attempt: int | None = None) -> bytes:
        """The log's bytes from ``start`` on; none where it is no longer than that."""
        params = {"attempt": attempt} if attempt else {}
        headers = {"Range": f"bytes={start}-", "Accept": "text/plain"}
        response = self._call("GET", _path("jobs", job, "logs"), params=params, headers=headers)
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return b""
        body = _accepted(response).content
        return body if response.status_code == httpx.codes.PARTIAL_CONTENT else body[start:]

    @contextmanager
    def file(self, job: str, path: str, *, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """A file of a job's artifact from byte ``start`` on, as (first byte that comes, chunks).

        The first byte is 0 where the service does not serve ranges.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        url = _path("artifacts", job, *path.split("/"))
        with self._telling(), self._http.stream("GET", url, headers=headers) as response:
            if response.is_error:
                response.read()
            _accepted(response)
            first = start if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
            yield first, response.iter_bytes()

    def poll(self, path: str, etag: str | None) -> tuple[Any, str | None]:
        """(JSON, its ETag), or (None, ``etag``) where nothing has changed since ``etag``."""
        response = self._call("GET", path, headers={"If-None-Match": etag} if etag else {})
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return None, etag
        return _decoded(response), response.headers.get("ETag")

    def _listed(self, path: str, **filters: str | None) -> Iterator[Any]:
        params = {name: value for name, value in filters.items() if value is not None}
        while True:
            page = cast(Page, self._json("GET", path, params=params))
            yield from page["items"]
            if page["next"] is None:
                return
            params["cursor"] = page["next"]

    def _json(
        self, method: str, path: str, *, body: object = None, once: bool = False, params: Any = None
    ) -> Any:
        """``once``: the call carries a key by which the service knows its repetition."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} if once else {}
        return _decoded(self._call(method, path, json=body, headers=headers, params=params, again=once))

    def _call(self, method: str, path: str, *, again: bool = False, **request: Any) -> httpx.Response:
        for pause in (*PAUSES, None):
            try:
                response = self._http.request(method, path, **request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if pause is None:  # else: it never left, and may be said again
                    raise _no_service(self.url, error) from None
            except httpx.HTTPError as error:
                if pause is None or (method != "GET" and not again):
                    raise _no_service(self.url, error) from None
            else:
                if pause is None or response.status_code not in AWAY or method != "GET":
                    return response
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise _no_service(self.url, error) from None


class Poll(Generic[R]):
    """Asks for one job, pipeline or data set again and again; an unchanged one costs a 304."""

    def __init__(self, client: Client, what: str, ident: str) -> None:
        self._client = client
        self._path = _path(what, ident)
        self._etag: str | None = None
        self._last: R | None = None

    def __call__(self) -> R:
        """What it is now."""
        fresh, self._etag = self._client.poll(self._path, self._etag)
        if fresh is not None:
            self._last = cast(R, fresh)
        assert self._last is not None, "a first reply is never a 304"
        return self._last


def _path(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _accepted(response: httpx.Response) -> httpx.Response:
    if not response.is_error:
        return response
    told = refusal(response.status_code, response.text)
    if response.is_server_error:
        raise NoServiceError(f"the service has failed: {told.message}", remedy=told.remedy)
    raise told


def _decoded(response: httpx.Response) -> Any:
    try:
        return _accepted(response).json()
    except ValueError:
        raise NoServiceError(
            f"what answers at {response.request.url} is another program.",
            remedy="Name the service with --url or WSMIS_URL.",
        ) from None


def _no_service(url: str, why: object) -> NoServiceError:
    return NoServiceError(
        f"no service answers at {url} ({why or type(why).__name__}).",
        remedy="Start one with `wsmis up`, or name another with --url or WSMIS_URL.",
    )
