"""ChestX-ray14's layout through `scan`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from wsmis_core.data import DatasetIndex, Sample, scan
from wsmis_core.errors import DataError, SpecError
from wsmis_core.spec import make_dataset_spec

Png = Callable[..., None]
TableWriter = Callable[[Path, Sequence[str]], None]
Told = Callable[[DatasetIndex], str]
ById = Callable[[DatasetIndex], dict[str, Sample]]

# The published header, which splits its two bracketed names by their own commas and ends in a comma.
HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
BOX_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
NO_LISTS = {"train_val_list": None, "test_list": None}


def row(name: str, findings: str, patient: int) -> str:
    return f"{name},{findings},0,{patient},058Y,M,PA,2682,2749,0.143,0.143,"


@pytest.fixture
def root(tmp_path: Path, png: Png, table: TableWriter) -> Path:
    """Six patients, one of them with two images; two numbered folders."""
    png(*(f"images_001/images/0000000{number}_000.png" for number in range(1, 5)))
    png(*(f"images_012/images/{name}.png" for name in ("00000005_000", "00000006_000", "00000006_001")))
    rows = [
        row("00000001_000.png", "Cardiomegaly|Infiltration", 1),
        row("00000002_000.png", "No Finding", 2),
        row("00000003_000.png", "Hernia", 3),
        row("00000004_000.png", "No Finding", 4),
        row("00000005_000.png", "Infiltration", 5),
        row("00000006_000.png", "No Finding", 6),
        row("00000006_001.png", "Pleural_Thickening|Cardiomegaly", 6),
    ]
    table(tmp_path / "Data_Entry_2017_v2020.csv", [HEADER, *rows])
    table(tmp_path / "train_val_list.txt", [f"0000000{number}_000.png" for number in range(1, 5)])
    table(
        tmp_path / "test_list.txt",
        ["00000005_000.png", "00000006_000.png", "00000006_001.png", "00000099_000.png"],
    )
    return tmp_path


def _scan(root: Path, **options: object) -> DatasetIndex:
    return scan(make_dataset_spec("chestxray14", root, options))


def test_the_published_form(root: Path, by_id: ById, told: Told) -> None:
    index = _scan(root, val_share=0.25)
    assert len(index.classes) == 14
    samples = by_id(index)
    named = {name: [index.classes[number - 1] for number in one.class_ids] for name, one in samples.items()}
    assert named == {
        "00000001_000": ["Cardiomegaly", "Infiltration"],
        "00000002_000": [],
        "00000003_000": ["Hernia"],
        "00000004_000": [],
        "00000005_000": ["Infiltration"],
        "00000006_000": [],
        "00000006_001": ["Cardiomegaly", "Pleural_Thickening"],
    }
    assert samples["00000001_000"].file == "images_001/images/00000001_000.png"
    assert [one.patient for one in index.split("test")] == ["5", "6", "6"]
    assert (len(index.split("train")), len(index.split("val"))) == (3, 1)
    assert "info BBox_List_2017.csv: it is not there: no image has boxes" in told(index)


def test_some_findings_only(root: Path, by_id: ById) -> None:
    samples = by_id(_scan(root, classes=["Hernia", "Cardiomegaly"], val_share=0))
    assert samples["00000001_000"].labels == (0, 1)
    assert samples["00000003_000"].labels == (1, 0)
    assert samples["00000005_000"].labels == (0, 0)


def test_one_folder_of_images_and_drawn_splits(tmp_path: Path, png: Png, table: TableWriter) -> None:
    names = [f"000000{number:02}_000.png" for number in range(10)]
    png(*(f"images/{name}" for name in names))
    rows = [row(name, "No Finding" if number % 2 else "Mass", number) for number, name in enumerate(names)]
    table(tmp_path / "Data_Entry_2017.csv", [HEADER, *rows])
    index = _scan(tmp_path, **NO_LISTS)
    assert Counter(one.split for one in index.samples) == {"train": 7, "val": 1, "test": 2}
    again = _scan(tmp_path, **NO_LISTS, seed=1)
    assert [one.split for one in again.samples] != [one.split for one in index.samples]
    assert len(_scan(tmp_path, **NO_LISTS, test_share=0.5, val_share=0).split("test")) == 5


def test_what_has_no_counterpart_is_left_out_and_said(root: Path, png: Png, told: Told) -> None:
    png("images_001/images/extra.png", "images_001/images/unlisted.png")
    text = (root / "Data_Entry_2017_v2020.csv").read_text()
    rows = [
        row("00000099_000.png", "Mass", 99),
        row("unlisted.png", "Mass", 7),
        row("00000004_000.png", "Pneumonitis", 4),
    ]
    (root / "Data_Entry_2017_v2020.csv").write_text(text + "\n".join(rows) + "\n")
    index = _scan(root)
    assert len(index.samples) == 7
    said = told(index)
    assert "line 9: there is no file '00000099_000.png'" in said
    assert "images_001/images/extra.png: this file has no row" in said
    assert "unlisted.png: neither train_val_list.txt nor test_list.txt names it" in said
    assert "line 11: 'Pneumonitis' in the column 'Finding Labels' is none of the 14 findings" in said
    assert "unlisted.png: this file has no row" not in said


def test_a_part_of_the_set_is_not_drowned_in_its_missing_files(root: Path, told: Told) -> None:
    rows = [row(f"0001{number:04}_000.png", "Mass", 1000 + number) for number in range(50)]
    path = root / "Data_Entry_2017_v2020.csv"
    path.write_text(path.read_text() + "\n".join(rows) + "\n")
    said = told(_scan(root))
    assert said.count("there is no file '0001") == 20
    assert "30 more rows have no file either" in said


@pytest.mark.parametrize(
    ("findings", "said"),
    [("", "is empty; 'No Finding' would stand"), ("No Finding|Mass", "says 'No Finding' beside 'Mass'")],
)
def test_cells_that_do_not_say(root: Path, told: Told, findings: str, said: str) -> None:
    path = root / "Data_Entry_2017_v2020.csv"
    path.write_text(path.read_text().replace("_000.png,Hernia,", f"_000.png,{findings},"))
    assert said in told(_scan(root))


def test_a_patient_in_both_lists_is_refused_before_the_images_are_opened(root: Path) -> None:
    path = root / "Data_Entry_2017_v2020.csv"
    path.write_text(
        path.read_text().replace("00000005_000.png,Infiltration,0,5", "00000005_000.png,Mass,0,1")
    )
    calls: list[int] = []
    spec = make_dataset_spec("chestxray14", root, {})
    with pytest.raises(DataError, match="images of patient '1' into test and train") as caught:
        scan(spec, progress=lambda done, total: calls.append(done))  # noqa: ARG005 - as `scan` calls it
    assert not calls
    assert "null" in str(caught.value.remedy)


def test_an_image_in_both_lists_is_refused(root: Path, table: TableWriter) -> None:
    table(root / "test_list.txt", ["00000001_000.png", "00000005_000.png"])
    with pytest.raises(DataError, match="both name 00000001_000"):
        _scan(root)


def test_boxes(root: Path, png: Png, table: TableWriter, by_id: ById, told: Told) -> None:
    values = np.zeros((8, 16))
    png("images_001/images/00000001_000.png", values=values)
    table(
        root / "BBox_List_2017.csv",
        [
            BOX_HEADER,
            "00000001_000.png,Infiltrate,225.084745762712,512,64.5,128,,,",
            "00000001_000.png,Cardiomegaly,960,0,128,1024,,,",  # half of it outside
            "00000001_000.png,Cardiomegaly,1100,0,128,1024,,,",  # all of it
            "00000002_000.png,Mass,1,1,1,1,,,",  # not labelled with it
            "00000003_000.png,Hernia,0,0,-1,1,,,",
            "00000003_000.png,Hernias,0,0,1,1,,,",
            "00000003_000.png,Hernia,x,0,1,1,,,",
            "00000777_000.png,Mass,0,0,1,1,,,",
        ],
    )
    index = _scan(root)
    one = by_id(index)["00000001_000"]
    infiltration = index.classes.index("Infiltration") + 1
    # 1024 pixels of the frame are 16 across and 8 down.
    assert one.boxes_of(infiltration) == [pytest.approx((225.084745762712 / 64, 4, 64.5 / 64, 1))]
    assert one.boxes_of(index.classes.index("Cardiomegaly") + 1) == [(15, 0, 1, 8)]
    assert not any(sample.boxes for sample in index.samples if sample is not one)
    said = told(index)
    assert "line 3 (00000001_000): the box reaches out of its image" in said
    assert "line 4 (00000001_000): the box lies outside of its image" in said
    assert "line 5 (00000002_000): the box shows Mass, and the image" in said
    assert "line 6: 0.0, 0.0, -1.0, 1.0 is not a box" in said
    assert "line 7: 'Hernias' is none of the findings" in said
    assert "line 8: x, y, width and height are not four numbers" in said
    assert "1 images with boxes, such as 00000777_000, are not in the data set" in said
    only = by_id(_scan(root, classes=["Cardiomegaly"]))["00000001_000"]
    assert [box.class_id for box in only.boxes] == [1]
    own = by_id(_scan(root, box_frame=2048))["00000001_000"]
    assert own.boxes_of(infiltration) == [pytest.approx((225.084745762712 / 128, 2, 64.5 / 128, 0.5))]
    assert not any(sample.boxes for sample in _scan(root, boxes=None).samples)


@pytest.mark.parametrize(
    ("options", "said", "field"),
    [
        ({"images": "films"}, "no image in films", "options.images"),
        ({"table": "other.csv"}, "no such file", "other.csv"),
        ({"test_list": "other.txt"}, "no such file", "other.txt"),
        ({"boxes": "other.csv"}, "no such file", "other.csv"),
        ({"train_val_list": "../x.txt"}, "outside of the root", "options.train_val_list"),
    ],
)
def test_what_is_named_and_not_there(root: Path, options: dict[str, object], said: str, field: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        _scan(root, **options)
    assert caught.value.field == field
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["images", "images_001"])
def test_folders_that_are_links_out_of_the_root(
    tmp_path: Path, png: Png, table: TableWriter, name: str
) -> None:
    png("outside/00000001_000.png")
    table(tmp_path / "root/Data_Entry_2017.csv", [HEADER, row("00000001_000.png", "Mass", 1)])
    (tmp_path / "root" / name).symlink_to(tmp_path / "outside")
    with pytest.raises(DataError, match=f"{name} lies outside of the root") as caught:
        _scan(tmp_path / "root", **NO_LISTS)
    assert caught.value.field == "options.images"


def test_two_tables_and_none(root: Path, table: TableWriter) -> None:
    table(root / "Data_Entry_2017.csv", [HEADER])
    with pytest.raises(DataError, match="2 files are Data_Entry_2017") as caught:
        _scan(root)
    assert caught.value.field == "options.table"
    assert _scan(root, table="Data_Entry_2017_v2020.csv").samples
    for path in root.glob("*.csv"):
        path.unlink()
    with pytest.raises(DataError, match="there is no Data_Entry_2017"):
        _scan(root)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test_share": 0.2}, "test_share 0.2 does not go with test_list 'test_list.txt'"),
        ({"test_list": None}, "train_val_list 'train_val_list.txt' goes with a test_list"),
        ({"classes": ["Mass", "Mass"]}, "a class is named twice in Mass, Mass"),
        ({"classes": ["Masses"]}, "'Masses' is not possible"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        make_dataset_spec("chestxray14", "/data", options)
