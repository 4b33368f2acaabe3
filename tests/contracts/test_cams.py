"""Activation maps, seeds and their refinements, through the entry that a job takes, on tiny data."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wsmis_core.data import DatasetIndex
from wsmis_core.export import read_mask_png
from wsmis_core.rank import main
from wsmis_core.spec import read_manifest
from wsmis_core.stages.maps import load_maps

LAYER = "trunk.stage_modules.3"
EXTRACTIONS: dict[str, dict[str, Any]] = {
    "cam": {"method": "cam", "scales": [1.0, 0.5]},
    "grad_cam": {"method": "grad_cam"},
    "grad_cam_at_layer": {"method": "grad_cam", "layer": LAYER},
    "grad_cam_pp": {"method": "grad_cam_pp", "flip": False, "threshold": {"name": "otsu"}},
    "grad_cam_pp_at_layer": {"method": "grad_cam_pp", "layer": LAYER},
    "layer_cam": {"method": "layer_cam"},
    "layer_cam_at_layer": {"method": "layer_cam", "layer": "trunk.stage_modules.1.body"},
    "lpcam": {"method": "lpcam", "lpcam": {"clusters": 3, "cells": 100}},
    "predicted": {"method": "cam", "classes": "predicted", "probability_threshold": 0.99},
}
PAMR: dict[str, Any] = {"name": "pamr", "iterations": 2}
THRESHOLDS = {"foreground_threshold": 0.8, "background_threshold": 0.4}


def samples(workshop: Any) -> dict[str, bool]:
    """Whether each sample of the data set has the class."""
    index = DatasetIndex.load(next(workshop.folder.glob("train_classifier/**/index*.json")))
    return {sample.id: bool(sample.class_ids) for sample in index.samples}


@pytest.mark.parametrize("name", EXTRACTIONS)
def test_maps_by_each_method(workshop: Any, tiny_classifier: Path, name: str) -> None:
    params = {"image_size": 64, "scales": [1.0], **EXTRACTIONS[name]}
    artifact = workshop.run(f"maps_{name}", "extract_cams", params, {"classifier": tiny_classifier})
    maps = {path.stem: load_maps(path) for path in (artifact / "cams").iterdir()}
    labelled = samples(workshop)
    wanted = set(labelled) if name == "predicted" else {one for one, has in labelled.items() if has}
    assert set(maps) == wanted
    for stored in maps.values():
        assert stored.class_ids == (1,)
        assert stored.maps.shape == (1, 16, 16)
        assert stored.maps.isfinite().all()
        assert stored.maps.min() >= 0
        assert stored.maps.max() <= 1
    assert max(stored.maps.max().item() for stored in maps.values()) > 0.99
    masks = {path.stem: read_mask_png(path) for path in (artifact / "masks").iterdir()}
    assert set(masks) == wanted
    assert {mask.shape for mask in masks.values()} == {(64, 64)}
    assert 0 < np.mean([mask == 1 for mask in masks.values()]) < 1


def test_prototypes_are_kept_and_a_second_attempt_takes_them_over(
    workshop: Any, tiny_classifier: Path, tmp_path: Path
) -> None:
    params = {"image_size": 64, "scales": [1.0], **EXTRACTIONS["lpcam"]}
    first = workshop.run("lpcam_first", "extract_cams", params, {"classifier": tiny_classifier}).parent
    with np.load(first / "output" / "prototypes" / "1.npz", allow_pickle=False) as arrays:
        assert 1 <= len(arrays["foreground"]) <= 3
        assert arrays["foreground"].shape[1] == arrays["context"].shape[1] == 128
    assert not (first / "parts" / "lpcam").exists()  # the cells have served
    spec = json.loads((first / "spec.json").read_text())
    (tmp_path / "spec.json").write_text(json.dumps({**spec, "attempt": 2, "previous": [str(first)]}))
    prototypes = (first / "output" / "prototypes" / "1.npz").stat()
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / "output" / "prototypes" / "1.npz").stat().st_ino == prototypes.st_ino
    assert not (tmp_path / "parts").exists()
    assert read_manifest(tmp_path / "output").files == read_manifest(first / "output").files


@pytest.mark.parametrize(
    ("layer", "told"), [("trunk.stage_module.3", "no module"), ("head", "does not give feature maps")]
)
def test_a_layer_that_cannot_be_mapped_is_told(
    workshop: Any, tiny_classifier: Path, layer: str, told: str
) -> None:
    params = {"image_size": 64, "method": "layer_cam", "layer": layer}
    failure = workshop.failure(f"layer_{layer}", "extract_cams", params, {"classifier": tiny_classifier})
    assert (failure["reason"], failure["field"]) == ("invalid_spec", "params.layer")
    assert told in failure["message"]


@pytest.mark.parametrize("refine", [PAMR, {"name": "crf"}], ids=lambda refine: refine["name"])
def test_seeds_with_each_refinement(workshop: Any, tiny_cams: Path, refine: dict[str, Any]) -> None:
    if refine["name"] == "crf":
        pytest.importorskip("pydensecrf")
    params = {"image_size": 64, **THRESHOLDS, "refine": refine}
    seeds = workshop.run(f"seeds_{refine['name']}", "make_ir_labels", params, {"cams": tiny_cams})
    items = list((seeds / "ir_labels").iterdir())
    assert {path.stem for path in items} == {path.stem for path in (tiny_cams / "cams").iterdir()}
    labels = np.stack([read_mask_png(path) for path in items])
    assert labels.shape[1:] == (64, 64)
    assert set(np.unique(labels)) <= {0, 1, 255}
    assert (labels == 1).any(axis=(1, 2)).all()  # each image has its class: what would vanish is kept
    manifest = workshop.manifest(f"seeds_{refine['name']}")
    assert manifest.metrics["kept_unrefined"] >= 0


@pytest.fixture(scope="module")
def pictures(shapes_root: Path) -> dict[str, Any]:
    """Colour pictures of odd sizes with no, one or two of two classes, as a data set."""
    return {"format": "csv", "root": str(shapes_root), "options": {"split_column": "split"}}


@pytest.fixture(scope="module")
def pictures_classifier(workshop: Any, pictures: dict[str, Any]) -> Path:
    params = {"arch": "resnet_small", "image_size": 64, "augmentation": "none", "dropblock": None}
    params |= {"batch_size": 4, "max_steps": 2}
    artifact = workshop.run("pictures_classifier", "train_classifier", params, dataset=pictures)
    assert isinstance(artifact, Path)
    return artifact


@pytest.fixture(scope="module")
def refined_cams(workshop: Any, pictures: dict[str, Any], pictures_classifier: Path) -> Path:
    """Maps of pictures at their own sizes, at a layer, refined."""
    params = {
        "method": "layer_cam",
        "layer": LAYER,
        "image_size": "native",
        "scales": [1.0],
        "refine": PAMR,
    }
    inputs = {"classifier": pictures_classifier}
    artifact = workshop.run("refined_cams", "extract_cams", params, inputs, dataset=pictures)
    assert isinstance(artifact, Path)
    return artifact


def test_several_classes_of_pictures_of_any_size(
    refined_cams: Path, picture_shapes: dict[str, tuple[int, int]]
) -> None:
    maps = {path.stem: load_maps(path) for path in (refined_cams / "cams").iterdir()}
    assert {stored.class_ids for stored in maps.values()} == {(1,), (2,), (1, 2)}
    for name, stored in maps.items():
        height, width = picture_shapes[name]
        assert stored.maps.shape[1:] == (math.ceil(height / 4), math.ceil(width / 4))
        assert stored.maps.amax(dim=(1, 2)).tolist() == pytest.approx([1] * len(stored.maps), abs=0.01)
        assert read_mask_png(refined_cams / "masks" / f"{name}.png").shape == (height, width)


def test_prototypes_of_each_class(workshop: Any, pictures: dict[str, Any], pictures_classifier: Path) -> None:
    params = {"method": "lpcam", "image_size": "native", "scales": [1.0, 0.5], "lpcam": {"clusters": 2}}
    artifact = workshop.run(
        "pictures_lpcam", "extract_cams", params, {"classifier": pictures_classifier}, dataset=pictures
    )
    assert {path.name for path in (artifact / "prototypes").iterdir()} == {"1.npz", "2.npz"}
    maps = [load_maps(path).maps for path in (artifact / "cams").iterdir()]
    assert {len(each) for each in maps} == {1, 2}


def test_pseudo_labels_of_maps_refined_before_and_after_the_walk(
    workshop: Any,
    pictures: dict[str, Any],
    refined_cams: Path,
    tiny_irnet: Path,
    picture_shapes: dict[str, tuple[int, int]],
) -> None:
    pytest.importorskip("pydensecrf")
    params = {
        "image_size": "native",
        "threshold": {"name": "otsu"},
        "refine_before": {"name": "grabcut"},
        "refine": {"name": "crf", "gt_prob": 0.9},
    }
    inputs = {"cams": refined_cams, "irnet": tiny_irnet}
    artifact = workshop.run("refined_twice", "make_pseudo_labels", params, inputs, dataset=pictures)
    labels = {path.stem: read_mask_png(path) for path in (artifact / "pseudo_labels").iterdir()}
    for name, of_image in labels.items():
        assert of_image.shape == picture_shapes[name]
        assert of_image.any()  # what refinement would erase is kept


def test_a_classifier_of_other_classes_is_told(
    workshop: Any, pictures: dict[str, Any], tiny_classifier: Path
) -> None:
    failure = workshop.failure(
        "other_classes", "extract_cams", {}, {"classifier": tiny_classifier}, dataset=pictures
    )
    assert (failure["reason"], failure["field"]) == ("invalid_data", "inputs.classifier")
    assert "disc, square" in failure["message"]


def test_an_extra_that_is_missing_is_told_before_the_first_image(
    workshop: Any, tiny_cams: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    params = {"image_size": 64, "refine": {"name": "crf"}}
    failure = workshop.failure("without_the_extra", "make_ir_labels", params, {"cams": tiny_cams})
    assert (failure["reason"], failure["field"]) == ("insufficient_resources", "params.refine")
    assert "wsmis[crf]" in failure["remedy"]
    assert not (workshop.folder / "without_the_extra" / "output" / "ir_labels").exists()
