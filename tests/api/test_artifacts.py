from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from services.jobs import record, utc_now
from wsmis_core.spec import Manifest, PreviewEvent

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def job(world: World) -> str:
    """A job that has left an artifact."""
    job = str(world.submit(dataset=world.dataset()))
    world.run(job)
    return job


def test_the_manifest_lists_the_files(client: httpx.Client, job: str) -> None:
    manifest = Manifest.model_validate(client.get(f"/jobs/{job}/artifacts").json())
    assert [(file.path, file.size) for file in manifest.files] == [("weights.bin", 10)]
    assert manifest.job == job


def test_a_download_by_range(client: httpx.Client, job: str) -> None:
    whole = client.get(f"/artifacts/{job}/weights.bin")
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    part = client.get(f"/artifacts/{job}/weights.bin", headers={"Range": "bytes=4-"})
    assert (part.status_code, part.content) == (206, b"456789")
    assert part.headers["content-range"] == "bytes 4-9/10"
    assert part.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "missing.bin",
        "../../wsmis.db",
        "%2e%2e/%2e%2e/secret",
        "..%2f..%2fsecret",
        "%2fetc/passwd",
        "link",
        "folder",
        "a%00b",
        "",
    ],
)
def test_nothing_else_is_to_be_had(client: httpx.Client, job: str, world: World, path: str) -> None:
    folder = world.settings.artifact_folder(job)
    (world.settings.home / "secret").write_text("top secret")
    (folder / "link").symlink_to(world.settings.home / "secret")
    (folder / "folder").mkdir()
    answer = client.get(f"/artifacts/{job}/{path}")
    assert answer.status_code == 404
    assert "top secret" not in answer.text
    assert str(world.settings.home) not in answer.text


def test_a_name_too_long_for_a_file_is_not_there(client: httpx.Client, job: str) -> None:
    assert client.get(f"/artifacts/{job}/{'a' * 300}").status_code == 404


def test_an_artifact_appears_with_success(client: httpx.Client, world: World) -> None:
    job = world.submit(dataset=world.dataset())
    world.artifact(world.claim(job))  # in its place, and not yet accepted
    assert client.get(f"/jobs/{job}/artifacts").status_code == 404
    assert client.get(f"/artifacts/{job}/weights.bin").status_code == 404
    assert client.get("/artifacts/job_x/weights.bin").status_code == 404


def test_previews(client: httpx.Client, world: World) -> None:
    job = world.submit(dataset=world.dataset())
    claim = world.claim(job)
    folder = world.settings.attempt_folder(job, 1)
    (folder / "previews").mkdir(parents=True)
    (folder / "previews" / "a.png").write_bytes(PNG)
    (folder.parent / "secret.png").write_bytes(PNG)
    with world.database.writing() as session:
        record(
            session,
            claim,
            [
                PreviewEvent(time=utc_now(), path=path, caption=f"epoch {number}")
                for number, path in enumerate(["previews/a.png", "../secret.png"])
            ],
        )
    shown = client.get(f"/jobs/{job}/previews").json()
    assert [preview["caption"] for preview in shown] == ["epoch 0", "epoch 1"]
    picture = client.get(shown[0]["url"])
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    assert client.get(shown[1]["url"]).status_code == 404
    assert client.get(f"/jobs/{job}/previews/1").status_code == 404
