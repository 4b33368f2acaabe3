"""Step 2c: pseudo-labels by a random walk of the maps along IRNet's boundaries."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from wsmis_core.cam import otsu, otsu_middle, otsu_twice
from wsmis_core.engine import ItemFolder, RunContext, StageResult
from wsmis_core.export import write_mask
from wsmis_core.irn import guarded_labels, random_walk
from wsmis_core.models import IRNet
from wsmis_core.spec.parts import Fixed, Threshold
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.inputs import dataset_index, input_artifact, load_model, pictures, samples_of
from wsmis_core.stages.maps import load_maps, refined, resized
from wsmis_core.stages.train_irnet import irnet_from

__all__ = ["labels_above", "run", "without_specks"]

_EPSILON = 1e-5


@torch.no_grad()
def run(context: RunContext, params: MakePseudoLabels) -> StageResult:
    """Write `pseudo_labels/<sample>.png` (class ids) for each image that has maps."""
    index = dataset_index(context)
    cams, source = input_artifact(context, "cams"), input_artifact(context, "irnet")
    irnet = load_model(source, irnet_from).to(context.ranks.device)
    assert isinstance(irnet, IRNet)
    images = pictures(context, index, size=params.image_size, normalisation=source.details["normalisation"])
    samples = [
        sample
        for sample in samples_of(index, params.splits)
        if (cams.folder / "cams" / f"{sample.id}.npz").exists()
    ]
    folder = ItemFolder(context, "pseudo_labels", suffix=".png")
    kept = 0
    for batch in folder.batches(samples, item_id=lambda sample: sample.id, size=1, phase="random walk"):
        for sample in batch:
            image = images.batch([sample])
            stored = load_maps(cams.folder / "cams" / f"{sample.id}.npz")
            boundary = irnet.infer(image)[0][0]  # (h, w)
            maps = stored.maps.to(image.device)
            if params.refine_before is not None:
                maps = refined(maps, image, params.refine_before)
            maps = resized(maps, (boundary.shape[0], boundary.shape[1]))
            walked = random_walk(
                maps,
                boundary,
                radius=params.radius,
                beta=params.beta,
                log2_steps=_log2_steps(params, cells=boundary.shape[0]),
            )
            labels, kept_here = _labels(params, image, walked, stored.class_ids)
            kept += kept_here
            folder.write(sample.id, functools.partial(write_mask, mask=labels))
    total_kept = context.ranks.summed(torch.tensor(float(kept), device=context.ranks.device)).item()
    if total_kept:
        context.events.log(
            f"Refinement would have erased {total_kept:.0f} objects; they are kept unrefined.",
            level="warning",
        )
    return StageResult(
        metrics={"images": float(len(samples)), "kept_unrefined": total_kept},
        details={
            "classes": list(index.classes),
            "image_size": params.image_size,
            "splits": list(params.splits),
        },
    )


CUTS: Mapping[str, Callable[[Tensor], float]] = {
    "otsu": otsu,
    "otsu_twice": otsu_twice,
    "otsu_middle": otsu_middle,
}


def labels_above(maps: Tensor, class_ids: Sequence[int], threshold: Threshold) -> Tensor:
    """Class ids (H, W) of soft maps (K, H, W): the strongest class where it is over the threshold.

    The maps are divided by their common maximum first (METHOD 2c).
    """
    ids = torch.tensor(class_ids, dtype=torch.uint8, device=maps.device)
    strongest, which = (maps / (maps.max() + _EPSILON)).max(dim=0)  # (H, W)
    cut = threshold.value if isinstance(threshold, Fixed) else CUTS[threshold.name](strongest)
    return torch.where(strongest > cut, ids[which], torch.zeros_like(ids[which]))


def _labels(
    params: MakePseudoLabels, image: Tensor, walked: Tensor, class_ids: Sequence[int]
) -> tuple[NDArray[np.uint8], int]:
    """Pseudo-labels (H, W), and how many classes refinement would have erased."""
    maps = resized(walked, (params.image_size, params.image_size))
    guarded = guarded_labels(
        maps,
        maps if params.refine is None else refined(maps, image, params.refine),
        lambda soft: labels_above(soft, class_ids, params.threshold),
        class_ids=class_ids,
    )
    labels = guarded.labels.cpu().numpy()
    return without_specks(labels, smallest=params.smallest_component * labels.size), guarded.kept_unrefined


def without_specks(labels: NDArray[np.uint8], *, smallest: float) -> NDArray[np.uint8]:
    """Labels without connected components of under ``smallest`` pixels; a class keeps its largest."""
    cleaned = labels.copy()
    for class_id in np.unique(labels[labels > 0]):
        components, count = ndimage.label(labels == class_id, structure=np.ones((3, 3)))
        sizes = np.bincount(components.ravel(), minlength=count + 1)
        small = sizes < smallest
        small[0] = False
        small[1 + int(sizes[1:].argmax())] = False
        cleaned[small[components]] = 0
    return cleaned


def _log2_steps(params: MakePseudoLabels, *, cells: int) -> int:
    """Steps fit for the grid: 2^8 belong to 128 cells a side, a quarter of it to half the side."""
    if params.log2_steps == "grid":
        return max(0, round(8 - 2 * math.log2(128 / cells)))
    return params.log2_steps
