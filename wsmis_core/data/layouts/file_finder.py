"""From what a table calls an image to the file that is meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from wsmis_core.data.layouts.file_names import file_key
from wsmis_core.errors import DataError

__all__ = ["FileFinder", "NoSuchFile"]


class NoSuchFile(DataError):  # noqa: N818 - it says what there is not
    """What a table names is not there."""


class FileFinder:
    """Finds files by path or name, in any case of letters and Unicode form, with or without their suffix."""

    def __init__(self, files: Iterable[str], *, folder: str, suffixes: Sequence[str]) -> None:
        """``files`` are relative to the root, ``folder`` is that of the images."""
        self._folder = "/".join(_parts(folder))
        self._suffixes = ("", *suffixes)
        self._by_path: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        for file in files:
            self._by_path.setdefault(file_key(file), []).append(file)
            self._by_name.setdefault(file_key(PurePosixPath(file).name), []).append(file)

    def find(self, name: str) -> str:
        """The file, relative to the root.

        A path is taken relative to the images' folder, then to the root, then without its leading folders
        (of which one must stay). A bare name may lie in any folder. Raises NoSuchFile where there is none,
        DataError where there are several.
        """
        for known, wanted in self._questions(_parts(name.replace("\\", "/"))):
            asked = file_key(wanted)
            found = [file for suffix in self._suffixes for file in known.get(asked + suffix, ())]
            if wanted in found:
                return wanted
            if len(found) > 1:
                raise DataError(f"{name!r} may be {found[0]} or {found[1]}")
            if found:
                return found[0]
        raise NoSuchFile(f"there is no file {name!r}")

    def _questions(self, parts: list[str]) -> Iterator[tuple[dict[str, list[str]], str]]:
        """By what a path may be known, and as what; a table has many rows, so it is put together by hand."""
        for dropped in range(max(len(parts) - 1, 1)):
            tail = "/".join(parts[dropped:])
            if self._folder:
                yield self._by_path, f"{self._folder}/{tail}"
            yield self._by_path, tail
        if len(parts) == 1:
            yield self._by_name, parts[0]


def _parts(path: str) -> list[str]:
    """The names in a path, without those that say nothing."""
    return [part for part in path.split("/") if part not in {"", "."}]
