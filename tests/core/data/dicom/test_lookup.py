"""Look-up tables in the forms that files hold them in."""

from __future__ import annotations

import numpy as np
import pytest

from wsmis_core.data.dicom.lookup import lookup_table

WORDS = [0, 256, 1, 65535]
WHOLE = np.arange(65536)


@pytest.mark.parametrize(
    ("descriptor", "data", "little_endian", "entries", "top"),
    [
        ([4, 0, 16], WORDS, True, WORDS, 65535),
        ([4, 0, 16], np.array(WORDS, dtype="<u2").tobytes(), True, WORDS, 65535),
        ([4, 0, 16], np.array(WORDS, dtype=">u2").tobytes(), False, WORDS, 65535),
        ([4, 0, 8], bytes([0, 100, 200, 250]), True, [0, 100, 200, 250], 255),
        ([3, 0, 8], bytes([0, 100, 200, 0]), True, [0, 100, 200], 255),
        ([3, 0, 8], bytes([100, 0, 0, 200]), False, [0, 100, 200], 255),
        ([3, 0, 8], np.array([0, 100, 200], dtype="<u2").tobytes(), True, [0, 100, 200], 255),
        ([1, 0, 8], bytes([7, 0]), True, [7], 255),
        ([1, 0, 8], 7, True, [7], 255),
        ([2, 0, 10], [0, 4095], True, [0, 4095], 4095),
        ([2, 0, 12], bytes([0, 255]), True, [0, 255], 255),
        ([0, 0, 8], (WHOLE // 256).astype(np.uint8).tobytes(), True, WHOLE // 256, 255),
        ([0, 0, 16], WHOLE.astype("<u2").tobytes(), True, WHOLE, 65535),
    ],
)
def test_entries(
    descriptor: list[int], data: bytes | list[int] | int, little_endian: bool, entries: list[int], top: int
) -> None:
    table = lookup_table(descriptor, data, little_endian=little_endian)
    np.testing.assert_array_equal(table.entries, entries)
    assert table.top == top


def test_values_outside_take_the_nearest_entry() -> None:
    table = lookup_table([3, -1, 8], [10, 20, 30], little_endian=True)
    np.testing.assert_array_equal(table.of(np.array([-5, -1, 0, 1, 5])), [10, 10, 20, 30, 30])
    np.testing.assert_array_equal(table.of(np.array([-0.6, 0.4, 70000.0])), [10, 20, 30])
