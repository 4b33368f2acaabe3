"""Pictures for people: an image's name is its own, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsmis_core.data import DatasetIndex, Sample
from wsmis_core.data.index import fingerprint
from wsmis_core.export import contact_sheet
from wsmis_core.spec.dataset import CsvDataset
from wsmis_core.stages.preview import captioned_layers


@pytest.mark.parametrize("name", ["truth", "cams", "patient_3_segmenter"])
def test_an_image_may_be_called_as_a_layer_is(tmp_path: Path, name: str) -> None:
    Image.new("L", (6, 4), 90).save(tmp_path / "a.png")
    sample = Sample(
        id=name, file="a.png", patient="p", labels=(1,), split="test", height=4, width=6, content=""
    )
    index = DatasetIndex(
        spec=CsvDataset(root=str(tmp_path)),
        classes=("air",),
        samples=(sample,),
        has_masks=False,
        fingerprint=fingerprint(("air",), (sample,)),
    )
    labels = np.ones((4, 6), np.uint8)
    row = captioned_layers(index, sample, [("truth", labels), ("cams", labels)])
    assert [caption for _, caption in row] == [name[-16:], "truth", "cams"]
    assert not np.array_equal(row[0][0], row[1][0])  # the image is bare
    assert contact_sheet([row])
