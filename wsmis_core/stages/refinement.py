"""Soft maps and labels refined on the image, by the `name` of a `Refinement`.

Axes: K maps, N image channels, H x W pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wsmis_core.cam import dense_crf, grab_cut, pamr, require_crf, trusted
from wsmis_core.engine import Processes
from wsmis_core.errors import ResourceError
from wsmis_core.irn import GuardedMaps, guarded_maps
from wsmis_core.spec.parts import DenseCrf, GrabCut, Pamr, Refinement
from wsmis_core.stages.maps import StoredMaps, resized

__all__ = [
    "all_guarded",
    "all_refined",
    "check_refinement",
    "crf_labels",
    "crf_probabilities",
    "refined",
    "refined_probabilities",
    "rgb",
]

_EPSILON = 1e-5

_Maps = NDArray[np.float32]
_Work = tuple[_Maps, NDArray[np.uint8], DenseCrf | GrabCut]


def check_refinement(refinement: Refinement | None, *, field: str) -> None:
    """Raise ResourceError that names the ``field`` where this host cannot do what it asks for."""
    if isinstance(refinement, DenseCrf):
        try:
            require_crf()
        except ResourceError as error:
            raise ResourceError(error.message, field=field, remedy=error.remedy) from error


def refined(maps: Tensor, image: Tensor, refinement: Refinement) -> Tensor:
    """Soft maps, none negative, that follow the edges of the image.

    Args:
        maps: (K, h, w), on the image's device.
        image: (1, N, H, W) in [0, 255], N = 1 or 3.

    Returns:
        (K, H, W), within the range of the maps; of other refinements than PAMR from 0 to their maximum.
    """
    (found,) = _each_refined([maps], [image], refinement, lambda do, items: [do(item) for item in items])
    return found


def all_refined(
    maps: Sequence[Tensor], images: Sequence[Tensor], refinement: Refinement, processes: Processes
) -> list[Tensor]:
    """`refined` of each; a refinement that keeps one core busy is spread over the processes."""
    return _each_refined(maps, images, refinement, processes.map)


@torch.no_grad()
def refined_probabilities(
    probabilities: Tensor, images: Tensor, refinement: DenseCrf | Pamr, processes: Processes
) -> Tensor:
    """Probabilities (B, K, H, W), which add up to 1 over K, that follow the edges of the images.

    Args:
        probabilities: (B, K, H, W), which add up to 1 over K, on any device.
        images: (B, N, H, W) in [0, 255], N = 1 or 3, on the same device.
    """
    if isinstance(refinement, Pamr):
        return pamr(
            images.to(probabilities),
            probabilities,
            iterations=refinement.iterations,
            dilations=refinement.dilations,
        )
    work = [
        (soft, rgb(image[None]), refinement)
        for soft, image in zip(probabilities.float().cpu().numpy(), images, strict=True)
    ]
    return torch.from_numpy(np.stack(processes.map(crf_probabilities, work))).to(probabilities)


def crf_probabilities(work: tuple[_Maps, NDArray[np.uint8], DenseCrf]) -> _Maps:
    """The CRF's marginals (K, H, W) of probabilities (K, H, W) on an image (H, W, 3), with its params."""
    probabilities, image, refinement = work
    return _marginals(image, probabilities, refinement)


def all_guarded(
    found: Sequence[StoredMaps],
    images: Sequence[Tensor],
    refinement: Refinement,
    processes: Processes,
    *,
    scaled: Callable[[Tensor], Tensor],
    label: Callable[[Tensor, Sequence[int]], Tensor],
) -> tuple[list[StoredMaps], list[Counter[int]]]:
    """Maps refined at the size of the images, but for what would vanish: `guarded_maps`, and what it kept.

    Args:
        scaled: brings maps (K, H, W) to the scale that ``label`` and later readers expect.
        label: scaled maps of some class ids to labels (H, W).
    """
    better = all_refined([stored.maps for stored in found], images, refinement, processes)

    def outcome(before: StoredMaps, after: Tensor) -> GuardedMaps:
        at_image = resized(before.maps, (after.shape[-2], after.shape[-1]))
        ids = before.class_ids
        return guarded_maps(scaled(at_image), scaled(after), lambda maps: label(maps, ids), class_ids=ids)

    outcomes = [outcome(before, after) for before, after in zip(found, better, strict=True)]
    results = [StoredMaps(old.class_ids, new.maps) for old, new in zip(found, outcomes, strict=True)]
    return results, [new.kept for new in outcomes]


def crf_labels(work: tuple[NDArray[np.uint8], NDArray[np.uint8], int, DenseCrf]) -> NDArray[np.uint8]:
    """Labels (H, W) of indices under ``count`` after the CRF on an image (H, W, 3).

    ``work`` is the image, the labels, their count and the params.
    """
    image, labels, count, refinement = work
    certain = (labels == np.arange(count)[:, None, None]).astype(np.float32)  # (count, H, W)
    strongest: NDArray[np.intp] = _marginals(image, certain, refinement).argmax(axis=0)
    return strongest.astype(np.uint8)


def rgb(image: Tensor) -> NDArray[np.uint8]:
    """An image (1, 1 or 3, H, W) in [0, 255] as (H, W, 3)."""
    return image[0].expand(3, -1, -1).permute(1, 2, 0).round().to(torch.uint8).contiguous().cpu().numpy()


def _each_refined(
    maps: Sequence[Tensor],
    images: Sequence[Tensor],
    refinement: Refinement,
    mapped: Callable[[Callable[[_Work], _Maps], list[_Work]], list[_Maps]],
) -> list[Tensor]:
    at_image = [
        resized(soft, (image.shape[-2], image.shape[-1])) for soft, image in zip(maps, images, strict=True)
    ]
    if isinstance(refinement, Pamr):
        return [
            pamr(image, soft[None], iterations=refinement.iterations, dilations=refinement.dilations)[0]
            for soft, image in zip(at_image, images, strict=True)
        ]
    highest = [soft.max() + _EPSILON for soft in at_image]
    work = [
        ((soft / top).float().cpu().numpy(), rgb(image), refinement)
        for soft, top, image in zip(at_image, highest, images, strict=True)
    ]
    found = mapped(_on_one_core, work)
    return [torch.from_numpy(one).to(top) * top for one, top in zip(found, highest, strict=True)]


def _on_one_core(work: _Work) -> _Maps:
    maps, image, refinement = work
    return ON_ONE_CORE[refinement.name](maps, image, refinement)


def _crf(maps: _Maps, image: NDArray[np.uint8], refinement: DenseCrf) -> _Maps:
    """The CRF's marginals of the K classes, from the maps as their probabilities.

    Background has what the strongest map leaves of 1.
    """
    known = np.concatenate([1 - maps.max(axis=0, keepdims=True), maps])  # (1 + K, H, W)
    return _marginals(image, known / known.sum(axis=0), refinement)[1:]


def _marginals(image: NDArray[np.uint8], probabilities: _Maps, refinement: DenseCrf) -> _Maps:
    return dense_crf(
        image,
        trusted(probabilities, gt_prob=refinement.gt_prob),
        **refinement.model_dump(exclude={"name", "gt_prob"}),
    )


def _grab_cut(maps: _Maps, image: NDArray[np.uint8], refinement: GrabCut) -> _Maps:
    """Zero outside of each class's GrabCut mask, in its order from the middle of the range up inside.

    So thresholds up to a half give the mask itself, and of two classes' masks the stronger map wins.
    """
    percentiles = refinement.background, refinement.probable, refinement.foreground
    masks = [
        grab_cut(image, soft, percentiles=percentiles, iterations=refinement.iterations) for soft in maps
    ]
    return np.where(np.stack(masks), (1 + maps) / 2, 0).astype(np.float32)


# From maps (K, H, W) in [0, 1], an image (H, W, 3), and the params of the name.
ON_ONE_CORE: Mapping[str, Callable[[_Maps, NDArray[np.uint8], Any], _Maps]] = {
    "crf": _crf,
    "grabcut": _grab_cut,
}
