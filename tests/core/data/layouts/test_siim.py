"""The siim layout through `scan`: what stands in the folder is what METHOD says, and then what goes wrong."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from wsmis_core.data import DatasetIndex, Sample, read_mask, scan
from wsmis_core.errors import DataError
from wsmis_core.spec import SiimDataset, SplitShares

Writer = Callable[..., Path]
TableWriter = Callable[[Path, Sequence[str]], None]
HEADER = "ImageId, EncodedPixels"
SHAPE = (4, 6)
NOT_DRAWN = {"val": 0, "test": 0}


@pytest.fixture
def images(tmp_path: Path, write_dicom: Writer) -> Callable[..., list[Path]]:
    def write(*names: str, below: str = "dicom-images-train", suffix: str = ".dcm") -> list[Path]:
        return [
            write_dicom(
                tmp_path / below / f"study{name}" / "series" / f"{name}{suffix}",
                np.full(SHAPE, 10 + position, dtype=np.uint8),
                PatientID=f"P{name}",
            )
            for position, name in enumerate(names)
        ]

    return write


def _scan(root: Path, **options: object) -> DatasetIndex:
    return scan(SiimDataset.model_validate({"root": str(root), **options}))


def test_the_published_form(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
    by_id: Callable[[DatasetIndex], dict[str, Sample]],
) -> None:
    images("1.2.3", "1.2.4", "1.2.5", "1.2.6")
    table(
        tmp_path / "train-rle.csv",
        [HEADER, "1.2.3, -1", "1.2.4, 4 2 6 1", "1.2.5,-1", "1.2.6, 0 2", "1.2.6, 1 3 10 2"],
    )
    index = _scan(tmp_path)
    assert index.classes == ("pneumothorax",)
    # Four patients are too few for both labels in each split; nothing else is amiss.
    assert {problem.message[:3] for problem in index.problems} == {"all"}
    assert index.has_masks
    samples = by_id(index)
    assert {name: sample.labels for name, sample in samples.items()} == {
        "1.2.3": (0,),
        "1.2.4": (1,),
        "1.2.5": (0,),
        "1.2.6": (1,),
    }
    one = samples["1.2.4"]
    assert (one.patient, one.height, one.width) == ("P1.2.4", 4, 6)
    assert one.file == "dicom-images-train/study1.2.4/series/1.2.4.dcm"
    assert index.path(one).is_file()
    # Columns of 4: pixels 4 and 5 are the top of the second column, 12 is the top of the fourth.
    np.testing.assert_array_equal(
        read_mask(index, one), [[0, 1, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0], [0] * 6, [0] * 6]
    )
    # Two rows of one image unite: pixels 0, 1 and 1, 2, 3, then 14, 15.
    np.testing.assert_array_equal(
        read_mask(index, samples["1.2.6"]),
        [[1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 0]],
    )


def test_other_unicode_forms(tmp_path: Path, images: Callable[..., list[Path]], table: TableWriter) -> None:
    nfc, nfd = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    for path in images("x", "b", "c")[:1]:
        path.rename(path.with_stem(nfd))
    table(tmp_path / "train-rle.csv", [HEADER, f"{nfc}, 0 2", f"{nfd}, 9 2", "B.dcm, -1", "c, -1"])
    index = _scan(tmp_path)
    assert {sample.file.rpartition("/")[2]: len(sample.masks) for sample in index.samples} == {
        f"{nfd}.dcm": 2,
        "b.dcm": 0,
        "c.dcm": 0,
    }


@pytest.mark.parametrize(
    ("header", "empty"),
    [
        ("ImageId,EncodedPixels", "-1"),
        ("\ufeffImageId, EncodedPixels", " -1"),
        ("imageid ;encoded_pixels", "-1"),
    ],
)
def test_header_variants(
    tmp_path: Path, images: Callable[..., list[Path]], table: TableWriter, header: str, empty: str
) -> None:
    images("a", "b", "c")
    separator = ";" if ";" in header else ","
    rows = [f"{name}{separator}{runs}" for name, runs in (("a", empty), ("b", "0 3"), ("c", empty))]
    table(tmp_path / "train-rle.csv", [header, *rows])
    assert [sample.labels for sample in _scan(tmp_path).samples] == [(0,), (1,), (0,)]


def test_rows_without_files_and_files_without_rows(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
    told: Callable[[DatasetIndex], str],
) -> None:
    images("a", "b", "c", "extra")
    table(tmp_path / "train-rle.csv", [HEADER, "a, -1", "b, 0 3", "c, -1", "gone, 2 2"])
    index = _scan(tmp_path)
    assert [sample.id for sample in index.samples] == ["a", "b", "c"]
    assert "gone has a row and no file" in told(index)
    assert "extra.dcm: this file has no row" in told(index)


def test_rows_that_repeat_contradict_or_say_nothing(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
    told: Callable[[DatasetIndex], str],
    by_id: Callable[[DatasetIndex], dict[str, Sample]],
) -> None:
    images("a", "b", "c", "d", "e")
    table(
        tmp_path / "train-rle.csv",
        [HEADER, "a, 0 3", "a, 0  3", "b, -1", "b, 5 1", "c, -1", "d,", "e, -1", ", -1", "", "f, 1, 2"],
    )
    index = _scan(tmp_path)
    samples = by_id(index)
    assert samples.keys() == {"a", "b", "c", "e"}
    assert len(samples["a"].masks) == 1
    assert samples["b"].labels == (1,)
    said = told(index)
    assert "line 3 (a) says the same as line 2" in said
    assert "line 4 (b) says -1, and another row has runs" in said
    assert "line 7 (d) has nothing in the column 'EncodedPixels'" in said
    assert "line 9 (no ImageId) has nothing" in said
    assert "line 11 has 3 cells, and the header 2" in said


@pytest.mark.parametrize("word", ["nan", "none", "5", "1e3 5", "1 2 -1", "0 -3"])
def test_an_image_of_which_no_row_can_be_read_is_left_out(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
    told: Callable[[DatasetIndex], str],
    word: str,
) -> None:
    images("a", "b", "c", "d", "e")
    rows = [f"a, {word}", "b, -1.0", "c, 0 3", f"d, {word}", f"d, {word} 1 x", "e, -1", f"e, {word}"]
    table(tmp_path / "train-rle.csv", [HEADER, *rows])
    index = _scan(tmp_path, splits=NOT_DRAWN)
    assert {sample.id: sample.labels for sample in index.samples} == {"b": (0,), "c": (1,)}
    said = told(index)
    for line, name in ((2, "a"), (5, "d"), (6, "d"), (8, "e")):
        assert f"line {line} ({name}): '{word}" in said
    assert "The image is left out" in said
    assert "another row has runs" not in said
    assert "this file has no row" not in said


def test_names_that_differ_in_case_alone_are_long_or_have_suffixes(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
) -> None:
    """An id is fit for a file name on any file system, and takes suffixes."""
    long = "肺" * 40
    images("A", "a", suffix=".DICOM")
    images("z")[0].rename(tmp_path / f"{long}b.dcm")
    images("c")
    table(tmp_path / "train-rle.csv", [HEADER, "A.dicom, -1", "a.DICOM, 0 3", f"{long}b, -1", "c.DCM, 0 2"])
    index = _scan(tmp_path, images=".", splits=NOT_DRAWN)
    ids = sorted(sample.id for sample in index.samples)
    assert len({name.casefold() for name in ids}) == 4
    assert ids[0].startswith("A-")
    assert ids[-1] == long
    assert {"c"} < set(ids)


@pytest.mark.parametrize("bad", ["20 5", "1 2 3", "0 -3", "x y"])
def test_bad_runs_name_the_row_and_leave_no_half_mask(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
    told: Callable[[DatasetIndex], str],
    by_id: Callable[[DatasetIndex], dict[str, Sample]],
    bad: str,
) -> None:
    images("a", "b", "c")
    table(tmp_path / "train-rle.csv", [HEADER, "a, 0 1", f"a, {bad}", "b, -1", "c, 3 1"])
    index = _scan(tmp_path)
    a = by_id(index)["a"]
    assert a.labels == (1,)
    assert a.masks == ()
    assert not a.has_masks
    assert "train-rle.csv, line 3 (a)" in told(index)


def test_a_broken_file_is_left_out_and_named(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
    told: Callable[[DatasetIndex], str],
) -> None:
    paths = images("a", "b", "c", "d")
    paths[0].write_bytes(b"nothing that can be read")
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    table(tmp_path / "train-rle.csv", [HEADER, "a, -1", "b, -1", "c, 3 1", "d, -1"])
    calls: list[tuple[int, int]] = []
    spec = SiimDataset(root=str(tmp_path), splits=SplitShares(val=0, test=0.5))
    index = scan(spec, progress=lambda done, total: calls.append((done, total)))
    assert [sample.id for sample in index.samples] == ["c", "d"]
    assert "a.dcm: this is no DICOM, PNG or JPEG image" in told(index)
    assert "b.dcm: this DICOM file" in told(index)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_files_elsewhere_below_the_root_are_used(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
    told: Callable[[DatasetIndex], str],
) -> None:
    images("a", "b", "c", below="other/deep", suffix=".DCM")
    table(tmp_path / "train-rle.csv", [HEADER, "a, -1", "b, 0 3", "c, -1"])
    index = _scan(tmp_path)
    assert len(index.samples) == 3
    assert "info dicom-images-train: the folder does not exist" in told(index)


def test_two_files_of_one_name(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
    told: Callable[[DatasetIndex], str],
) -> None:
    images("a", "b", "c")
    images("a", below="dicom-images-train/again")
    table(tmp_path / "train-rle.csv", [HEADER, "a, -1", "b, 0 3", "c, -1"])
    index = _scan(tmp_path)
    assert len(index.samples) == 3
    assert "studya/series/a.dcm: another file has this name" in told(index)


def test_images_of_one_patient_stay_together(tmp_path: Path, write_dicom: Writer, table: TableWriter) -> None:
    names = [f"i{number}" for number in range(24)]
    for number, name in enumerate(names):
        values = np.full(SHAPE, number, dtype=np.uint8)
        write_dicom(tmp_path / "dicom-images-train" / f"{name}.dcm", values, PatientID=f"P{number // 2}")
    table(
        tmp_path / "train-rle.csv",
        [HEADER, *(f"{name}, {'-1' if number % 4 else '0 2'}" for number, name in enumerate(names))],
    )
    index = _scan(tmp_path)
    assert len({(sample.patient, sample.split) for sample in index.samples}) == 12
    assert {sample.split for sample in index.samples} == {"train", "val", "test"}


def test_a_link_out_of_the_root_is_passed_over(
    tmp_path: Path, images: Callable[..., list[Path]], table: TableWriter, write_dicom: Writer
) -> None:
    root = tmp_path / "root"
    images("a", "b", "c", below="root/dicom-images-train")
    secret = write_dicom(tmp_path / "elsewhere" / "d.dcm", np.zeros(SHAPE, dtype=np.uint8))
    (root / "dicom-images-train" / "d.dcm").symlink_to(secret)
    table(root / "train-rle.csv", [HEADER, "a, -1", "b, 0 3", "c, -1", "d, -1"])
    assert [sample.id for sample in _scan(root).samples] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (None, "no such file"),
        ([], "holds nothing"),
        ([HEADER], "a header and no rows"),
        (["Image,Pixels", "a,-1"], "no column 'ImageId'; the columns are 'Image', 'Pixels'"),
        (["ImageId,Pixels", "a,-1"], "no column 'EncodedPixels'"),
        (["ImageId,ImageId", "a,-1"], "'ImageId' is there twice"),
        ([HEADER, "a, nan"], r"no row can be used: line 2 \(a\): 'nan' is not a list"),
        ([HEADER, "x, -1"], "no ImageId of train-rle.csv is the name of a DICOM file"),
        ([HEADER, "a, -1", "b, -1", "c, -1"], "the same labels"),
    ],
)
def test_what_makes_a_set_useless(
    tmp_path: Path,
    images: Callable[..., list[Path]],
    table: TableWriter,
    lines: list[str] | None,
    said: str,
) -> None:
    images("a", "b", "c")
    if lines is not None:
        table(tmp_path / "train-rle.csv", lines)
    with pytest.raises(DataError, match=said) as caught:
        _scan(tmp_path)
    assert caught.value.field == "train-rle.csv"
    assert caught.value.remedy


def test_no_root_no_files_no_way_out(tmp_path: Path, table: TableWriter) -> None:
    with pytest.raises(DataError, match="does not exist") as caught:
        _scan(tmp_path / "gone")
    assert caught.value.field == "root"
    table(tmp_path / "train-rle.csv", [HEADER, "a, -1"])
    with pytest.raises(DataError, match=r"no \.dcm file anywhere") as caught:
        _scan(tmp_path)
    assert caught.value.field == "options.images"
    with pytest.raises(DataError, match="outside of the root") as caught:
        _scan(tmp_path, rle="../train-rle.csv")
    assert caught.value.field == "options.rle"


def test_nothing_readable_lists_why(
    tmp_path: Path, images: Callable[..., list[Path]], table: TableWriter
) -> None:
    for path in images("a", "b"):
        path.write_bytes(b"broken")
    table(tmp_path / "train-rle.csv", [HEADER, "a, -1", "b, 0 3"])
    with pytest.raises(DataError, match="none of the 2 images can be read") as caught:
        _scan(tmp_path)
    assert len(caught.value.problems) == 3
