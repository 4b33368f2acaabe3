"""Soft maps refined by each name that a spec may give: shape, range, edges, grey and colour."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import Tensor

from wsmis_core.errors import ResourceError
from wsmis_core.spec.parts import DenseCrf, GrabCut, Pamr, Refinement
from wsmis_core.stages.maps import resized
from wsmis_core.stages.refinement import check_refinement, refined

EACH: list[Refinement] = [Pamr(dilations=(1, 2, 4)), DenseCrf(), GrabCut()]


def leaking(channels: int) -> tuple[Tensor, Tensor]:
    """Maps of two classes, 12 x 18 cells, and an image of 24 x 36 pixels, bright from column 18 on.

    The first class's blob leaks over the edge to the dark side; the second is all in the dark.
    """
    image = torch.full((1, channels, 24, 36), 20.0)
    image[..., 18:] = 220
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(18.0), indexing="ij")
    first = torch.exp(-((y - 6) ** 2 + (x - 13) ** 2) / 60)
    second = 0.8 * torch.exp(-((y - 6) ** 2 + (x - 1) ** 2) / 20)
    return 5 * torch.stack([first, second]), image


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("refinement", EACH, ids=lambda refinement: refinement.name)
def test_maps_follow_the_edges_of_the_image_within_their_range(refinement: Refinement, channels: int) -> None:
    if refinement.name == "crf":
        pytest.importorskip("pydensecrf")
    maps, image = leaking(channels)
    before = maps.clone()
    found = refined(maps, image, refinement)
    assert found.shape == (2, 24, 36)
    assert found.min() >= 0
    assert found.max() <= 5.001
    unrefined = resized(maps, (24, 36))
    on_edge, before_it = ((soft[0, :, 18] - soft[0, :, 17]).max() for soft in (found, unrefined))
    assert on_edge > 3 * before_it
    assert found[1, 12, 3] > found[0, 12, 3]
    assert torch.equal(maps, before)


@pytest.mark.parametrize("refinement", EACH, ids=lambda refinement: refinement.name)
def test_an_empty_map_stays_finite(refinement: Refinement) -> None:
    if refinement.name == "crf":
        pytest.importorskip("pydensecrf")
    _, image = leaking(1)
    assert refined(torch.zeros(1, 6, 9), image, refinement).abs().max() < 1e-3


def test_grabcut_gives_its_mask_at_any_threshold_up_to_a_half() -> None:
    maps, image = leaking(3)
    found = refined(maps[:1], image, GrabCut())[0]
    assert ((found == 0) | (found >= found.max() / 2)).all()
    assert 0 < (found > 0).float().mean() < 0.6


def test_a_host_without_the_extra_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    check_refinement(Pamr(), field="params.refine")
    check_refinement(None, field="params.refine")
    with pytest.raises(ResourceError) as raised:
        check_refinement(DenseCrf(), field="params.refine")
    assert raised.value.field == "params.refine"
    assert "wsmis[crf]" in str(raised.value.remedy)
