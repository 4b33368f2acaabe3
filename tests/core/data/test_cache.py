from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsmis_core.data import DatasetIndex, Sample, prepared_image, shape_at
from wsmis_core.data.cache import resized
from wsmis_core.errors import DataError
from wsmis_core.spec import SiimDataset

GREY = np.array([[0, 20, 100, 100], [40, 60, 100, 104]], dtype=np.uint8)


@pytest.fixture
def one(tmp_path: Path) -> tuple[DatasetIndex, Sample]:
    (tmp_path / "root").mkdir()
    path = tmp_path / "root" / "a.png"
    Image.fromarray(GREY).save(path)
    sample = Sample(
        id="a",
        file="a.png",
        patient="a",
        labels=(1,),
        split="train",
        height=2,
        width=4,
        content=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    index = DatasetIndex(
        spec=SiimDataset(root=str(tmp_path / "root")),
        classes=("x",),
        samples=(sample,),
        has_masks=False,
        fingerprint="",
    )
    return index, sample


def test_shrinking_takes_the_mean_of_the_area() -> None:
    np.testing.assert_array_equal(resized(GREY, 1)[..., 0], [[66]])  # 524 / 8 = 65.5
    np.testing.assert_array_equal(resized(np.repeat(GREY, 2, axis=0), 2)[..., 0], [[10, 100], [50, 102]])


def test_growing_interpolates_and_keeps_bands() -> None:
    grown = resized(np.stack([GREY] * 3, axis=-1), 8)
    assert grown.shape == (8, 8, 3)
    assert len(np.unique(grown)) > len(np.unique(GREY))


def test_made_once_then_read(one: tuple[DatasetIndex, Sample], tmp_path: Path) -> None:
    index, sample = one
    first = prepared_image(index, sample, size=16, cache=tmp_path / "cache")
    assert first.shape == (16, 16, 1)
    index.path(sample).unlink()
    np.testing.assert_array_equal(prepared_image(index, sample, size=16, cache=tmp_path / "cache"), first)


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-5]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no array at all"),
        lambda path: np.save(path, np.zeros((3, 3, 1), dtype=np.uint8)),
        lambda path: np.save(path, np.array([{}]), allow_pickle=True),
    ],
)
def test_a_broken_entry_is_made_anew(
    one: tuple[DatasetIndex, Sample], tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    index, sample = one
    cache = tmp_path / "cache"
    first = prepared_image(index, sample, size=16, cache=cache)
    (entry,) = cache.rglob("*.npy")
    harm(entry)
    np.testing.assert_array_equal(prepared_image(index, sample, size=16, cache=cache), first)
    np.testing.assert_array_equal(np.load(entry), first)


def test_many_at_once(one: tuple[DatasetIndex, Sample], tmp_path: Path) -> None:
    index, sample = one
    with ThreadPoolExecutor(8) as pool:
        made = [
            pool.submit(prepared_image, index, sample, size=16, cache=tmp_path / "cache") for _ in range(40)
        ]
        arrays = [future.result() for future in made]
    assert all((array == arrays[0]).all() for array in arrays)
    assert len([path for path in (tmp_path / "cache").rglob("*") if path.is_file()]) == 1


def test_a_file_that_has_changed_is_refused(one: tuple[DatasetIndex, Sample], tmp_path: Path) -> None:
    index, sample = one
    Image.fromarray(255 - GREY).save(index.path(sample))
    with pytest.raises(DataError, match="has changed since") as caught:
        prepared_image(index, sample, size=16, cache=tmp_path / "cache")
    assert caught.value.field == str(index.path(sample))


def test_an_image_at_its_own_size_is_read_from_its_file(
    one: tuple[DatasetIndex, Sample], tmp_path: Path
) -> None:
    index, sample = one
    cache = tmp_path / "cache"
    assert shape_at(sample, "native") == (2, 4)
    assert shape_at(sample, 16) == (16, 16)
    assert prepared_image(index, sample, size="native", cache=cache)[..., 0].tolist() == GREY.tolist()
    assert not cache.exists()
    Image.fromarray(255 - GREY).save(index.path(sample))
    with pytest.raises(DataError, match="has changed since"):
        prepared_image(index, sample, size="native", cache=cache)
