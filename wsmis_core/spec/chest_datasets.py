"""The two large public chest X-ray sets: ChestX-ray14 and CheXpert."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from wsmis_core.spec.split_shares import PartialShares

__all__ = ["CHESTXRAY14_CLASSES", "CHEXPERT_CLASSES", "ChestXray14Dataset", "ChexpertDataset", "LabelPolicy"]

ChestXray14Class = Literal[
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
]
CHESTXRAY14_CLASSES: tuple[ChestXray14Class, ...] = get_args(ChestXray14Class)

ChexpertClass = Literal[
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
]
CHEXPERT_CLASSES: tuple[ChexpertClass, ...] = get_args(ChexpertClass)

LabelPolicy = Literal["ones", "zeros", "ignore"]


class ChestXray14Dataset(PartialShares):
    """NIH ChestX-ray14 (Wang et al., CVPR 2017, arXiv 1705.02315): PNGs, a table of findings, boxes of some.

    The images of SIIM-ACR Pneumothorax are among its own: a model that one trained is not to be scored on
    the other.
    """

    format: Literal["chestxray14"] = "chestxray14"
    root: str = Field(min_length=1)
    table: str | None = Field(
        default=None, description="the CSV under root; the one Data_Entry_2017*.csv where not given"
    )
    images: str | None = Field(
        default=None, description="folder of the PNGs under root; images and images_001 to _012 if none"
    )
    train_val_list: str | None = Field(
        default="train_val_list.txt",
        description="names of the images that train and, drawn by patient, validate",
    )
    test_list: str | None = Field(
        default="test_list.txt", description="names of the images that test; with null the test is drawn"
    )
    classes: tuple[ChestXray14Class, ...] = Field(
        default=CHESTXRAY14_CLASSES, min_length=1, description="the findings to keep; all 14 if not given"
    )
    boxes: str | None = Field(
        default="BBox_List_2017.csv", description="the CSV of boxes under root, used where it is there"
    )
    box_frame: int = Field(
        default=1024,
        ge=1,
        description="pixels a side of the images that the boxes were drawn on; on files of another size they "
        "are scaled",
    )

    @field_validator("classes")
    @classmethod
    def _classes_once(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        return _once(classes)

    @model_validator(mode="after")
    def _lists_fit(self) -> Self:
        if self.train_val_list is not None and self.test_list is None:
            raise ValueError(
                f"train_val_list {self.train_val_list!r} goes with a test_list. "
                "Name that too, or set both to null for drawn splits."
            )
        if self.test_list is not None and self.test_share is not None:
            raise ValueError(
                f"test_share {self.test_share} does not go with test_list {self.test_list!r}. "
                "Give one of them."
            )
        return self


class ChexpertDataset(PartialShares):
    """Stanford CheXpert (Irvin et al., AAAI 2019, arXiv 1901.07031): JPEGs, tables of 1, 0, -1 and blank."""

    format: Literal["chexpert"] = "chexpert"
    root: str = Field(min_length=1)
    train: str = Field(default="train.csv", description="the CSV under root of the images that train")
    valid: str | None = Field(
        default="valid.csv", description="the CSV under root of the images that radiologists labelled"
    )
    valid_split: Literal["test", "val"] = Field(
        default="test",
        description="what the images of `valid` are for; the other is drawn from `train`",
    )
    uncertain: LabelPolicy = Field(
        default="ignore", description="what -1 counts as: a finding, none, or not known"
    )
    blank: LabelPolicy = Field(
        default="zeros", description="what an empty cell, a finding not mentioned, counts as"
    )
    classes: tuple[ChexpertClass, ...] = Field(
        default=CHEXPERT_CLASSES[1:],
        min_length=1,
        description="the columns to keep; all but `No Finding`, which has no place in an image, if not given",
    )
    frontal_only: bool = Field(default=False, description="leave lateral views out")

    @field_validator("classes")
    @classmethod
    def _classes_once(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        return _once(classes)

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        given = f"{self.valid_split}_share"
        share = getattr(self, given)
        if self.valid is not None and share is not None:
            raise ValueError(
                f"{given} {share} does not go with valid {self.valid!r}, whose images are that split. "
                f"Take it out, or set valid to null."
            )
        return self


def _once(classes: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(classes)) < len(classes):
        raise ValueError(f"a class is named twice in {', '.join(classes)}. Name each once")
    return classes
