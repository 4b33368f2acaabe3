"""The layouts of the published WSMIS code: CSVs of DICOM names, or VOC's images as JSON (METHOD: datasets).

A file a split lies beside the images; which of the two layouts it is, the training file's suffix says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from wsmis_core.data.layouts.folder import existing_root, inside
from wsmis_core.data.layouts.listing import GivenSplits, Listing
from wsmis_core.data.layouts.wsmis_csv import list_tables
from wsmis_core.data.layouts.wsmis_json import list_json
from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import SplitShares, WsmisDataset
from wsmis_core.spec.parts import Split

__all__ = ["list_wsmis"]

USUAL_SHARES: Mapping[Split, float] = {"val": 0.1, "test": 0.2}

# By the training file's suffix; each takes the spec, the root and the files by split.
KINDS: Mapping[str, Callable[[WsmisDataset, Path, dict[Split, str], GivenSplits], Listing]] = {
    ".csv": list_tables,
    ".json": list_json,
}


def list_wsmis(spec: WsmisDataset) -> Listing:
    """The images that a file names, that are there and whose label is known.

    Raises DataError where the root, the training file or another named one is missing or is not what it
    should be, an option does not belong to the layout, or no image can be used.
    """
    root = existing_root(spec.root)
    train = spec.train_file or _usual_training_file(root)
    suffix = PurePosixPath(train).suffix.lower()
    if suffix not in KINDS:
        raise DataError(
            f"{train} is neither CSV nor JSON.",
            field="options.train_file",
            remedy="Give the CSV of name and label, or the JSON of image and classes.",
        )
    files: dict[Split, str] = {"train": _there(root, train, "train")}
    named: dict[Split, str | None] = {"val": spec.val_file, "test": spec.test_file}
    for split, name in named.items():
        usual = str(PurePosixPath(files["train"]).with_name(f"{split}{suffix}"))
        if name or (root / usual).is_file():
            files[split] = _there(root, name or usual, split)
    return KINDS[suffix](spec, root, files, _splits(spec, files))


def _there(root: Path, name: str, split: Split) -> str:
    """The file's path relative to the root; raises DataError where it is not there."""
    path = inside(root, name, option=f"options.{split}_file")
    if not path.is_file():
        raise DataError(
            "there is no such file.", field=name, remedy=f"Put it there, or correct options.{split}_file."
        )
    return path.relative_to(root).as_posix()


def _usual_training_file(root: Path) -> str:
    there = [f"train{suffix}" for suffix in KINDS if (root / f"train{suffix}").is_file()]
    if len(there) != 1:
        raise DataError(
            f"there is {'both' if there else 'neither'} train.csv {'and' if there else 'nor'} train.json.",
            field="root",
            remedy="Name the training file in options.train_file.",
        )
    return there[0]


def _splits(spec: WsmisDataset, files: Mapping[Split, str]) -> GivenSplits:
    """Of the training file's images, shares are drawn for the splits that have no file."""
    asked: dict[Split, float | None] = {"val": spec.val_share, "test": spec.test_share}
    for split, share in asked.items():
        if share and split in files:
            raise DataError(
                f"{split}_share is {share}, and {files[split]} gives the split.",
                field=f"options.{split}_share",
                remedy="Set it to 0, or take the file away.",
            )
    shares = {
        split: (USUAL_SHARES[split] if share is None else share)
        for split, share in asked.items()
        if split not in files
    }
    drawn = SplitShares(val=shares.get("val", 0), test=shares.get("test", 0), seed=spec.seed)
    return GivenSplits(
        origin=f"the split by {' and '.join(files.values())}",
        remedy="See the files in options.train_file, val_file and test_file.",
        drawn=drawn if drawn.val or drawn.test else None,
        option="options.val_share",
    )
