"""PASCAL VOC's lists of images: text files with a name a line, one list a split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wsmis_core.data.images import read_bytes
from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.folder import inside
from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import Voc2012Dataset
from wsmis_core.spec.parts import Split

__all__ = ["IMAGE_SUFFIXES", "Entry", "named_lists", "read_lists"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
USUAL_TRAIN_LISTS = ("trainaug", "train")


@dataclass(frozen=True, slots=True)
class Entry:
    """An image's name, and the line of the list that gives it its split."""

    name: str
    split: Split
    file: str
    line: int


def named_lists(spec: Voc2012Dataset, devkit: Path) -> dict[Split, str]:
    """The lists by split, as paths under the devkit; the usual training list where none is named."""
    train = spec.train_list
    if train is None:
        there = (name for name in USUAL_TRAIN_LISTS if (devkit / spec.lists / f"{name}.txt").is_file())
        train = next(there, USUAL_TRAIN_LISTS[-1])
    named: dict[Split, str | None] = {"train": train, "val": spec.val_list, "test": spec.test_list}
    return {split: f"{spec.lists}/{name}.txt" for split, name in named.items() if name is not None}


def read_lists(spec: Voc2012Dataset, *, root: Path, devkit: Path) -> tuple[list[Entry], list[DataProblem]]:
    """The images that the lists name, each once.

    Raises DataError where a list is missing or no text, or an image is in two of them.
    """
    entries: dict[str, Entry] = {}
    problems: list[DataProblem] = []
    for split, name in named_lists(spec, devkit).items():
        path = inside(root, str(devkit / name), option=f"options.{split}_list")
        file = path.relative_to(root).as_posix()
        for entry in _entries(path, split, file, option=f"options.{split}_list"):
            known = entries.setdefault(entry.name, entry)
            if known.file != file:
                raise DataError(
                    f"{entry.name} is in line {known.line} of {known.file} and in {entry.line} of {file}.",
                    field=file,
                    remedy="Keep it in one of them: what trains must not be scored.",
                )
            if known is not entry:
                problems.append(
                    DataProblem(
                        file=file,
                        message=f"line {entry.line} names {entry.name} as line {known.line} does; "
                        "it counts once.",
                        severity="info",
                    )
                )
    return list(entries.values()), problems


def _entries(path: Path, split: Split, file: str, *, option: str) -> Iterator[Entry]:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except DataError as error:
        raise DataError(
            error.message, field=file, remedy=f"Put the list there, or name another, or none, in {option}."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"the list is not UTF-8 text: {error.reason} at byte {error.start}.",
            field=file,
            remedy="Save it as text, a name a line.",
        ) from error
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if words:
            yield Entry(_name(words[0]), split, file, number)


def _name(word: str) -> str:
    """An image's name; some lists give its path."""
    path = PurePosixPath(word)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name
