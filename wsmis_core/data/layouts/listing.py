"""What a layout says of a data set before any image is opened."""

from __future__ import annotations

from dataclasses import dataclass

from wsmis_core.data.index import DataProblem
from wsmis_core.spec.parts import Split

__all__ = ["ListedClassMask", "ListedImage", "ListedMask", "ListedMaskFile", "ListedRuns", "Listing"]


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
class ListedImage:
    """A labelled image file, its path relative to the root with /."""

    id: str
    file: str
    labels: tuple[int, ...]
    masks: tuple[ListedMask, ...] = ()
    patient: str | None = None
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """All labelled images that are there, and what is wrong or worth saying.

    ``table`` is the file with the labels, relative to the root. ``split_column`` is set where the images'
    splits are given by it, and None where they are to be drawn.
    """

    table: str
    classes: tuple[str, ...]
    images: tuple[ListedImage, ...]
    problems: tuple[DataProblem, ...] = ()
    split_column: str | None = None
