"""What is below a root and cannot be seen is told, not passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from wsmis_core.data import scan
from wsmis_core.data.layouts.folder import existing_root, files_below, inside, unseen
from wsmis_core.data.phantom import write_siim
from wsmis_core.errors import DataError
from wsmis_core.spec import make_dataset_spec
from wsmis_core.text import is_text

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


@pytest.mark.parametrize("name", ["a\0b", "\udcff", "a" * 300])
def test_what_cannot_be_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be opened") as option:
        inside(tmp_path, name, option="options.images")
    with pytest.raises(DataError, match="cannot be opened") as root:
        existing_root(f"/tmp/{name}")
    assert [option.value.field, root.value.field] == ["options.images", "root"]
    assert is_text(f"{option.value}{root.value}")


def test_paths_by_other_ways_are_relative_to_the_root(tmp_path: Path) -> None:
    (tmp_path / "root/films").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "root")
    (tmp_path / "root/same").symlink_to(tmp_path / "root/films")
    root = existing_root(str(tmp_path / "link"))
    for name, known in (
        ("films", "films"),
        ("same", "same"),
        ("../root/films", "films"),
        (str(tmp_path / "root/films"), "films"),
        (str(tmp_path / "link/films"), "films"),
        (str(tmp_path / "link"), "."),
    ):
        assert inside(root, name, option="options.images") == root / known


def test_links_that_lead_nowhere_or_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "a.png").touch()
    (root / "out").symlink_to(tmp_path)
    (root / "loop.png").symlink_to(root / "loop.png")
    assert list(files_below(root, root, [".png"])) == ["loop.png"]
    assert list(files_below(root, root / "out", [".png"])) == []
    with pytest.raises(DataError, match="out lies outside of the root"):
        inside(root, "out", option="options.images")
