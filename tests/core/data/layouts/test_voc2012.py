"""The voc2012 layout through `scan`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsmis_core.data import ClassMask, DatasetIndex, Sample, read_mask, scan
from wsmis_core.errors import DataError, SpecError
from wsmis_core.spec import Voc2012Dataset, make_dataset_spec

TableWriter = Callable[[Path, Sequence[str]], None]
Told = Callable[[DatasetIndex], str]
ById = Callable[[DatasetIndex], dict[str, Sample]]
Devkit = Callable[..., Path]
AEROPLANE, CAT, PERSON, TVMONITOR = 1, 8, 15, 20


@pytest.fixture
def devkit(tmp_path: Path, table: TableWriter) -> Devkit:
    """Writes a devkit of images of 5 x 4 pixels with the named objects, and the lists that hold them."""

    def write(folder: str = ".", **lists: dict[str, str]) -> Path:
        root = tmp_path / folder
        for list_name, images in lists.items():
            table(root / f"ImageSets/Segmentation/{list_name}.txt", [*images])
            for position, (name, objects) in enumerate(images.items()):
                path = root / "JPEGImages" / f"{name}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (5, 4), (position, len(name), 0)).save(path)
                table(root / "Annotations" / f"{name}.xml", _annotation(objects.split()))
        return root

    return write


def _annotation(objects: Sequence[str]) -> list[str]:
    """XML of the objects; `name?` stands for a difficult one."""
    return [
        "<annotation>",
        *(
            f"<object><name>{name.removesuffix('?')}</name><difficult>{int(name.endswith('?'))}</difficult>"
            "</object>"
            for name in objects
        ),
        "</annotation>",
    ]


def _mask(path: Path, rows: Sequence[Sequence[int]], mode: str = "P") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.array(rows, dtype=np.uint8)
    image = Image.frombytes(mode, values.shape[::-1], values.tobytes())
    if mode == "P":
        image.putpalette([*range(256)] * 3)
    image.save(path)


def _scan(root: Path, **options: object) -> DatasetIndex:
    return scan(Voc2012Dataset.model_validate({"root": str(root), "val_share": 0, **options}))


def _splits(index: DatasetIndex) -> dict[str, str]:
    return {sample.id: sample.split for sample in index.samples}


TRAIN = {"a": "cat person", "b": "person person", "c": "tvmonitor?"}
VAL = {"d": "cat", "e": "aeroplane"}


def test_a_devkit_as_published(devkit: Devkit, told: Told, by_id: ById) -> None:
    root = devkit(train=TRAIN, val=VAL)
    _mask(root / "SegmentationClass/a.png", [[0, CAT, 255, PERSON, 0]] * 4)
    _mask(root / "SegmentationClass/d.png", [[0, CAT, 255, 255, 0]] * 4)
    index = _scan(root)
    samples = by_id(index)
    assert len(index.classes) == 20
    assert {name: sample.class_ids for name, sample in samples.items()} == {
        "a": (CAT, PERSON),
        "b": (PERSON,),
        "c": (TVMONITOR,),
        "d": (CAT,),
        "e": (AEROPLANE,),
    }
    assert _splits(index) == {"a": "train", "b": "train", "c": "train", "d": "test", "e": "test"}
    assert index.has_masks
    assert [name for name, sample in samples.items() if sample.has_masks] == ["a", "d"]
    assert read_mask(index, samples["a"])[0].tolist() == [0, CAT, 255, PERSON, 0]
    said = told(index)
    assert "info ImageSets/Segmentation/train.txt: of 2 of its 3 images there is no mask" in said
    assert "no patient is known" not in said
    assert _scan(root, difficult=False).samples[2].class_ids == ()


def test_other_unicode_forms(devkit: Devkit, table: TableWriter) -> None:
    """Lists and masks may call an image otherwise than its file; both are one image."""
    nfc, nfd = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    root = devkit(train={nfd: "cat", "b": "person"}, val=VAL)
    table(root / "ImageSets/Segmentation/train.txt", [nfc, "B"])
    _mask(root / f"SegmentationClassAug/{nfc}.png", [[0, CAT, 255, 0, 0]] * 4)
    index = _scan(root)
    assert _splits(index) == {nfc: "train", "b": "train", "d": "test", "e": "test"}
    assert [sample.id for sample in index.samples if sample.masks] == [nfc]
    table(root / "ImageSets/Segmentation/val.txt", ["d", nfd])
    with pytest.raises(DataError, match=r"is in line 1 of .*train\.txt and in line 2 of .*val\.txt"):
        _scan(root)


@pytest.mark.parametrize("folder", [".", "VOC2012", "VOCdevkit/VOC2012", "train/VOCdevkit/VOC2012"])
def test_the_root_may_be_a_folder_above(devkit: Devkit, tmp_path: Path, folder: str) -> None:
    devkit(folder, train=TRAIN, val=VAL)
    index = _scan(tmp_path)
    assert len(index.samples) == 5
    assert index.path(index.samples[0]).is_file()


def test_trainaug_and_its_grey_masks(devkit: Devkit, by_id: ById) -> None:
    root = devkit(train={"a": "cat"}, trainaug=TRAIN, val=VAL)
    _mask(root / "SegmentationClass/a.png", [[0, CAT, 255, PERSON, 0]] * 4)
    _mask(root / "SegmentationClassAug/a.png", [[CAT, CAT, CAT, PERSON, 0]] * 4, "L")
    _mask(root / "SegmentationClassAug/b.png", [[0, PERSON, PERSON, 0, 0]] * 4, "L")
    index = _scan(root)
    masks = {name: sample.masks for name, sample in by_id(index).items() if sample.masks}
    assert {name: mask.file for name, (mask,) in masks.items() if isinstance(mask, ClassMask)} == {
        "a": "SegmentationClass/a.png",
        "b": "SegmentationClassAug/b.png",
    }
    assert [*_splits(index).values()].count("train") == 3
    assert [*_splits(_scan(root, train_list="train")).values()].count("train") == 1


def test_the_users_own_lists(devkit: Devkit, told: Told, table: TableWriter) -> None:
    root = devkit(train=TRAIN, val=VAL)
    lists = root / "ImageSets/Segmentation"
    table(lists / "mine.txt", ["/JPEGImages/a.jpg /SegmentationClass/a.png", "", "b", "a"])
    index = _scan(root, train_list="mine", val_list="val", test_list=None)
    assert _splits(index) == {"a": "train", "b": "train", "d": "val", "e": "val"}
    assert "mine.txt: line 4 says the same of a as line 1; it counts once" in told(index)


def test_a_share_of_the_training_list_validates(devkit: Devkit) -> None:
    many = {f"t{number:02}": "cat" if number % 2 else "person" for number in range(20)}
    root = devkit(train=many, val=VAL)

    def validating(**options: object) -> list[str]:
        index = scan(Voc2012Dataset.model_validate({"root": str(root), **options}))
        assert _splits(index)["d"] == "test"
        return [name for name, split in _splits(index).items() if split == "val"]

    assert len(validating()) == 2
    assert len(validating(val_share=0.3)) == 6
    assert validating(val_share=0.3, seed=1) != validating(val_share=0.3, seed=2)
    assert validating(val_share=0) == []


def test_labels_come_from_masks_only_if_asked_for(devkit: Devkit, told: Told, by_id: ById) -> None:
    root = devkit(train=TRAIN, val=VAL)
    for name in ("a", "b"):
        (root / "Annotations" / f"{name}.xml").unlink()
    _mask(root / "SegmentationClass/a.png", [[0, CAT, 255, PERSON, 0]] * 4)
    index = _scan(root)
    assert set(by_id(index)) == {"c", "d", "e"}
    assert "a.jpg: there is no a.xml in Annotations: its label is not known" in told(index)
    assert "set options.labels to annotations_or_masks" in told(index)
    index = _scan(root, labels="annotations_or_masks")
    assert by_id(index)["a"].class_ids == (CAT, PERSON)
    assert "b.jpg: there is no b.xml in Annotations" in told(index)
    _mask(root / "SegmentationClass/a.png", [[0, 99, 255, PERSON, 0]] * 4)
    index = _scan(root, labels="annotations_or_masks")
    assert "a" not in by_id(index)
    assert "SegmentationClass/a.png: the mask holds the value 99, which stands for no class" in told(index)


def test_other_classes(devkit: Devkit, by_id: ById) -> None:
    root = devkit(train={"a": "star disc", "b": "disc"}, val={"c": "star"})
    _mask(root / "SegmentationClass/a.png", [[0, 1, 1, 2, 0]] * 4)
    index = _scan(root, classes=["star", "disc"])
    assert index.classes == ("star", "disc")
    assert by_id(index)["b"].labels == (0, 1)
    index = _scan(root, classes="annotations")
    assert index.classes == ("disc", "star")
    assert by_id(index)["b"].labels == (1, 0)


def test_files_that_cannot_be_used(devkit: Devkit, told: Told, table: TableWriter) -> None:
    root = devkit(train={**TRAIN, "f": "zebra", "g": "cat", "h": "dog"}, val=VAL)
    table(root / "ImageSets/Segmentation/train.txt", [*TRAIN, "f", "g", "h", "z"])
    whole = (root / "JPEGImages/g.jpg").read_bytes()
    (root / "JPEGImages/g.jpg").write_bytes(whole[:-60])
    table(root / "Annotations/h.xml", ["<!DOCTYPE annotation []>", *_annotation(["dog"])])
    _mask(root / "SegmentationClass/a.png", [[0, CAT, 0, 0, 0]] * 4)
    _mask(root / "SegmentationClass/b.png", [[0, PERSON]])
    _mask(root / "SegmentationClass/c.png", [[3, 3, 3] * 5] * 4, "L")
    index = _scan(root)
    assert set(_splits(index)) == {"a", "b", "c", "d", "e"}
    said = told(index)
    assert "train.txt: line 7: there is no image z in JPEGImages" in said
    assert "Annotations/f.xml: it names an object 'zebra', which is none of the classes" in said
    assert "JPEGImages/g.jpg: the image cannot be decoded" in said
    assert "Annotations/h.xml: it declares a document type" in said
    assert "SegmentationClass/a.png: person: the mask does not show it, and the label is 1" in said
    assert "SegmentationClass/b.png: the mask has 2 x 1 pixels, and its image 5 x 4" in said
    assert "SegmentationClass/c.png: the mask has 15 x 4 pixels" in said


def test_nothing_outside_of_the_root_is_read(devkit: Devkit, tmp_path: Path, told: Told) -> None:
    root = devkit("set", train=TRAIN, val=VAL)
    (root / "Annotations/a.xml").rename(tmp_path / "a.xml")
    (root / "Annotations/a.xml").symlink_to(tmp_path / "a.xml")
    index = _scan(root)
    assert "a" not in _splits(index)
    assert "there is no a.xml in Annotations" in told(index)
    with pytest.raises(DataError, match="outside of the root") as caught:
        _scan(root, masks=["../masks"])
    assert caught.value.field == "options.masks"


@pytest.mark.parametrize(
    ("options", "said", "field"),
    [
        ({"train_list": "mine"}, "no such file", "ImageSets/Segmentation/mine.txt"),
        ({"lists": "ImageSets/Main"}, "there is no folder ImageSets/Main", "root"),
        ({"images": "Images"}, "no JPEG or PNG in Images", "options.images"),
        ({"annotations": "xml"}, "none of the 5 listed images can be used", "JPEGImages/a.jpg"),
        (
            {"train_list": "double"},
            "d is in line 2 of ImageSets/Segmentation/double.txt and in line 1 of",
            "ImageSets/Segmentation/val.txt",
        ),
        ({"train_list": "binary"}, "not UTF-8 text", "ImageSets/Segmentation/binary.txt"),
        ({"val_share": 0.9, "train_list": "one"}, "none is left to train", "options.val_share"),
    ],
)
def test_what_makes_a_set_useless(
    devkit: Devkit, table: TableWriter, options: dict[str, object], said: str, field: str
) -> None:
    root = devkit(train=TRAIN, val=VAL)
    table(root / "ImageSets/Segmentation/double.txt", ["a", "d"])
    table(root / "ImageSets/Segmentation/one.txt", ["a"])
    (root / "ImageSets/Segmentation/binary.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError) as caught:
        _scan(root, **options)
    assert said in caught.value.message
    assert caught.value.field == field
    assert caught.value.remedy


def test_several_devkits_below_the_root(devkit: Devkit, tmp_path: Path) -> None:
    devkit("VOCdevkit/VOC2007", train=TRAIN)
    devkit("VOCdevkit/VOC2010", train=TRAIN)
    with pytest.raises(DataError, match=r"2 folders hold .*VOCdevkit/VOC2007 and VOCdevkit/VOC2010"):
        _scan(tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"val_list": "val"}, "the list 'val' is named 2 times"),
        ({"val_list": "mine", "val_share": 0.2}, "val_share 0.2 does not go with val_list 'mine'"),
        ({"classes": ["cat", "cat"]}, "each once"),
        ({"labels": "masks"}, "annotations_or_masks"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        make_dataset_spec("voc2012", "/data", options)


def test_names_with_blanks_and_lists_with_labels(devkit: Devkit) -> None:
    root = devkit(train={"my image": "cat", "b": "dog"}, val=VAL)
    (root / "ImageSets/Segmentation/train.txt").write_text("my image \nb -1\n")
    assert _splits(_scan(root)) == {"my_image": "train", "b": "train", "d": "test", "e": "test"}


@pytest.mark.parametrize("lists", ["a\0", "a" * 300])
def test_lists_that_cannot_be(devkit: Devkit, lists: str) -> None:
    with pytest.raises(DataError, match="cannot be opened") as caught:
        _scan(devkit(train=TRAIN), lists=lists)
    assert caught.value.field == "options.lists"
