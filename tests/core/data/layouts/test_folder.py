"""What is below a root and cannot be seen is told, not passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from wsmis_core.data import scan
from wsmis_core.data.layouts.folder import files_below, unseen
from wsmis_core.data.phantom import write_siim
from wsmis_core.spec import make_dataset_spec

NOBODY = 65534


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root sees everything; nobody does not."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that every user may enter."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_folder_that_cannot_be_read(root: Path) -> None:
    closed = root / "images" / "p7"
    closed.mkdir(parents=True)
    (closed / "a.png").touch()
    closed.chmod(0)
    with without_privileges():
        assert list(files_below(root, root, [".png"])) == []
        (problem,) = unseen(root)
    closed.chmod(0o755)
    assert (problem.file, problem.severity) == ("images/p7", "warning")
    assert "Permission denied" in problem.message
    assert list(unseen(root)) == []


def test_names_that_are_no_text_are_left_out_and_told(tmp_path: Path) -> None:
    write_siim(tmp_path, patients=12, seed=0, size=64)
    image = next(tmp_path.rglob("*.dcm")).read_bytes()
    for name in (b"caf\xe9/a.dcm", b"b\xff.dcm"):
        path = tmp_path / "dicom-images-train" / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(image)
    index = scan(make_dataset_spec("siim", tmp_path, {}))
    told = [problem.file for problem in index.problems if "not UTF-8" in problem.message]
    assert told == ["dicom-images-train/b\\xff.dcm", "dicom-images-train/caf\\xe9"]
    index.save(tmp_path / "index.json")  # which is UTF-8
    assert not any("\\x" in sample.file for sample in index.samples)
