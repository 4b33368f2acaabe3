"""Verifying outputs and putting them in place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from services.worker.artifact import existing, place, verified
from wsmis_core.errors import ArtifactError


def write_output(folder: Path, **changes: Any) -> Path:
    """An output of one file; ``changes`` to its manifest's entry begin with `file_`."""
    folder.mkdir(parents=True)
    (folder / "sub").mkdir()
    (folder / "sub" / "model.bin").write_bytes(b"weights")
    entry = {"path": "sub/model.bin", "size": 7, "sha256": hashlib.sha256(b"weights").hexdigest()}
    for name, value in changes.items():
        if name.startswith("file_"):
            entry[name.removeprefix("file_")] = value
    manifest = {
        "job": "job_1",
        "stage": "train_classifier",
        "kind": "classifier",
        "created": "2026-01-02T03:04:05Z",
        "files": [entry],
        "lineage": {
            "params": {},
            "code": {"version": "0", "digest": "0" * 64, "torch": "2", "device": "cpu"},
        },
        "digest": "d" * 64,
        **{name: value for name, value in changes.items() if not name.startswith("file_")},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def check(folder: Path) -> None:
    verified(folder, job="job_1", stage="train_classifier", beat=lambda: None)


def test_a_whole_output_and_its_heartbeat(tmp_path: Path) -> None:
    beats: list[None] = []
    folder = write_output(tmp_path / "output")
    manifest = verified(folder, job="job_1", stage="train_classifier", beat=lambda: beats.append(None))
    assert manifest.digest == "d" * 64
    assert len(beats) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file_size": 8}, "its manifest says 8"),
        ({"file_sha256": "0" * 64}, "its manifest says 7 and 000000000000"),
        ({"file_path": "model.bin"}, "a file that is not there"),
        ({"file_path": "../outside.bin"}, "outside of its folder"),
        ({"file_path": "/etc/hostname"}, "outside of its folder"),
        ({"job": "job_2"}, "for job_2, not a classifier of train_classifier for job_1"),
        ({"kind": "cams"}, "the output is a cams"),
        ({"unknown": 1}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    (tmp_path / "outside.bin").write_bytes(b"weights")
    with pytest.raises(ArtifactError, match=message):
        check(write_output(tmp_path / "output", **changes))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_output(tmp_path / "output")
    (tmp_path / "outside.bin").write_bytes(b"weights")
    (folder / "sub" / "model.bin").unlink()
    (folder / "sub" / "model.bin").symlink_to(tmp_path / "outside.bin")
    with pytest.raises(ArtifactError, match="outside of its folder"):
        check(folder)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no manifest"):
        check(tmp_path)


def test_place_replaces_a_damaged_artifact(tmp_path: Path) -> None:
    artifact = write_output(tmp_path / "artifacts" / "job_1", file_size=8)
    look = {"job": "job_1", "stage": "train_classifier"}
    assert existing(artifact, **look, beat=lambda: None) is None
    place(write_output(tmp_path / "output"), artifact, beat=lambda: None)
    assert existing(artifact, **look, beat=lambda: None) is not None
    assert not (tmp_path / "output").exists()
