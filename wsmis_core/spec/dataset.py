"""How a data set is named: a format, a root folder, and the format's options."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, TypeAdapter, field_validator, model_validator

from wsmis_core.errors import SpecError
from wsmis_core.spec.chest_datasets import ChestXray14Dataset, ChexpertDataset
from wsmis_core.spec.model import Spec, validate
from wsmis_core.spec.split_shares import SplitShares

__all__ = [
    "FORMATS",
    "MOST_CLASSES",
    "VOC_CLASSES",
    "CsvDataset",
    "DatasetSpec",
    "SiimDataset",
    "SplitShares",
    "Voc2012Dataset",
    "WsmisDataset",
    "dataset_spec",
    "make_dataset_spec",
]

MOST_CLASSES = 254  # a mask is 8-bit: 0 is background, 255 is void

# In the published order, which is that of the masks' values from 1.
VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)


class SiimDataset(Spec):
    """SIIM-ACR: DICOM files in any folder below the root, and one CSV of run lengths.

    Its images come from ChestX-ray14: a model that one trained is not to be scored on the other.
    """

    format: Literal["siim"] = "siim"
    root: str = Field(min_length=1)
    images: str = Field(default="dicom-images-train", description="folder of the DICOM files under root")
    rle: str = Field(default="train-rle.csv", description="CSV with ImageId and EncodedPixels")
    splits: SplitShares = SplitShares()


class CsvDataset(Spec):
    """Images and a CSV: a file column, and 0/1 label columns or one column of names."""

    format: Literal["csv"] = "csv"
    root: str = Field(min_length=1)
    table: str = Field(default="labels.csv", description="the CSV under root")
    images: str = Field(default=".", description="folder of the images under root")
    file_column: str | None = Field(default=None, description="guessed from usual names where not given")
    label_columns: tuple[str, ...] = Field(
        default=(), description="0/1 columns; all such columns where empty"
    )
    labels_column: str | None = Field(default=None, description="one column of names instead, as in `A|B`")
    separator: str = Field(default="|", min_length=1)
    no_finding: str = Field(default="No Finding", description="the name that stands for no label")
    patient_column: str | None = None
    split_column: str | None = Field(default=None, description="train, val or test, instead of a drawn split")
    masks: str | None = Field(
        default=None, description="folder of masks: <class>/<file stem>.png, not 0 is foreground"
    )
    splits: SplitShares = SplitShares()


class Voc2012Dataset(Spec):
    """PASCAL VOC 2012's devkit, and sets in its layout; ``root`` is the devkit or a folder above it.

    Labels are the objects of `Annotations`, masks PNGs of class numbers with 255 for void. VOC's test
    masks are not public: its `val` list tests, and a share of the training list validates.
    """

    format: Literal["voc2012"] = "voc2012"
    root: str = Field(min_length=1)
    train_list: str | None = Field(
        default=None, description="list of the images that train; trainaug where it is there, else train"
    )
    val_list: str | None = Field(default=None, description="list that validates; a drawn share if none")
    test_list: str | None = Field(default="val", description="list that tests, if any")
    val_share: float | None = Field(
        default=None,
        ge=0,
        le=0.9,
        description="of the training list, drawn for validation; 0.1 where no val_list is named",
    )
    seed: int = Field(default=0, ge=0, description="another seed, another deterministic draw")
    classes: Literal["voc", "annotations"] | tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default="voc",
        description="in the order of the masks' values from 1: VOC's 20, names of your own, or "
        "`annotations`: all names in the annotations, sorted",
    )
    labels: Literal["annotations", "annotations_or_masks"] = Field(
        default="annotations",
        description="an image without annotation is left out, or labelled with the classes of its mask",
    )
    difficult: bool = Field(default=True, description="whether objects marked as difficult make a label")
    lists: str = Field(default="ImageSets/Segmentation", description="folder of the lists, under the devkit")
    images: str = Field(default="JPEGImages", description="folder of <name>.jpg, under the devkit")
    annotations: str = Field(default="Annotations", description="folder of <name>.xml, under the devkit")
    masks: tuple[str, ...] = Field(
        default=("SegmentationClass", "SegmentationClassAug"),
        description="folders of <name>.png, under the devkit; the first that holds an image's counts",
    )

    @model_validator(mode="after")
    def _lists_apart(self) -> Self:
        named = [name for name in (self.train_list, self.val_list, self.test_list) if name is not None]
        for name, count in Counter(named).items():
            if count > 1:
                raise ValueError(
                    f"the list {name!r} is named {count} times, and an image is in one split. "
                    "Name another, or none (null)."
                )
        if self.val_list is not None and self.val_share:
            raise ValueError(
                f"val_share {self.val_share} does not go with val_list {self.val_list!r}. Give one of them."
            )
        return self

    @field_validator("classes")
    @classmethod
    def _classes_apart(cls, classes: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(classes, tuple) and not 1 <= len(set(classes)) == len(classes) <= MOST_CLASSES:
            raise ValueError(f"give 1 to {MOST_CLASSES} names, each once, not {len(classes)}")
        return classes


class WsmisDataset(Spec):
    """The layouts of the published WSMIS code: CSVs beside DICOM files, or VOC's images as JSON.

    Folders and files are those beside the training file, whose suffix says which layout it is.
    """

    format: Literal["wsmis"] = "wsmis"
    root: str = Field(min_length=1)
    train_file: str | None = Field(
        default=None,
        description="CSV of name and label, or JSON of image and classes; train.csv or train.json if none",
    )
    val_file: str | None = Field(default=None, description="`val` beside it where that is there, if none")
    test_file: str | None = Field(default=None, description="`test` beside it where that is there, if none")
    val_share: float | None = Field(
        default=None, ge=0, le=0.9, description="of the training file, drawn; 0.1 where no val_file is there"
    )
    test_share: float | None = Field(
        default=None, ge=0, le=0.9, description="of the training file, drawn; 0.2 where no test_file is there"
    )
    seed: int = Field(default=0, ge=0, description="another seed, another deterministic draw")
    masks: str | None = Field(
        default=None,
        description="folder of the true masks; `masks` (CSV) or `segmentation` (JSON) where that is there",
    )
    class_name: str | None = Field(
        default=None, min_length=1, description="what a CSV's label 1 stands for; pneumothorax if none"
    )
    train_sets: tuple[str, ...] = Field(
        default=(), description="lists of the training JSON that count, as train and trainaug; all if none"
    )


DatasetSpec = Annotated[
    SiimDataset | CsvDataset | Voc2012Dataset | WsmisDataset | ChestXray14Dataset | ChexpertDataset,
    Field(discriminator="format"),
]
dataset_spec: TypeAdapter[DatasetSpec] = TypeAdapter(DatasetSpec)
FORMATS: tuple[str, ...] = tuple(
    kind.model_fields["format"].default for kind in get_args(get_args(DatasetSpec)[0])
)


def make_dataset_spec(format: str, root: str | PurePath, options: dict[str, Any]) -> DatasetSpec:  # noqa: A002 - the API's own word
    """The spec of a request's ``format``, ``root`` and ``options``; raises SpecError that names the field."""
    given = {"format": format, "root": str(root)}
    twice = sorted(given.keys() & options.keys())
    if twice:
        raise SpecError(
            f"{twice[0]} is no option: it is given beside the options.",
            field=f"options.{twice[0]}",
            remedy="Take it out.",
        )
    try:
        return validate(dataset_spec, {**options, **given})
    except SpecError as error:
        problems = [replace(problem, field=_request_field(problem.field)) for problem in error.problems]
        first = problems[0]
        raise SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems) from None


def _request_field(field: str | None) -> str:
    """What a field of the spec is called in a request."""
    if field in {"format", "root"}:
        return field
    return f"options.{field}" if field else "options"
