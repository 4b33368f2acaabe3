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
    file = (root / path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise missing
    return file
