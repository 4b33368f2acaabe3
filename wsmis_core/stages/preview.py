"""What a step found in some images, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsmis_core.data import DatasetIndex, Sample, read_image, shape_at
from wsmis_core.engine import RunContext
from wsmis_core.export import Captioned, contact_sheet, overlay
from wsmis_core.files import write_bytes_atomically
from wsmis_core.spec.parts import Split
from wsmis_core.stages.findings import Finder, Shape

__all__ = ["Layer", "captioned_layers", "evenly_spread", "write_preview"]

Layer = tuple[str, NDArray[Any]]  # caption, what lies over the image

_CELL = 224  # pixels a side of a picture
_SHOWN = 12
_LOOKED_AT_FIRST: tuple[Split, ...] = ("val", "test", "train")


@torch.no_grad()
def write_preview(
    context: RunContext,
    index: DatasetIndex,
    finder: Finder,
    *,
    caption: str,
    splits: Sequence[Split] = _LOOKED_AT_FIRST,
) -> None:
    """Write `previews/found.png`: labelled images, each with its soft maps and its labels, and say so.

    They are of the validation split where it is among ``splits``. Nothing is written where no image has a
    label, and no true mask is read.
    """
    context.ranks.wait()  # what other ranks made is shown
    of_splits = (
        [one for one in index.split(split) if one.class_ids] for split in _LOOKED_AT_FIRST if split in splits
    )
    samples = evenly_spread(next(filter(None, of_splits), []), _SHOWN)
    if not samples or not context.ranks.is_main:
        return
    rows = []
    for sample in samples:
        (found,) = finder.found([sample], [_small(shape_at(sample, "native"))])
        layers: list[Layer] = []
        if found.soft is not None:
            layers.append(("soft", found.soft.strengths.float().cpu().numpy()))
        layers.append(("labels", found.labels.cpu().numpy()))
        rows.append(captioned_layers(index, sample, layers))
    write_bytes_atomically(context.previews / "found.png", contact_sheet(rows))
    context.events.preview("previews/found.png", caption=caption)


def captioned_layers(index: DatasetIndex, sample: Sample, layers: Sequence[Layer]) -> list[Captioned]:
    """The sample's image under the end of its id, then each layer over it, under its caption."""
    image = read_image(index.path(sample))
    bare: Layer = (sample.id[-16:], np.zeros((1, 1), np.uint8))
    return [(overlay(image, layer, side=_CELL), caption) for caption, layer in (bare, *layers)]


def evenly_spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """So many samples, evenly over all of them: three of four with a label, where there are both."""
    positives = [sample for sample in samples if sample.class_ids]
    negatives = [sample for sample in samples if not sample.class_ids]
    of_negatives = min(len(negatives), max(count // 4, count - len(positives)))
    chosen = {
        group[int(place)].id
        for group, share in ((positives, count - of_negatives), (negatives, of_negatives))
        for place in np.linspace(0, len(group) - 1, min(share, len(group)))
    }
    return [sample for sample in samples if sample.id in chosen]


def _small(shape: Shape) -> Shape:
    """A shape in a cell."""
    scale = min(1.0, _CELL / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
