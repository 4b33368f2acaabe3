"""What holds for every layout: the phantom's folder serves as both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from wsmis_core.data import DatasetIndex, read_class_masks, scan
from wsmis_core.data.phantom import write_siim
from wsmis_core.spec import CsvDataset, DatasetSpec, SiimDataset


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("phantom")
    write_siim(root, patients=12, seed=3, size=64)
    yield root
    shutil.rmtree(root)


def _specs(root: Path) -> list[DatasetSpec]:
    return [SiimDataset(root=str(root)), CsvDataset(root=str(root), masks="masks")]


def test_both_layouts_say_the_same_of_the_phantom(phantom: Path) -> None:
    siim, table = (scan(spec) for spec in _specs(phantom))
    place = table.classes.index("pneumothorax")
    assert [s.id for s in siim.samples] == [s.id for s in table.samples]
    for one, other in zip(siim.samples, table.samples, strict=True):
        assert (one.content, one.patient, one.labels[0]) == (
            other.content,
            other.patient,
            other.labels[place],
        )
        np.testing.assert_array_equal(read_class_masks(siim, one)[0], read_class_masks(table, other)[place])


@pytest.mark.parametrize("position", [0, 1])
def test_the_same_in_every_run_and_place(phantom: Path, tmp_path: Path, position: int) -> None:
    index = scan(_specs(phantom)[position])
    moved = shutil.copytree(phantom, tmp_path / "moved")
    again = scan(_specs(moved)[position])
    assert again.fingerprint == index.fingerprint
    assert again.samples == index.samples
    index.save(tmp_path / "index.json")
    assert DatasetIndex.load(tmp_path / "index.json") == index


def test_another_pixel_another_fingerprint(phantom: Path, tmp_path: Path) -> None:
    spec = _specs(phantom)[1]
    index = scan(spec)
    moved = shutil.copytree(phantom, tmp_path / "moved")
    changed = index.model_copy(update={"spec": spec.model_copy(update={"root": str(moved)})})
    path = changed.path(index.samples[0])
    data = bytearray(path.read_bytes())
    data[20] ^= 1  # in the preamble, where it changes no pixel
    path.write_bytes(data)
    assert scan(changed.spec).fingerprint != index.fingerprint
