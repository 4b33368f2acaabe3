"""Masks of a trained segmenter for a split, or for files that the data set does not hold."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from wsmis_core.data import prepared_image, read_image
from wsmis_core.data.cache import resized
from wsmis_core.data.tensors import to_tensor
from wsmis_core.engine import ItemFolder, RunContext, StageResult
from wsmis_core.errors import DataError
from wsmis_core.export import write_mask
from wsmis_core.spec.stages import Predict
from wsmis_core.stages.inputs import dataset_index, input_artifact
from wsmis_core.stages.segmentation import TrainedSegmenter
from wsmis_core.stages.weights import file_below_root

__all__ = ["run"]


@dataclass(frozen=True, slots=True)
class _Picture:
    """An image to predict: its pixels at the segmenter's size, and its own size."""

    pixels: NDArray[np.uint8]
    size: tuple[int, int]


@torch.no_grad()
def run(context: RunContext, params: Predict) -> StageResult:
    """Write `masks/<name>.png` for each image, at its own size, a pixel's value its class id."""
    device = context.ranks.device
    segmenter = TrainedSegmenter.load(
        input_artifact(context, "segmenter"), device=device, scales=params.scales, flip=params.flip
    )
    details = segmenter.details
    wanted = _from_files(context, params) if params.files else _from_split(context, params)
    names = sorted(wanted)
    folder = ItemFolder(context, "masks", suffix=".png")
    found = 0
    for batch in folder.batches(names, item_id=str, size=params.batch_size, phase="prediction"):
        read = [wanted[name](details.image_size) for name in batch]
        images = torch.stack(
            [to_tensor(picture.pixels[None], scheme=details.normalisation)[0] for picture in read]
        )
        seen = segmenter.probabilities(images.to(device))
        for name, picture, probability in zip(batch, read, seen, strict=True):
            mask = segmenter.class_ids(probability, size=picture.size).cpu().numpy()
            found += bool(mask.any())
            folder.write(name, functools.partial(write_mask, mask=mask))
    total = context.ranks.summed(torch.tensor(float(found), device=device)).item()
    return StageResult(
        metrics={"images": float(len(names)), "images_with_a_finding": total},
        details={"classes": list(details.classes)},
    )


Reader = functools.partial[_Picture]


def _from_split(context: RunContext, params: Predict) -> dict[str, Reader]:
    index = dataset_index(context)
    assert params.split is not None

    def read(size: int, *, number: int) -> _Picture:
        sample = samples[number]
        pixels = prepared_image(index, sample, size=size, cache=context.spec.cache)
        return _Picture(pixels, (sample.height, sample.width))

    samples = index.split(params.split)
    return {sample.id: functools.partial(read, number=number) for number, sample in enumerate(samples)}


def _from_files(context: RunContext, params: Predict) -> dict[str, Reader]:
    """Readers by the files' stems; raises DataError for a file outside the data roots, or a stem twice."""

    def read(size: int, *, path: Path) -> _Picture:
        image = read_image(path)
        return _Picture(resized(image, size), (image.shape[0], image.shape[1]))

    readers: dict[str, Reader] = {}
    for name in params.files:
        path = file_below_root(context, name, field="params.files")
        if path.stem in readers:
            raise DataError(
                f"Two files are called {path.stem}.",
                field="params.files",
                remedy="Give them to two jobs; a mask goes by its image's name.",
            )
        readers[path.stem] = functools.partial(read, path=path)
    return readers
