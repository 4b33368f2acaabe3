"""Text files with the name of an image on each line."""

from __future__ import annotations

from pathlib import Path

from wsmis_core.data.layouts.text_file import read_text
from wsmis_core.errors import DataError

__all__ = ["read_names"]


def read_names(path: Path, *, name: str, option: str) -> frozenset[str]:
    """The names in a list, blank lines aside.

    ``name`` stands for the file in messages, ``option`` for the field of the spec that names it. Raises
    DataError where it is missing, no text or empty.
    """
    text = read_text(
        path,
        name=name,
        missing=f"Put the list there, or name another, or null, in {option}.",
        remedy="Save it as text, a name a line.",
    )
    names = frozenset(word for line in text.splitlines() if (word := line.strip()))
    if not names:
        raise DataError("the list is empty.", field=name, remedy=f"Fill it, or name another in {option}.")
    return names
