from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsmis_core.data.splits import check_patients_apart, draw_splits, split_named
from wsmis_core.errors import DataError
from wsmis_core.spec import SplitShares

SHARES = SplitShares(val=0.1, test=0.2)
PATIENTS = [f"p{number}" for number in range(100)]
LABELS = [(int(number < 30),) for number in range(100)]


def test_shares_are_exact_and_each_label_gets_its_own() -> None:
    splits = draw_splits(PATIENTS, LABELS, SHARES)
    assert Counter(splits) == {"train": 70, "val": 10, "test": 20}
    positives = Counter(split for split, label in zip(splits, LABELS, strict=True) if label == (1,))
    assert positives == {"train": 21, "val": 3, "test": 6}


def test_order_does_not_matter_and_the_seed_does() -> None:
    forward = dict(zip(PATIENTS, draw_splits(PATIENTS, LABELS, SHARES), strict=True))
    backward = dict(zip(PATIENTS[::-1], draw_splits(PATIENTS[::-1], LABELS[::-1], SHARES), strict=True))
    assert forward == backward
    other = draw_splits(PATIENTS, LABELS, SHARES.model_copy(update={"seed": 1}))
    assert list(forward.values()) != other


@given(
    st.lists(st.tuples(st.integers(0, 15), st.integers(0, 1)), min_size=40, max_size=80), st.integers(0, 9)
)
def test_a_patient_is_in_one_split(images: list[tuple[int, int]], seed: int) -> None:
    patients = [str(patient) for patient, _ in images]
    labels = [(label,) for _, label in images]
    shares = SHARES.model_copy(update={"seed": seed})
    if len(set(patients)) < 5:
        return
    splits = draw_splits(patients, labels, shares)
    assert len(set(zip(patients, splits, strict=True))) == len(set(patients))
    assert set(splits) == {"train", "val", "test"}


def test_of_few_positives_the_training_keeps_some() -> None:
    splits = draw_splits(PATIENTS[:10], [(1,)] * 2 + [(0,)] * 8, SHARES)
    assert splits[:2] == ["train", "train"]


def test_a_share_of_nothing_is_empty() -> None:
    splits = draw_splits(PATIENTS, LABELS, SplitShares(val=0, test=0.5))
    assert Counter(splits) == {"train": 50, "test": 50}


def test_three_patients_are_one_each() -> None:
    assert sorted(draw_splits(["a", "b", "c"], [(0,), (1,), (1,)], SHARES)) == ["test", "train", "val"]


@pytest.mark.parametrize(("patients", "shares"), [(2, SHARES), (10, SplitShares(val=0.5, test=0.5))])
def test_nobody_left_to_train(patients: int, shares: SplitShares) -> None:
    with pytest.raises(DataError, match="none is left to train") as caught:
        draw_splits(PATIENTS[:patients], LABELS[:patients], shares)
    assert caught.value.field == "options.splits"


def test_a_leak_is_named() -> None:
    with pytest.raises(DataError, match="the table puts images of patient 'b' into test and train"):
        check_patients_apart(["a", "b", "b"], ["train", "train", "test"], origin="the table")


def test_names_of_splits() -> None:
    assert [split_named(text) for text in ("Train", "VALID", "testing")] == ["train", "val", "test"]
    with pytest.raises(DataError, match="'3' is not a split"):
        split_named("3")
