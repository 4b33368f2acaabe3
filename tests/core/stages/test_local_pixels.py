"""The local pixel classifier: how its probabilities weigh the maps, and what it needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wsmis_core.data import DatasetIndex, scan
from wsmis_core.data.phantom import write_siim
from wsmis_core.errors import DataError
from wsmis_core.models.local import LocalNet
from wsmis_core.spec import make_dataset_spec
from wsmis_core.spec.parts import Fixed
from wsmis_core.spec.stages import LocalTraining
from wsmis_core.stages.inputs import Pictures
from wsmis_core.stages.local_pixels import LocalPixels, weighed
from wsmis_core.stages.maps import MapsFolder, StoredMaps, save_maps


class Certain(LocalNet):
    """A net that says .25 in a dark pixel and .5 in a bright one, for the second of two classes."""

    def __init__(self) -> None:
        super().__init__(classes=2)

    def forward(self, images: Tensor) -> Tensor:
        dark = (images[:, :1] == 0) * -torch.log(torch.tensor(3.0))
        return torch.cat([torch.zeros_like(dark), dark], dim=1)


def test_maps_are_weighed_by_their_own_classes_probabilities() -> None:
    maps = torch.tensor([[[1.0, 4.0]]])  # of class 2: over their maximum .25 and 1
    image = torch.tensor([1.0, 0.0]).expand(1, 3, 1, 2)
    result = weighed(maps, (2,), Certain(), image)
    torch.testing.assert_close(result, torch.tensor([[[0.25, 0.5]]]), rtol=1e-4, atol=0)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> DatasetIndex:
    root = tmp_path_factory.mktemp("phantom")
    write_siim(root, patients=12, seed=0, size=64)
    return scan(make_dataset_spec("siim", root, {}))


def pixels(index: DatasetIndex, folder: Path) -> Pictures:
    return Pictures(index, 64, folder / "cache", "per_image", torch.device("cpu"))


def test_targets_are_the_maps_labels_and_nothing_in_images_without_a_label(
    index: DatasetIndex, tmp_path: Path
) -> None:
    soft = torch.zeros(1, 64, 64)
    soft[0, :, :32] = 1.0
    positive = next(sample for sample in index.samples if sample.class_ids)
    negative = next(sample for sample in index.samples if not sample.class_ids)
    save_maps(tmp_path / f"{positive.id}.npz", StoredMaps((1,), soft))
    task = LocalPixels(
        LocalTraining(augmentation="none", threshold=Fixed(value=0.5)),
        samples=[positive, negative],
        images=pixels(index, tmp_path),
        maps=MapsFolder(tmp_path),
    )
    targets = [task.example(number, np.random.default_rng(0))["target"] for number in range(2)]
    assert targets[0][:, :32].all()
    assert not targets[0][:, 32:].any()
    assert not targets[1].any()


def test_it_needs_images_with_and_without_a_label(index: DatasetIndex, tmp_path: Path) -> None:
    negatives = [sample for sample in index.samples if not sample.class_ids]
    with pytest.raises(DataError, match="0 of") as raised:
        LocalPixels(
            LocalTraining(),
            samples=negatives,
            images=pixels(index, tmp_path),
            maps=MapsFolder(tmp_path),
        )
    assert raised.value.field == "params.local"
