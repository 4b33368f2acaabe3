"""Maps that walk along the boundaries that an IRNet sees.

Axes: K classes of an image, H x W pixels, h x w cells of IRNet's grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.data import Sample
from wsmis_core.irn import random_walks, seen_through_windows
from wsmis_core.models import IRNet
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.inputs import Input, Pictures, load_model
from wsmis_core.stages.maps import resized
from wsmis_core.stages.train_irnet import irnet_from

__all__ = ["Walk"]


@dataclass(frozen=True, slots=True)
class Walk:
    """An IRNet, and how maps walk along the boundaries that it sees."""

    irnet: IRNet
    params: MakePseudoLabels
    images: Pictures
    window: int  # pixels a side that the network sees at once

    @classmethod
    def of(cls, source: Input, params: MakePseudoLabels, images: Pictures) -> Walk:
        """The walk with the IRNet of an artifact."""
        irnet = load_model(source, irnet_from).to(images.device)
        assert isinstance(irnet, IRNet)
        return cls(irnet, params, images, params.crop_size or source.details["crop_size"])

    def boundaries(self, samples: Sequence[Sample]) -> list[Tensor]:
        """Of each image, (h, w)."""

        def see(images: Tensor) -> Tensor:
            return self.irnet.boundaries(self._on_device(images), window=self.window)[:, None]

        return [seen[0] for seen in self._seen(see, samples)]

    def fields(self, samples: Sequence[Sample]) -> tuple[list[Tensor], list[Tensor]]:
        """Boundaries (h, w) and displacements (2, h, w) of each image."""

        def see(images: Tensor) -> Tensor:
            boundary, displacement = self.irnet.infer(self._on_device(images), window=self.window)
            return torch.cat([boundary[:, None], displacement], dim=1)

        seen = self._seen(see, samples)
        return [field[0] for field in seen], [field[1:] for field in seen]

    def along(
        self, boundaries: Sequence[Tensor], maps: Sequence[Tensor], shapes: Sequence[tuple[int, int]]
    ) -> list[Tensor]:
        """Maps (K, h', w') of each image, walked along its boundaries (h, w), at its shape (H, W)."""
        stride = self.irnet.grid_stride
        walked = random_walks(
            [resized(one, (*boundary.shape,)) for one, boundary in zip(maps, boundaries, strict=True)],
            boundaries,
            radius=self.params.radius,
            beta=self.params.beta,
            log2_steps=[self._log2_steps(boundary.numel()) for boundary in boundaries],
        )
        return [
            resized(one, (one.shape[1] * stride, one.shape[2] * stride))[:, :height, :width]
            for one, (height, width) in zip(walked, shapes, strict=True)
        ]

    def _seen(self, see: Callable[[Tensor], Tensor], samples: Sequence[Sample]) -> list[Tensor]:
        images = [self.images.tensor(self.images.array(sample)) for sample in samples]
        return seen_through_windows(see, images, window=self.window, stride=self.irnet.grid_stride)

    def _on_device(self, images: Tensor) -> Tensor:
        return images.to(self.images.device, memory_format=torch.channels_last)

    def _log2_steps(self, cells: int) -> int:
        """Steps fit for the grid: 2^8 belong to 128 x 128 cells, a quarter of it to half the side."""
        if self.params.log2_steps == "grid":
            return max(0, round(8 - 2 * math.log2(128 / math.sqrt(cells))))
        return self.params.log2_steps
