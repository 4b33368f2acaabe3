"""Text files with the name of an image on each line."""

from __future__ import annotations

from pathlib import Path

from wsmis_core.data.images import read_bytes
from wsmis_core.errors import DataError

__all__ = ["read_names"]


def read_names(path: Path, *, name: str, option: str) -> frozenset[str]:
    """The names in a list, blank lines aside.

    ``name`` stands for the file in messages, ``option`` for the field of the spec that names it. Raises
    DataError where it is missing, no text or empty.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except DataError as error:
        raise DataError(
            error.message, field=name, remedy=f"Put the list there, or name another, or null, in {option}."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"the list is not UTF-8 text: {error.reason} at byte {error.start}.",
            field=name,
            remedy="Save it as text, a name a line.",
        ) from error
    names = frozenset(word for line in text.splitlines() if (word := line.strip()))
    if not names:
        raise DataError("the list is empty.", field=name, remedy=f"Fill it, or name another in {option}.")
    return names
