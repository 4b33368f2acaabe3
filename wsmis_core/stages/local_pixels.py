"""The local pixel classifier of the pseudo-labels: its rounds of training, and the maps weighed by it.

Axes: K classes of an image, C classes of the data set, H x W pixels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Parameter

from wsmis_core.data import UNKNOWN_LABEL, Sample
from wsmis_core.data.augmentation import augment
from wsmis_core.engine import ItemFolder, RunContext, Task, Term, train
from wsmis_core.errors import DataError
from wsmis_core.models.local import LocalNet
from wsmis_core.models.losses import pixel_bce
from wsmis_core.spec.parts import MapThreshold, Otsu, OtsuMiddle, Refinement
from wsmis_core.spec.stages import LocalTraining
from wsmis_core.stages.inputs import Pictures, sampled_order
from wsmis_core.stages.maps import UNKNOWN, MapsFolder, StoredMaps, labels_above, save_maps
from wsmis_core.stages.refinement import refined

__all__ = ["LocalPixels", "local_net", "seen_locally", "weighed"]

_EPSILON = 1e-5


def local_net(
    context: RunContext,
    params: LocalTraining,
    *,
    samples: Sequence[Sample],
    images: Pictures,
    maps: MapsFolder,
    refine: Refinement | None,
) -> LocalNet:
    """The local net of the last round, in eval.

    The first round's targets are the labels of ``maps``, each later one's those of the same maps weighed by
    the net of the round before and refined. ``samples`` are the training images; of a class that they are
    not labelled with the target is empty. Raises DataError where all or none are labelled with a class.
    """
    source = maps
    for number, share in enumerate(params.foreground):
        last = number + 1 == len(params.foreground)
        part = context.part(f"local-{number + 1}")
        task = LocalPixels(
            _of_round(params, number, times=params.last_round if last else 1),
            samples=samples,
            images=images,
            maps=source,
            certain=OtsuMiddle(share=share),
        )
        train(task, params=task.params, rates=params.rates.model_dump(), context=part)
        net = task.model.eval()
        if not last:
            source = _round(part, params, net, task.positives, images, maps, refine)
    return net


def _of_round(params: LocalTraining, number: int, *, times: float) -> LocalTraining:
    """The params of a round that trains so many ``times`` as long as they say."""
    return params.model_copy(
        update={
            "seed": params.seed + number,
            "epochs": math.ceil(params.epochs * times),
            "max_steps": None if params.max_steps is None else math.ceil(params.max_steps * times),
        }
    )


def _round(
    part: RunContext,
    params: LocalTraining,
    net: LocalNet,
    samples: Sequence[Sample],
    images: Pictures,
    maps: MapsFolder,
    refine: Refinement | None,
) -> MapsFolder:
    """The maps of the samples as the net of a round sees them."""
    folder = ItemFolder(part, "maps", suffix=".npz")
    for (sample,) in folder.batches(samples, item_id=lambda sample: sample.id, size=1, phase="maps"):
        stored = maps.load(sample)
        seen = seen_locally(stored, net, sample, images, prior=params.prior, refine=refine)
        result = StoredMaps(stored.class_ids, seen / seen.max().clamp(min=_EPSILON))
        folder.write(sample.id, functools.partial(save_maps, stored=result))
    part.ranks.wait()
    return MapsFolder(part.output / "maps")


def seen_locally(
    stored: StoredMaps,
    net: LocalNet,
    sample: Sample,
    images: Pictures,
    *,
    prior: float,
    refine: Refinement | None,
) -> Tensor:
    """A sample's maps (K, H, W) weighed by the net and refined on the image, on the images' device."""
    image = images.batch([sample])
    product = weighed(stored.maps.to(image.device), stored.class_ids, net, image, prior=prior)
    return product if refine is None else refined(product, images.raw(sample), refine)


@torch.no_grad()
def weighed(maps: Tensor, class_ids: Sequence[int], net: LocalNet, image: Tensor, *, prior: float) -> Tensor:
    """The maps (K, H, W) to the power of ``prior`` times the net's probabilities.

    Both over their maxima; the probabilities for the image (1, 3, H, W) are averaged with its mirror's.
    """
    seen = (net(image).sigmoid() + net(image.flip(-1)).sigmoid().flip(-1)) / 2  # (1, C, H, W)
    probability = seen[0][[number - 1 for number in class_ids]]  # (K, H, W)
    return _over_maximum(maps) ** prior * _over_maximum(probability)


def _over_maximum(maps: Tensor) -> Tensor:
    return maps / (maps.amax(dim=(-2, -1), keepdim=True) + _EPSILON)


class LocalPixels(Task):
    """One round's side of the training: up to Otsu's cut background, above ``certain`` foreground."""

    model: LocalNet

    def __init__(
        self,
        params: LocalTraining,
        *,
        samples: Sequence[Sample],
        images: Pictures,
        maps: MapsFolder,
        certain: MapThreshold,
    ) -> None:
        self.params, self.images = params, images
        self.samples = [
            sample for sample in samples if (maps.has(sample) if sample.class_ids else 0 in sample.labels)
        ]
        self.positives = [sample for sample in self.samples if sample.class_ids]
        _check_classes(self.samples, images.index.classes)
        self.targets = {
            sample.id: labels_above(stored.maps, stored.class_ids, Otsu(), certain=certain).numpy()
            for sample in self.positives
            for stored in [maps.load(sample)]
        }
        torch.manual_seed(params.seed)
        self.model = LocalNet(classes=len(self.samples[0].labels))

    @property
    def size(self) -> int:
        return len(self.samples)

    def parameter_groups(self) -> Mapping[str, Sequence[Parameter]]:
        return self.model.parameter_groups()

    def order(self, *, seed: int, epoch: int) -> NDArray[np.int64]:
        return sampled_order(self.samples, sampler="balanced", seed=seed, epoch=epoch)

    def example(self, index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        sample = self.samples[index]
        image = self.images.array(sample)
        target = self.targets.get(sample.id)
        if target is None:
            target = np.zeros(image.shape[:2], dtype=np.uint8)
        image, moved = augment(image, target, scope=self.params.augmentation, rng=rng)
        assert moved is not None
        return {
            "image": self.images.tensor(image),
            "target": torch.from_numpy(targets_by_class(moved, sample.labels)),
        }

    def terms(self, model: nn.Module, batch: Mapping[str, Tensor], *, step: int) -> list[Term]:
        del step
        return [Term("bce", *pixel_bce(model(batch["image"]).float(), batch["target"]))]


def targets_by_class(label_map: NDArray[np.uint8], labels: Sequence[int]) -> NDArray[np.uint8]:
    """For each class of the data set, where it is (1), is not (0) or may be (255): (C, H, W).

    Args:
        label_map: (H, W) class ids, 255 where some class of the image may be.
        labels: of the image, for each class: 1, 0, or -1 for unknown, which may be anywhere.
    """
    targets = np.zeros((len(labels), *label_map.shape), dtype=np.uint8)
    for number, label in enumerate(labels):
        if label == UNKNOWN_LABEL:
            targets[number] = UNKNOWN
        elif label:
            targets[number] = np.where(label_map == UNKNOWN, UNKNOWN, label_map == number + 1)
    return targets


def _check_classes(samples: Sequence[Sample], classes: Sequence[str]) -> None:
    for class_id, name in enumerate(classes, start=1):
        count = sum(class_id in sample.class_ids for sample in samples)
        if count in (0, len(samples)):
            raise DataError(
                f"{count} of {len(samples)} training images have the label {name}.",
                field="params.local",
                remedy="It needs images with and without it in the train split; set it to null.",
            )
