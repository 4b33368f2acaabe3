from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsmis_core.errors import ArtifactError
from wsmis_core.export import class_colour, read_mask_png, write_mask, write_numbers

MASK = np.array([[0, 1, 2], [255, 3, 254]], dtype=np.uint8)


def test_round_trip(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", MASK)
    np.testing.assert_array_equal(read_mask_png(tmp_path / "a.png"), MASK)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_viewers_see_colours(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.part", MASK)  # whatever the name, a PNG
    with Image.open(tmp_path / "a.part") as image:
        assert (image.format, image.mode) == ("PNG", "P")
        shown = np.asarray(image.convert("RGB"))
    assert shown[0, 0].tolist() == [0, 0, 0]
    assert tuple(shown[0, 1].tolist()) == class_colour(1)
    assert len({class_colour(class_id) for class_id in range(256)}) == 256


def test_what_is_no_mask_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for harm in (
        lambda: path.write_bytes(b"nothing"),
        lambda: Image.new("RGB", (2, 2)).save(path),
        path.unlink,
    ):
        harm()
        with pytest.raises(ArtifactError) as caught:
            read_mask_png(path)
        assert caught.value.field == str(path)
        assert caught.value.remedy


def test_numbers_beyond_a_palette(tmp_path: Path) -> None:
    numbers = np.array([[0, 255], [256, 65535]], dtype=np.uint16)
    write_numbers(tmp_path / "a.part", numbers)
    with Image.open(tmp_path / "a.part") as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), numbers)
