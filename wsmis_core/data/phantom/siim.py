"""A phantom data set on disk in the layout of SIIM-ACR Pneumothorax."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from wsmis_core.data.phantom.dicom_file import write_dicom
from wsmis_core.data.phantom.drawing import PhantomImage, draw
from wsmis_core.data.phantom.findings import FINDINGS
from wsmis_core.data.phantom.patient import Patient, make_patient
from wsmis_core.data.phantom.pool import each
from wsmis_core.data.phantom.uids import uid
from wsmis_core.data.rle import encode_siim_rle

FOLLOW_UP_RATE = 0.15  # patients with a second image
EFFUSION_RATE = 0.25
ROWS_WITHOUT_FILE = 3
FILES_WITHOUT_ROW = 3

IMAGES_FOLDER = "dicom-images-train"
RLE_FILE = "train-rle.csv"
LABELS_FILE = "labels.csv"


@dataclass(frozen=True)
class _Planned:
    """An image that is to be drawn: its number, its patient's, and what it shows."""

    number: int
    person: int
    findings: tuple[str, ...]


@dataclass(frozen=True)
class _Written:
    path: str
    uid: str
    patient_id: str
    image: PhantomImage


def write_siim(
    root: Path,
    *,
    patients: int,
    seed: int,
    size: int = 256,
    positive_fraction: float = 0.5,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write a phantom data set under `root` and return the number of DICOM files.

    The same arguments write the same bytes. `positive_fraction` of the images show a pneumothorax and a
    quarter of all, independently, an effusion. Beside the files of SIIM-ACR (`dicom-images-train`,
    `train-rle.csv`, where a few rows have no file and a few files no row) there are `labels.csv` (file,
    patient, a 0/1 column a finding), so that the folder serves as format `csv` too, and the true masks as
    `masks/<finding>/<SOPInstanceUID>.png` (0 and 255) of every image that shows the finding.

    `progress` is called with the images drawn and their number.
    """
    planned = _plan(patients, seed=seed, positive_fraction=positive_fraction)
    written: list[_Written] = []
    for item in each(partial(_write_image, root, seed=seed, size=size), planned, processes=processes):
        written.append(item)
        if progress is not None:
            progress(len(written), len(planned))
    labelled = written[:-FILES_WITHOUT_ROW] if len(written) > 2 * FILES_WITHOUT_ROW else written
    _write_rle(root, labelled, seed=seed)
    _write_labels(root, labelled)
    return len(written)


def _plan(patients: int, *, seed: int, positive_fraction: float) -> list[_Planned]:
    """Every image with its patient and its findings, with the exact share of each finding."""
    rng = np.random.default_rng([seed, 0])
    people = [person for person in range(patients) for _ in range(2 if rng.uniform() < FOLLOW_UP_RATE else 1)]
    shares = {"pneumothorax": positive_fraction, "effusion": EFFUSION_RATE}
    shown = {
        finding: set(rng.permutation(len(people))[: round(share * len(people))].tolist())
        for finding, share in shares.items()
    }
    return [
        _Planned(number, person, tuple(finding for finding in shares if number in shown[finding]))
        for number, person in enumerate(people)
    ]


def _write_image(root: Path, planned: _Planned, *, seed: int, size: int) -> _Written:
    number, person = planned.number, planned.person
    patient: Patient = make_patient(np.random.default_rng([seed, 1, person]))
    image = draw(np.random.default_rng([seed, 2, number]), patient, size=size, findings=planned.findings)
    study, series, instance = (uid(seed, kind, number) for kind in ("study", "series", "instance"))
    path = f"{IMAGES_FOLDER}/{study}/{series}/{instance}.dcm"
    patient_id = f"P{person:05d}"
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    write_dicom(
        root / path,
        image.image,
        study=study,
        series=series,
        instance=instance,
        patient_id=patient_id,
        sex=patient.sex,
        age=patient.age,
        view=image.view,
    )
    for finding, mask in image.masks.items():
        if mask.any():
            folder = root / "masks" / finding
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(folder / f"{instance}.png")
    return _Written(path=path, uid=instance, patient_id=patient_id, image=image)


def _write_rle(root: Path, labelled: Sequence[_Written], *, seed: int) -> None:
    """`train-rle.csv` as published: a blank before the second column's name and values, -1 for nothing."""
    rows = [
        (item.uid, runs)
        for item in labelled
        for runs in [encode_siim_rle(region) for region in item.image.regions["pneumothorax"]] or ["-1"]
    ]
    rows += [(uid(seed, "missing", number), "-1") for number in range(ROWS_WITHOUT_FILE)]
    lines = ["ImageId, EncodedPixels", *(f"{image_id}, {runs}" for image_id, runs in rows)]
    (root / RLE_FILE).write_text("\n".join(lines) + "\n", encoding="ascii")


def _write_labels(root: Path, labelled: Sequence[_Written]) -> None:
    with (root / LABELS_FILE).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "patient", *FINDINGS])
        for item in labelled:
            table.writerow(
                [item.path, item.patient_id, *(int(bool(item.image.regions[name])) for name in FINDINGS)]
            )
