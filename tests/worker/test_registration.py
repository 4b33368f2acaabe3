"""Data sets on a disk, validated by the worker's own function."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset as DicomDataset
from pydicom import dcmread
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless

from services.jobs import DatasetRequest, DatasetStatus, claim_dataset, reconcile, register_dataset, utc_now
from services.jobs.tables import Dataset
from services.worker.registration import check_root, register
from wsmis_core.data import DatasetIndex
from wsmis_core.data.phantom import write_siim
from wsmis_core.errors import SpecError
from wsmis_core.spec import DatasetSpec

if TYPE_CHECKING:
    from tests.worker.conftest import Service

IMAGES = 12


class Sets:
    """Registered data sets, and their rows."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.roots = service.settings.data_roots[0]

    def folder(self, name: str) -> Path:
        """A folder of small images with every second one positive."""
        root = self.roots / name
        root.mkdir()
        rows = ["file,patient,Nodule"]
        for number in range(IMAGES):
            pixels = np.full((32, 32), 10 * number, np.uint8)
            Image.fromarray(pixels).save(root / f"{number}.png")
            rows.append(f"{number}.png,p{number},{number % 2}")
        (root / "labels.csv").write_text("\n".join(rows) + "\n")
        return root

    def add(self, root: Path) -> str:
        request = DatasetRequest(name=root.name, format="csv", root=str(root))
        with self.service.database.writing() as session:
            return register_dataset(session, request, self.service.settings).id

    def validate(self, dataset: str) -> Dataset:
        register(self.service.database, self.service.settings, dataset, draining=lambda: False)
        with self.service.database.reading() as session:
            return session.get_one(Dataset, dataset)


@pytest.fixture
def sets(service: Service) -> Iterator[Sets]:
    yield Sets(service)
    for folder in service.settings.data_roots[0].iterdir():
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)


def test_a_good_set_is_ready_with_its_index(sets: Sets) -> None:
    dataset = sets.add(sets.folder("good"))
    row = sets.validate(dataset)
    assert row.status is DatasetStatus.READY
    assert row.classes == ["Nodule"]
    assert row.counts["images"] == IMAGES
    assert row.labels == {"Nodule": IMAGES // 2}
    assert row.worker is None
    index = DatasetIndex.load(sets.service.settings.dataset_index(dataset))
    assert index.fingerprint == row.fingerprint


def test_a_broken_file_is_a_problem_and_stops_nothing(sets: Sets) -> None:
    root = sets.folder("broken_file")
    (root / "3.png").write_bytes(b"no picture")
    row = sets.validate(sets.add(root))
    assert row.status is DatasetStatus.READY
    assert row.counts["images"] == IMAGES - 1
    assert row.problems_total == len(row.problems)
    (problem,) = [problem for problem in row.problems if problem["file"] == "3.png"]
    assert problem["severity"] == "warning"


def test_dicom_files_that_cannot_be_decoded_are_named_and_stop_nothing(sets: Sets) -> None:
    root = sets.roots / "damaged"
    write_siim(root, patients=24, seed=5, size=64)
    files = sorted((root / "dicom-images-train").rglob("*.dcm"))
    wrong: dict[str, Callable[[DicomDataset], object]] = {
        "holds 2 frames": lambda dataset: setattr(dataset, "NumberOfFrames", 2),
        "holds no pixels": lambda dataset: delattr(dataset, "PixelData"),
        "lacks Columns": lambda dataset: delattr(dataset, "Columns"),
        "its header says 100 rows": lambda dataset: setattr(dataset, "Rows", 100),
        "(1.2.840.10008.1.2.4.100), is not supported": lambda dataset: setattr(
            dataset.file_meta, "TransferSyntaxUID", UID("1.2.840.10008.1.2.4.100")
        ),
        "jpeg_ls: ": lambda dataset: setattr(dataset.file_meta, "TransferSyntaxUID", JPEGLSLossless),
        "openjpeg: ": lambda dataset: setattr(dataset.file_meta, "TransferSyntaxUID", JPEG2000Lossless),
    }
    told = {}
    with (root / "train-rle.csv").open() as rows:
        named = {row.split(",")[0] for row in rows}
    for (said, change), path in zip(
        wrong.items(), (file for file in files if file.stem in named), strict=False
    ):
        dataset = dcmread(path)
        change(dataset)
        dataset.save_as(path)
        told[path.relative_to(root).as_posix()] = said
    cut = next(file for file in files[len(told) + 4 :] if file.stem in named)
    cut.write_bytes(cut.read_bytes()[:-700])
    told[cut.relative_to(root).as_posix()] = "DICOM file"

    request = DatasetRequest(name="damaged", format="siim", root=str(root))
    with sets.service.database.writing() as session:
        dataset_id = register_dataset(session, request, sets.service.settings).id
    row = sets.validate(dataset_id)
    assert row.status is DatasetStatus.READY
    found = {problem["file"]: problem for problem in row.problems}
    for file, said in told.items():
        assert said in found[file]["message"]
        assert found[file]["remedy"]
    index = DatasetIndex.load(sets.service.settings.dataset_index(dataset_id))
    assert len(index.samples) == len(named & {file.stem for file in files}) - len(told)


def test_a_set_of_which_nothing_can_be_made_is_invalid(sets: Sets) -> None:
    root = sets.folder("no_table")
    (root / "labels.csv").unlink()
    row = sets.validate(sets.add(root))
    assert row.status is DatasetStatus.INVALID
    assert row.problems[0]["severity"] == "error"
    assert row.problems[0]["remedy"]


def test_a_link_out_of_the_data_roots_is_refused(sets: Sets, tmp_path: Path) -> None:
    root = sets.folder("real")
    root.rename(tmp_path / "outside")
    (sets.roots / "link").symlink_to(tmp_path / "outside")
    row = sets.validate(sets.add(sets.roots / "link"))
    assert row.status is DatasetStatus.INVALID
    assert "below a data root" in row.problems[0]["message"]


def test_a_data_root_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk" / "chest").mkdir(parents=True)
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    check_root(str(tmp_path / "root" / "chest"), [tmp_path / "root"])
    with pytest.raises(SpecError, match="below a data root"):
        check_root(str(tmp_path), [tmp_path / "root"])


def test_a_fault_of_the_scan_is_told(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> DatasetIndex:
        raise ZeroDivisionError

    monkeypatch.setattr("services.worker.registration.scan", broken)
    row = sets.validate(sets.add(sets.folder("fault")))
    assert row.status is DatasetStatus.INVALID
    assert "ZeroDivisionError" in row.problems[0]["message"]


def test_one_that_another_worker_validates_is_left_alone(sets: Sets) -> None:
    dataset = sets.add(sets.folder("taken"))
    with sets.service.database.writing() as session:
        assert claim_dataset(session, dataset, worker="other", lease_seconds=30) is not None
    row = sets.validate(dataset)
    assert row.status is DatasetStatus.VALIDATING
    assert row.worker == "other"


def test_a_lost_claim_stops_the_scan(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker has it by now: this one notices, and nothing that it found is taken."""
    dataset = sets.add(sets.folder("lost"))

    def scan(_: DatasetSpec, *, progress: Callable[[int, int], None]) -> NoReturn:
        with sets.service.database.writing() as session:
            later = utc_now() + timedelta(minutes=1)
            reconcile(session, now=later, lease_seconds=2.0)
            assert claim_dataset(session, dataset, worker="other", lease_seconds=30) is not None
        while True:
            progress(1, 2)

    monkeypatch.setattr("services.worker.registration.scan", scan)
    row = sets.validate(dataset)
    assert row.status is DatasetStatus.VALIDATING
    assert row.worker == "other"


def test_a_drain_ends_the_scan(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = sets.add(sets.folder("drained"))

    def scan(_: DatasetSpec, *, progress: Callable[[int, int], None]) -> NoReturn:
        while True:
            progress(1, 2)

    monkeypatch.setattr("services.worker.registration.scan", scan)
    settings = sets.service.settings.model_copy(update={"drain_seconds": 0.0})
    register(sets.service.database, settings, dataset, draining=lambda: True)
    with sets.service.database.reading() as session:
        assert session.get_one(Dataset, dataset).status is DatasetStatus.VALIDATING
