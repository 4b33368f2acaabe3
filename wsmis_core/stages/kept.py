"""The objects that refinement would have erased, noted for each image so that no restart forgets them."""

from __future__ import annotations

import torch

from wsmis_core.data import Sample
from wsmis_core.engine import RunContext
from wsmis_core.files import link_or_copy, write_text_atomically

__all__ = ["KeptUnrefined"]


class KeptUnrefined:
    """Files `kept_unrefined/<of>/<sample>.txt` with the number of an image's objects that are kept unrefined.

    There is none for an image without such. ``of`` names the items that the objects are in, whose files an
    image's note is written before.
    """

    def __init__(self, context: RunContext, of: str) -> None:
        self._context, self._of = context, of

    def note(self, sample: Sample, count: int) -> None:
        """Note that ``count`` objects of an image are kept unrefined."""
        if count:
            folder = self._context.output / "kept_unrefined" / self._of
            folder.mkdir(parents=True, exist_ok=True)
            write_text_atomically(folder / f"{sample.id}.txt", f"{count}\n")

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
        notes = self._context.output / "kept_unrefined" / self._of
        for output in self._context.earlier_outputs:
            for earlier in (output / "kept_unrefined" / self._of).glob("*.txt"):
                notes.mkdir(parents=True, exist_ok=True)
                if not (notes / earlier.name).exists():
                    link_or_copy(earlier, notes / earlier.name)
        return sum(int(note.read_text()) for note in notes.glob("*.txt"))
