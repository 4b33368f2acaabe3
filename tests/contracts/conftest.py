"""Stages on tiny data, through the entry that a job takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image, ImageDraw

from wsmis_core.data.phantom import write_siim
from wsmis_core.rank import main
from wsmis_core.spec import Manifest, read_manifest

SHAPES = ((50, 83), (97, 61), (64, 64), (33, 140), (71, 45), (90, 90))  # height, width


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
        ranks: int = 1,
    ) -> Path:
        """The artifact's folder of a run that ends well; ``inputs`` are artifacts' folders by role."""
        run = self.folder / name
        if ranks > 1:
            self._start_by_torchrun(self._request(name, stage, params, inputs, dataset), run, ranks=ranks)
        else:
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
        request = self._request(name, stage, params, inputs, dataset)
        return main(["stage", str(request), "--run-dir", str(self.folder / name)])

    def _request(
        self,
        name: str,
        stage: str,
        params: Mapping[str, Any] | None,
        inputs: Mapping[str, Path] | None,
        dataset: Mapping[str, Any] | None,
    ) -> Path:
        """The file that asks for it."""
        spec = {
            "stage": stage,
            "params": dict(params or {}),
            "dataset": dict(dataset or self.dataset),
            "inputs": {role: str(path) for role, path in (inputs or {}).items()},
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(spec))
        return path

    def _start_by_torchrun(self, request: Path, run: Path, *, ranks: int) -> None:
        torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}", "--max-restarts=0"]
        entry = ["wsmis_core", "stage", str(request), "--run-dir", str(run)]
        ended = subprocess.run(
            [sys.executable, "-m", *torchrun, "-m", *entry],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-3000:]

    def manifest(self, name: str) -> Manifest:
        """The manifest of a run's artifact."""
        return read_manifest(self.folder / name / "output")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Test files run beside each other, one a core, as ranks do: more threads would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def chest_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom of 30 patients at 64 pixels in the SIIM-ACR layout, which nobody writes to."""
    root = tmp_path_factory.mktemp("chest")
    write_siim(root, patients=30, seed=1, size=64)
    return root


@pytest.fixture(scope="session")
def shapes_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colour pictures of odd sizes with discs, squares, both or nothing, and their labels."""
    root = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(5)
    rows = ["file,disc,square,split"]
    for number in range(8):
        height, width = SHAPES[number % len(SHAPES)]
        noise = rng.integers(40, 90, (height, width, 3), dtype=np.uint8)
        picture = Image.fromarray(noise)
        pen = ImageDraw.Draw(picture)
        disc, square = number % 2, number // 2 % 2
        side = min(height, width) // 3
        if disc:
            pen.ellipse((2, 2, 2 + side, 2 + side), fill=(220, 60, 60))
        if square:
            left, top = width - side - 3, height - side - 3
            pen.rectangle((left, top, left + side, top + side), fill=(60, 200, 90))
        picture.save(root / f"p{number}.png")
        rows.append(f"p{number}.png,{disc},{square},{'train' if number < 6 else 'val'}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="session")
def picture_shapes() -> dict[str, tuple[int, int]]:
    """Height and width of each of them; the first and every fourth one shows nothing."""
    return {f"p{number}": SHAPES[number % len(SHAPES)] for number in range(8)}


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
