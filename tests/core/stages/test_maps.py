"""Maps on disk, and at other sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from wsmis_core.data import Sample
from wsmis_core.errors import ArtifactError, WeightsError
from wsmis_core.stages.activation_maps import check_finite
from wsmis_core.stages.maps import StoredMaps, load_maps, resized, save_maps


@pytest.mark.parametrize("column", range(8))
def test_what_is_thin_is_not_lost_on_a_coarser_grid(column: int) -> None:
    stripe = torch.zeros(1, 32, 32)
    stripe[:, :, column] = 1
    coarse = resized(stripe, (8, 8))
    assert coarse[0, :, column // 4].tolist() == [0.25] * 8
    assert coarse.sum() == 2


def test_down_to_half_and_up_it_is_bilinear() -> None:
    maps = torch.rand(2, 12, 18, generator=torch.Generator().manual_seed(0))
    for size in ((6, 9), (12, 18), (8, 10), (24, 40), (6, 40)):
        expected = F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False)[0]
        assert torch.equal(resized(maps, size), expected)


def test_one_side_may_shrink_while_the_other_grows() -> None:
    maps = torch.arange(8.0).repeat(2, 1)[None]  # (1, 2, 8)
    assert resized(maps, (4, 2)).tolist() == [[[1.5, 5.5]] * 4]


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    save_maps(path, StoredMaps((1, 4), torch.rand(2, 16, 16)))
    assert load_maps(path).class_ids == (1, 4)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    for damaged in (
        b"",
        whole[:10],
        whole[: len(whole) // 2],
        whole[:-5],
        bytes(flipped),
        b"PK" + whole[2:99],
    ):
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError) as raised:
            load_maps(path)
        assert raised.value.field == str(path)


def test_maps_that_are_no_numbers_are_told_with_their_image() -> None:
    samples = [
        Sample(id=name, file=name, patient="", labels=(1,), split="train", height=8, width=8, content="")
        for name in ("a.png", "b.png")
    ]
    maps = torch.zeros(2, 1, 4, 4)
    check_finite(maps, samples)
    maps[1, 0, 2, 2] = torch.nan
    with pytest.raises(WeightsError, match=r"b\.png") as raised:
        check_finite(maps, samples)
    assert raised.value.field == "inputs.classifier"
