"""IRNet and its CAM net (arXiv 1904.05044), whose modules hang in up to three containers each.

The ResNet is `resnet50` and, cut into stages, `stage1` and on and the list `backbone`. The CAM net counts
the stem and layer1 as one stage, IRNet as two. The branches are `fc_edge1` to `fc_edge6` and `fc_dp1` to
`fc_dp7` and again the lists `edge_layers` and `dp_layers`. The training's loss holds the network, and its own
tables are saved with it; in older files the mean shift is a batch norm, of which only the mean is used.
"""

from __future__ import annotations

from wsmis_core.models.published.names import NameMap
from wsmis_core.models.published.parts import TRUNK_PARTS, Parts, joined

__all__ = ["cam_net_names", "irnet_names"]


def _everywhere(part: str, *, stage: int, place: int) -> list[str]:
    """The prefixes of a ResNet's part that is at ``place`` of a stage, counted from 1."""
    return [f"resnet50.{part}.", f"stage{stage}.{place}.", f"backbone.{stage - 1}.{place}."]


_CAM_NET: Parts = {
    "conv1": _everywhere("conv1", stage=1, place=0),
    "bn1": _everywhere("bn1", stage=1, place=1),
    "layer1": _everywhere("layer1", stage=1, place=4),
    "layer2": _everywhere("layer2", stage=2, place=0),
    "layer3": _everywhere("layer3", stage=3, place=0),
    "layer4": _everywhere("layer4", stage=4, place=0),
}

_IRNET: Parts = {
    "conv1": _everywhere("conv1", stage=1, place=0),
    "bn1": _everywhere("bn1", stage=1, place=1),
    "layer1": _everywhere("layer1", stage=2, place=0),
    "layer2": _everywhere("layer2", stage=3, place=0),
    "layer3": _everywhere("layer3", stage=4, place=0),
    "layer4": _everywhere("layer4", stage=5, place=0),
}

# In a block of a branch, 0 is the convolution and 1 its group norm.
_BLOCK = {"0.": "conv.", "1.": "norm."}


def _block(name: str, container: str, ours: str) -> dict[str, str]:
    """The places of one block, by its own name and in its branch's container."""
    return {
        f"{prefix}.{theirs}": f"{ours}.{our_part}"
        for prefix in (name, container)
        for theirs, our_part in _BLOCK.items()
    }


_BOUNDARY: dict[str, str] = {"fc_edge6.": "boundary.head.", "edge_layers.5.": "boundary.head."}
_DISPLACEMENT: dict[str, str] = {
    **_block("fc_dp6", "dp_layers.5", "displacement.deep"),
    **_block("fc_dp7", "dp_layers.6", "displacement.fuse"),
    "fc_dp7.3.": "displacement.head.",
    "dp_layers.6.3.": "displacement.head.",
    "mean_shift.running_mean": "mean_shift",
    "fc_dp7.4.running_mean": "mean_shift",
    "dp_layers.6.4.running_mean": "mean_shift",
}
for _stage in range(5):
    _BOUNDARY |= _block(f"fc_edge{_stage + 1}", f"edge_layers.{_stage}", f"boundary.laterals.{_stage}")
    _DISPLACEMENT |= _block(f"fc_dp{_stage + 1}", f"dp_layers.{_stage}", f"displacement.laterals.{_stage}")
_LEFT_OUT = (
    r"path_indices\d+|disp_target|ind_from|ind_to",  # pairs of cells, the paths between them, their distances
    r"(mean_shift|fc_dp7\.4|dp_layers\.6\.4)\.(running_var|num_batches_tracked)",
)


def cam_net_names(trunk: str) -> NameMap:
    """The CAM net over ``trunk``, a ResNet50."""
    places = joined(_CAM_NET, TRUNK_PARTS[trunk], below="trunk.")
    return NameMap("IRNet's CAM net", {**places, "classifier.": "head.", "newly_added.0.": "head."})


def irnet_names(trunk: str) -> NameMap:
    """IRNet over ``trunk``, a ResNet50."""
    places = joined(_IRNET, TRUNK_PARTS[trunk], below="trunk.")
    return NameMap("IRNet's", {**places, **_BOUNDARY, **_DISPLACEMENT}, left_out=_LEFT_OUT)
