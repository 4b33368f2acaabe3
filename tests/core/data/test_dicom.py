from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, JPEGBaseline8Bit

from wsmis_core.data import decode_image, read_image
from wsmis_core.errors import DataError

Writer = Callable[..., Path]
RAMP = np.array([[0, 100], [200, 255]], dtype=np.uint8)


def test_8_bit_grey_stays_as_it_is(tmp_path: Path, write_dicom: Writer) -> None:
    np.testing.assert_array_equal(read_image(write_dicom(tmp_path / "a.dcm", RAMP)), RAMP)


def test_monochrome1_is_turned_round(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_image(path), [[255, 155], [55, 0]])


def test_encapsulated_jpeg_baseline(tmp_path: Path, write_dicom: Writer) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(48)).astype(np.uint8) * 3
    decoded = read_image(write_dicom(tmp_path / "a.dcm", smooth, jpeg=True))
    assert decoded.shape == (32, 48)
    assert np.abs(decoded.astype(int) - smooth).max() <= 3


def test_12_bits_without_a_window_are_stretched(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[1000, 2000], [3000, 1500]], dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read_image(path), [[0, 128], [255, 64]])  # 127.5 and 63.75


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
    path = write_dicom(
        tmp_path / "a.dcm", values, WindowCenter=["1000.5", "40"], WindowWidth=["401", "80"], BitsStored=12
    )
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


def test_a_window_without_width_says_nothing(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, WindowCenter="0", WindowWidth="0")
    np.testing.assert_array_equal(read_image(path), RAMP)


@pytest.mark.parametrize(("bits", "entries"), [(8, [10, 20, 30, 255]), (12, [0, 1000, 2000, 4095])])
def test_a_voi_lut(tmp_path: Path, write_dicom: Writer, bits: int, entries: list[int]) -> None:
    table = Dataset()
    table.LUTDescriptor = [4, 100, bits]
    table.LUTData = entries
    table["LUTData"].VR = "US"
    values = np.array([[0, 100, 101, 102, 103, 4000]], dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, VOILUTSequence=Sequence([table]))
    shown = [entries[0], *entries, entries[-1]]
    np.testing.assert_array_equal(read_image(path)[0], np.rint(np.array(shown) * 255 / (2**bits - 1)))


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


def test_a_constant_image_is_black(tmp_path: Path, write_dicom: Writer) -> None:
    assert not read_image(write_dicom(tmp_path / "a.dcm", np.full((2, 2), 700, dtype=np.uint16))).any()


def test_colour(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(read_image(write_dicom(tmp_path / "a.dcm", values)), values)


def test_the_patient_is_read(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, PatientID=" P7 ")
    assert decode_image(path.read_bytes(), name="a").patient == "P7"
    path = write_dicom(tmp_path / "b.dcm", RAMP, PatientID="")
    assert decode_image(path.read_bytes(), name="b").patient is None


def test_several_frames_are_refused(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", np.zeros((2, 2), np.uint8), NumberOfFrames=3)
    with pytest.raises(DataError, match="3 frames") as caught:
        read_image(path)
    assert caught.value.field == str(path)
    assert caught.value.remedy


def test_no_pixels(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP)
    dataset = dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(DataError, match="no pixels"):
        read_image(path)


@pytest.mark.parametrize("kept", [140, 300, -2])
def test_a_file_that_was_cut_off(tmp_path: Path, write_dicom: Writer, kept: int) -> None:
    data = write_dicom(tmp_path / "a.dcm", RAMP).read_bytes()
    with pytest.raises(DataError) as caught:
        decode_image(data[:kept], name="a.dcm")
    assert caught.value.field == "a.dcm"


def test_a_compression_that_nobody_decodes(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, jpeg=True)
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.100")  # MPEG2
    dataset.save_as(path)
    with pytest.raises(DataError, match="MPEG2"):
        read_image(path)


def test_a_missing_decoder_is_named(
    tmp_path: Path, write_dicom: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_dicom(tmp_path / "a.dcm", np.zeros((8, 8), np.uint8), jpeg=True)
    monkeypatch.setattr(get_decoder(JPEGBaseline8Bit), "_available", {})
    with pytest.raises(DataError, match="no decoder for JPEG Baseline") as caught:
        read_image(path)
    assert "codecs" in str(caught.value.remedy)
