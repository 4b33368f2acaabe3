"""The two wsmis layouts through `scan`."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wsmis_core.data import DatasetIndex, Sample, read_class_masks, read_mask, scan
from wsmis_core.errors import DataError
from wsmis_core.spec import WsmisDataset

TableWriter = Callable[[Path, Sequence[str]], None]
Told = Callable[[DatasetIndex], str]
ById = Callable[[DatasetIndex], dict[str, Sample]]
NONE_DRAWN = {"val_share": 0, "test_share": 0}
GREY = np.arange(20, dtype=np.uint8).reshape(4, 5)


@pytest.fixture
def dicoms(tmp_path: Path, write_dicom: Callable[..., Path]) -> Callable[..., None]:
    """Writes DICOM files of 5 x 4 pixels, each of a patient of its own."""

    def write(*names: str) -> None:
        for name in names:
            write_dicom(tmp_path / f"{name}.dcm", GREY, PatientID=f"patient {name}")

    return write


@pytest.fixture
def voc(tmp_path: Path) -> Callable[..., None]:
    """Writes files of JSON, and the images that their lists name."""

    def write(classes: Mapping[str, Any] | None = None, **files: Any) -> None:
        (tmp_path / "images").mkdir(exist_ok=True)
        content = {"class_to_index": classes or {"background": 0, "cat": 1, "dog": 2}, **files}
        for name, value in content.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(value))
        for value in files.values():
            lists = value.values() if isinstance(value, dict) else [value]
            for number, entry in enumerate(entry for items in lists for entry in items):
                if isinstance(entry, dict) and "image" in entry:
                    Image.new("RGB", (5, 4), (number, 0, 0)).save(tmp_path / f"images/{entry['image']}.jpg")

    return write


def _entry(image: str, *classes: str) -> dict[str, Any]:
    return {"image": image, "classes": list(classes)}


def _mask(path: Path, rows: Sequence[Sequence[int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(rows, dtype=np.uint8)).save(path)


def _scan(root: Path, **options: object) -> DatasetIndex:
    return scan(WsmisDataset.model_validate({"root": str(root), **options}))


def _splits(index: DatasetIndex) -> dict[str, str]:
    return {sample.id: sample.split for sample in index.samples}


class TestCsv:
    def test_as_published(
        self, tmp_path: Path, dicoms: Callable[..., None], table: TableWriter, told: Told, by_id: ById
    ) -> None:
        dicoms("a", "b", "c", "d", "e", "1.2.3")
        table(tmp_path / "train.csv", ["name,label", "a,1", "b,0", "1.2.3,0"])
        table(tmp_path / "val.csv", ["name,label,kind", "c,1,x", "d,0,x"])
        _mask(tmp_path / "masks/a.png", [[0, 255, 255, 0, 0]] * 4)
        index = _scan(tmp_path, test_share=0)
        samples = by_id(index)
        assert index.classes == ("pneumothorax",)
        assert {name: sample.labels for name, sample in samples.items()} == {
            "a": (1,),
            "b": (0,),
            "1.2.3": (0,),
            "c": (1,),
            "d": (0,),
        }
        assert _splits(index) == {"a": "train", "b": "train", "1.2.3": "train", "c": "val", "d": "val"}
        assert samples["a"].patient == "patient a"
        assert read_class_masks(index, samples["a"])[0, 0].tolist() == [0, 1, 1, 0, 0]
        assert [name for name, sample in samples.items() if sample.has_masks] == ["1.2.3", "a", "b", "d"]
        said = told(index)
        assert "e.dcm: this file has no row: its label is not known" in said
        assert "c.dcm: it is labelled, and there is no mask masks/c.png" in said

    def test_shares_are_drawn_for_the_splits_without_a_file(
        self, tmp_path: Path, dicoms: Callable[..., None], table: TableWriter
    ) -> None:
        names = [f"f{number}" for number in range(10)]
        dicoms(*names, "v")
        table(
            tmp_path / "train.csv",
            ["name,label", *(f"{name},{number % 2}" for number, name in enumerate(names))],
        )
        assert sorted(_splits(_scan(tmp_path)).values()) == ["test"] * 2 + ["train"] * 7 + ["val"]
        table(tmp_path / "val.csv", ["name,label", "v,1"])
        drawn = _splits(_scan(tmp_path, test_share=0.3))
        assert sorted(drawn.values()) == ["test"] * 3 + ["train"] * 7 + ["val"]
        assert drawn["v"] == "val"

    def test_another_folder_class_and_names_of_files(
        self, tmp_path: Path, dicoms: Callable[..., None], table: TableWriter
    ) -> None:
        dicoms("set/a", "set/b", "set/c")
        table(tmp_path / "set/first.csv", ["name,label", "a,1", "b,0"])
        table(tmp_path / "set/second.csv", ["name,label", "c,1"])
        _mask(tmp_path / "set/out/masks/c.png", [[9] * 5] * 4)
        index = _scan(
            tmp_path,
            train_file="set/first.csv",
            test_file="set/second.csv",
            masks="out/masks",
            class_name="effusion",
            val_share=0,
        )
        assert index.classes == ("effusion",)
        assert _splits(index) == {"a": "train", "b": "train", "c": "test"}
        assert index.has_masks

    def test_masks_of_images_of_one_name(
        self, tmp_path: Path, dicoms: Callable[..., None], table: TableWriter, told: Told
    ) -> None:
        dicoms("set/p0/v", "set/p1/v", "set/p2/v", "set/p2/own")
        table(tmp_path / "set/train.csv", ["name,label", "p0/v,1", "p1/v,1", "p2/v,0", "p2/own,1"])
        for name in ("p0/v", "p1/v", "v", "own"):
            _mask(tmp_path / f"set/masks/{name}.png", [[1] * 5] * 4)
        index = _scan(tmp_path, train_file="set/train.csv", **NONE_DRAWN)
        assert {
            sample.file: [getattr(mask, "file", "") for mask in sample.masks] for sample in index.samples
        } == {
            "set/p0/v.dcm": ["set/masks/p0/v.png"],
            "set/p1/v.dcm": ["set/masks/p1/v.png"],
            "set/p2/v.dcm": [],
            "set/p2/own.dcm": ["set/masks/own.png"],
        }
        assert "set/masks/v.png: it is not used by its name: images called so: 3, such as" in told(index)

    def test_masks_beside_their_images(
        self, tmp_path: Path, dicoms: Callable[..., None], table: TableWriter
    ) -> None:
        dicoms("a", "sub/b")
        table(tmp_path / "train.csv", ["name,label", "a,1", "sub/b,0"])
        _mask(tmp_path / "a.png", [[1] * 5] * 4)
        index = _scan(tmp_path, masks=".", **NONE_DRAWN)
        assert [len(sample.masks) for sample in index.samples] == [1, 0]

    def test_words_are_numbers_and_other_unicode_forms(
        self, tmp_path: Path, dicoms: Callable[..., None], table: TableWriter
    ) -> None:
        dicoms("1", "2")
        for name in ("1", "2"):
            (tmp_path / f"{name}.dcm").rename(tmp_path / unicodedata.normalize("NFD", f"é{name}.dcm"))
        table(tmp_path / "train.csv", ["name,label", "é1,True", "É2.dcm,no"])
        _mask(tmp_path / "masks/é1.png", [[1] * 5] * 4)
        index = _scan(tmp_path, **NONE_DRAWN)
        assert {sample.id: sample.labels for sample in index.samples} == {"é1": (1,), "é2": (0,)}
        assert [len(sample.masks) for sample in index.samples] == [1, 0]

    def test_rows_that_cannot_be_used(
        self, tmp_path: Path, dicoms: Callable[..., None], table: TableWriter, told: Told
    ) -> None:
        dicoms("a", "b", "c", "d")
        (tmp_path / "c.dcm").write_bytes(b"DICM, but not really")
        rows = ["name,label", "a,1", "b,0", "b,0", "c,1", "d,1", "d,0", "e,1", "f", ",1", "a,2"]
        table(tmp_path / "train.csv", rows)
        index = _scan(tmp_path, **NONE_DRAWN)
        assert set(_splits(index)) == {"a", "b"}
        said = told(index)
        assert "line 4 says the same of b.dcm as line 3; it counts once" in said
        assert "c.dcm: this is no DICOM, PNG or JPEG image" in said
        assert "line 6 and line 7 differ about d.dcm; it is left out" in said
        assert "line 8: there is no file 'e'" in said
        assert "line 9 has 1 cells, and the header 2" in said
        assert "line 10: nothing stands in the column 'name'" in said
        assert "line 11: '2' in the column 'label' is not 0 or 1" in said

    @pytest.mark.parametrize(
        ("rows", "options", "said", "field"),
        [
            (["name,sick", "a,1"], {}, "no column 'label'", "train.csv"),
            (["name,label", "a,1", "b,1"], NONE_DRAWN, "the same labels", "train.csv"),
            (["name,label", "a,1"], {"masks": "out"}, "there is no PNG in out", "options.masks"),
            (["name,label", "a,1"], {"train_file": "t.txt"}, "neither CSV nor JSON", "options.train_file"),
            (["name,label", "a,1"], {"val_file": "v.csv"}, "no such file", "v.csv"),
            (["name,label", "a,1"], {"val_file": "../v.csv"}, "outside of the root", "options.val_file"),
            (["name,label", "a,1"], {"train_sets": ["train"]}, "train.csv has none", "options.train_sets"),
            (
                ["name,label", "a,1"],
                {"test_share": 0.5},
                "test.csv gives the split",
                "options.test_share",
            ),
            (["name,label", "a,1", "c,0"], {}, "c.dcm is in line 3 of train.csv and in line 2", "test.csv"),
        ],
    )
    def test_what_makes_a_set_useless(
        self,
        tmp_path: Path,
        dicoms: Callable[..., None],
        table: TableWriter,
        rows: list[str],
        options: dict[str, object],
        said: str,
        field: str,
    ) -> None:
        dicoms("a", "b", "c")
        table(tmp_path / "train.csv", rows)
        table(tmp_path / "test.csv", ["name,label", "c,1"])
        with pytest.raises(DataError) as caught:
            _scan(tmp_path, **options)
        assert said in caught.value.message
        assert caught.value.field == field
        assert caught.value.remedy

    def test_no_row_belongs_to_a_file(self, tmp_path: Path, table: TableWriter) -> None:
        table(tmp_path / "train.csv", ["name,label", "z,1"])
        with pytest.raises(DataError, match="no row can be used: line 2: there is no file 'z'"):
            _scan(tmp_path)


class TestJson:
    def test_as_published(self, tmp_path: Path, voc: Callable[..., None], told: Told, by_id: ById) -> None:
        voc(
            train={
                "train": [_entry("a", "cat", "dog")],
                "trainaug": [_entry("b", "dog"), _entry("b", "dog")],
            },
            val=[_entry("c", "cat")],
        )
        _mask(tmp_path / "segmentation/a.png", [[0, 1, 255, 2, 0]] * 4)
        index = _scan(tmp_path, test_share=0)
        samples = by_id(index)
        assert index.classes == ("cat", "dog")
        assert {name: sample.labels for name, sample in samples.items()} == {
            "a": (1, 1),
            "b": (0, 1),
            "c": (1, 0),
        }
        assert _splits(index) == {"a": "train", "b": "train", "c": "val"}
        assert read_mask(index, samples["a"])[0].tolist() == [0, 1, 255, 2, 0]
        said = told(index)
        assert "trainaug[1] says the same of b as trainaug[0]; it counts once" in said
        assert "train.json: of 1 of its 2 images there is no mask in segmentation" in said
        assert set(_splits(_scan(tmp_path, test_share=0, train_sets=["train"]))) == {"a", "c"}

    def test_indices_with_gaps(self, tmp_path: Path, voc: Callable[..., None], by_id: ById) -> None:
        """A class's id counts from 1; its value in the masks is the file's."""
        voc(
            {"background": 0, "dog": 12, "cat": 8, "void": 255},
            train=[_entry("a", "dog"), _entry("b", "cat")],
        )
        _mask(tmp_path / "true/a.png", [[0, 12, 255, 0, 0]] * 4)
        index = _scan(tmp_path, masks="true", **NONE_DRAWN)
        assert index.classes == ("cat", "dog")
        assert by_id(index)["a"].class_ids == (2,)
        assert read_mask(index, by_id(index)["a"])[0].tolist() == [0, 2, 255, 0, 0]

    def test_other_unicode_forms(self, tmp_path: Path, voc: Callable[..., None], told: Told) -> None:
        """An entry may call an image otherwise than its file; both are one image."""
        nfc, nfd = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
        voc(train=[_entry(nfd, "cat"), _entry("b", "dog")], val=[_entry("c", "cat")])
        listed = [_entry(nfc, "cat"), _entry(nfd, "cat"), _entry("B", "dog")]
        (tmp_path / "train.json").write_text(json.dumps(listed))
        _mask(tmp_path / f"segmentation/{nfc}.png", [[0, 1, 255, 2, 0]] * 4)
        index = _scan(tmp_path, test_share=0)
        assert _splits(index) == {nfc: "train", "b": "train", "c": "val"}
        assert [sample.id for sample in index.samples if sample.masks] == [nfc]
        assert "entries[1] says the same of" in told(index)

    def test_entries_that_cannot_be_used(self, tmp_path: Path, voc: Callable[..., None], told: Told) -> None:
        entries: list[object] = [
            _entry("a", "cat"),
            _entry("b", "dog"),
            _entry("c", "zebra"),
            {"image": "d"},
            {"classes": ["cat"]},
            "e",
            _entry("f", "cat"),
            _entry("f", "dog"),
            _entry("g", "cat"),
        ]
        voc(train={"train": entries})
        (tmp_path / "images/g.jpg").unlink()
        index = _scan(tmp_path, **NONE_DRAWN)
        assert set(_splits(index)) == {"a", "b"}
        said = told(index)
        assert "train.json: train[2]: c has a class 'zebra' that class_to_index.json does not name" in said
        assert 'train[3]: d has no list of "classes"' in said
        assert 'train[4]: it has no "image"' in said
        assert 'train[5]: it has no "image"' in said
        assert "train[6] and train[7] differ about f; it is left out" in said
        assert "train[8]: there is no image g in images" in said

    @pytest.mark.parametrize(
        ("classes", "said"),
        [
            (["cat"], "no object of class names"),
            ({"cat": "1"}, "the index of 'cat' is '1', not a whole number"),
            ({"cat": True}, "the index of 'cat' is True"),
            ({"cat": 300}, "the index of 'cat' is 300"),
            ({"cat": 1, "dog": 1}, "'cat' and 'dog' have the same index, 1"),
            ({"background": 0}, "no class beside the background"),
        ],
    )
    def test_indices_that_are_none(
        self, tmp_path: Path, voc: Callable[..., None], classes: Any, said: str
    ) -> None:
        voc(classes, train=[_entry("a", "cat")])
        with pytest.raises(DataError) as caught:
            _scan(tmp_path)
        assert said in caught.value.message
        assert caught.value.field == "class_to_index.json"

    @pytest.mark.parametrize(
        ("train", "options", "said", "field"),
        [
            ("none", {}, "neither a list nor an object of lists", "train.json"),
            ({"train": {"a": 1}}, {}, "neither a list nor an object of lists", "train.json"),
            ([], {}, "no entry can be used: there is none", "train.json"),
            ([_entry("a", "zebra")], {}, "no entry can be used: entries[0]: a has a class", "train.json"),
            ({"train": []}, {"train_sets": ["aug"]}, "no list 'aug'; its lists are train", "train.json"),
            ([_entry("a", "cat")], {"class_name": "x"}, "class_to_index.json names", "options.class_name"),
            ([_entry("a", "cat")], {"masks": "true"}, "there is no PNG in true", "options.masks"),
            ([_entry("a", "cat")], {"val_file": "broken.json"}, "this is no JSON", "broken.json"),
        ],
    )
    def test_what_makes_a_set_useless(
        self,
        tmp_path: Path,
        voc: Callable[..., None],
        train: Any,
        options: dict[str, object],
        said: str,
        field: str,
    ) -> None:
        voc(train=train)
        (tmp_path / "broken.json").write_text("[")
        with pytest.raises(DataError) as caught:
            _scan(tmp_path, **options)
        assert said in caught.value.message
        assert caught.value.field == field
        assert caught.value.remedy

    @pytest.mark.parametrize(
        ("entry", "place"),
        [
            ('{"image": "\\ud800", "classes": []}', "train[0].image"),
            ('{"image": "a", "classes": ["c\\u0000t"]}', "train[0].classes[0]"),
            ('{"\\udfff": 1}', "train[0]"),
        ],
    )
    def test_strings_that_are_no_text(
        self, tmp_path: Path, voc: Callable[..., None], entry: str, place: str
    ) -> None:
        voc(train=[_entry("a", "cat")])
        (tmp_path / "train.json").write_text(f'{{"train": [{entry}]}}')
        with pytest.raises(DataError) as caught:
            _scan(tmp_path)
        assert caught.value.message.startswith(f"what stands at {place} is not UTF-8 text")
        assert caught.value.field == "train.json"

    @pytest.mark.parametrize(
        ("name", "field"),
        [("images", "options.train_file"), ("class_to_index.json", "class_to_index.json")],
    )
    def test_links_out_of_the_root(
        self, tmp_path: Path, voc: Callable[..., None], name: str, field: str
    ) -> None:
        voc({"secret": "x"} if field == name else None, train=[_entry("a", "cat"), _entry("b", "dog")])
        root = tmp_path / "root"
        root.mkdir()
        for path in tmp_path.glob("*.json"):
            path.rename(root / path.name)
        if name != "images":
            (root / name).rename(tmp_path / name)
        (root / name).symlink_to(tmp_path / name)
        with pytest.raises(DataError, match=f"{name} lies outside of the root") as caught:
            _scan(root)
        assert caught.value.field == field
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["a\0.csv", f"{'a' * 300}.csv", f"{'a' * 300}/train.csv"])
def test_a_training_file_that_cannot_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be opened") as caught:
        _scan(tmp_path, train_file=name)
    assert caught.value.field == "options.train_file"


def test_which_layout_it_is(tmp_path: Path, voc: Callable[..., None], table: TableWriter) -> None:
    with pytest.raises(DataError, match=r"there is neither train\.csv nor train\.json"):
        _scan(tmp_path)
    voc(train=[_entry("a", "cat"), _entry("b", "dog")])
    table(tmp_path / "train.csv", ["name,label", "a,1"])
    with pytest.raises(DataError, match=r"there is both train\.csv and train\.json"):
        _scan(tmp_path)
    assert len(_scan(tmp_path, train_file="train.json", **NONE_DRAWN).samples) == 2
