"""CheXpert's layout through `scan`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from wsmis_core.data import DatasetIndex, scan
from wsmis_core.errors import DataError, SpecError
from wsmis_core.spec import DatasetSpec, dataset_spec, make_dataset_spec

Png = Callable[..., None]
TableWriter = Callable[[Path, Sequence[str]], None]
Told = Callable[[DatasetIndex], str]

HEADER = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,"
    "Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,"
    "Fracture,Support Devices"
)
TWO = {"classes": ["Edema", "Pneumothorax"]}


def path(patient: int, view: str = "view1_frontal", split: str = "train") -> str:
    return f"{split}/patient{patient:05}/study1/{view}.jpg"


def row(file: str, edema: str, pneumothorax: str) -> str:
    view = "Lateral" if "lateral" in file else "Frontal"
    return f"CheXpert-v1.0-small/{file},Female,68,{view},AP,,,,,,{edema},,,,{pneumothorax},,,,1.0"


@pytest.fixture
def root(tmp_path: Path, png: Png, table: TableWriter) -> Path:
    """Every value of a cell, a lateral view, and three images of `valid`."""
    rows = [
        row(path(1), "1.0", "0.0"),
        row(path(2), "-1.0", "1.0"),
        row(path(3), "", "-1.0"),
        row(path(4), "0.0", ""),
        row(path(4, "view2_lateral"), "0.0", "0.0"),
        row(path(5), "", ""),
    ]
    valid = [row(path(number, split="valid"), str(number % 2), "0.0") for number in (64541, 64542, 64543)]
    table(tmp_path / "train.csv", [HEADER, *rows])
    table(tmp_path / "valid.csv", [HEADER, *valid])
    png(*(line.split(",")[0].removeprefix("CheXpert-v1.0-small/") for line in (*rows, *valid)))
    return tmp_path


def _scan(root: Path, **options: object) -> DatasetIndex:
    return scan(make_dataset_spec("chexpert", root, {**TWO, "val_share": 0, **options}))


def _labels(index: DatasetIndex) -> list[tuple[int, ...]]:
    return [sample.labels for sample in index.samples if sample.split == "train"]


def test_the_published_form(root: Path) -> None:
    index = scan(make_dataset_spec("chexpert", root, {}))
    assert len(index.classes) == 13
    assert "No Finding" not in index.classes
    assert [sample.id for sample in index.samples][:2] == [
        "patient00001_study1_view1_frontal",
        "patient00002_study1_view1_frontal",
    ]
    assert index.samples[0].file == path(1)
    assert [sample.patient for sample in index.split("test")] == [
        "patient64541",
        "patient64542",
        "patient64543",
    ]
    assert {sample.split for sample in index.samples} == {"train", "val", "test"}
    assert _scan(root, classes=["No Finding", "Edema"]).classes == ("No Finding", "Edema")


@pytest.mark.parametrize(
    ("uncertain", "blank", "labels"),
    [
        # Of patients 1 to 5, the fourth with two views: edema and pneumothorax.
        ("ones", "zeros", [(1, 0), (1, 1), (0, 1), (0, 0), (0, 0), (0, 0)]),
        ("zeros", "zeros", [(1, 0), (0, 1), (0, 0), (0, 0), (0, 0), (0, 0)]),
        ("ignore", "zeros", [(1, 0), (-1, 1), (0, -1), (0, 0), (0, 0), (0, 0)]),
        ("ignore", "ones", [(1, 0), (-1, 1), (1, -1), (0, 1), (0, 0), (1, 1)]),
        ("ones", "ignore", [(1, 0), (1, 1), (-1, 1), (0, -1), (0, 0)]),  # of the fifth nothing is known
        ("ignore", "ignore", [(1, 0), (-1, 1), (0, -1), (0, 0)]),  # nor of the third
    ],
)
def test_policies(root: Path, told: Told, uncertain: str, blank: str, labels: list[tuple[int, ...]]) -> None:
    index = _scan(root, uncertain=uncertain, blank=blank)
    assert _labels(index) == labels
    assert ("left out, as none of their labels is known: " in told(index)) == (len(labels) < 6)


def test_unknown_labels_are_counted_and_told(root: Path, told: Told) -> None:
    index = _scan(root, blank="ones")
    summary = index.summary()
    assert summary["labels"] == {"Edema": 5, "Pneumothorax": 3}
    assert summary["splits"]["train"]["unknown"] == {"Edema": 1, "Pneumothorax": 1}
    assert summary["counts"]["unknown_labels"] == 2
    assert "all 3 images of the split test are negative for 'Pneumothorax'" in told(index)


def test_only_unknown_beside_one_kind_is_nothing_to_tell_apart(root: Path, table: TableWriter) -> None:
    table(root / "train.csv", [HEADER, row(path(1), "-1.0", "1.0"), row(path(2), "1.0", "")])
    with pytest.raises(DataError, match="the same labels"):
        _scan(root, valid=None, test_share=0, blank="ones")


def test_frontal_only(root: Path, told: Told) -> None:
    index = _scan(root, frontal_only=True)
    assert not any("lateral" in sample.id for sample in index.samples)
    assert len(index.split("train")) == 5
    said = told(index)
    assert "info train.csv: left out, as lateral views: 1 of 6 images" in said
    assert "has no row" not in said


def test_valid_may_validate_and_may_be_left_out(root: Path) -> None:
    index = scan(make_dataset_spec("chexpert", root, {**TWO, "valid_split": "val"}))
    assert len(index.split("val")) == 3
    assert len({sample.patient for sample in index.split("test")}) == 1  # a fifth of five patients
    index = scan(make_dataset_spec("chexpert", root, {**TWO, "valid": None, "test_share": 0.4}))
    assert not any("patient6454" in sample.id for sample in index.samples)
    assert (len(index.split("val")) >= 1, len({one.patient for one in index.split("test")})) == (True, 2)


def test_the_folder_above_serves_as_root(root: Path) -> None:
    small = root.parent / "above" / "CheXpert-v1.0-small"
    small.parent.mkdir()
    root.rename(small)
    options = {"train": "CheXpert-v1.0-small/train.csv", "valid": "CheXpert-v1.0-small/valid.csv"}
    index = _scan(small.parent, **options)
    assert len(index.samples) == 9
    small.rename(root)


def test_what_has_no_counterpart_or_does_not_say(root: Path, png: Png, told: Told) -> None:
    png(path(9), "train/other/film.jpg")
    text = (root / "train.csv").read_text()
    rows = [row(path(8), "1.0", "0.0"), row(path(1), "2.0", "0.0"), row("train/other/film.jpg", "1.0", "0.0")]
    (root / "train.csv").write_text(text + "\n".join(rows) + "\n")
    said = told(_scan(root))
    assert f"line 8: there is no file 'CheXpert-v1.0-small/{path(8)}'" in said
    assert "line 9: '2.0' in the column 'Edema' is not 1, 0, -1 or blank" in said
    assert "line 10: there is no patient, as in patient00001, in 'CheXpert-v1.0-small/train/other/" in said
    assert "train/patient00009/study1/view1_frontal.jpg: this file has no row" in said


def test_a_patient_in_both_tables_is_refused(root: Path, png: Png) -> None:
    file = path(1, split="valid")
    png(file)
    (root / "valid.csv").write_text((root / "valid.csv").read_text() + row(file, "1.0", "0.0") + "\n")
    with pytest.raises(DataError, match="images of patient 'patient00001' into test and train"):
        _scan(root)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["Path,Edema", f"{path(1)},1"], "no column 'Pneumothorax'"),
        ([HEADER, row(path(99), "1.0", "0.0")], "no row of train.csv belongs to an image"),
    ],
)
def test_what_makes_a_set_useless(root: Path, table: TableWriter, lines: list[str], said: str) -> None:
    table(root / "train.csv", lines)
    with pytest.raises(DataError, match=said) as caught:
        _scan(root, valid=None, test_share=0)
    assert caught.value.field == "train.csv"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test_share": 0.2}, "test_share 0.2 does not go with valid 'valid.csv'"),
        ({"valid_split": "val", "val_share": 0.1}, "val_share 0.1 does not go with valid 'valid.csv'"),
        ({"classes": ["Edema", "Edema"]}, "named twice in Edema, Edema"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        make_dataset_spec("chexpert", "/data", options)


def test_a_spec_is_the_same_when_it_is_read_back() -> None:
    spec: DatasetSpec = make_dataset_spec("chexpert", "/data", {"valid_split": "val", "uncertain": "ones"})
    assert dataset_spec.validate_json(spec.model_dump_json()) == spec
