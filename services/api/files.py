"""Files that may be sent: those below a folder, with links resolved."""

from __future__ import annotations

from pathlib import Path

from services.jobs import NotFound

__all__ = ["file_under"]


def file_under(folder: Path, path: str) -> Path:
    """The file at ``path`` below ``folder``; raises NotFound for all else, whether it is there or not."""
    missing = NotFound(f"there is no file {path!r} here.", remedy="GET /jobs/{id}/artifacts lists the files.")
    if "\0" in path:
        raise missing
    root = folder.resolve()
    try:
        file = (root / path).resolve()
        there = file.is_relative_to(root) and file.is_file()
    except OSError:  # a name that is too long for any file
        there = False
    if not there:
        raise missing
    return file
