"""The index of a data set: which images there are, what is known of each, and what is wrong.

The files stay where they are; the index holds their paths relative to the root and the SHA-256
of their bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError

from wsmis_core.errors import DataError
from wsmis_core.files import write_bytes_atomically
from wsmis_core.spec.dataset import DatasetSpec
from wsmis_core.spec.model import Spec
from wsmis_core.spec.parts import Split

__all__ = [
    "UNKNOWN_LABEL",
    "Box",
    "ClassMask",
    "DataProblem",
    "DatasetIndex",
    "Mask",
    "PngMask",
    "RleMask",
    "Sample",
    "fingerprint",
]

SPLITS: tuple[Split, ...] = get_args(Split)
UNKNOWN_LABEL = -1
Severity = Literal["info", "warning"]


class RleMask(Spec):
    """A region of a class as SIIM run lengths."""

    kind: Literal["rle"] = "rle"
    class_id: int = Field(ge=1, le=254, description="1 + the position in the index's classes")
    runs: str


class PngMask(Spec):
    """A region of a class as an image file whose pixels other than 0 are foreground."""

    kind: Literal["png"] = "png"
    class_id: int = Field(ge=1, le=254, description="1 + the position in the index's classes")
    file: str = Field(description="relative to the root, with /")
    content: str = Field(description="SHA-256 of the file's bytes")


class ClassMask(Spec):
    """All of an image's classes as one PNG of 8-bit numbers: 0 is background, 255 void.

    It says everything: what it does not give to a class, and is not void, is background.
    """

    kind: Literal["classes"] = "classes"
    file: str = Field(description="relative to the root, with /")
    content: str = Field(description="SHA-256 of the file's bytes")
    values: tuple[tuple[int, int], ...] = Field(
        default=(), description="(value in the file, class id) of each class; the same where empty"
    )


Mask = Annotated[RleMask | PngMask | ClassMask, Field(discriminator="kind")]


class Box(Spec):
    """A box round a region of a class, in pixels of the image's file, from its upper left corner."""

    class_id: int = Field(ge=1, le=254, description="1 + the position in the index's classes")
    x: float = Field(ge=0, description="of the left edge")
    y: float = Field(ge=0, description="of the upper edge")
    width: float = Field(gt=0)
    height: float = Field(gt=0)


class Sample(Spec):
    """One image."""

    id: str = Field(description="unique in the index, and fit for a file name")
    file: str = Field(description="relative to the root, with /")
    patient: str
    labels: tuple[int, ...] = Field(description="0, 1 or -1, unknown, for each class of the index")
    split: Split
    masks: tuple[Mask, ...] = ()
    boxes: tuple[Box, ...] = ()
    height: int
    width: int
    content: str = Field(description="SHA-256 of the file's bytes")

    @property
    def class_ids(self) -> tuple[int, ...]:
        """The ids, from 1, of the classes that the image is labelled with."""
        return tuple(number for number, label in enumerate(self.labels, start=1) if label == 1)

    @property
    def is_negative(self) -> bool:
        """Whether the image is known to have no class at all: its mask is empty."""
        return not any(self.labels)

    @property
    def has_masks(self) -> bool:
        """Whether there is a mask of all classes, or one of each that the image has or may have."""
        may_have = {number for number, label in enumerate(self.labels, start=1) if label}
        return any(isinstance(mask, ClassMask) for mask in self.masks) or {
            mask.class_id for mask in self.masks if not isinstance(mask, ClassMask)
        }.issuperset(may_have)

    def boxes_of(self, class_id: int) -> list[tuple[float, float, float, float]]:
        """x, y, width and height of the boxes of a class, in pixels of the image."""
        return [(box.x, box.y, box.width, box.height) for box in self.boxes if box.class_id == class_id]


class DataProblem(Spec):
    """Something that is wrong with one file or row, which does not stop the others from being used."""

    file: str
    message: str
    remedy: str | None = None
    severity: Severity = "warning"


class DatasetIndex(Spec):
    """All that a job needs to know of a data set, written once at its registration."""

    schema_version: Literal[1, 2] = Field(default=2, description="1: its fingerprint leaves patients out")
    spec: DatasetSpec
    classes: tuple[str, ...]
    samples: tuple[Sample, ...] = Field(description="in the order of their ids")
    problems: tuple[DataProblem, ...] = ()
    has_masks: bool
    fingerprint: str = Field(description="of classes and samples, see fingerprint()")

    @property
    def has_boxes(self) -> bool:
        """Whether there are boxes to score by."""
        return any(sample.boxes for sample in self.samples)

    @property
    def root(self) -> Path:
        return Path(self.spec.root)

    def path(self, sample: Sample) -> Path:
        """Where the sample's image lies."""
        return self.root / sample.file

    def split(self, name: Split) -> tuple[Sample, ...]:
        """The samples of one split, in the order of their ids."""
        return tuple(sample for sample in self.samples if sample.split == name)

    def save(self, path: Path) -> None:
        """Write the index as JSON; a reader sees the old file or the new one, never a part."""
        write_bytes_atomically(path, self.model_dump_json().encode())

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote; raises DataError where it is missing, altered or of another version."""
        remedy = "Register the data set again."
        try:
            index = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise DataError(
                f"the index cannot be read: {error.strerror}.", field=str(path), remedy=remedy
            ) from error
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(map(str, wrong["loc"])) or "the file"
            raise DataError(
                f"the index is not of this version: {where}: {wrong['msg']}.", field=str(path), remedy=remedy
            ) from error
        if fingerprint(index.classes, index.samples, version=index.schema_version) != index.fingerprint:
            raise DataError("the index does not match its fingerprint.", field=str(path), remedy=remedy)
        return index

    def summary(self) -> dict[str, Any]:
        """Counts to show: images, patients, positives of each class, the same for each split, problems.

        Of each split also how many images with a label have true masks and, where any has, how many have
        boxes. Where labels are unknown, their number and, for each split, the number of each class.
        """
        return {
            "classes": list(self.classes),
            "counts": {
                **_counts(self.samples),
                "unlabelled": sum(not sample.class_ids for sample in self.samples),
                **_unknown_count(self.samples),
            },
            "labels": _labelled(self.classes, self.samples, 1),
            "splits": {
                name: {
                    **_counts(samples),
                    "masks": sum(bool(sample.class_ids) and sample.has_masks for sample in samples),
                    **_boxed_count(samples),
                    "labels": _labelled(self.classes, samples, 1),
                    **_unknown_by_class(self.classes, samples),
                }
                for name in SPLITS
                for samples in [self.split(name)]
            },
            "has_masks": self.has_masks,
            "has_boxes": self.has_boxes,
            "fingerprint": self.fingerprint,
            "problems": dict(sorted(Counter(problem.severity for problem in self.problems).items())),
        }


def fingerprint(classes: Sequence[str], samples: Iterable[Sample], *, version: int = 2) -> str:
    """SHA-256 over what a result can depend on.

    That is the classes, and of every sample its id, the bytes of its file, labels, split, masks and boxes,
    from ``version`` 2 on also its patient. Where the root lies, how its folders are named and in which order
    the files were found does not matter.
    """
    facts = [_facts(sample, version) for sample in sorted(samples, key=lambda sample: sample.id)]
    text = json.dumps([version, list(classes), facts], separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(sample: Sample, version: int) -> list[Any]:
    facts = [sample.id, sample.content, sample.labels, sample.split, sorted(map(_mask_facts, sample.masks))]
    if sample.boxes:
        facts.append(sorted((box.class_id, box.x, box.y, box.width, box.height) for box in sample.boxes))
    return facts if version == 1 else [sample.patient, *facts]


def _mask_facts(mask: Mask) -> tuple[int, str, str]:
    match mask:
        case RleMask():
            return mask.class_id, mask.kind, mask.runs
        case PngMask():
            return mask.class_id, mask.kind, mask.content
        case ClassMask():
            return 0, mask.kind, f"{mask.content} {mask.values}" if mask.values else mask.content


def _counts(samples: Sequence[Sample]) -> dict[str, int]:
    return {"images": len(samples), "patients": len({sample.patient for sample in samples})}


def _boxed_count(samples: Sequence[Sample]) -> dict[str, int]:
    boxed = sum(bool(sample.boxes) for sample in samples)
    return {"boxes": boxed} if boxed else {}


def _labelled(classes: Sequence[str], samples: Sequence[Sample], label: int) -> dict[str, int]:
    """How many samples have the label of each class."""
    return {
        name: sum(sample.labels[position] == label for sample in samples)
        for position, name in enumerate(classes)
    }


def _unknown_count(samples: Sequence[Sample]) -> dict[str, int]:
    count = sum(sample.labels.count(UNKNOWN_LABEL) for sample in samples)
    return {"unknown_labels": count} if count else {}


def _unknown_by_class(classes: Sequence[str], samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    counts = {name: count for name, count in _labelled(classes, samples, UNKNOWN_LABEL).items() if count}
    return {"unknown": counts} if counts else {}
