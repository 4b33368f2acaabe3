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
    """A net that says .5 left and .25 right, for the second of two classes."""

    def __init__(self) -> None:
        super().__init__(classes=2)

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.zeros(1, 2, *images.shape[-2:])
        logits[0, 1, :, 1] = -torch.log(torch.tensor(3.0))
        return logits


def test_maps_are_weighed_by_their_own_classes_probabilities() -> None:
    maps = torch.tensor([[[2.0, 4.0]]])  # of class 2
    result = weighed(maps, (2,), Certain(), torch.zeros(1, 3, 1, 2))
    torch.testing.assert_close(result, torch.tensor([[[0.5, 0.5]]]), rtol=1e-4, atol=0)


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
        LocalTraining(augmentation="none"),
        samples=[positive, negative],
        images=pixels(index, tmp_path),
        maps=MapsFolder(tmp_path),
        threshold=Fixed(value=0.5),
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
            threshold=Fixed(value=0.5),
        )
    assert raised.value.field == "params.local"
