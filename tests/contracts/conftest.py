"""Stages on tiny data, through the entry that a job takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from wsmis_core.__main__ import main
from wsmis_core.data.phantom import write_siim
from wsmis_core.spec import Manifest, read_manifest


@dataclass(frozen=True)
class Workshop:
    """A folder of runs, and a data set for those that name none."""

    folder: Path
    dataset: Mapping[str, Any]

    def run(
        self,
        name: str,
        stage: str,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Path] | None = None,
        *,
        dataset: Mapping[str, Any] | None = None,
    ) -> Path:
        """The artifact's folder of a run that ends well; ``inputs`` are artifacts' folders by role."""
        run = self.folder / name
        status = self.start(name, stage, params, inputs, dataset=dataset)
        assert status == 0, (run / "failure.json").read_text()
        return run / "output"

    def failure(
        self,
        name: str,
        stage: str,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Path] | None = None,
        *,
        dataset: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """What a run that cannot end well says: reason, field, message, remedy."""
        assert self.start(name, stage, params, inputs, dataset=dataset) == 1
        failure = json.loads((self.folder / name / "failure.json").read_text())
        assert isinstance(failure, dict)
        return failure

    def start(
        self,
        name: str,
        stage: str,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Path] | None = None,
        *,
        dataset: Mapping[str, Any] | None = None,
    ) -> int:
        """The exit status of a run."""
        spec = {
            "stage": stage,
            "params": dict(params or {}),
            "dataset": dict(dataset or self.dataset),
            "inputs": {role: str(path) for role, path in (inputs or {}).items()},
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(spec))
        return main(["stage", str(path), "--run-dir", str(self.folder / name)])

    def manifest(self, name: str) -> Manifest:
        """The manifest of a run's artifact."""
        return read_manifest(self.folder / name / "output")


@pytest.fixture(scope="session")
def chest_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom of 30 patients at 64 pixels in the SIIM-ACR layout, which nobody writes to."""
    root = tmp_path_factory.mktemp("chest")
    write_siim(root, patients=30, seed=1, size=64)
    return root


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, chest_root: Path) -> Workshop:
    """A folder for a module's runs, which stand on each other; their data set is the chest phantom."""
    return Workshop(tmp_path_factory.mktemp("runs"), {"format": "siim", "root": str(chest_root)})


@pytest.fixture(scope="module")
def tiny_classifier(workshop: Workshop) -> Path:
    """A `resnet_small` classifier of three steps."""
    params = {
        "arch": "resnet_small",
        "image_size": 64,
        "normalisation": "per_image",
        "augmentation": "none",
        "dropblock": None,
        "batch_size": 8,
        "max_steps": 3,
    }
    return workshop.run("train_classifier", "train_classifier", params)


@pytest.fixture(scope="module")
def tiny_cams(workshop: Workshop, tiny_classifier: Path) -> Path:
    """Its activation maps."""
    params = {"image_size": 64, "scales": [1.0]}
    return workshop.run("extract_cams", "extract_cams", params, {"classifier": tiny_classifier})


@pytest.fixture(scope="module")
def tiny_ir_labels(workshop: Workshop, tiny_cams: Path) -> Path:
    """Seeds from them."""
    params = {"image_size": 64, "foreground_threshold": 0.8, "background_threshold": 0.4}
    return workshop.run("make_ir_labels", "make_ir_labels", params, {"cams": tiny_cams})


@pytest.fixture(scope="module")
def tiny_irnet(workshop: Workshop, tiny_ir_labels: Path, tiny_classifier: Path) -> Path:
    """An IRNet of one step on these."""
    params = {"image_size": 64, "normalisation": "per_image", "batch_size": 4, "radius": 4, "max_steps": 1}
    inputs = {"ir_labels": tiny_ir_labels, "classifier": tiny_classifier}
    return workshop.run("train_irnet", "train_irnet", params, inputs)


@pytest.fixture(scope="module")
def tiny_pseudo_labels(workshop: Workshop, tiny_cams: Path, tiny_irnet: Path) -> Path:
    """Pseudo-labels of both."""
    params = {"image_size": 64, "log2_steps": "grid", "threshold": {"name": "otsu"}}
    inputs = {"cams": tiny_cams, "irnet": tiny_irnet}
    return workshop.run("make_pseudo_labels", "make_pseudo_labels", params, inputs)
