"""The files below a data set's root; nothing outside of it is ever named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from wsmis_core.data.index import DataProblem
from wsmis_core.errors import DataError
from wsmis_core.text import is_text

__all__ = ["existing_root", "files_below", "inside", "real_path", "unseen"]

SHOWN = 60  # characters of a path that is no path


def existing_root(root: str) -> Path:
    """The root folder, links resolved; raises DataError where it is not one."""
    path = real_path(Path(root), name=root, option="root")
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise DataError(
            f"the root {root} {what}.",
            field="root",
            remedy="Give the data set's folder as the service's host sees it.",
        )
    return path


def inside(root: Path, name: str, *, option: str) -> Path:
    """``root / name`` as a path that begins with ``root``, in which links are resolved.

    Links on the way keep their names, unless the path comes from elsewhere. Raises DataError, with
    ``option`` as its field, where what is meant lies outside of the root, or no path can be so.
    """
    path = root / name
    real = real_path(path, name=name, option=option)
    if not real.is_relative_to(root):
        raise DataError(
            f"{name} lies outside of the root.",
            field=option,
            remedy="Give a path relative to the root, without links that lead out of it.",
        )
    return path if path.is_relative_to(root) and ".." not in path.parts else real


def real_path(path: Path, *, name: str, option: str) -> Path:
    """The path, links resolved, be it there or not.

    Raises DataError, with ``option`` as its field and ``name`` for the path, where the path is too long, no
    UTF-8 text, or may not be looked at.
    """
    try:
        if not is_text(name):
            raise ValueError("it is not UTF-8 text")
        real = Path(os.path.realpath(path))
        real.exists()  # asks the system
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"{name[:SHOWN]!r} cannot be opened: {why}.",
            field=option,
            remedy="Correct the path, or its rights.",
        ) from error
    return real


def files_below(root: Path, folder: Path, suffixes: Sequence[str]) -> Iterator[str]:
    """Paths relative to the root, with /, of the files with one of the suffixes below ``folder``, in order.

    Hidden files, links that lead out of the root, ``folder`` too, and what is `unseen` are passed over.
    """
    if _leads_out(root, folder):
        return
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(filter(is_text, folders))
        below = Path(here).relative_to(root).as_posix()
        before = "" if below == "." else f"{below}/"
        for name in sorted(filter(is_text, files)):
            if name.startswith(".") or not name.lower().endswith(tuple(suffixes)):
                continue
            path = Path(here, name)
            if path.is_symlink() and _leads_out(root, path):
                continue
            yield before + name


def unseen(root: Path) -> Iterator[DataProblem]:
    """What `files_below` cannot see anywhere below the root: closed folders, and names that are not UTF-8."""
    closed: list[OSError] = []
    for here, folders, files in os.walk(root, onerror=closed.append):
        for name in sorted([*folders, *files]):
            if not is_text(name):  # bytes that are not UTF-8 come as halves of surrogate pairs
                yield DataProblem(
                    file=_shown(Path(here, name).relative_to(root)),
                    message="its name is not UTF-8; it is left out.",
                    remedy="Rename it, and register the data set again.",
                )
        folders[:] = sorted(filter(is_text, folders))
    for error in closed:
        yield DataProblem(
            file=_shown(Path(error.filename).relative_to(root)),
            message=f"the folder cannot be read: {error.strerror}; what is in it is left out.",
            remedy="Let the service's user read it, and register the data set again.",
        )


def _leads_out(root: Path, path: Path) -> bool:
    return not Path(os.path.realpath(path)).is_relative_to(root)


def _shown(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
