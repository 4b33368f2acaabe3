"""A manifest vouches for its files."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wsmis_core.errors import ArtifactError
from wsmis_core.spec import CodeRef, FileEntry, Lineage, Manifest, code_digest, read_manifest, verify_files


def make(folder: Path) -> Manifest:
    (folder / "a.txt").write_text("abc")
    manifest = Manifest(
        job="job",
        stage="predict",
        kind="predictions",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        files=(FileEntry(path="a.txt", size=3, sha256=hashlib.sha256(b"abc").hexdigest()),),
        lineage=Lineage(params={}, code=CodeRef(version="1", digest="d", torch="t", device="cpu")),
        digest="0",
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return manifest


def test_sound_files_pass(tmp_path: Path) -> None:
    made = make(tmp_path)
    assert read_manifest(tmp_path) == made
    verify_files(made, tmp_path)


@pytest.mark.parametrize(("content", "told"), [("abd", "SHA-256"), ("abcd", "3 bytes"), (None, "missing")])
def test_a_file_that_is_not_as_it_was_is_named(tmp_path: Path, content: str | None, told: str) -> None:
    made = make(tmp_path)
    if content is None:
        (tmp_path / "a.txt").unlink()
    else:
        (tmp_path / "a.txt").write_text(content)
    with pytest.raises(ArtifactError, match=told) as raised:
        verify_files(made, tmp_path)
    assert raised.value.field == str(tmp_path / "a.txt")


@pytest.mark.parametrize("text", [None, "{", "{}"])
def test_a_folder_without_a_sound_manifest_is_no_artifact(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises((ArtifactError,)):
        read_manifest(tmp_path)


def test_the_code_has_a_digest() -> None:
    assert len(code_digest()) == 64
