"""The phantom: deterministic drawing, true masks, no shortcut beside the finding, and the files on disk."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from wsmis_core.data.phantom import FINDINGS, PhantomImage, draw, make_patient, write_siim
from wsmis_core.data.rle import decode_siim_rle

SIZE = 96
PATIENTS = 24


def drawn(number: int, *findings: str) -> PhantomImage:
    rng = np.random.default_rng([11, number])
    return draw(rng, make_patient(rng), size=SIZE, findings=findings)


def test_the_same_numbers_draw_the_same_image() -> None:
    assert np.array_equal(drawn(3, "pneumothorax").image, drawn(3, "pneumothorax").image)
    assert not np.array_equal(drawn(3).image, drawn(4).image)


@pytest.mark.parametrize("finding", sorted(FINDINGS))
def test_masks_hold_the_finding_and_nothing_else(finding: str) -> None:
    image = drawn(5, finding)
    assert image.image.shape == (SIZE, SIZE)
    assert image.image.dtype == np.uint8
    for name, mask in image.masks.items():
        assert mask.dtype == np.bool_
        assert mask.any() == (name == finding)
    assert not any(mask.any() for mask in drawn(5).masks.values())


def test_air_is_darker_and_fluid_brighter_than_lung() -> None:
    """The same chest with and without a finding differs inside the mask: darker by air, brighter by fluid."""
    differences: dict[str, list[float]] = {"pneumothorax": [], "effusion": []}
    for number in range(12):
        healthy = drawn(number).image.astype(float)
        for finding, found in differences.items():
            image = drawn(number, finding)
            mask = image.masks[finding]
            # Exposure differs between the two draws: compare with the image's own median.
            found.append(
                float(
                    image.image[mask].mean()
                    - np.median(image.image)
                    - healthy[mask].mean()
                    + np.median(healthy)
                )
            )
    assert np.mean(differences["pneumothorax"]) < -5
    assert np.mean(differences["effusion"]) > 5


def test_air_and_fluid_never_share_a_pixel() -> None:
    for number in range(12):
        masks = drawn(number, "pneumothorax", "effusion").masks
        assert not (masks["pneumothorax"] & masks["effusion"]).any()


def test_nothing_outside_the_chest_tells_the_label() -> None:
    """Corners, where markers and borders lie, are as bright with the finding as without it."""
    corners = {
        label: [
            float(drawn(number + 1000 * label, *["pneumothorax"] * label).image[:16, :16].mean())
            for number in range(60)
        ]
        for label in (0, 1)
    }
    spread = np.std(corners[0]) + np.std(corners[1])
    assert abs(np.mean(corners[0]) - np.mean(corners[1])) < 0.4 * spread


@pytest.fixture(scope="module")
def siim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("phantom")
    write_siim(root, patients=PATIENTS, seed=7, size=SIZE, positive_fraction=0.5)
    return root


def dicoms(root: Path) -> dict[str, Path]:
    return {path.stem: path for path in root.glob("dicom-images-train/*/*/*.dcm")}


def rle_rows(root: Path) -> list[tuple[str, str]]:
    header, *lines = (root / "train-rle.csv").read_text().splitlines()
    assert header == "ImageId, EncodedPixels"
    return [(line.split(",")[0], line.split(",")[1]) for line in lines]


def test_dicom_files_are_what_siim_holds(siim: Path) -> None:
    files = dicoms(siim)
    assert len(files) > PATIENTS, "some patients have two images"
    for uid, path in files.items():
        dataset = pydicom.dcmread(path)
        assert dataset.SOPInstanceUID == uid
        assert path.parts[-3:-1] == (dataset.StudyInstanceUID, dataset.SeriesInstanceUID)
        assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"
        assert dataset.PhotometricInterpretation == "MONOCHROME2"
        assert dataset.PatientSex in ("M", "F")
        assert dataset.ViewPosition in ("PA", "AP")
        assert dataset.pixel_array.shape == (SIZE, SIZE)
    patients = [pydicom.dcmread(path, stop_before_pixels=True).PatientID for path in files.values()]
    assert len(set(patients)) == PATIENTS


def test_rle_gives_back_the_masks(siim: Path) -> None:
    rows = rle_rows(siim)
    assert all(value.startswith(" ") for _, value in rows), "as published, a blank before every value"
    files = dicoms(siim)
    assert {uid for uid, _ in rows} - set(files), "a few rows have no file"
    assert set(files) - {uid for uid, _ in rows}, "a few files have no row"
    for uid in {uid for uid, _ in rows} & set(files):
        runs = [value.strip() for image_id, value in rows if image_id == uid]
        mask_file = siim / "masks" / "pneumothorax" / f"{uid}.png"
        assert mask_file.exists() == (runs != ["-1"])
        if mask_file.exists():
            union = np.logical_or.reduce([decode_siim_rle(run, (SIZE, SIZE)) for run in runs])
            np.testing.assert_array_equal(union, np.asarray(Image.open(mask_file)).astype(bool))


def test_labels_agree_with_masks(siim: Path) -> None:
    with (siim / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"file", "patient", *FINDINGS}
    for row in rows:
        assert (siim / row["file"]).exists()
        for finding in FINDINGS:
            mask = siim / "masks" / finding / f"{Path(row['file']).stem}.png"
            assert mask.exists() == (row[finding] == "1")


def test_the_same_seed_writes_the_same_bytes(siim: Path, tmp_path: Path) -> None:
    def digest(root: Path) -> dict[str, str]:
        return {
            str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    said: list[tuple[int, int]] = []
    images = write_siim(
        tmp_path / "again",
        patients=PATIENTS,
        seed=7,
        size=SIZE,
        positive_fraction=0.5,
        processes=2,
        progress=lambda done, total: said.append((done, total)),
    )
    assert said == [(done, images) for done in range(1, images + 1)]
    write_siim(tmp_path / "other", patients=PATIENTS, seed=8, size=SIZE, positive_fraction=0.5)
    assert digest(tmp_path / "again") == digest(siim)
    assert not set(digest(tmp_path / "other").values()) & set(digest(siim).values())
