"""The chest phantom in the layouts of other sets, as these are published."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from wsmis_core.data import read_image
from wsmis_core.metrics.boxes import region_boxes

__all__ = ["WRITERS", "write_chestxray14", "write_chexpert"]

NAMES = {"pneumothorax": "Pneumothorax", "effusion": "Effusion"}
CHEXPERT_NAMES = {"pneumothorax": "Pneumothorax", "effusion": "Pleural Effusion"}


def phantom_rows(root: Path) -> list[dict[str, str]]:
    with (root / "labels.csv").open() as file:
        return list(csv.DictReader(file))


def write_chestxray14(root: Path, phantom: Path) -> dict[str, Any]:
    """The phantom as ChestX-ray14 is published, its boxes those round its masks."""
    (root / "images").mkdir(parents=True)
    entries = ["Image Index,Finding Labels,Follow-up #,Patient ID"]
    boxes = ["Image Index,Finding Label,Bbox [x,y,w,h],,,"]
    lists: dict[str, list[str]] = {"train_val_list.txt": [], "test_list.txt": []}
    for number, row in enumerate(phantom_rows(phantom)):
        name = f"{number:08}_000.png"
        Image.fromarray(read_image(phantom / row["file"])).save(root / "images" / name)
        patient = int(row["patient"].removeprefix("P"))
        findings = [label for column, label in NAMES.items() if row[column] == "1"]
        entries.append(f"{name},{'|'.join(findings) or 'No Finding'},0,{patient}")
        lists["train_val_list.txt" if patient % 4 else "test_list.txt"].append(name)
        for column, label in NAMES.items():
            mask = phantom / "masks" / column / f"{Path(row['file']).stem}.png"
            if mask.exists():
                region = torch.from_numpy(np.asarray(Image.open(mask)) > 0)
                found = region_boxes(region).tolist()
                boxes += [f"{name},{label},{','.join(map(str, box))},,," for box in found]
    for file, names in lists.items():
        (root / file).write_text("\n".join(names) + "\n")
    (root / "Data_Entry_2017.csv").write_text("\n".join(entries) + "\n")
    (root / "BBox_List_2017.csv").write_text("\n".join(boxes) + "\n")
    return {"classes": list(NAMES.values()), "box_frame": 64}


def write_chexpert(root: Path, phantom: Path) -> dict[str, Any]:
    """The phantom as CheXpert is published; of every third image one label is uncertain, or not mentioned."""
    tables: dict[str, list[str]] = {
        name: [f"Path,Frontal/Lateral,{','.join(CHEXPERT_NAMES.values())}"] for name in ("train", "valid")
    }
    for number, row in enumerate(phantom_rows(phantom)):
        patient = int(row["patient"].removeprefix("P"))
        part = "train" if patient % 4 else "valid"
        file = f"{part}/patient{patient:05}/study{number}/view1_frontal.jpg"
        (root / file).parent.mkdir(parents=True)
        Image.fromarray(read_image(phantom / row["file"])).save(root / file, quality=95)
        cells = [f"{row[column]}.0" for column in CHEXPERT_NAMES]
        if part == "train" and number % 3 == 0:
            cells[number % 2] = ("-1.0", "")[number % 2]
        tables[part].append(f"CheXpert-v1.0-small/{file},Frontal,{','.join(cells)}")
    for name, lines in tables.items():
        (root / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return {"classes": list(CHEXPERT_NAMES.values()), "uncertain": "ignore", "blank": "ignore"}


WRITERS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "chestxray14": write_chestxray14,
    "chexpert": write_chexpert,
}
