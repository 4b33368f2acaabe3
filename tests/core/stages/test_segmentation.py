"""What segmenters' channels mean, the masks they give, and several sizes and mirrors of an image."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from wsmis_core.errors import SpecError
from wsmis_core.models.segmenters import Segmenter
from wsmis_core.spec.losses import Bce, CrossEntropy, Dice
from wsmis_core.stages.outputs import OUTPUTS
from wsmis_core.stages.segmentation import (
    SegmenterDetails,
    TrainedSegmenter,
    probabilities,
    strongest_class,
)

SIGMOID, SOFTMAX = OUTPUTS["sigmoid"], OUTPUTS["softmax"]

# As written by the first version, with a name for the loss and more than is needed.
OLD: dict[str, Any] = {
    "arch": "unet",
    "encoder": "resnet_small",
    "classes": ["a", "b"],
    "image_size": 64,
    "normalisation": "per_image",
    "loss": "bce_dice",
    "threshold": 0.5,
    "targets": "pseudo_labels",
    "over_trunk": True,
}


class Ramp(Segmenter):
    """The first channel of an image and nothing else as its logits; remembers the sizes it saw."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.sizes.append(tuple(images.shape[-2:]))
        return images[:, :1] * torch.linspace(0, 1, images.shape[-1])


def test_softmax_outputs_have_a_background_channel_that_is_left_out() -> None:
    assert (SIGMOID.count(2), SOFTMAX.count(2)) == (2, 3)
    logits = torch.tensor([2.0, 1.0, 0.0]).view(1, 3, 1, 1)
    torch.testing.assert_close(SOFTMAX.probabilities(logits), logits.softmax(dim=1)[:, 1:])


def test_the_threshold_of_a_half_takes_the_most_probable_of_classes_and_background() -> None:
    # Background .4, .4, .2, then classes.
    probability = torch.tensor([[[0.35, 0.45, 0.3]], [[0.25, 0.15, 0.5]]])
    strength, class_ids = strongest_class(probability, channels=SOFTMAX)
    assert ((strength > 0.5) * class_ids).tolist() == [[0, 1, 2]]
    torch.testing.assert_close(strength[0, 2], torch.tensor(0.5 / 0.7))


def test_a_pixel_gets_the_most_probable_class_above_the_threshold() -> None:
    probability = torch.tensor([[[0.6, 0.4, 0.7]], [[0.2, 0.45, 0.8]]])  # (2, 1, 3)
    segmenter = TrainedSegmenter(Ramp(), SegmenterDetails.read(OLD), scales=(1.0,), flip=False)
    assert segmenter.class_ids(probability, size=(1, 3)).tolist() == [[1, 0, 2]]
    assert segmenter.class_ids(probability, size=(2, 6)).shape == (2, 6)


def test_mirrors_and_sizes_are_averaged_as_probabilities() -> None:
    segmenter = Ramp()
    image = torch.full((1, 3, 8, 8), 4.0)
    ramp = (4 * torch.linspace(0, 1, 8)).sigmoid()
    seen = probabilities(segmenter, image, channels=SIGMOID, scales=(1.0,), flip=True)
    torch.testing.assert_close(seen[0, 0, 0], (ramp + ramp.flip(0)) / 2)
    several = probabilities(segmenter, image, channels=SIGMOID, scales=(1.0, 0.5, 1.5), flip=False)
    assert segmenter.sizes[2:] == [(8, 8), (4, 4), (12, 12)]
    assert several.shape == (1, 1, 8, 8)
    small, large = ((4 * torch.linspace(0, 1, side)).sigmoid() for side in (4, 12))
    ends = [torch.stack([of_size[0], of_size[-1]]) for of_size in (ramp, small, large)]
    torch.testing.assert_close(several[0, 0, 0, [0, -1]], torch.stack(ends).mean(dim=0), rtol=0.02, atol=0.02)


def test_details_of_an_earlier_version_are_read_and_those_of_another_are_told() -> None:
    details = SegmenterDetails.read(OLD)
    assert details.loss == (Bce(), Dice())
    assert details.channels is SIGMOID
    assert SegmenterDetails.read({**OLD, "loss": "cross_entropy"}).loss == (CrossEntropy(),)
    assert SegmenterDetails.read(details.model_dump(mode="json")) == details
    with pytest.raises(SpecError, match=r"details\.loss"):
        SegmenterDetails.read({**OLD, "loss": "focal"})
