"""From stored grey values to what is shown: modality, VOI, padding, MONOCHROME1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence
from pydicom.uid import ExplicitVRBigEndian

from wsmis_core.data import decode_image, read_image
from wsmis_core.errors import DataError

Writer = Callable[..., Path]
Encode = Callable[..., bytes]
RAMP = np.array([[0, 100], [200, 255]], dtype=np.uint8)


def voi_lut(*, bits: int, first: int, entries: list[int]) -> Dataset:
    """A table that announces ``bits`` an entry."""
    table = Dataset()
    table.LUTDescriptor = [len(entries), first, bits]
    table.LUTData = entries
    table["LUTData"].VR = "US"
    return table


def test_8_bit_grey_stays_as_it_is(tmp_path: Path, write_dicom: Writer) -> None:
    np.testing.assert_array_equal(read_image(write_dicom(tmp_path / "a.dcm", RAMP)), RAMP)


def test_monochrome1_is_turned_round(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_image(path), [[255, 155], [55, 0]])


def test_12_bits_without_a_window_are_stretched(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[1000, 2000], [3000, 1500]], dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read_image(path), [[0, 128], [255, 64]])  # 127.5 and 63.75


def test_bits_above_those_stored_do_not_count(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[0x8000, 0x0FFF, 0x4800]], dtype=np.uint16)  # old files keep overlays up there
    path = write_dicom(tmp_path / "a.dcm", values, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read_image(path), [[0, 255, 128]])


@pytest.mark.parametrize(
    ("bits", "signed"), [(8, False), (8, True), (10, False), (10, True), (12, True), (16, False), (16, True)]
)
def test_a_window_at_every_depth(tmp_path: Path, write_dicom: Writer, bits: int, signed: bool) -> None:
    low = -(2 ** (bits - 1)) if signed else 0
    values = np.linspace(low, low + 2**bits - 1, 64).round().reshape(8, 8)
    centre, width = low + 2 ** (bits - 1), 2 ** (bits - 2)
    path = write_dicom(
        tmp_path / "a.dcm",
        values.astype(f"{'i' if signed else 'u'}{1 if bits == 8 else 2}"),
        BitsStored=bits,
        HighBit=bits - 1,
        WindowCenter=str(centre),
        WindowWidth=str(width),
    )
    # PS3.3, C.11.2.1.2.1
    expected = np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1) * 255
    shown = read_image(path)
    assert (shown.min(), shown.max()) == (0, 255)
    assert np.abs(shown - expected).max() <= 0.5 + 1e-3


def test_16_bits_monochrome1(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[0, 65535]], dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_image(path), [[255, 0]])


def test_signed_values_with_rescale(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[-1000, 0], [500, 1000]], dtype=np.int16)
    path = write_dicom(tmp_path / "a.dcm", values, RescaleSlope="2", RescaleIntercept="-24")
    np.testing.assert_array_equal(read_image(path), [[0, 128], [191, 255]])  # 127.5 and 191.25


def test_a_negative_slope_turns_the_values_round(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, RescaleSlope="-1", RescaleIntercept="255")
    np.testing.assert_array_equal(read_image(path), [[255, 155], [55, 0]])


def test_the_first_window_counts(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[0, 900, 1000, 1100, 4000]], dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, WindowCenter=["1000.5", "40"], WindowWidth=["401", "80"])
    # (x - (c - .5)) / (w - 1) + .5 with c - .5 = 1000 and w - 1 = 400, times 255
    np.testing.assert_array_equal(read_image(path), [[0, 64, 128, 191, 255]])


def test_the_window_is_in_rescaled_values(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[100, 150, 200]], dtype=np.int16)
    path = write_dicom(
        tmp_path / "a.dcm",
        values,
        RescaleSlope="10",
        RescaleIntercept="-1000",
        WindowCenter="500",
        WindowWidth="1000",
        VOILUTFunction="LINEAR_EXACT",
    )
    np.testing.assert_array_equal(read_image(path), [[0, 128, 255]])


def test_a_sigmoid_window(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[100, 200, 300]], dtype=np.uint16)
    path = write_dicom(
        tmp_path / "a.dcm", values, WindowCenter="200", WindowWidth="100", VOILUTFunction="SIGMOID"
    )
    np.testing.assert_array_equal(read_image(path), [[5, 128, 250]])  # 255 / (1 + e^4) = 4.59, 250.41


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        ("LINEAR_EXACT", [0, 64, 191, 255]),  # 63.75 and 191.25
        ("SIGMOID", [12, 69, 186, 243]),  # 255 / (1 + e^(-4 x)) with x = -.75, -.25, .25, .75
        ("LINEAR", [0, 85, 170, 255]),  # stretched: there it cannot be narrower than 1
    ],
)
def test_a_window_narrower_than_1(
    tmp_path: Path, write_dicom: Writer, function: str, shown: list[int]
) -> None:
    path = write_dicom(
        tmp_path / "a.dcm",
        np.array([[0, 1, 2, 3]], dtype=np.uint16),
        RescaleSlope="0.1",
        RescaleIntercept="0",
        WindowCenter="0.15",
        WindowWidth="0.2",
        VOILUTFunction=function,
    )
    np.testing.assert_array_equal(read_image(path), [shown])


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID"])
def test_values_far_from_a_narrow_window(tmp_path: Path, write_dicom: Writer, function: str) -> None:
    window = {"WindowCenter": "100", "WindowWidth": "0.01", "VOILUTFunction": function}
    path = write_dicom(tmp_path / "a.dcm", np.array([[0, 100, 65535]], dtype=np.uint16), **window)
    np.testing.assert_array_equal(read_image(path), [[0, 128, 255]])


@pytest.mark.parametrize("groups", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
def test_window_and_rescale_of_a_functional_group(tmp_path: Path, write_dicom: Writer, groups: str) -> None:
    window, rescale, both = Dataset(), Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth, window.VOILUTFunction = "500", "1000", "LINEAR_EXACT"
    rescale.RescaleSlope, rescale.RescaleIntercept = "10", "-1000"
    both.FrameVOILUTSequence = Sequence([window])
    both.PixelValueTransformationSequence = Sequence([rescale])
    values = np.array([[100, 150, 200]], dtype=np.int16)
    path = write_dicom(
        tmp_path / "a.dcm", values, WindowCenter="0", WindowWidth="7", **{groups: Sequence([both])}
    )
    np.testing.assert_array_equal(read_image(path), [[0, 128, 255]])


@pytest.mark.filterwarnings("ignore:Invalid value for VR DS")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RescaleSlope", "inf"),
        ("RescaleSlope", "1e39"),
        ("RescaleSlope", "-1e37"),  # what it makes of a value is no number of 32 bits
        ("RescaleIntercept", "nan"),
        ("WindowCenter", "nan"),
        ("WindowWidth", "inf"),
    ],
)
def test_numbers_that_nothing_can_be_shown_with(
    tmp_path: Path, write_dicom: Writer, name: str, value: str
) -> None:
    numbers = {"RescaleSlope": "1", "RescaleIntercept": "0", "WindowCenter": "9", "WindowWidth": "9"}
    path = write_dicom(tmp_path / "a.dcm", RAMP, **{**numbers, name: value})
    with pytest.raises(DataError, match=rf"the {name} of this DICOM file is .*(nan|inf|1e\+3)"):
        read_image(path)


def test_a_window_without_width_says_nothing(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, WindowCenter="0", WindowWidth="0")
    np.testing.assert_array_equal(read_image(path), RAMP)


@pytest.mark.parametrize(("bits", "entries"), [(8, [10, 20, 30, 255]), (12, [0, 1000, 2000, 4095])])
def test_a_voi_lut(tmp_path: Path, write_dicom: Writer, bits: int, entries: list[int]) -> None:
    table = voi_lut(bits=bits, first=100, entries=entries)
    values = np.array([[0, 100, 101, 102, 103, 4000]], dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, VOILUTSequence=Sequence([table]))
    shown = [entries[0], *entries, entries[-1]]
    np.testing.assert_array_equal(read_image(path)[0], np.rint(np.array(shown) * 255 / (2**bits - 1)))


def test_a_voi_lut_with_entries_of_more_bits_than_it_announces(tmp_path: Path, write_dicom: Writer) -> None:
    table = voi_lut(bits=10, first=0, entries=[0, 1000, 2000, 4095])
    values = np.array([[0, 1, 2, 3]], dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, VOILUTSequence=Sequence([table]))
    np.testing.assert_array_equal(read_image(path), [[0, 62, 125, 255]])  # 62.27 and 124.54


def test_a_modality_lut_as_words(tmp_path: Path, write_dicom: Writer) -> None:
    table = Dataset()
    table.LUTDescriptor = [3, 0, 16]
    table.ModalityLUTType = "US"
    table.add_new("LUTData", "OW", np.array([300, 100, 200], dtype="<u2").tobytes())
    path = write_dicom(
        tmp_path / "a.dcm", np.array([[0, 1, 2]], dtype=np.uint8), ModalityLUTSequence=Sequence([table])
    )
    np.testing.assert_array_equal(read_image(path), [[255, 0, 128]])


def test_padding_is_black_and_does_not_count(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[-2000, 0, 100, 200]], dtype=np.int16)
    path = write_dicom(tmp_path / "a.dcm", values, PixelPaddingValue=-2000)
    np.testing.assert_array_equal(read_image(path), [[0, 0, 128, 255]])


@pytest.mark.parametrize(
    ("photometric", "window", "shown"),
    [
        ("MONOCHROME2", {}, [0, 0, 128, 255]),
        ("MONOCHROME1", {}, [0, 255, 127, 0]),
        ("MONOCHROME2", {"WindowCenter": "100.5", "WindowWidth": "201"}, [0, 0, 128, 255]),
        ("MONOCHROME1", {"WindowCenter": "100.5", "WindowWidth": "201"}, [0, 255, 127, 0]),
    ],
)
@pytest.mark.parametrize("padding", [-2000, 2000])
def test_padding_is_black_however_the_rest_is_shown(
    tmp_path: Path,
    write_dicom: Writer,
    padding: int,
    photometric: str,
    window: dict[str, str],
    shown: list[int],
) -> None:
    values = np.array([[padding, 0, 100, 200]], dtype=np.int16)
    path = write_dicom(
        tmp_path / "a.dcm", values, PixelPaddingValue=padding, PhotometricInterpretation=photometric, **window
    )
    np.testing.assert_array_equal(read_image(path), [shown])


def test_padding_of_8_bits_and_of_a_voi_lut_is_black(tmp_path: Path, write_dicom: Writer) -> None:
    attributes = {"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": 0}
    path = write_dicom(tmp_path / "a.dcm", RAMP, **attributes)
    np.testing.assert_array_equal(read_image(path), [[0, 155], [55, 0]])
    table = voi_lut(bits=8, first=0, entries=list(range(256)))
    path = write_dicom(tmp_path / "b.dcm", RAMP, VOILUTSequence=Sequence([table]), **attributes)
    np.testing.assert_array_equal(read_image(path), [[0, 155], [55, 0]])


@pytest.mark.parametrize(("value", "limit"), [(0, 10), (10, 0), (0, 5)])
@pytest.mark.parametrize(("photometric", "ends"), [("MONOCHROME2", [0, 255]), ("MONOCHROME1", [255, 0])])
def test_a_range_of_padding(
    tmp_path: Path, write_dicom: Writer, value: int, limit: int, photometric: str, ends: list[int]
) -> None:
    values = np.array([[0, 5, 1000, 2000]], dtype=np.uint16)
    path = write_dicom(
        tmp_path / "a.dcm",
        values,
        PixelPaddingValue=value,
        PixelPaddingRangeLimit=limit,
        PhotometricInterpretation=photometric,
    )
    np.testing.assert_array_equal(read_image(path), [[0, 0, *ends]])


@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_table_of_a_big_endian_file(encoded: Encode, sequence: str) -> None:
    table = Dataset()
    table.LUTDescriptor = [4, 0, 16]
    table.add_new("LUTData", "OW", np.array([0, 256, 1, 65535], dtype=">u2").tobytes())
    values = np.array([[0, 1, 2, 3]], dtype=np.uint16)
    data = encoded(values, 16, ExplicitVRBigEndian, **{sequence: Sequence([table])})
    np.testing.assert_array_equal(decode_image(data, name="a").pixels, [[0, 1, 0, 255]])


def test_a_constant_image_is_black(tmp_path: Path, write_dicom: Writer) -> None:
    assert not read_image(write_dicom(tmp_path / "a.dcm", np.full((2, 2), 700, dtype=np.uint16))).any()
