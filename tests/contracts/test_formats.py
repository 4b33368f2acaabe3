"""Every format of data sets, registered and put through stages; and the whole way with several classes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wsmis_core.data import DatasetIndex
from wsmis_core.data.phantom.shapes import KINDS, write_voc

SMALL = {"image_size": 64, "normalisation": "per_image", "augmentation": "none"}
CLASSIFIER = {**SMALL, "arch": "resnet_small", "dropblock": None, "batch_size": 8, "max_steps": 2}
SEGMENTER = {**SMALL, "encoder": "resnet_small", "weights": "none", "batch_size": 8, "max_steps": 2}
VOID = 255


@pytest.fixture(scope="module")
def shapes_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom of 24 pictures of shapes at 64 pixels in VOC's layout, which nobody writes to."""
    root = tmp_path_factory.mktemp("shapes")
    write_voc(root, images=24, seed=1, size=64)
    return root


@dataclass(frozen=True)
class Roots:
    """Where the phantoms lie, and a folder for what is made of them."""

    chest: Path
    shapes: Path
    made: Path


@pytest.fixture(scope="module")
def roots(chest_root: Path, shapes_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Roots:
    return Roots(chest_root, shapes_root, tmp_path_factory.mktemp("made"))


def _siim(roots: Roots) -> dict[str, Any]:
    return {"format": "siim", "root": str(roots.chest)}


def _csv(roots: Roots) -> dict[str, Any]:
    return {"format": "csv", "root": str(roots.chest), "options": {"masks": "masks"}}


def _voc2012(roots: Roots) -> dict[str, Any]:
    return {"format": "voc2012", "root": str(roots.shapes), "options": {"classes": list(KINDS)}}


def _wsmis_csv(roots: Roots) -> dict[str, Any]:
    """The chest phantom as WSMIS's training code wants it."""
    folder = roots.made / "csv"
    folder.mkdir()
    rows = ["name,label"]
    for path in (roots.chest / "dicom-images-train").rglob("*.dcm"):
        mask = roots.chest / "masks/pneumothorax" / f"{path.stem}.png"
        rows.append(f"{path.stem},{int(mask.exists())}")
        shutil.copy(path, folder)
    shutil.copytree(roots.chest / "masks/pneumothorax", folder / "masks")
    (folder / "train.csv").write_text("\n".join(rows))
    return {"format": "wsmis", "root": str(folder)}


def _wsmis_json(roots: Roots) -> dict[str, Any]:
    """The shapes as WSMIS's training code wants them."""
    folder = roots.made / "json"
    shutil.copytree(roots.shapes / "JPEGImages", folder / "images")
    shutil.copytree(roots.shapes / "SegmentationClass", folder / "segmentation")
    numbers = {"background": 0, **{name: number for number, name in enumerate(KINDS, start=1)}}
    (folder / "class_to_index.json").write_text(json.dumps(numbers))
    entries = []
    for path in sorted((folder / "segmentation").glob("*.png")):
        there = set(np.unique(np.asarray(Image.open(path))).tolist())
        classes = [name for name, number in numbers.items() if number and number in there]
        entries.append({"image": path.stem, "classes": classes})
    (folder / "train.json").write_text(json.dumps({"train": entries[:10], "trainaug": entries[10:]}))
    return {"format": "wsmis", "root": str(folder)}


DATASETS: dict[str, Callable[[Roots], dict[str, Any]]] = {
    "siim": _siim,
    "csv": _csv,
    "voc2012": _voc2012,
    "wsmis_csv": _wsmis_csv,
    "wsmis_json": _wsmis_json,
}


@pytest.mark.parametrize("name", DATASETS)
def test_a_set_trains_a_classifier_and_is_scored(name: str, workshop: Any, roots: Roots) -> None:
    here = replace(workshop, dataset=DATASETS[name](roots))
    here.run(f"{name}_classifier", "train_classifier", CLASSIFIER)
    segmenter = {**SEGMENTER, "targets": "true_masks", "max_steps": 1}
    ceiling = here.run(f"{name}_ceiling", "train_segmenter", segmenter)
    here.run(f"{name}_report", "evaluate", {"overlays": 2}, {"ceiling": ceiling})
    index = DatasetIndex.load(here.folder / f"{name}_report" / "index.json")
    report = json.loads((here.folder / f"{name}_report" / "output" / "report.json").read_text())
    scores = report["steps"]["ceiling"]
    assert scores["images"] == len(index.split("test"))
    assert 0 <= scores["iou"] <= 1


@pytest.fixture(scope="module")
def shapes(workshop: Any, shapes_root: Path) -> Any:
    """A workshop whose data set are the shapes, with the runs up to IRNet."""
    options = {"classes": "annotations"}
    here = replace(workshop, dataset={"format": "voc2012", "root": str(shapes_root), "options": options})
    classifier = here.run("classifier", "train_classifier", CLASSIFIER)
    cams = here.run("cams", "extract_cams", {"image_size": 64, "scales": [1.0]}, {"classifier": classifier})
    seeds = {
        "image_size": 64,
        "foreground_threshold": 0.8,
        "background_threshold": 0.4,
        "refine": {"name": "pamr"},
    }
    ir_labels = here.run("ir_labels", "make_ir_labels", seeds, {"cams": cams})
    irnet = {**SMALL, "batch_size": 4, "radius": 4, "max_steps": 1}
    here.run("irnet", "train_irnet", irnet, {"ir_labels": ir_labels, "classifier": classifier})
    return here


def _output(here: Any, name: str) -> Path:
    folder = here.folder / name / "output"
    assert isinstance(folder, Path)
    return folder


def test_maps_are_of_the_pictures_own_classes(shapes: Any) -> None:
    index = DatasetIndex.load(shapes.folder / "cams" / "index.json")
    several = [sample for sample in index.samples if len(sample.class_ids) > 1]
    assert several
    for sample in index.samples:
        path = _output(shapes, "cams") / "cams" / f"{sample.id}.npz"
        if not sample.class_ids:
            assert not path.exists()
            continue
        with np.load(path) as stored:
            assert tuple(stored["class_ids"].tolist()) == sample.class_ids
            assert stored["maps"].shape == (len(sample.class_ids), 16, 16)
        with Image.open(_output(shapes, "ir_labels") / "ir_labels" / f"{sample.id}.png") as seeds:
            assert set(np.unique(np.asarray(seeds)).tolist()) <= {0, *sample.class_ids, VOID}


LABELS: dict[str, dict[str, Any]] = {
    "published": {},
    "otsu": {"threshold": {"name": "otsu"}, "log2_steps": "grid", "refine": {"name": "pamr"}},
    "local": {
        "threshold": {"name": "otsu_middle"},
        "log2_steps": "grid",
        "local": {"foreground": [1.0, 0.25], "max_steps": 1, "batch_size": 8},
    },
}


@pytest.fixture(scope="module", params=LABELS)
def labels(request: pytest.FixtureRequest, shapes: Any) -> Path:
    """Pseudo-labels of the shapes, in each of several ways."""
    inputs = {"cams": _output(shapes, "cams"), "irnet": _output(shapes, "irnet")}
    params = {"image_size": 64, **LABELS[request.param]}
    made = shapes.run(f"labels_{request.param}", "make_pseudo_labels", params, inputs)
    assert isinstance(made, Path)
    return made


def test_pseudo_labels_are_of_the_pictures_own_classes(shapes: Any, labels: Path) -> None:
    found: set[int] = set()
    for sample in DatasetIndex.load(shapes.folder / "cams" / "index.json").samples:
        path = labels / "pseudo_labels" / f"{sample.id}.png"
        assert path.exists() == bool(sample.class_ids)
        if sample.class_ids:
            with Image.open(path) as mask:
                here = set(np.unique(np.asarray(mask)).tolist())
            assert here <= {0, *sample.class_ids}
            found |= here
    assert len(found - {0}) > 1


def test_segmenters_of_both_kinds_are_scored_by_class(shapes: Any) -> None:
    """Cross entropy has a channel for the background, binary cross entropy one for each class alone."""
    inputs = {"cams": _output(shapes, "cams"), "irnet": _output(shapes, "irnet")}
    labels = shapes.run("labels", "make_pseudo_labels", {"image_size": 64, **LABELS["otsu"]}, inputs)
    made = {
        loss: shapes.run(loss, "train_segmenter", {**SEGMENTER, "loss": loss}, {"pseudo_labels": labels})
        for loss in ("cross_entropy", "bce")
    }
    inputs = {
        "cams": _output(shapes, "cams"),
        "pseudo_labels": labels,
        "segmenter": made["cross_entropy"],
        "ceiling": made["bce"],
    }
    shapes.run("report", "evaluate", {"overlays": 2}, inputs)
    steps = json.loads((_output(shapes, "report") / "report.json").read_text())["steps"]
    assert steps.keys() == inputs.keys()
    for scores in steps.values():
        assert set(scores["classes"]) == set(KINDS)
