"""Who trains, who validates, who tests: by patient, the same in every run and on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import SplitShares
from wsmis_core.spec.parts import Split

__all__ = ["check_patients_apart", "draw_splits", "split_named"]

_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def draw_splits(
    patients: Sequence[str],
    labels: Sequence[tuple[int, ...]],
    shares: SplitShares,
    *,
    option: str = "options.splits",
) -> list[Split]:
    """A split for every image, given its patient and labels; all images of a patient share one.

    The patients are put in the order of their labels (the union over their images), those of equal labels
    in the order of SHA-256(seed, patient). Of that order test takes its number of patients at even
    distances, then val of the rest: each combination of labels gives its share, to within one patient.
    A share above 0 gets one patient at least.

    Raises DataError, with ``option`` as its field, where no patient would be left to train.
    """
    united: dict[str, tuple[int, ...]] = {}
    for patient, own in zip(patients, labels, strict=True):
        united[patient] = tuple(map(max, own, united.get(patient, own)))
    number = len(united)
    test, val = (max(1, round(share * number)) if share else 0 for share in (shares.test, shares.val))
    if test + val >= number:
        raise DataError(
            f"{number} patients cannot be split: test takes {test}, val {val}, and none is left to train.",
            field=option,
            remedy="Lower the shares (0 for none), add patients, or correct the patient ids.",
        )
    ordered = sorted(united, key=lambda patient: (united[patient], _hash(shares.seed, patient)))
    tested = set(_evenly(ordered, test))
    validated = set(_evenly([patient for patient in ordered if patient not in tested], val))
    return [
        "test" if patient in tested else "val" if patient in validated else "train" for patient in patients
    ]


def split_named(text: str) -> Split:
    """The split that a table's cell names; raises DataError for a name that stands for none."""
    try:
        return _NAMES[text.casefold()]
    except KeyError:
        raise DataError(f"{text!r} is not a split", remedy="Write train, val or test.") from None


def check_patients_apart(patients: Sequence[str], splits: Sequence[Split], *, origin: str) -> None:
    """Raise DataError where images of one patient are given different splits by ``origin``."""
    seen: dict[str, set[Split]] = {}
    for patient, split in zip(patients, splits, strict=True):
        seen.setdefault(patient, set()).add(split)
    leaking = sorted(patient for patient, named in seen.items() if len(named) > 1)
    if leaking:
        others = f" and of {len(leaking) - 1} more" if len(leaking) > 1 else ""
        raise DataError(
            f"{origin} puts images of patient {leaking[0]!r}{others} into "
            f"{' and '.join(sorted(seen[leaking[0]]))}.",
            remedy="Give every patient one split.",
        )


def _evenly(items: Sequence[str], count: int) -> list[str]:
    """``count`` of the items at even distances, each from the middle of its stretch."""
    whole, half = len(items), len(items) // 2
    return [
        item
        for position, item in enumerate(items)
        if ((position + 1) * count + half) // whole > (position * count + half) // whole
    ]


def _hash(seed: int, patient: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{patient}".encode()).digest()
