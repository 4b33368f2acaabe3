"""The objects that refinement would have erased, noted for each image so that no restart forgets them."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import torch

from wsmis_core.data import Sample
from wsmis_core.engine import RunContext
from wsmis_core.files import link_or_copy, write_text_atomically

__all__ = ["KeptUnrefined"]


class KeptUnrefined:
    """Files `kept_unrefined/<of>/<sample>.txt`: a line for each class id, and its objects kept unrefined.

    There is none for an image without such. ``of`` names the items that the objects are in, whose files an
    image's note is written before. What is kept in several of these counts once: of each class the most.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def note(self, sample: Sample, kept: Counter[int], *, of: str) -> None:
        """Note how many objects of each class id of an image are kept unrefined in ``of``."""
        if kept:
            folder = self._context.output / "kept_unrefined" / of
            folder.mkdir(parents=True, exist_ok=True)
            lines = [f"{class_id} {count}\n" for class_id, count in sorted(kept.items())]
            write_text_atomically(folder / f"{sample.id}.txt", "".join(lines))

    def total(self) -> float:
        """How many there are in all images, those of earlier attempts and other ranks included; logs it."""
        context = self._context
        context.ranks.wait()
        count = self._counted() if context.ranks.is_main else 0
        total: float = context.ranks.summed(torch.tensor(float(count), device=context.ranks.device)).item()
        if total:
            context.events.log(
                f"Refinement would have erased {total:.0f} objects; they are kept unrefined.", level="warning"
            )
        return total

    def _counted(self) -> int:
        notes = self._context.output / "kept_unrefined"
        for output in self._context.earlier_outputs:
            for earlier in (output / "kept_unrefined").glob("*/*.txt"):
                note = notes / earlier.parent.name / earlier.name
                note.parent.mkdir(parents=True, exist_ok=True)
                if not note.exists():
                    link_or_copy(earlier, note)
        of_image: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for note in notes.glob("*/*.txt"):
            of_image[note.name] |= _kept(note)
        return sum(kept.total() for kept in of_image.values())


def _kept(note: Path) -> Counter[str]:
    """The objects of each class; a note of an earlier version has one number for all classes."""
    lines = [line.rpartition(" ") for line in note.read_text().splitlines()]
    return Counter({class_id: int(count) for class_id, _, count in lines})
