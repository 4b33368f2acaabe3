"""True masks to choose by: there must be an object in them at the size that is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsmis_core.data import DatasetIndex, Sample
from wsmis_core.data.index import Mask, RleMask, fingerprint
from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import CsvDataset
from wsmis_core.stages.truth import required_masks


def index_of(root: Path, *masks: tuple[Mask, ...]) -> DatasetIndex:
    """Validation images of 64 x 64 pixels, those with a mask labelled."""
    samples = tuple(
        Sample(
            id=str(number),
            file=f"{number}.png",
            patient=str(number),
            labels=(int(bool(of_one)),),
            split="val",
            masks=of_one,
            height=64,
            width=64,
            content="",
        )
        for number, of_one in enumerate(masks)
    )
    return DatasetIndex(
        spec=CsvDataset(root=str(root)),
        classes=("air",),
        samples=samples,
        has_masks=True,
        fingerprint=fingerprint(("air",), samples),
    )


# Down the columns: the first pixel of the image alone; its left quarter.
DOT = (RleMask(class_id=1, runs="0 1"),)
BAR = (RleMask(class_id=1, runs="0 1024"),)


def test_an_object_must_be_left_at_the_size(tmp_path: Path) -> None:
    index = index_of(tmp_path, (), DOT)
    with pytest.raises(DataError, match="no object is left at image_size 32") as refused:
        required_masks(index, "val", size=32, field="params.threshold.split")
    assert refused.value.field == "params.threshold.split"
    assert "image_size" in str(refused.value.remedy)
    assert len(required_masks(index, "val", size="native", field="split")) == 2
    assert len(required_masks(index_of(tmp_path, DOT, BAR, ()), "val", size=32, field="split")) == 3


def test_masks_are_needed_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No image of the train split"):
        required_masks(index_of(tmp_path, BAR), "train", size=32, field="params.threshold.split")
