"""Downloads against broken connections and broken bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from services.client.download import download, downloaded_path
from services.client.http import Client
from wsmis_core.errors import ArtifactError
from wsmis_core.spec import FileEntry

BODY = bytes(range(256)) * 40


def entry(path: str = "maps/a b.npz", body: bytes = BODY) -> FileEntry:
    return FileEntry(path=path, size=len(body), sha256=hashlib.sha256(body).hexdigest())


def serve(service: Any, call: str, body: bytes = BODY, *, ranges: bool = True) -> None:
    def answer(headers: Any, _: bytes) -> tuple[int, dict[str, str], bytes]:
        asked = headers.get("Range")
        if asked and ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            return 206, {}, body[start:]
        return 200, {}, body

    service.answers[call] = answer


CALL = "GET /artifacts/job_1/maps/a%20b.npz"


def run(service: Any, folder: Path, wanted: FileEntry | None = None) -> tuple[list[Path], int]:
    told: list[int] = []
    with Client(service.url) as client:
        file = wanted or entry()
        paths = download(client, "job_1", {file: downloaded_path(folder, file.path)}, told=told.append)
    return paths, sum(told)


def ranges_asked(service: Any) -> list[str | None]:
    return [headers.get("Range") for _, headers, _ in service.heard]


def test_a_file_comes_whole(service: Any, tmp_path: Path) -> None:
    serve(service, CALL)
    paths, told = run(service, tmp_path)
    assert paths == [tmp_path / "maps" / "a b.npz"]
    assert paths[0].read_bytes() == BODY
    assert told == len(BODY)
    assert [file.name for file in paths[0].parent.iterdir()] == ["a b.npz"]


def test_a_connection_that_breaks_is_gone_on_with(service: Any, tmp_path: Path) -> None:
    serve(service, CALL)
    service.cut_after = 1000
    paths, told = run(service, tmp_path)
    assert paths[0].read_bytes() == BODY
    assert told == len(BODY)
    assert ranges_asked(service)[0] is None
    first, start = ranges_asked(service)[-1].removesuffix("-").split("=")  # type: ignore[union-attr]  # a second call was made
    assert first == "bytes"
    assert 0 < int(start) <= 1000


def test_a_later_call_goes_on_from_the_part(service: Any, tmp_path: Path) -> None:
    serve(service, CALL)
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "a b.npz.part").write_bytes(BODY[:300])
    paths, told = run(service, tmp_path)
    assert ranges_asked(service) == ["bytes=300-"]
    assert paths[0].read_bytes() == BODY
    assert told == len(BODY)


def test_a_service_without_ranges_sends_all_of_it_again(service: Any, tmp_path: Path) -> None:
    serve(service, CALL, ranges=False)
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "a b.npz.part").write_bytes(BODY[:300])
    paths, told = run(service, tmp_path)
    assert paths[0].read_bytes() == BODY
    assert told == len(BODY)


def test_a_file_that_is_there_is_not_fetched(service: Any, tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "a b.npz").write_bytes(BODY)
    run(service, tmp_path)
    assert service.heard == []


def test_an_empty_file(service: Any, tmp_path: Path) -> None:
    serve(service, CALL, b"")
    paths, _ = run(service, tmp_path, entry(body=b""))
    assert paths[0].read_bytes() == b""


@pytest.mark.parametrize("body", [BODY[::-1], BODY[:-5], BODY + b"more"])
def test_other_bytes_are_an_error_and_are_not_kept(service: Any, tmp_path: Path, body: bytes) -> None:
    serve(service, CALL, body)
    with pytest.raises(ArtifactError) as told:
        run(service, tmp_path)
    assert told.value.field == "maps/a b.npz"
    assert list((tmp_path / "maps").iterdir()) == []


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ""])
def test_a_manifest_s_path_stays_below_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(ArtifactError):
        downloaded_path(tmp_path, path)
