"""Text files that people write for a data set."""

from __future__ import annotations

from pathlib import Path

from wsmis_core.errors import DataError
from wsmis_core.text import is_text

__all__ = ["read_text"]


def read_text(path: Path, *, name: str, missing: str, remedy: str) -> str:
    """The text in a UTF-8 file, without a byte-order mark, its lines ended by \\n.

    ``name`` stands for the file in messages. Raises DataError with the remedy ``missing`` where it is not
    there, and with ``remedy`` where it is no text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError("there is no such file.", field=name, remedy=missing) from None
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror}.", field=name, remedy="Check path and rights."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"the file is not UTF-8 text: {error.reason} at byte {error.start}.", field=name, remedy=remedy
        ) from error
    if not is_text(text):
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(
            f"the file is not UTF-8 text: line {line} holds a NUL character.", field=name, remedy=remedy
        )
    return text
