"""ChestX-ray14 and CheXpert, from their published files to activation maps, through the entry of a job."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.contracts.chest_layouts import WRITERS
from wsmis_core.data import DatasetIndex, scan
from wsmis_core.spec import make_dataset_spec
from wsmis_core.stages.maps import load_maps

TRAINING = {
    "arch": "resnet_small",
    "image_size": 64,
    "normalisation": "per_image",
    "augmentation": "none",
    "dropblock": None,
    "batch_size": 8,
    "max_steps": 2,
    "sampler": "balanced",
}


@pytest.fixture(scope="module", params=WRITERS)
def dataset(
    request: pytest.FixtureRequest, chest_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("data") / request.param
    options = WRITERS[request.param](root, chest_root)
    return {"format": request.param, "root": str(root), "options": {**options, "val_share": 0.2}}


def index_of(dataset: dict[str, Any]) -> DatasetIndex:
    return scan(make_dataset_spec(dataset["format"], dataset["root"], dataset["options"]))


def test_from_the_published_files_to_activation_maps(workshop: Any, dataset: dict[str, Any]) -> None:
    index = index_of(dataset)
    assert len({sample.split for sample in index.samples}) == 3
    unknown = sum(sample.labels.count(-1) for sample in index.samples)
    assert (unknown > 0) == (dataset["format"] == "chexpert")
    name = dataset["format"]
    classifier = workshop.run(f"{name}_classifier", "train_classifier", TRAINING, dataset=dataset)
    assert np.isfinite(workshop.manifest(f"{name}_classifier").metrics["val_loss"])
    cams = workshop.run(
        f"{name}_cams",
        "extract_cams",
        {"image_size": 64, "scales": [1.0], "splits": ["train", "test"]},
        {"classifier": classifier},
        dataset=dataset,
    )
    labelled = [sample for sample in (*index.split("train"), *index.split("test")) if sample.class_ids]
    stored = {path.stem: load_maps(path) for path in (cams / "cams").glob("*.npz")}
    # A label that is not known is no label: it gets no map.
    assert {name: one.class_ids for name, one in stored.items()} == {
        sample.id: sample.class_ids for sample in labelled
    }
    boxes = sum(len(sample.boxes) for sample in index.split("test"))
    assert (boxes > 0) == (name == "chestxray14")
    inputs = {"classifier": classifier, **({"cams": cams} if boxes else {})}
    evaluation = workshop.run(f"{name}_report", "evaluate", {"resamples": 20}, inputs, dataset=dataset)
    report = json.loads((evaluation / "report.json").read_text())
    assert set(report["classifier"]["classes"]) == set(index.classes)
    assert {role: scores["boxes"]["boxes"] for role, scores in report["steps"].items()} == (
        {"cams": boxes} if boxes else {}
    )


def test_a_class_that_no_training_image_shows_is_told(workshop: Any, dataset: dict[str, Any]) -> None:
    if dataset["format"] == "chestxray14":
        options = {**dataset["options"], "classes": ["Hernia", "Effusion"]}
        said = r"0 of \d+ training images have the label Hernia\."
    else:
        table = Path(dataset["root"]) / "none.csv"
        lines = (Path(dataset["root"]) / "train.csv").read_text().splitlines()
        unsure = [line.rsplit(",", 2) for line in lines[1:]]
        table.write_text("\n".join([lines[0], *(f"{path},-1.0,{last}" for path, _, last in unsure)]) + "\n")
        options = {**dataset["options"], "train": "none.csv"}
        said = r"0 of 0 training images have the label Pneumothorax, of \d+ more it is not known"
    failure = workshop.failure(
        f"{dataset['format']}_missing", "train_classifier", TRAINING, dataset={**dataset, "options": options}
    )
    assert failure["reason"] == "invalid_data"
    assert re.search(said, failure["message"])
