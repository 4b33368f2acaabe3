"""What a layout says of a data set before any image is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wsmis_core.data.index import DataProblem
from wsmis_core.spec.dataset import SplitShares
from wsmis_core.spec.parts import Split

__all__ = [
    "GivenSplits",
    "ListedAnnotation",
    "ListedBox",
    "ListedClassMask",
    "ListedImage",
    "ListedLabels",
    "ListedMask",
    "ListedMaskFile",
    "ListedRuns",
    "Listing",
    "ShownLabels",
]


@dataclass(frozen=True, slots=True)
class ListedRuns:
    """A region of a class as SIIM run lengths; ``origin`` says where they stand."""

    class_id: int
    runs: str
    origin: str


@dataclass(frozen=True, slots=True)
class ListedMaskFile:
    """A region of a class as a file, its path relative to the root with /."""

    class_id: int
    file: str

    @property
    def origin(self) -> str:
        return self.file


@dataclass(frozen=True, slots=True)
class ListedClassMask:
    """All classes of an image as one PNG; ``values`` as in `ClassMask`."""

    file: str
    values: tuple[tuple[int, int], ...] = ()

    @property
    def origin(self) -> str:
        return self.file


ListedMask = ListedRuns | ListedMaskFile | ListedClassMask


@dataclass(frozen=True, slots=True)
class ListedBox:
    """A box round a region of a class: x, y, width, height in pixels of a frame.

    The frame is the image as it was when the box was drawn, ``frame`` pixels a side; where the file has
    another size, the box is scaled. ``origin`` says where it stands.
    """

    class_id: int
    sides: tuple[float, float, float, float]
    frame: int
    origin: str


@dataclass(frozen=True, slots=True)
class ListedAnnotation:
    """Labels that stand in a file of the image's own, which is read when the image is.

    ``labels`` makes them of the file's bytes; it raises DataError where these do not say.
    """

    file: str
    labels: Callable[[bytes], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class ShownLabels:
    """Labels that are the classes which the image's masks show."""


ListedLabels = tuple[int, ...] | ListedAnnotation | ShownLabels


@dataclass(frozen=True, slots=True)
class ListedImage:
    """A labelled image file, its path relative to the root with /."""

    id: str
    file: str
    labels: ListedLabels
    masks: tuple[ListedMask, ...] = ()
    boxes: tuple[ListedBox, ...] = ()
    patient: str | None = None
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class GivenSplits:
    """Every image's split is given by ``origin``, as in a message; ``remedy`` says what else may be done.

    ``drawn`` are shares of the images given as train that are drawn for the other splits, as ``option`` of
    the spec says.
    """

    origin: str
    remedy: str
    drawn: SplitShares | None = None
    option: str = "options.splits"


@dataclass(frozen=True, slots=True)
class Listing:
    """All labelled images that are there, and what is wrong or worth saying.

    ``table`` is the file with the labels, relative to the root. The splits are given, or to be drawn by
    their shares.
    """

    table: str
    classes: tuple[str, ...]
    images: tuple[ListedImage, ...]
    splits: GivenSplits | SplitShares
    problems: tuple[DataProblem, ...] = ()
