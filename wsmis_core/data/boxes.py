"""Listed boxes on the images that were found."""

from __future__ import annotations

from collections.abc import Sequence

from wsmis_core.data.index import Box, DataProblem
from wsmis_core.data.layouts import ListedBox, ListedImage

__all__ = ["placed_boxes"]

LEAST_LOSS = 0.01  # of a box's area; rounding cuts off less


def placed_boxes(
    image: ListedImage, labels: Sequence[int], shape: tuple[int, int], classes: Sequence[str]
) -> tuple[tuple[Box, ...], list[DataProblem]]:
    """The image's boxes in its own pixels, cut at its edges; those that cannot be used become problems.

    A box cannot be used where it has no area inside of the image, or the image's label is not 1.
    """
    boxes: list[Box] = []
    problems: list[DataProblem] = []
    for listed in image.boxes:
        name = classes[listed.class_id - 1]
        box = _inside(listed, shape)
        if labels[listed.class_id - 1] != 1:
            message = f"the box shows {name}, and the image ({image.file}) is not labelled with it"
            problems.append(_left_out(listed, message))
        elif box is None:
            problems.append(_left_out(listed, f"the box lies outside of its image ({image.file})"))
        else:
            boxes.append(box)
            if box.width * box.height < (1 - LEAST_LOSS) * _area(listed, shape):
                problems.append(
                    DataProblem(
                        file=listed.origin,
                        message=f"the box reaches out of its image ({image.file}); it is cut at the edge.",
                        severity="info",
                    )
                )
    return tuple(boxes), problems


def _left_out(listed: ListedBox, message: str) -> DataProblem:
    return DataProblem(
        file=listed.origin, message=f"{message}.", remedy="Correct one of them; the box is left out."
    )


def _inside(listed: ListedBox, shape: tuple[int, int]) -> Box | None:
    """The box at the image's size, cut at its edges; None where nothing is left."""
    (across, down), (x, y, width, height) = _scales(listed, shape), listed.sides
    left, right = (min(max(edge * across, 0.0), float(shape[1])) for edge in (x, x + width))
    top, bottom = (min(max(edge * down, 0.0), float(shape[0])) for edge in (y, y + height))
    if left >= right or top >= bottom:
        return None
    return Box(class_id=listed.class_id, x=left, y=top, width=right - left, height=bottom - top)


def _area(listed: ListedBox, shape: tuple[int, int]) -> float:
    across, down = _scales(listed, shape)
    return listed.sides[2] * across * listed.sides[3] * down


def _scales(listed: ListedBox, shape: tuple[int, int]) -> tuple[float, float]:
    """Pixels of the image for one of the frame, across and down."""
    return shape[1] / listed.frame, shape[0] / listed.frame
