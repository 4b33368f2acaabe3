"""The local pixel classifier: how its probabilities weigh the maps, and what it needs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wsmis_core.data import UNKNOWN_LABEL, DatasetIndex, scan
from wsmis_core.data.phantom import write_siim
from wsmis_core.engine import Ranks, RunContext, open_events
from wsmis_core.engine.stopping import Stopped, StopRequest
from wsmis_core.errors import DataError
from wsmis_core.models.local import LocalNet
from wsmis_core.spec import RunSpec, make_dataset_spec
from wsmis_core.spec.parts import OtsuTwice
from wsmis_core.spec.stages import LocalTraining, MakePseudoLabels
from wsmis_core.stages.inputs import Pictures
from wsmis_core.stages.local_pixels import LocalPixels, local_net, targets_by_class, weighed
from wsmis_core.stages.maps import UNKNOWN, MapsFolder, StoredMaps, save_maps


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
    result = weighed(maps, (2,), Certain(), image, prior=1.0)
    torch.testing.assert_close(result, torch.tensor([[[0.25, 0.5]]]), rtol=1e-4, atol=0)
    root = weighed(maps, (2,), Certain(), image, prior=0.5)
    torch.testing.assert_close(root, torch.tensor([[[0.5, 0.5]]]), rtol=1e-4, atol=0)


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
    soft[0, :, 16:] = 0.6
    soft[0, :, 48:] = 1.0
    positive = next(sample for sample in index.samples if sample.class_ids)
    negative = next(sample for sample in index.samples if not sample.class_ids)
    save_maps(tmp_path / f"{positive.id}.npz", StoredMaps((1,), soft))
    task = LocalPixels(
        LocalTraining(augmentation="none"),
        samples=[positive, negative],
        images=pixels(index, tmp_path),
        maps=MapsFolder(tmp_path),
        certain=OtsuTwice(),
    )
    targets = [task.example(number, np.random.default_rng(0))["target"] for number in range(2)]
    assert (targets[0][0, :, :16] == 0).all()
    assert (targets[0][0, :, 16:48] == UNKNOWN).all()
    assert (targets[0][0, :, 48:] == 1).all()
    assert not targets[1].any()


def test_a_class_has_targets_of_its_own() -> None:
    label_map = np.array([[0, 1, 3, UNKNOWN]], dtype=np.uint8)
    targets = targets_by_class(label_map, (1, 0, 1, UNKNOWN_LABEL))
    assert targets.tolist() == [
        [[0, 1, 0, UNKNOWN]],  # shown by the image, and perhaps in the last pixel
        [[0, 0, 0, 0]],  # not shown
        [[0, 0, 1, UNKNOWN]],
        [[UNKNOWN] * 4],
    ]


def test_it_needs_images_with_and_without_each_label(index: DatasetIndex, tmp_path: Path) -> None:
    negatives = [sample for sample in index.samples if not sample.class_ids]
    with pytest.raises(DataError, match="0 of") as raised:
        LocalPixels(
            LocalTraining(),
            samples=negatives,
            images=pixels(index, tmp_path),
            maps=MapsFolder(tmp_path),
            certain=OtsuTwice(),
        )
    assert raised.value.field == "params.local"


class Asked(StopRequest):
    """A request to stop that is made when it has been looked at ``after`` times."""

    def __init__(self, after: int) -> None:
        self.left = after

    @property
    def made(self) -> bool:
        self.left -= 1
        return self.left < 0

    @made.setter
    def made(self, value: bool) -> None: ...


def rounds(
    index: DatasetIndex, cache: Path, folder: Path, *, stop: StopRequest, previous: Path | None
) -> Tensor:
    """The last layer's weights after two short rounds on maps that light up the left half."""
    soft = torch.linspace(1, 0, 64).expand(1, 64, 64)
    for sample in index.samples:
        if sample.class_ids:
            save_maps(cache / f"{sample.id}.npz", StoredMaps((1,), soft))
    local = LocalTraining(foreground=(1.0, 0.25), max_steps=4, batch_size=4)
    spec = RunSpec(
        job="local",
        attempt=1 if previous is None else 2,
        params=MakePseudoLabels(local=local),
        cache=cache,
        previous=() if previous is None else (previous,),
    )
    with open_events(folder, speaks=True) as events:
        net = local_net(
            RunContext(spec=spec, folder=folder, ranks=Ranks(), events=events, stop=stop),
            local,
            samples=index.samples,
            images=pixels(index, cache),
            maps=MapsFolder(cache),
            refine=None,
        )
    return net.head.weight.detach()


@pytest.mark.parametrize("looks", [2, 6, 13])  # in the first round, between the rounds, in the second
def test_stopped_anywhere_the_rounds_go_on_to_the_same_net(
    index: DatasetIndex, tmp_path: Path, looks: int
) -> None:
    whole, first, second = (tmp_path / name for name in ("whole", "first", "second"))
    for folder in (whole, first, second):
        folder.mkdir()
    expected = rounds(index, tmp_path, whole, stop=StopRequest(), previous=None)
    with pytest.raises(Stopped):
        rounds(index, tmp_path, first, stop=Asked(looks), previous=None)
    resumed = rounds(index, tmp_path, second, stop=StopRequest(), previous=first)
    assert torch.equal(resumed, expected)


def test_the_last_round_trains_longer_and_each_says_which_it_is(index: DatasetIndex, tmp_path: Path) -> None:
    rounds(index, tmp_path, tmp_path, stop=StopRequest(), previous=None)
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    checkpoints = [event for event in events if event["type"] == "checkpoint"]
    last = {Path(event["path"]).parent.name: event["step"] for event in checkpoints}
    assert last == {"local-1": 4, "local-2": 10}
    phases = [event["phase"] for event in events if event["type"] == "progress"]
    assert list(dict.fromkeys(phases)) == ["local-1: training", "local-1: maps", "local-2: training"]
    figures = {name for event in events if event["type"] == "metric" for name in event["values"]}
    assert figures == {"local-1/train_loss", "local-2/train_loss"}
