"""Activation maps, seeds and their refinements, through the entry that a job takes, on tiny data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wsmis_core.export import read_mask_png

REFINEMENTS: list[dict[str, Any]] = [{"name": "pamr", "iterations": 2}, {"name": "grabcut"}, {"name": "crf"}]
THRESHOLDS = {"foreground_threshold": 0.8, "background_threshold": 0.4}


def item_bytes(artifact: Path, folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((artifact / folder).iterdir())}


@pytest.mark.parametrize("refine", REFINEMENTS, ids=lambda refine: refine["name"])
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


def test_an_extra_that_is_missing_is_told_before_the_first_image(
    workshop: Any, tiny_cams: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    params = {"image_size": 64, "refine": {"name": "crf"}}
    failure = workshop.failure("without_the_extra", "make_ir_labels", params, {"cams": tiny_cams})
    assert (failure["reason"], failure["field"]) == ("insufficient_resources", "params.refine")
    assert "wsmis[crf]" in failure["remedy"]
    assert not (workshop.folder / "without_the_extra" / "output" / "ir_labels").exists()
