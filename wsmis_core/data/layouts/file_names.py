"""Names of files: which two are one name, and files by their names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from wsmis_core.data.index import DataProblem

__all__ = ["FilesByName", "by_name", "file_key"]


def file_key(name: str) -> str:
    """What a name or path is in any case of letters and Unicode form; archives of macOS split é in two."""
    return unicodedata.normalize("NFC", name).casefold()


class FilesByName(Mapping[str, str]):
    """Files by name without suffix: as it is asked for, else the only one of the same `file_key`."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._names: dict[str, str | None] = {}
        for name in files:
            key = file_key(name)
            self._names[key] = None if key in self._names else name

    def __getitem__(self, name: str) -> str:
        return self._files[self.name_of(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def name_of(self, name: str) -> str:
        """The name as its file has it; ``name`` itself where there is no file."""
        return name if name in self._files else self._names.get(file_key(name)) or name


def by_name(files: Iterable[str], problems: list[DataProblem]) -> FilesByName:
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
    return FilesByName(named)
