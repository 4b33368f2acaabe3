"""How a data set is named: a format, a root folder, and the format's options."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from wsmis_core.spec.model import Spec, validate

__all__ = ["CsvDataset", "DatasetSpec", "SiimDataset", "SplitShares", "dataset_spec", "make_dataset_spec"]


class SplitShares(Spec):
    """Shares of the patients that go to validation and test; the rest trains."""

    val: float = Field(default=0.1, ge=0, le=0.9)
    test: float = Field(default=0.2, ge=0, le=0.9)
    seed: int = Field(default=0, ge=0, description="another seed, another deterministic split")


class SiimDataset(Spec):
    """SIIM-ACR: DICOM files in any folder below the root, and one CSV of run lengths."""

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


DatasetSpec = Annotated[SiimDataset | CsvDataset, Field(discriminator="format")]
dataset_spec: TypeAdapter[DatasetSpec] = TypeAdapter(DatasetSpec)


def make_dataset_spec(format: str, root: str | PurePath, options: dict[str, Any]) -> DatasetSpec:  # noqa: A002 - the API's own word
    """The spec of a request's ``format``, ``root`` and ``options``; raises SpecError that names the field."""
    return validate(dataset_spec, {**options, "format": format, "root": str(root)})
