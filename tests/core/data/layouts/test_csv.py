"""The csv layout through `scan`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from wsmis_core.data import DatasetIndex, Sample, read_class_masks, read_mask, scan
from wsmis_core.errors import DataError
from wsmis_core.spec import CsvDataset, SplitShares

TableWriter = Callable[[Path, Sequence[str]], None]
Told = Callable[[DatasetIndex], str]
ById = Callable[[DatasetIndex], dict[str, Sample]]
Form = Literal["NFC", "NFD"]
NO_TEST = SplitShares(val=0, test=0)


def _scan(root: Path, **options: object) -> DatasetIndex:
    return scan(CsvDataset.model_validate({"root": str(root), "splits": NO_TEST, **options}))


def _labels(index: DatasetIndex) -> dict[str, tuple[int, ...]]:
    return {sample.id: sample.labels for sample in index.samples}


def test_number_columns_are_found(tmp_path: Path, png: Callable[..., None], table: TableWriter) -> None:
    png("a.png", "b.png", "c.png")
    table(
        tmp_path / "labels.csv",
        ["Image, Age ,Effusion,Mass,Patient_ID", "a.png,60,1,0,7", "b.png,0,0,1.0,7", "c.png,1,0,0.0,8"],
    )
    index = _scan(tmp_path)
    assert index.classes == ("Effusion", "Mass")
    assert _labels(index) == {"a": (1, 0), "b": (0, 1), "c": (0, 0)}
    assert [sample.patient for sample in index.samples] == ["7", "7", "8"]
    assert not index.has_masks
    assert index.samples[0].class_ids == (1,)
    assert index.samples[1].class_ids == (2,)


@pytest.mark.parametrize(("no", "yes"), [("False", "True"), ("no", "YES"), ("0.0", "true")])
def test_words_are_numbers(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, told: Told, no: str, yes: str
) -> None:
    png("a.png", "b.png", "c.png")
    table(tmp_path / "labels.csv", ["file,label,male", f"a.png,{no},1", f"b.png,{yes},1", f"c.png,{no},0"])
    index = _scan(tmp_path)
    assert index.classes == ("label", "male")
    assert _labels(index) == {"a": (0, 1), "b": (1, 1), "c": (0, 0)}
    assert "passed over" not in told(index)


def test_an_odd_cell_costs_its_row_alone(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, told: Told
) -> None:
    """One cell in ten may be odd, blanks aside; two are no number column."""
    names = [f"i{number}.png" for number in range(11)]
    png(*names)
    cells = ["NA", "", *"010101010"]
    rows = [f"{name},{cell},{age}" for age, (name, cell) in enumerate(zip(names, cells, strict=True))]
    table(tmp_path / "labels.csv", ["file,label,age", *rows])
    index = _scan(tmp_path)
    assert index.classes == ("label",)
    assert _labels(index) == {f"i{number}": (number % 2,) for number in range(2, 11)}
    said = told(index)
    assert "line 2: 'NA' in the column 'label' is not 0 or 1" in said
    assert "line 3: '' in the column 'label' is not 0 or 1" in said
    assert "info labels.csv: the labels are read from 'label'; passed over: 'age'" in said

    rows[2] = f"{names[2]},NA,2"
    table(tmp_path / "labels.csv", ["file,label,age", *rows])
    with pytest.raises(DataError, match="'label' may be of numbers or of names: it holds '0'"):
        _scan(tmp_path)
    rows = [row.rpartition(",")[0] + f",{number % 2}" for number, row in enumerate(rows)]
    table(tmp_path / "labels.csv", ["file,label,male", *rows])
    said = told(_scan(tmp_path))
    assert "warning labels.csv: the labels are read from 'male'; passed over: 'label'" in said


@pytest.mark.parametrize("strange", ["0", "1.0", "-1", "2", "No", "TRUE"])
def test_names_that_may_be_numbers_are_not_guessed(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, strange: str
) -> None:
    png("a.png", "b.png", "c.png")
    table(tmp_path / "labels.csv", ["file,label", "a.png,Mass", f"b.png,{strange}", "c.png,No Finding"])
    with pytest.raises(DataError, match="may be of numbers or of names") as caught:
        _scan(tmp_path)
    assert repr(strange) in caught.value.message
    assert "options.label_columns" in str(caught.value.remedy)
    assert "options.labels_column" in str(caught.value.remedy)
    assert set(_scan(tmp_path, labels_column="label").classes) == {"Mass", strange}


def test_one_column_of_names(tmp_path: Path, png: Callable[..., None], table: TableWriter) -> None:
    png("images_001/images/a.png", "images_002/images/b.png", "images_002/images/c.png")
    table(
        tmp_path / "labels.csv",
        [
            "Image Index,Finding Labels,Patient ID",
            "a.png,Mass|Effusion,1",
            "b.png,No Finding,2",
            "c.png,Effusion,3",
        ],
    )
    index = _scan(tmp_path)
    assert index.classes == ("Effusion", "Mass")
    assert _labels(index) == {"a": (1, 1), "b": (0, 0), "c": (1, 0)}
    assert index.samples[0].file == "images_001/images/a.png"


@pytest.mark.parametrize("written", ["No finding", "NO FINDING"])
def test_no_finding_in_any_case_of_letters(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, told: Told, written: str
) -> None:
    png("a.png", "b.png", "c.png")
    table(
        tmp_path / "labels.csv", ["file,labels", "a.png,Mass", f"b.png,{written}", f"c.png,Nodule|{written}"]
    )
    index = _scan(tmp_path)
    assert index.classes == ("Mass",)
    assert _labels(index) == {"a": (1,), "b": (0,)}
    assert "line 4: the column 'labels' says 'No Finding' beside 'Nodule'" in told(index)


def test_columns_that_differ_in_case_alone(
    tmp_path: Path, png: Callable[..., None], table: TableWriter
) -> None:
    png("a.png", "b.png")
    table(tmp_path / "labels.csv", ["file,Mass,mass", "a.png,1,0", "b.png,0,0"])
    assert _scan(tmp_path, label_columns=["mass", "Mass"]).classes == ("mass", "Mass")
    with pytest.raises(DataError, match="the column 'Mass' is named twice") as caught:
        _scan(tmp_path, label_columns=["Mass", "MASS"])
    assert caught.value.field == "options.label_columns"


@pytest.mark.parametrize("named", [False, True])
def test_more_classes_than_a_mask_holds(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, named: bool
) -> None:
    png("a.png", "b.png")
    columns = [f"c{number}" for number in range(255)]
    rows = [f"a.png{',1' * 255}", f"b.png{',0' * 255}"]
    table(tmp_path / "labels.csv", [f"file,{','.join(columns)}", *rows])
    with pytest.raises(DataError, match="255 columns hold 0 and 1; 1 to 254"):
        _scan(tmp_path, label_columns=columns if named else [])
    assert len(_scan(tmp_path, label_columns=columns[1:]).classes) == 254


def test_named_columns_another_separator_and_no_suffix(
    tmp_path: Path, png: Callable[..., None], table: TableWriter
) -> None:
    png("films/a.png", "films/1.2.3.PNG")
    table(tmp_path / "t.csv", ["which;what;flag", "a;X + Y;0", "1.2.3;healthy;1"])
    options = {"table": "t.csv", "images": "films", "file_column": "Which"}
    index = _scan(tmp_path, **options, labels_column="what", separator="+", no_finding="healthy")
    assert index.classes == ("X", "Y")
    assert _labels(index) == {"a": (1, 1), "1.2.3": (0, 0)}
    index = _scan(tmp_path, **options, label_columns=["flag"])
    assert _labels(index) == {"a": (0,), "1.2.3": (1,)}


def test_paths_as_tables_give_them(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, told: Told
) -> None:
    png("train/p1/view.png", "train/p2/view.png", "train/p3/view.png")
    table(
        tmp_path / "labels.csv",
        [
            "Path,sick",
            "CheXpert-v1.0/train/p1/view.png,1",
            "train\\p2\\view.png,0",
            "train/p4/view.png,1",
            "view.png,1",
            "../../etc/passwd,1",
        ],
    )
    index = _scan(tmp_path)
    assert sorted(_labels(index).values()) == [(0,), (1,)]
    assert len({sample.id for sample in index.samples}) == 2
    assert all(sample.id.startswith("view-") for sample in index.samples)
    said = told(index)
    assert "line 4: there is no file 'train/p4/view.png'" in said
    assert "line 5: 'view.png' may be train/p1/view.png or train/p2/view.png" in said
    assert "line 6: there is no file '../../etc/passwd'" in said
    assert "train/p3/view.png: this file has no row" in said


def test_rows_that_cannot_be_used(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, told: Told
) -> None:
    png("a.png", "b.png", "c.png", "d.png", "e.png", "f.png")
    lines = ["file,sick,tall", "a.png,1,0", "b.png,,0", "c.png,-1,0", "d.png,0,0", "d.png,0,0"]
    table(tmp_path / "labels.csv", [*lines, "e.png,0,0", "e.png,1,0", ",1,1", "f.png,0,1"])
    index = _scan(tmp_path, label_columns=["sick", "tall"])
    assert _labels(index) == {"a": (1, 0), "d": (0, 0), "f": (0, 1)}
    said = told(index)
    assert "line 3: '' in the column 'sick' is not 0 or 1" in said
    assert "line 4: '-1' in the column 'sick' is not 0 or 1" in said
    assert "lines 5, 6 say the same of d.png" in said
    assert "lines 7, 8 differ about e.png; it is left out" in said
    assert "line 9: nothing stands in the column 'file'" in said
    assert "of 3 images no patient is known" in said


def test_masks(tmp_path: Path, png: Callable[..., None], table: TableWriter, told: Told, by_id: ById) -> None:
    png("a.png", "b.png", "c.png", "d.png")
    png("true/Mass/a.png", values=[[0, 255, 0, 0, 0]] + [[0] * 5] * 3)
    png("true/Nodule/a.png", values=[[0, 1, 1, 0, 0]] + [[0] * 5] * 3)
    png("true/Mass/b.png", values=[[9] * 5] * 4)  # labelled 0
    png("true/Mass/c.png", values=[[0] * 5] * 4)  # labelled 1
    png("true/Nodule/d.png", values=[[1] * 4] * 4)  # too narrow
    table(
        tmp_path / "labels.csv",
        ["file,Mass,Nodule", "a.png,1,1", "b.png,0,0", "c.png,1,1", "d.png,0,1"],
    )
    index = _scan(tmp_path, masks="true")
    samples = by_id(index)
    assert index.has_masks
    assert {name: sample.has_masks for name, sample in samples.items()} == {
        "a": True,
        "b": True,
        "c": False,
        "d": False,
    }
    np.testing.assert_array_equal(read_mask(index, samples["a"])[0], [0, 2, 2, 0, 0])
    np.testing.assert_array_equal(read_class_masks(index, samples["a"])[:, 0, :3], [[0, 1, 0], [0, 1, 1]])
    said = told(index)
    assert "true/Mass/b.png: Mass: the mask shows it, and the label is 0 (b.png)" in said
    assert "true/Mass/c.png: Mass: the mask does not show it, and the label is 1 (c.png)" in said
    assert "c.png: it is labelled, and there is no mask true/Nodule/c.png" in said
    assert "true/Nodule/d.png: the mask has 4 x 4 pixels, and its image 5 x 4" in said
    assert "true/Mass/a.png: this file has no row" not in said


def test_masks_of_images_of_one_name(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, told: Told
) -> None:
    """A mask at its image's path is that image's; one of a name alone is nobody's that shares the name."""
    png("films/p0/v.png", "films/p1/v.png", "films/p2/v.png", "films/p2/own.png", "films/top.png")
    png("films/p0/top.png")
    png(
        "true/Mass/p0/v.png",
        "true/Mass/v.png",
        "true/Mass/own.png",
        "true/Mass/top.png",
        values=[[1] * 5] * 4,
    )
    rows = ["p0/v.png,1", "p1/v.png,1", "p2/v.png,0", "p2/own.png,1", "top.png,1", "p0/top.png,1"]
    table(tmp_path / "labels.csv", ["file,Mass", *rows])
    index = _scan(tmp_path, images="films/", masks="true")
    assert {
        sample.file: [mask.file for mask in sample.masks if mask.kind == "png"] for sample in index.samples
    } == {
        "films/p0/v.png": ["true/Mass/p0/v.png"],
        "films/p1/v.png": [],
        "films/p2/v.png": [],
        "films/p2/own.png": ["true/Mass/own.png"],
        "films/top.png": ["true/Mass/top.png"],
        "films/p0/top.png": [],
    }
    said = told(index)
    assert (
        said.count("true/Mass/v.png: it is not used by its name: images called so: 3, such as films/p1/v.png")
        == 1
    )
    assert "as in true/Mass/p1/v.png;" in said
    assert "films/p1/v.png: it is labelled, and there is no mask true/Mass/p1/v.png" in said


def test_images_of_one_path_but_for_the_suffix(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, told: Told
) -> None:
    png("a.png", "a.jpg", "b.png")
    png("true/Mass/a.png", "true/Mass/b.png", values=[[1] * 5] * 4)
    table(tmp_path / "labels.csv", ["file,Mass", "a.png,1", "a.jpg,0", "b.png,1"])
    index = _scan(tmp_path, masks="true")
    assert [sample.file for sample in index.samples if sample.masks] == ["b.png"]
    assert "rename files whose paths differ in suffix or case alone" in told(index)


@pytest.mark.parametrize(("there", "said"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_other_unicode_forms(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, there: Form, said: Form
) -> None:
    png(
        unicodedata.normalize(there, "Bölük/é1.png"),
        unicodedata.normalize(there, "Bölük/é2.png"),
        unicodedata.normalize(there, "é3.png"),
    )
    png(
        unicodedata.normalize(there, "true/Ödem/é1.png"),
        unicodedata.normalize(there, "true/Ödem/bölük/é2.png"),
        values=[[1] * 5] * 4,
    )
    rows = ["file,Ödem", "Bölük/é1.png,1", "bölük/É2.png,1", "é3,0"]
    table(tmp_path / "labels.csv", [unicodedata.normalize(said, row) for row in rows])
    index = _scan(tmp_path, masks="true")
    assert _labels(index) == {
        "é1": (1,),
        "é2": (1,),
        "é3": (0,),
    }  # ids are in one form wherever the files lay
    assert [len(sample.masks) for sample in index.samples] == [1, 1, 0]


def test_a_given_split(tmp_path: Path, png: Callable[..., None], table: TableWriter, told: Told) -> None:
    png("a.png", "b.png", "c.png", "d.png")
    rows = ["file,patient,sick,fold", "a.png,1,1,train", "b.png,1,0,TRAIN", "c.png,2,1,Valid"]
    table(tmp_path / "labels.csv", [*rows, "d.png,3,1,2nd"])
    index = _scan(tmp_path, split_column="fold")
    assert {sample.id: sample.split for sample in index.samples} == {"a": "train", "b": "train", "c": "val"}
    assert "line 5: '2nd' is not a split" in told(index)

    table(tmp_path / "labels.csv", [*rows, "d.png,2,1,test"])
    with pytest.raises(DataError, match=r"'fold' puts images of patient '2' into test and val"):
        _scan(tmp_path, split_column="fold")

    table(tmp_path / "labels.csv", ["file,sick,fold", "a.png,1,test", "b.png,0,val"])
    with pytest.raises(DataError, match="no usable image is `train`"):
        _scan(tmp_path, split_column="fold")


def test_files_and_table_that_differ_about_patients(
    tmp_path: Path, write_dicom: Callable[..., Path], table: TableWriter, told: Told
) -> None:
    for number, patient in enumerate(["P", "P", "P", "Q", "Q", ""]):
        values = np.full((4, 5), number, dtype=np.uint8)
        write_dicom(tmp_path / f"i{number}.dcm", values, PatientID=patient)
    splits = ["train", "test", "test", "train", "train", "test"]
    rows = [f"i{number}.dcm,{number % 2},t{number},{split}" for number, split in enumerate(splits)]
    table(tmp_path / "labels.csv", ["file,sick,patient,fold", *rows])
    index = _scan(tmp_path, split_column="fold", label_columns=["sick"])
    assert [sample.patient for sample in index.samples] == [f"t{number}" for number in range(6)]
    said = told(index)
    assert said.count("its PatientID") == 1
    assert (
        "warning i1.dcm: its PatientID 'P' is also that of i0.dcm; by the table they are the patients "
        "'t1' in test and 't0' in train" in said
    )


@pytest.mark.parametrize(
    ("lines", "options", "said", "field"),
    [
        (
            ["a,b", "1,0"],
            {},
            "no column is called as files usually are; the columns are 'a', 'b'",
            "labels.csv",
        ),
        (["file,b", "a.png,x"], {}, "no column can be the labels'", "labels.csv"),
        (["file,b", "a.png,1"], {"file_column": "c"}, "no column 'c'", "labels.csv"),
        (["file,b", "a.png,1"], {"label_columns": ["c"]}, "no column 'c'", "labels.csv"),
        (["file,b", "a.png,1"], {"labels_column": "c"}, "no column 'c'", "labels.csv"),
        (["file,b", "a.png,1"], {"patient_column": "c"}, "no column 'c'", "labels.csv"),
        (["file,b", "a.png,1"], {"split_column": "c"}, "no column 'c'", "labels.csv"),
        (
            ["file,b", "a.png,1"],
            {"label_columns": ["b"], "labels_column": "b"},
            "both label_columns and labels_column",
            "options.labels_column",
        ),
        (["file,label", "a.png,No Finding"], {}, "holds 0 different labels", "labels.csv"),
        (["file,b", "z.png,1"], {}, "no row of labels.csv belongs to an image", "labels.csv"),
        (["file,b", "a.png,1", "b.png,1"], {}, "the same labels", "labels.csv"),
        (["file,b", "a.png,1"], {"images": "films"}, "no folder films", "options.images"),
        (["file,b", "a.png,1"], {"images": ".."}, "outside of the root", "options.images"),
        (["file,b", "a.png,1"], {"masks": "true"}, "no PNG below true", "options.masks"),
        (["file,b", "a.png,1"], {"table": "other.csv"}, "no such file", "other.csv"),
    ],
)
def test_what_makes_a_set_useless(
    tmp_path: Path,
    png: Callable[..., None],
    table: TableWriter,
    lines: list[str],
    options: dict[str, object],
    said: str,
    field: str,
) -> None:
    png("a.png", "b.png")
    table(tmp_path / "labels.csv", lines)
    with pytest.raises(DataError) as caught:
        _scan(tmp_path, **options)
    assert said in caught.value.message
    assert caught.value.field == field
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("data", "said"), [(b"file,b\n\xff\xfe,1\n", "at byte 7"), (b"file,b\na\0.png,1\n", "line 2 holds a NUL")]
)
def test_a_table_that_is_not_text(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "labels.csv").write_bytes(data)
    with pytest.raises(DataError, match=f"not UTF-8 text: .*{said}"):
        _scan(tmp_path)


@pytest.mark.parametrize("options", [{}, {"label_columns": ["label"]}, {"labels_column": "label"}])
def test_a_table_of_which_no_row_fits(
    tmp_path: Path, png: Callable[..., None], table: TableWriter, options: dict[str, object]
) -> None:
    png("a.png", "b.png")
    table(tmp_path / "labels.csv", ["file,label", "a.png,1,", "b.png,0,"])
    said = "no row fits the header: line 2 has 3 cells, and the header 2"
    with pytest.raises(DataError, match=said) as caught:
        _scan(tmp_path, **options)
    assert caught.value.field == "labels.csv"


def test_folders_by_other_ways(tmp_path: Path, png: Callable[..., None], table: TableWriter) -> None:
    png("root/films/p1/v.png", "root/films/p2/v.png", "root/films/p2/w.png")
    png("root/films/true/label/p1/v.png", values=[[1] * 5] * 4)
    table(tmp_path / "root/labels.csv", ["file,label", "p1/v.png,1", "p2/v.png,0"])
    (tmp_path / "link").symlink_to(tmp_path / "root")
    for films in ("films", "../root/films", str(tmp_path / "link/films"), str(tmp_path / "root/films")):
        index = _scan(tmp_path / "link", images=films, masks=f"{films}/true")
        assert {sample.file: len(sample.masks) for sample in index.samples} == {
            "films/p1/v.png": 1,
            "films/p2/v.png": 0,
        }
        assert not any("true" in problem.file for problem in index.problems)
