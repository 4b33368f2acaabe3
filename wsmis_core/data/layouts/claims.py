"""What the entries of a data set's files say of its images: each image once, and in one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from wsmis_core.data.index import DataProblem
from wsmis_core.errors import DataError
from wsmis_core.spec.parts import Split

__all__ = ["Claim", "settled", "without_masks"]


@dataclass(frozen=True, slots=True)
class Claim:
    """An entry: the image by its name, its labels where the entry says them, and where it stands.

    ``place`` is a line or the like in ``file``, which gives the split.
    """

    image: str
    split: Split
    file: str
    place: str
    labels: tuple[int, ...] = ()


def settled(claims: Iterable[Claim], problems: list[DataProblem]) -> list[Claim]:
    """One claim an image, in their order; an image of which one file says different things is left out.

    Adds to ``problems``. Raises DataError where two files claim an image, which would put what trains among
    what is scored.
    """
    first: dict[str, Claim] = {}
    contradicted: set[str] = set()
    for claim in claims:
        known = first.setdefault(claim.image, claim)
        if known is claim:
            continue
        if known.file != claim.file:
            raise DataError(
                f"{claim.image} is in {known.place} of {known.file} and in {claim.place} of {claim.file}.",
                field=claim.file,
                remedy="Keep it in one of them: what trains must not be scored.",
            )
        if known.labels == claim.labels:
            problems.append(
                DataProblem(
                    file=claim.file,
                    message=f"{claim.place} says the same of {claim.image} as {known.place}; it counts once.",
                    severity="info",
                )
            )
        else:
            contradicted.add(claim.image)
            problems.append(
                DataProblem(
                    file=claim.file,
                    message=f"{known.place} and {claim.place} differ about {claim.image}; it is left out.",
                    remedy="Keep one of them.",
                )
            )
    return [claim for name, claim in first.items() if name not in contradicted]


def without_masks(claims: Iterable[Claim], masks: Container[str], *, folders: str) -> Iterator[DataProblem]:
    """How many images of each file have no mask: for those that train, this is as it should be."""
    claims = list(claims)
    listed = Counter(claim.file for claim in claims)
    without = Counter(claim.file for claim in claims if claim.image not in masks)
    for file, count in without.items():
        yield DataProblem(
            file=file,
            message=f"of {count} of its {listed[file]} images there is no mask in {folders}: "
            "these are not scored.",
            remedy="Add the masks, or name their folder in options.masks.",
            severity="info",
        )
