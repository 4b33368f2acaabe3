"""The colours of the classes, the same in mask files and overlays."""

from __future__ import annotations

import colorsys

__all__ = ["IGNORED", "class_colour", "palette"]

IGNORED = 255
_GOLDEN_RATIO = 0.618033988749895
# Told apart on grey films, also by most who are colour-blind (after Okabe & Ito).
_FIRST = ((230, 85, 0), (0, 158, 235), (240, 228, 66), (0, 178, 115), (204, 121, 187))


def class_colour(class_id: int) -> tuple[int, int, int]:
    """RGB of a class: 0 is black, 255 (ignored) light grey, the others apart from their neighbours."""
    if class_id == 0:
        return (0, 0, 0)
    if class_id == IGNORED:
        return (200, 200, 200)
    if class_id <= len(_FIRST):
        return _FIRST[class_id - 1]
    red, green, blue = colorsys.hsv_to_rgb(class_id * _GOLDEN_RATIO % 1, 0.75, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def palette() -> list[int]:
    """The 256 colours of a palette PNG, 768 values."""
    return [value for class_id in range(256) for value in class_colour(class_id)]
