from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wsmis_core.data.rle import decode_siim_rle, encode_siim_rle
from wsmis_core.errors import DataError

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))

# Columns from the left: 001, 110, 111, 000. Flat: 001 110 111 000.
BY_HAND = np.array([[0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 1, 0]], dtype=np.bool_)


def test_columns_first_and_gaps_since_the_last_run() -> None:
    assert encode_siim_rle(BY_HAND) == "2 3 1 3"
    np.testing.assert_array_equal(decode_siim_rle("2 3 1 3", (3, 4)), BY_HAND)


def test_a_run_from_the_first_pixel_to_the_last() -> None:
    full = np.ones((2, 3), dtype=np.bool_)
    assert encode_siim_rle(full) == "0 6"
    np.testing.assert_array_equal(decode_siim_rle("0 6", (2, 3)), full)


def test_minus_one_is_empty() -> None:
    assert encode_siim_rle(np.zeros((2, 2), dtype=np.bool_)) == "-1"
    assert not decode_siim_rle(" -1 ", (2, 2)).any()


@given(MASKS)
def test_round_trip(mask: npt.NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(decode_siim_rle(encode_siim_rle(mask), mask.shape), mask)


@given(MASKS)
def test_runs_tell_the_area(mask: npt.NDArray[np.bool_]) -> None:
    numbers = [int(word) for word in encode_siim_rle(mask).split()]
    assert sum(numbers[1::2]) == mask.sum()


@given(st.lists(st.integers(-3, 9), min_size=1, max_size=6))
def test_any_numbers_give_a_mask_or_a_data_error(numbers: list[int]) -> None:
    good = numbers == [-1] or (len(numbers) % 2 == 0 and min(numbers) >= 0 and sum(numbers) <= 20)
    text = " ".join(map(str, numbers))
    if good:
        assert decode_siim_rle(text, (4, 5)).shape == (4, 5)
    else:
        with pytest.raises(DataError):
            decode_siim_rle(text, (4, 5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 2 3", "3 numbers"),
        ("", "0 numbers"),
        ("5 8", "pixel 13"),
        ("2 -4", "negative"),
        ("1.5 2", "whole numbers"),
        ("1 99999999999999999999", "an image of 4 x 3 has 12"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        decode_siim_rle(text, (3, 4))
    assert caught.value.remedy
