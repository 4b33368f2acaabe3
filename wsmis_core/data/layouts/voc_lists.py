"""PASCAL VOC's lists of images: text files with a name a line, one list a split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.claims import Claim, settled
from wsmis_core.data.layouts.file_names import FilesByName
from wsmis_core.data.layouts.folder import inside
from wsmis_core.data.layouts.text_file import read_text
from wsmis_core.spec.dataset import Voc2012Dataset
from wsmis_core.spec.parts import Split

__all__ = ["IMAGE_SUFFIXES", "named_lists", "read_lists"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
USUAL_TRAIN_LISTS = ("trainaug", "train")


def named_lists(spec: Voc2012Dataset, devkit: Path) -> dict[Split, str]:
    """The lists by split, as paths under the devkit; the usual training list where none is named."""
    train = spec.train_list
    if train is None:
        there = (name for name in USUAL_TRAIN_LISTS if (devkit / spec.lists / f"{name}.txt").is_file())
        train = next(there, USUAL_TRAIN_LISTS[-1])
    named: dict[Split, str | None] = {"train": train, "val": spec.val_list, "test": spec.test_list}
    return {split: f"{spec.lists}/{name}.txt" for split, name in named.items() if name is not None}


def read_lists(
    spec: Voc2012Dataset, images: FilesByName, *, root: Path, devkit: Path
) -> tuple[list[Claim], list[DataProblem]]:
    """The images that the lists name, each once, called as its file in ``images`` is.

    Raises DataError where a list is missing or no text, or an image is in two of them.
    """
    problems: list[DataProblem] = []
    claims = [
        claim
        for split, name in named_lists(spec, devkit).items()
        for claim in _claims(root, devkit, name, split, images)
    ]
    return settled(claims, problems), problems


def _claims(root: Path, devkit: Path, name: str, split: Split, images: FilesByName) -> Iterator[Claim]:
    option = f"options.{split}_list"
    path = inside(root, str(devkit / name), option=option)
    file = path.relative_to(root).as_posix()
    text = read_text(
        path,
        name=file,
        missing=f"Put the list there, or name another, or none, in {option}.",
        remedy="Save it as text, a name a line.",
    )
    for number, line in enumerate(text.splitlines(), start=1):
        if words := line.split():
            whole = _name(line.strip())  # a name may hold blanks, or a label follow it
            name = whole if whole in images else _name(words[0])
            yield Claim(images.name_of(name), split, file, f"line {number}")


def _name(words: str) -> str:
    """An image's name; some lists give its path."""
    path = PurePosixPath(words)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name
