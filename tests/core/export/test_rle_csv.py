from __future__ import annotations

from pathlib import Path

from wsmis_core.export import write_rle_csv


def test_a_table_that_kaggle_takes(tmp_path: Path) -> None:
    write_rle_csv(tmp_path / "rle.csv", [("1.2.3", "4 2 6 1"), ("1.2.4", "-1")])
    assert (tmp_path / "rle.csv").read_text() == "ImageId,EncodedPixels\n1.2.3,4 2 6 1\n1.2.4,-1\n"
