"""The phantom of shapes: the same every time, true masks with void, balanced kinds, no problem in it."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsmis_core.data import DatasetIndex, read_mask, scan
from wsmis_core.data.masks import VOID
from wsmis_core.data.phantom.shapes import KINDS, draw_scene, write_voc
from wsmis_core.spec import Voc2012Dataset

IMAGES, SIZE = 60, 48


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shapes")
    assert write_voc(root, images=IMAGES, seed=3, size=SIZE) == IMAGES
    return root


@pytest.fixture(scope="module")
def index(root: Path) -> DatasetIndex:
    return scan(Voc2012Dataset(root=str(root), classes="annotations"))


def test_labels_and_masks_agree(index: DatasetIndex) -> None:
    """Registration compares the annotations with the masks."""
    splits = [problem.message for problem in index.problems if "of the split val" in problem.message]
    assert [problem.message for problem in index.problems] == splits
    assert index.classes == tuple(KINDS)
    assert len(index.samples) == IMAGES
    assert all(sample.masks for sample in index.samples)
    assert Counter(sample.split for sample in index.samples) == {"train": 38, "val": 4, "test": 18}


def test_kinds_are_balanced(index: DatasetIndex) -> None:
    counts = Counter(len(sample.class_ids) for sample in index.samples)
    assert counts == {0: 9, 1: 21, 2: 21, 3: 9}
    positives = np.sum([sample.labels for sample in index.samples], axis=0)
    assert positives.max() - positives.min() <= 4
    pairs = Counter(sample.class_ids for sample in index.samples if len(sample.class_ids) == 2)
    assert len(pairs) == 10
    assert set(pairs.values()) == {2, 3}


def test_void_runs_along_every_outline(index: DatasetIndex) -> None:
    """No two pixels of different numbers touch: there is void between them."""
    for sample in index.samples:
        mask = read_mask(index, sample).astype(int)
        for one, other in ((mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])):
            assert ((one == other) | (one == VOID) | (other == VOID)).all()
        assert (mask == VOID).any() == bool(sample.class_ids)


def test_masks_are_palette_files_in_vocs_colours(root: Path) -> None:
    with Image.open(next(root.glob("SegmentationClass/*.png"))) as mask:
        assert mask.mode == "P"
        palette = np.array(mask.getpalette()).reshape(-1, 3)
    assert palette[[0, 1, 2, 15, 255]].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [192, 128, 128],
        [224, 224, 192],
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_is_where_its_box_and_mask_say(kind: str) -> None:
    scene = draw_scene(np.random.default_rng(5), size=96, kinds=[kind])
    number = list(KINDS).index(kind) + 1
    assert set(np.unique(scene.mask)) == {0, number, VOID}
    for one in scene.objects:
        left, top, right, bottom = one.box
        inside = scene.mask[top : bottom + 1, left : right + 1]
        assert (inside == number).mean() > 0.25
        assert one.kind == kind


def test_the_same_seed_writes_the_same_bytes(root: Path, tmp_path: Path) -> None:
    def digest(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    said: list[tuple[int, int]] = []
    write_voc(
        tmp_path / "again",
        images=IMAGES,
        seed=3,
        size=SIZE,
        processes=2,
        progress=lambda done, total: said.append((done, total)),
    )
    assert said == [(done, IMAGES) for done in range(1, IMAGES + 1)]
    assert digest(tmp_path / "again") == digest(root)
    write_voc(tmp_path / "other", images=IMAGES, seed=4, size=SIZE)
    jpegs = {value for name, value in digest(tmp_path / "other").items() if name.endswith(".jpg")}
    assert not jpegs & set(digest(root).values())
