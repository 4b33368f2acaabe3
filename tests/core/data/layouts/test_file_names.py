"""Names of files in other forms."""

from __future__ import annotations

import unicodedata

from wsmis_core.data.layouts.file_names import by_name, file_key
from wsmis_core.data.layouts.ids import ids_of

NFC, NFD = (unicodedata.normalize(form, "Bölük é") for form in ("NFC", "NFD"))


def test_one_name_in_any_form() -> None:
    assert file_key(NFC) == file_key(NFD) == file_key(NFC.upper())
    assert file_key("e") != file_key("é")


def test_files_by_name() -> None:
    files = by_name([f"x/{NFD}.png", "x/a.png", "x/A.png", "y/a.png"], [])
    assert files[NFC] == files[NFD] == f"x/{NFD}.png"
    assert files.name_of(NFC) == NFD
    assert set(files) == {NFD, "a", "A"}
    assert (files["a"], files["A"]) == ("x/a.png", "x/A.png")
    assert "b" not in files
    assert files.name_of("b") == "b"


def test_names_of_one_key_are_not_guessed_between() -> None:
    files = by_name(["ab.png", "aB.png"], [])
    assert "AB" not in files


def test_ids_are_the_same_in_either_form() -> None:
    assert set(ids_of([f"{NFD}.png"]).values()) == set(ids_of([f"{NFC}.png"]).values())
    assert len(set(ids_of([f"{NFD}.png", f"{NFC}.png"]).values())) == 2
