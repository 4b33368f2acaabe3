"""The files below a data set's root; nothing outside of it is ever named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from wsmis_core.data.index import DataProblem
from wsmis_core.errors import DataError

__all__ = ["by_name", "existing_root", "files_below", "inside"]


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

    Hidden files and links that lead out of the root are passed over.
    """
    for here, folders, files in os.walk(folder):
        folders.sort()
        below = Path(here).relative_to(root).as_posix()
        before = "" if below == "." else f"{below}/"
        for name in sorted(files):
            if name.startswith(".") or not name.lower().endswith(tuple(suffixes)):
                continue
            path = Path(here, name)
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                continue
            yield before + name


def by_name(files: Iterable[str], problems: list[DataProblem]) -> dict[str, str]:
    """Files by name without suffix; where several share one the first, the others added to ``problems``."""
    named: dict[str, str] = {}
    for file in files:
        known = named.setdefault(PurePosixPath(file).stem, file)
        if known != file:
            problems.append(
                DataProblem(
                    file=file,
                    message=f"another file has this name, {known}, and is used.",
                    remedy="Keep one of them.",
                )
            )
    return named
