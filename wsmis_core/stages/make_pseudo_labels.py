"""Step 2c: pseudo-labels by a random walk of the maps along IRNet's boundaries."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, RunContext, StageResult
from wsmis_core.export import write_mask
from wsmis_core.irn import guarded_maps, random_walk
from wsmis_core.models import IRNet
from wsmis_core.models.local import LocalNet
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.inputs import (
    Pictures,
    dataset_index,
    input_artifact,
    load_model,
    pictures,
    samples_of,
)
from wsmis_core.stages.local_pixels import local_net, seen_locally
from wsmis_core.stages.maps import MapsFolder, StoredMaps, labels_above, refined, resized, save_maps
from wsmis_core.stages.train_irnet import irnet_from

__all__ = ["run", "without_specks"]

_WALKED_AT_ONCE = 8  # images; one alone is mostly overhead on small grids
_LEAST_MAXIMUM = 1e-12  # of maps that are all zero


def run(context: RunContext, params: MakePseudoLabels) -> StageResult:
    """Write `walked/<sample>.npz` (soft maps) and `pseudo_labels/<sample>.png` (class ids).

    Each image that has activation maps gets both.
    """
    index = dataset_index(context)
    cams, source = input_artifact(context, "cams"), input_artifact(context, "irnet")
    irnet = load_model(source, irnet_from).to(context.ranks.device)
    assert isinstance(irnet, IRNet)
    images = pictures(context, index, size=params.image_size, normalisation=source.details["normalisation"])
    maps = MapsFolder(cams.folder / "cams")
    samples = [sample for sample in samples_of(index, params.splits) if maps.has(sample)]
    walked, kept_in_walk = _walk(context, params, irnet, samples, images, maps)
    context.ranks.wait()
    net = None
    if params.local is not None:
        net = local_net(
            context,
            params.local.model_copy(update={"seed": params.seed}),
            samples=index.split("train"),
            images=images,
            maps=walked,
            refine=params.refine,
        )
    kept_here = kept_in_walk + _label(context, params, samples, images, walked, net)
    kept = context.ranks.summed(torch.tensor(float(kept_here), device=context.ranks.device)).item()
    if kept:
        context.events.log(
            f"Refinement would have erased {kept:.0f} objects; they are kept unrefined.", level="warning"
        )
    return StageResult(
        metrics={"images": float(len(samples)), "kept_unrefined": kept},
        details={
            "classes": list(index.classes),
            "image_size": params.image_size,
            "splits": list(params.splits),
        },
    )


@torch.no_grad()
def _walk(
    context: RunContext,
    params: MakePseudoLabels,
    irnet: IRNet,
    samples: Sequence[Sample],
    images: Pictures,
    maps: MapsFolder,
) -> tuple[MapsFolder, int]:
    """The maps walked along the boundaries, at image size, refined where asked for, over their maximum.

    Beside them, how many objects this rank kept unrefined since refinement would have erased them.
    """
    folder = ItemFolder(context, "walked", suffix=".npz")
    kept = 0
    for batch in folder.batches(samples, item_id=_id, size=_WALKED_AT_ONCE, phase="random walk"):
        boundaries = irnet.boundaries(images.batch(batch))  # (B, h, w)
        height, width = boundaries.shape[1:]
        all_stored = [maps.load(sample) for sample in batch]
        starts = []
        for sample, stored in zip(batch, all_stored, strict=True):
            before = stored.maps.to(boundaries.device)
            if params.refine_before is not None:
                before = refined(before, images.raw(sample), params.refine_before)
            starts.append(resized(before, (height, width)))
        all_walked = random_walk(
            pad_sequence(starts, batch_first=True),  # (B, K of the image with most classes, h, w)
            boundaries,
            radius=params.radius,
            beta=params.beta,
            log2_steps=_log2_steps(params, cells=height),
        )
        for sample, stored, walked in zip(batch, all_stored, all_walked, strict=True):
            soft = resized(walked[: len(stored.class_ids)], (params.image_size, params.image_size))
            if params.refine is not None:
                better = refined(soft, images.raw(sample), params.refine)
                soft, kept_here = _guarded(params, soft, better, stored.class_ids)
                kept += kept_here
            result = StoredMaps(stored.class_ids, soft / soft.max().clamp(min=_LEAST_MAXIMUM))
            folder.write(sample.id, functools.partial(save_maps, stored=result))
    return MapsFolder(context.output / "walked"), kept


@torch.no_grad()
def _label(
    context: RunContext,
    params: MakePseudoLabels,
    samples: Sequence[Sample],
    images: Pictures,
    walked: MapsFolder,
    net: LocalNet | None,
) -> int:
    """Cut the walked maps into labels; returns how many objects the local net would have erased here."""
    folder = ItemFolder(context, "pseudo_labels", suffix=".png")
    kept = 0
    for batch in folder.batches(samples, item_id=_id, size=1, phase="labels"):
        for sample in batch:
            stored = walked.load(sample)
            soft = stored.maps.to(context.ranks.device)
            if net is not None and params.local is not None:
                better = seen_locally(
                    stored, net, sample, images, prior=params.local.prior, refine=params.refine
                )
                soft, kept_here = _guarded(params, soft, better, stored.class_ids)
                kept += kept_here
            labels = labels_above(soft, stored.class_ids, params.threshold).cpu().numpy()
            labels = without_specks(labels, smallest=params.smallest_component * labels.size)
            folder.write(sample.id, functools.partial(write_mask, mask=labels))
    return kept


def _guarded(
    params: MakePseudoLabels, soft: Tensor, better: Tensor, class_ids: Sequence[int]
) -> tuple[Tensor, int]:
    """``better``, but ``soft`` for each class that would vanish, and how many these are."""
    label = functools.partial(labels_above, class_ids=class_ids, threshold=params.threshold)
    guarded = guarded_maps(soft, better, label, class_ids=class_ids)
    return guarded.maps, guarded.kept_unrefined


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


def _id(sample: Sample) -> str:
    return sample.id
