"""A network's view of images of any size, through windows of the size that it knows.

Axes: B batch, C channels, H x W pixels, h x w cells of the grid; a cell is ``stride`` pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["seen_through_windows", "window_starts"]

_AT_ONCE = 8  # windows that the network sees together


def window_starts(length: int, *, window: int, stride: int) -> list[int]:
    """Where windows start along a side of ``length`` pixels: as few as can be, on whole cells.

    Neighbours overlap by a quarter of the window or more; the last one reaches the end. One window is
    enough for what is not longer than it.
    """
    assert window % stride == 0, "a window is made of whole cells"
    if length <= window:
        return [0]
    overlap = window // 4
    count = -(-(length - overlap) // (window - overlap))
    last = -(-(length - window) // stride)  # in cells
    return [round(place * last / (count - 1)) * stride for place in range(count)]


def seen_through_windows(
    see: Callable[[Tensor], Tensor], images: Sequence[Tensor], *, window: int, stride: int
) -> list[Tensor]:
    """What ``see`` makes of each image, whole.

    An image that no window cuts is seen as it is. Of a larger one overlapping windows are seen, and a cell
    gets their mean, weighed by how far it lies from each window's border: there the network sees least
    of what surrounds it.

    Args:
        see: (B, c, H, W), neither side longer than ``window``, to (B, C, h, w), h = ceil(H / stride).
        images: each (c, H, W), of any shapes.

    Returns:
        (C, h, w) of each image.
    """
    places = [
        (number, top, left)
        for number, image in enumerate(images)
        for top in window_starts(image.shape[1], window=window, stride=stride)
        for left in window_starts(image.shape[2], window=window, stride=stride)
    ]
    views = [images[number][:, top : top + window, left : left + window] for number, top, left in places]
    seen = _seen(see, views)
    of_image: list[list[tuple[Tensor, int, int]]] = [[] for _ in images]
    for (number, top, left), view in zip(places, seen, strict=True):
        of_image[number].append((view, top // stride, left // stride))
    return [
        views_of_one[0][0] if len(views_of_one) == 1 else _blended(views_of_one) for views_of_one in of_image
    ]


def _seen(see: Callable[[Tensor], Tensor], views: Sequence[Tensor]) -> list[Tensor]:
    """``see`` of each view, those of one shape together."""
    by_shape: dict[torch.Size, list[int]] = {}
    for number, view in enumerate(views):
        by_shape.setdefault(view.shape, []).append(number)
    seen: dict[int, Tensor] = {}
    for numbers in by_shape.values():
        for start in range(0, len(numbers), _AT_ONCE):
            batch = numbers[start : start + _AT_ONCE]
            seen |= zip(batch, see(torch.stack([views[number] for number in batch])), strict=True)
    return [seen[number] for number in range(len(views))]


def _blended(views: Sequence[tuple[Tensor, int, int]]) -> Tensor:
    """The weighed mean of views (C, h', w'), each with its first row and column on the whole grid."""
    height = max(top + view.shape[1] for view, top, _ in views)
    width = max(left + view.shape[2] for view, _, left in views)
    first = views[0][0]
    total = first.new_zeros(len(first), height, width)
    weights = first.new_zeros(height, width)
    for view, top, left in views:
        rows, columns = (_distances(length).to(view) for length in view.shape[1:])
        weight = rows[:, None] * columns  # (h', w')
        place = (slice(top, top + view.shape[1]), slice(left, left + view.shape[2]))
        total[:, *place] += weight * view
        weights[place] += weight
    return total / weights


def _distances(length: int) -> Tensor:
    """How many cells each of a row lies from the nearer end, from 1."""
    place = torch.arange(length)
    return torch.minimum(place, length - 1 - place) + 1
