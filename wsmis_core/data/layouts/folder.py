"""The files below a data set's root; nothing outside of it is ever named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from wsmis_core.data.index import DataProblem
from wsmis_core.errors import DataError

__all__ = ["existing_root", "files_below", "inside", "unseen"]


def existing_root(root: str) -> Path:
    """The root folder, links resolved; raises DataError where it is not one."""
    path = Path(root)
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise DataError(
            f"the root {root} {what}.",
            field="root",
            remedy="Give the data set's folder as the service's host sees it.",
        )
    return path.resolve()


def inside(root: Path, name: str, *, option: str) -> Path:
    """``root / name``; raises DataError, with ``option`` as its field, where that is outside of the root."""
    path = root / name
    if not path.resolve().is_relative_to(root):
        raise DataError(
            f"{name} lies outside of the root.", field=option, remedy="Give a path relative to the root."
        )
    return path


def files_below(root: Path, folder: Path, suffixes: Sequence[str]) -> Iterator[str]:
    """Paths relative to the root, with /, of the files with one of the suffixes below ``folder``, in order.

    Hidden files, links that lead out of the root and what is `unseen` are passed over.
    """
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(filter(_is_text, folders))
        below = Path(here).relative_to(root).as_posix()
        before = "" if below == "." else f"{below}/"
        for name in sorted(filter(_is_text, files)):
            if name.startswith(".") or not name.lower().endswith(tuple(suffixes)):
                continue
            path = Path(here, name)
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                continue
            yield before + name


def unseen(root: Path) -> Iterator[DataProblem]:
    """What `files_below` cannot see anywhere below the root: closed folders, and names that are not UTF-8."""
    closed: list[OSError] = []
    for here, folders, files in os.walk(root, onerror=closed.append):
        for name in sorted([*folders, *files]):
            if not _is_text(name):
                yield DataProblem(
                    file=_shown(Path(here, name).relative_to(root)),
                    message="its name is not UTF-8; it is left out.",
                    remedy="Rename it, and register the data set again.",
                )
        folders[:] = sorted(filter(_is_text, folders))
    for error in closed:
        yield DataProblem(
            file=_shown(Path(error.filename).relative_to(root)),
            message=f"the folder cannot be read: {error.strerror}; what is in it is left out.",
            remedy="Let the service's user read it, and register the data set again.",
        )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 come as halves of surrogate pairs
        return False
    return True


def _shown(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
