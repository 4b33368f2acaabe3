from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from wsmis_core.data import Box, ClassMask, DatasetIndex, PngMask, RleMask, Sample
from wsmis_core.data.index import fingerprint
from wsmis_core.errors import DataError
from wsmis_core.spec import SiimDataset
from wsmis_core.spec.parts import Split


def _sample(name: str, split: Split = "train", *, label: int = 1, **changes: object) -> Sample:
    facts = {"file": f"films/{name}.dcm", "patient": name, "height": 4, "width": 4, "content": f"hash {name}"}
    masks = (RleMask(class_id=1, runs="0 3"), RleMask(class_id=1, runs="9 1")) if label else ()
    return Sample.model_validate(
        {"id": name, "labels": (label,), "split": split, "masks": masks, **facts, **changes}
    )


def _index(*samples: Sample) -> DatasetIndex:
    classes = ("pneumothorax",)
    return DatasetIndex(
        spec=SiimDataset(root="/data"),
        classes=classes,
        samples=samples,
        has_masks=True,
        fingerprint=fingerprint(classes, samples),
    )


BOX = Box(class_id=1, x=0.5, y=1, width=2, height=2.25)
INDEX = _index(_sample("a"), _sample("b", "val", label=0), _sample("c", "test", patient="b"))


def test_saved_and_loaded(tmp_path: Path) -> None:
    INDEX.save(tmp_path / "sub" / "index.json")
    assert DatasetIndex.load(tmp_path / "sub" / "index.json") == INDEX
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["index.json"]


def test_splits_and_paths() -> None:
    assert [sample.id for sample in INDEX.split("val")] == ["b"]
    assert INDEX.path(INDEX.samples[0]) == Path("/data/films/a.dcm")


def test_summary() -> None:
    summary = INDEX.summary()
    assert summary["counts"] == {"images": 3, "patients": 2, "unlabelled": 1}
    assert summary["labels"] == {"pneumothorax": 2}
    assert summary["splits"]["test"] == {
        "images": 1,
        "patients": 1,
        "masks": 1,
        "labels": {"pneumothorax": 1},
    }
    assert json.loads(json.dumps(summary)) == summary


def test_unknown_labels_are_no_labels_and_are_counted() -> None:
    sure, unsure = _sample("a", labels=(1, -1)), _sample("b", "val", labels=(-1, -1), masks=())
    assert (sure.class_ids, unsure.class_ids) == ((1,), ())
    assert (sure.is_negative, unsure.is_negative) == (False, False)
    assert _sample("c", label=0).is_negative
    classes = ("Mass", "Nodule")
    index = _index(sure, unsure).model_copy(update={"classes": classes})
    summary = index.summary()
    assert summary["labels"] == {"Mass": 1, "Nodule": 0}
    assert summary["counts"]["unknown_labels"] == 3
    assert summary["splits"]["train"]["unknown"] == {"Nodule": 1}
    assert summary["splits"]["val"]["unknown"] == {"Mass": 1, "Nodule": 1}
    assert "unknown" not in summary["splits"]["test"]


def test_masks_are_complete_or_not() -> None:
    mask = PngMask(class_id=2, file="m.png", content="hash")
    assert _sample("a", label=0).has_masks
    assert not _sample("a", labels=(1, 1)).has_masks
    assert _sample("a", labels=(0, 1), masks=(mask,)).has_masks
    assert _sample("a", labels=(1, 1), masks=(ClassMask(file="m.png", content="hash"),)).has_masks
    assert not _sample("a", labels=(-1, 0), masks=()).has_masks
    assert _sample("a", labels=(0, -1), masks=(mask,)).has_masks


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "z"},
        {"content": "other bytes"},
        {"patient": "another"},
        {"labels": (0,)},
        {"split": "test"},
        {"masks": (RleMask(class_id=1, runs="0 3"),)},
        {"boxes": (BOX,)},
    ],
)
def test_the_fingerprint_sees(changes: dict[str, object]) -> None:
    assert _index(_sample("a", **changes)).fingerprint != _index(_sample("a")).fingerprint  # type: ignore[arg-type]  # any field


def test_the_fingerprint_sees_what_a_mask_of_all_classes_holds() -> None:
    masks = [
        ClassMask(file="m.png", content="hash"),
        ClassMask(file="m.png", content="other"),
        ClassMask(file="m.png", content="hash", values=((1, 1),)),
        ClassMask(file="m.png", content="hash", values=((2, 1),)),
    ]
    assert len({_index(_sample("a", masks=(mask,))).fingerprint for mask in masks}) == len(masks)
    moved = _sample("a", masks=(ClassMask(file="n.png", content="hash"),))
    assert _index(moved).fingerprint == _index(_sample("a", masks=(masks[0],))).fingerprint


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (1, "493d6cb253fcefeeed32da2c7239a9ace81f31949d957089e805b2d3b23c0945"),
        (2, "c2912579d2de57379791d5b7997b4acb9b2103ac5506c790345cc9f79000cbc7"),
    ],
)
def test_a_fingerprint_stays_what_it_was(version: int, expected: str, tmp_path: Path) -> None:
    """Jobs are told apart by it: a change of the code must not make new data of old."""
    masks = (RleMask(class_id=1, runs="0 3"), PngMask(class_id=1, file="m.png", content="hash"))
    old = _index(_sample("a", masks=masks)).model_copy(update={"schema_version": version})
    assert fingerprint(old.classes, old.samples, version=version) == expected
    old.model_copy(update={"fingerprint": expected}).save(tmp_path / "index.json")
    assert DatasetIndex.load(tmp_path / "index.json").fingerprint == expected


def test_the_fingerprint_does_not_see_where_files_lie_or_their_order() -> None:
    moved = _sample("a", file="other/a.dcm", masks=_sample("a").masks[::-1])
    assert _index(_sample("b"), moved).fingerprint == _index(_sample("a"), _sample("b")).fingerprint


def test_boxes_in_any_order_leave_the_fingerprint() -> None:
    boxes = (BOX, BOX.model_copy(update={"x": 1.0}))
    there, turned = _sample("a", boxes=boxes), _sample("a", boxes=boxes[::-1])
    assert _index(there).fingerprint == _index(turned).fingerprint


def test_boxes_of_a_class() -> None:
    other = BOX.model_copy(update={"class_id": 2})
    assert _sample("a", boxes=(BOX, other)).boxes_of(1) == [(0.5, 1, 2, 2.25)]
    assert _sample("a").boxes_of(1) == []


def test_the_fingerprint_sees_classes() -> None:
    assert fingerprint(["a"], ()) != fingerprint(["b"], ())


def test_an_index_that_was_altered_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    INDEX.save(path)
    path.write_text(path.read_text().replace('"split":"val"', '"split":"train"'))
    with pytest.raises(DataError, match="does not match its fingerprint"):
        DatasetIndex.load(path)


@pytest.mark.parametrize(
    ("text", "said"), [("", "the file: Invalid JSON"), ('{"schema_version": 3}', "schema_version")]
)
def test_another_version_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "index.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        DatasetIndex.load(path)
    assert caught.value.field == str(path)


def test_a_missing_index(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        DatasetIndex.load(tmp_path / "index.json")


def test_the_package_imports_no_torch() -> None:
    code = "import sys, wsmis_core.data; assert not {'torch', 'scipy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
