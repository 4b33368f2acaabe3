"""The table of images: scores by hand, several classes and void, ranks, sums of rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wsmis_core.metrics import Bootstrap, ImageTable, Truth, intervals


def truth(*rows: list[int], void: list[int] | None = None) -> Truth:
    """Of one line of pixels: the classes' masks, and which pixels are void."""
    classes = torch.tensor([[row] for row in rows], dtype=torch.bool)
    return Truth(classes, torch.tensor([void or [0] * len(rows[0])]) == 0)


def line(*labels: int) -> torch.Tensor:
    return torch.tensor([labels], dtype=torch.uint8)


def test_truth_as_class_ids() -> None:
    ids = truth([1, 1, 0, 0], [0, 1, 1, 0], void=[0, 0, 1, 0]).class_ids
    assert ids.tolist() == [[1, 2, 255, 0]]
    assert ids.dtype == torch.uint8


def test_scores_of_two_classes_by_hand() -> None:
    table = ImageTable(3, 3)
    table.enter(0, line(1, 1, 0, 2), truth([1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]))
    table.enter(2, line(0, 2, 2, 255), truth([0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], void=[1, 0, 0, 0]))
    # Of the second image the first pixel is void and of the last nothing is said: two pixels count.
    # True class in rows: background, 1, 2, 3.
    assert table.matrix.tolist() == [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 2, 0], [0, 0, 0, 0]]
    point = table.scores()
    assert point.class_iou.tolist() == pytest.approx([1 / 2, 1 / 3, 2 / 3, float("nan")], nan_ok=True)
    assert point.overall["mean_iou"].item() == pytest.approx((1 / 2 + 1 / 3 + 2 / 3) / 3)
    # Class 1: 2/3 and 0; class 2: 1 and 2/3; class 3 nowhere.
    assert point.by_class["dice_positives"].tolist() == pytest.approx(
        [1 / 3, 5 / 6, float("nan")], nan_ok=True
    )
    assert point.overall["dice_positives"].item() == pytest.approx((1 / 3 + 5 / 6) / 2)
    assert point.overall["iou"].item() == pytest.approx((1 / 3 + 2 / 3) / 2)
    # Class 3 is in the second image, though nothing is said there.
    assert table.images_counted() == (2, 2, [2, 2, 1])
    assert table.unknown == pytest.approx(1 / 7)


def random_table(seed: int, *, images: int, classes: int = 2, mine: range | None = None) -> ImageTable:
    generator = torch.Generator().manual_seed(seed)
    table = ImageTable(images, classes)
    for number in range(images):
        labels = torch.randint(0, classes + 1, (3, 4), generator=generator, dtype=torch.uint8)
        masks = torch.rand(classes, 3, 4, generator=generator) < 0.3
        if mine is None or number in mine:
            table.enter(number, labels, Truth(masks, torch.ones(3, 4, dtype=torch.bool)))
    return table


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), ranks=st.integers(2, 4))
def test_a_set_split_over_ranks_has_the_same_scores(seed: int, ranks: int) -> None:
    whole = random_table(seed, images=7)
    parts = [random_table(seed, images=7, mine=range(rank, 7, ranks)) for rank in range(ranks)]
    together = parts[0].summed(lambda state: state + sum(part.state for part in parts[1:]))
    assert torch.equal(together.rows, whole.rows)
    assert torch.equal(together.matrix, whole.matrix)
    assert together.images_counted() == whole.images_counted()


def test_scores_of_a_resample_are_those_of_its_images() -> None:
    table = random_table(3, images=5)
    sums = (table.rows[[0, 0, 4]]).sum(dim=0)
    doubled = ImageTable(3, 2)
    doubled.state[: 3 * table.rows.shape[1]] = table.rows[[0, 0, 4]].flatten()
    for name, value in doubled.scores().overall.items():
        assert table.scores(sums).overall[name].item() == pytest.approx(value.item())


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_intervals_contain_the_scores(seed: int) -> None:
    table = random_table(seed, images=12)
    point = table.scores()
    bootstrap = Bootstrap([str(number // 2) for number in range(12)], resamples=400, seed=seed)
    found = intervals(table.scores(bootstrap.sums(table.rows)).overall)
    for name, (low, high) in found.items():
        assert 0 <= low <= point.overall[name].item() <= high <= 1, name
