"""The local pixel classifier of the pseudo-labels: its training, and the maps weighed by it.

Axes: K classes of an image, C classes of the data set, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Parameter

from wsmis_core.data import Sample
from wsmis_core.data.augmentation import augment
from wsmis_core.engine import RunContext, Task, Term, train
from wsmis_core.errors import DataError
from wsmis_core.models.local import LocalNet
from wsmis_core.spec.stages import LocalTraining
from wsmis_core.stages.inputs import Pictures, sampled_order
from wsmis_core.stages.maps import MapsFolder, labels_above
from wsmis_core.stages.outputs import OUTPUTS

__all__ = ["LocalPixels", "trained_local_net", "weighed"]

_EPSILON = 1e-5


def trained_local_net(
    context: RunContext,
    params: LocalTraining,
    *,
    samples: Sequence[Sample],
    images: Pictures,
    maps: MapsFolder,
) -> LocalNet:
    """A local net trained on the labels that ``maps`` give at the params' threshold, in eval.

    ``samples`` are the training images; those without a label have an empty target. Raises
    DataError where there are none of either kind.
    """
    task = LocalPixels(params, samples=samples, images=images, maps=maps)
    train(task, params=params, rates=params.rates.model_dump(), context=context)
    task.model.eval()
    return task.model


@torch.no_grad()
def weighed(maps: Tensor, class_ids: Sequence[int], net: LocalNet, image: Tensor) -> Tensor:
    """The maps (K, H, W) times the net's probabilities for the image (1, 3, H, W).

    Both over their maxima, the probabilities averaged with the mirror image's.
    """
    seen = (net(image).sigmoid() + net(image.flip(-1)).sigmoid().flip(-1)) / 2  # (1, C, H, W)
    probability = seen[0][[number - 1 for number in class_ids]]  # (K, H, W)
    return _over_maximum(maps) * _over_maximum(probability)


def _over_maximum(maps: Tensor) -> Tensor:
    return maps / (maps.amax(dim=(-2, -1), keepdim=True) + _EPSILON)


class LocalPixels(Task):
    """The local net's side of the training."""

    model: LocalNet

    def __init__(
        self,
        params: LocalTraining,
        *,
        samples: Sequence[Sample],
        images: Pictures,
        maps: MapsFolder,
    ) -> None:
        self.params, self.images = params, images
        self.samples = [sample for sample in samples if maps.has(sample) or not sample.class_ids]
        positives = sum(bool(sample.class_ids) for sample in self.samples)
        if positives in (0, len(self.samples)):
            raise DataError(
                f"{positives} of {len(self.samples)} training images have a label.",
                field="params.local",
                remedy="It needs images with and without labels in the train split; set it to null.",
            )
        self.targets = {
            sample.id: labels_above(stored.maps, stored.class_ids, params.threshold).numpy()
            for sample in self.samples
            if sample.class_ids
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
        return {"image": self.images.tensor(image), "target": torch.tensor(moved)}

    def terms(self, model: nn.Module, batch: Mapping[str, Tensor], *, step: int) -> list[Term]:
        del step
        return OUTPUTS["bce"].terms(model(batch["image"]).float(), batch["target"])
